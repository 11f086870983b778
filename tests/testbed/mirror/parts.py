"""The programs of versions.yml, each part built once.

A part is finished when its folder has its final name: what a crash leaves is named `*.partial` and made again
(the Go build cache keeps what was compiled).
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from testbed.mirror import gomodule
from testbed.mirror.manifest import Part
from testbed.paths import cache
from testbed.progress import say, step


def programs(wanted: Sequence[Part]) -> None:
    """Build those parts that the cache does not hold yet."""
    missing = [part for part in wanted if not folder(part).is_dir()]
    if not missing:
        return
    remaining = sum(part.cold_minutes for part in missing)
    names = ", ".join(part.name for part in missing)
    say(f"mirror: {len(missing)} parts to build, about {remaining:.0f} min on two cores: {names}")
    for part in missing:
        ensure(part)
        remaining -= part.cold_minutes
        say(f"mirror: about {remaining:.0f} min of building to go")


def ensure(part: Part) -> None:
    """Build the part unless the cache holds it."""
    final = folder(part)
    if final.is_dir():
        return
    partial = final.with_name(f"{final.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    final.parent.mkdir(exist_ok=True)
    log = logs() / f"{part.name}.log"
    log.write_text("")
    started = time.monotonic()
    with step(f"build {part.name} {part.version}", part.cold_minutes):
        gomodule.build(part, partial, log)
    minutes = round((time.monotonic() - started) / 60, 1)
    (partial / "built.json").write_text(json.dumps({"part": part.name, "minutes": minutes}))
    shutil.rmtree(final.with_name(f"{final.name}.partial.module"), ignore_errors=True)
    partial.rename(final)


def folder(part: Part) -> Path:
    """Where the programs of a part are."""
    return cache() / "parts" / f"{part.name}-{part.version[:20]}-{part.key}"


def logs() -> Path:
    """Where the builders' own output goes."""
    found = cache() / "logs"
    found.mkdir(parents=True, exist_ok=True)
    return found
