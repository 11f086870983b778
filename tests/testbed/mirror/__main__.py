"""The mirror alone: `python -m testbed.mirror build` makes what is missing, `list` shows what there is."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from testbed import packages, shell
from testbed.mirror import build, images, official, parts, registry, service
from testbed.mirror.manifest import Manifest, load

ERRORS = (packages.PackagesMissing, official.ChecksumMismatch, service.ServiceFailed, shell.CommandFailed)
Row = tuple[str, str, str, str, str]
HEAD: Row = ("PART", "VERSION", "CACHED", "COLD MINUTES", "SIZE")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 when it was done, 1 when it failed (the reason on standard error)."""
    parser = argparse.ArgumentParser(prog="python -m testbed.mirror", description=__doc__)
    parser.add_argument("command", choices=["build", "list"])
    try:
        if parser.parse_args(arguments).command == "build":
            build.all()
        else:
            print(table([HEAD, *rows(load())]))
    except ERRORS as failed:
        sys.stderr.write(f"mirror: {failed}\n")
        return 1
    return 0


def rows(manifest: Manifest) -> Iterator[Row]:
    """One row a part and an image. Minutes are measured where it was made here, and versions.yml's estimate else."""
    for part in manifest.parts.values():
        folder = parts.folder(part)
        size = sum(path.stat().st_size for path in folder.glob("*"))
        minutes = _minutes(folder / "built.json", part.cold_minutes)
        yield part.name, part.version, "yes" if folder.is_dir() else "no", minutes, _megabytes(size)
    keys = manifest.image_keys()
    for image in manifest.images:
        key = keys[image.name]
        held = registry.holds(image, key)
        minutes = _minutes(images.record(image, key), image.cold_minutes)
        name = f"{image.registry}/{image.repository}"
        yield name, image.tag, "yes" if held else "no", minutes, _megabytes(registry.size(image))


def table(lines: Sequence[Row]) -> str:
    """The rows with aligned columns."""
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def _minutes(record: Path, estimate: float) -> str:
    if record.exists():
        return f"{json.loads(record.read_text())['minutes']:g}"
    return f"about {estimate:g}"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size else "-"


if __name__ == "__main__":
    sys.exit(main())
