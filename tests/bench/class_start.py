"""How fast a class starts, beside other ways to apply the same objects; writes build/bench/class_start.json.

Part one has real Pods: 30 students, from the command to each one's first login. Part two has no scheduler, so that only
the API counts: 200 instances by every contender, three times, then the action for classes of 50 to 1,000.

AUTOLABS_TEST_SITE names a site that is kept and used again; without it the benchmark makes one of its own and removes
it. Everything happens in the namespace of the labs, with a lab named `bench`.
"""

from __future__ import annotations

import json
import os
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from _contenders import Contenders, Figures
from _logins import thirty_students
from _stage import room_for_all, wipe
from ansible_collections.autolabs.platform.plugins.module_utils.kube.session import Session
from running import Site
from testbed.paths import REPOSITORY
from testbed.progress import say, step

COUNT = 200
ROUNDS = 3
SIZES = (50, 200, 500, 1000)
RESULT = REPOSITORY / "build/bench/class_start.json"


def main() -> int:
    """Bring the site up, measure, and print one line of JSON last."""
    kept = os.environ.get("AUTOLABS_TEST_SITE")
    site = Site(kept or f"bench-{os.getpid()}", owner=None if kept else os.getpid())
    try:
        site.start()
        with step("the site", minutes=2):
            played = site.playbook("site")
        assert played.succeeded, played.output[-3000:]
        _can_be_ended()
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            figures = measure(site, Path(folder))
    finally:
        if not kept:
            site.down()
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps(figures, indent=1) + "\n")
    print(json.dumps(figures))
    return 0


def measure(site: Site, folder: Path) -> dict[str, Any]:
    """Both parts, on a site that is up; the class is gone afterwards."""
    session = Session(str(site.kubeconfig))
    contenders = Contenders(site, folder, COUNT)
    try:
        wipe(session)
        with step("thirty students on real Pods"):
            logins = thirty_students(site, session, folder)
        wipe(session)
        with room_for_all(site, session):
            rounds = [one_round(contenders, session, number) for number in range(ROUNDS)]
            curve = {size: sized(contenders, session, size) for size in SIZES}
            whole = timed(session, "1,000 instances, whole process", lambda: contenders.playbook(SIZES[-1]))
    finally:
        wipe(session)
    return report(rounds, curve, whole) | {"logins": logins}


def one_round(contenders: Contenders, session: Session, number: int) -> dict[str, Figures]:
    """Everybody once. Those that are compared follow each other, and nobody is always first: etcd grows."""
    pairs: list[list[Callable[[], Figures]]] = [
        [contenders.raw, contenders.action],
        [contenders.playbook, contenders.kubectl],
        [contenders.whole_list, contenders.loop],
    ]
    turned = pairs[number:] + pairs[:number]
    order = [contender for pair in turned for contender in (pair if number % 2 == 0 else reversed(pair))]
    if number == 0:
        # Nobody is the first whom a new API server and its caches see.
        for contender in (lambda: contenders.raw(SIZES[0]), contenders.kubectl):
            timed(session, "warming up", contender)
    return {
        contender.__name__: timed(session, f"round {number + 1}: {contender.__name__}", contender)
        for contender in order
    }


def sized(contenders: Contenders, session: Session, size: int) -> list[Figures]:
    """The action alone, for a class of this size."""
    return [timed(session, f"{size} instances", lambda: contenders.action(size)) for _round in range(ROUNDS)]


def timed(session: Session, name: str, contender: Callable[[], Figures]) -> Figures:
    """One measurement, on an empty cluster, which is empty again afterwards. `busy` is what others did just before."""
    busy = _busy()
    figures = contender() | {"busy": busy}
    say(f"{name}: {figures['seconds']:.2f} s ({busy:.0%} of the processors were busy before)")
    wipe(session)
    return figures


def report(rounds: list[dict[str, Figures]], curve: dict[int, list[Figures]], whole: Figures) -> dict[str, Any]:
    """Medians; a ratio is the median of the ratios of each round, whose contenders ran close together."""

    def ratio(above: str, below: str) -> float:
        return _median(one[above]["seconds"] / one[below]["seconds"] for one in rounds)

    last = curve[SIZES[-1]]
    return {
        "ratio_raw": ratio("raw", "action"),
        "ratio_loop": ratio("loop", "playbook"),
        "ratio_list": ratio("whole_list", "playbook"),
        "ratio_kubectl": ratio("kubectl", "playbook"),
        "unchanged_ratio": _median(one["action"]["unchanged"] / one["action"]["seconds"] for one in rounds),
        "peak_mib_1000": _median(figures["peak_mib"] for figures in last),
        "peak_mib_1000_with_ansible": whole["peak_mib"],
        "per_instance_ms": {
            size: _median(1000 * one["seconds"] / size for one in runs) for size, runs in curve.items()
        },
        "seconds": {name: [one[name]["seconds"] for one in rounds] for name in sorted(rounds[0])},
        "action_seconds_by_size": {size: [one["seconds"] for one in runs] for size, runs in curve.items()},
        "unchanged_seconds_by_size": {size: [one["unchanged"] for one in runs] for size, runs in curve.items()},
        "action_cpu_seconds": [one["action"]["cpu"] for one in rounds],
        "busy_before": _median(figures["busy"] for one in rounds for figures in one.values()),
    }


def _can_be_ended() -> None:
    """Let signals end the benchmark, so that what it changed is put back: ansible-runner keeps them for itself."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))


def _median(values: Iterable[float]) -> float:
    return round(statistics.median(list(values)), 4)


def _busy() -> float:
    """The share of the processors that is in use during one second in which the benchmark does nothing."""

    def idle_and_all() -> tuple[int, int]:
        fields = [int(field) for field in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
        return fields[3] + fields[4], sum(fields)

    idle, everything = idle_and_all()
    time.sleep(1)
    later_idle, later_everything = idle_and_all()
    return 1 - (later_idle - idle) / (later_everything - everything)


if __name__ == "__main__":
    sys.exit(main())
