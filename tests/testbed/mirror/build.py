"""Makes the mirror whole: the programs that are needed, the files, the images."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from testbed.mirror import files, images, parts
from testbed.mirror.manifest import Manifest, Part, load
from testbed.paths import cache
from testbed.progress import say


def all(manifest: Manifest | None = None) -> None:
    """Make what versions.yml lists and the cache does not hold. One process at a time; others wait."""
    with _lock():
        wanted = manifest or load()
        parts.programs(needed(wanted))
        files.files(wanted)
        images.images(wanted)


def needed(manifest: Manifest) -> list[Part]:
    """The parts that a missing file or image is made of, where its vendor does not answer."""
    names = {part.name for part in manifest.parts.values() for file in part.files if files.needs_program(part, file)}
    names |= {part.name for image in images.missing(manifest) for part in images.parts_for(image, manifest)}
    return [part for part in manifest.parts.values() if part.name in names]


def unpack(repository: str, target: Path) -> None:
    """Write the files of the image of this repository to the folder `target`, making the image first if need be."""
    all()
    image = next(image for image in load().images if image.repository == repository)
    with _lock():
        images.unpack(image, target)


def program(name: str) -> Path:
    """The folder of the programs of a part, which is built if the cache lacks it."""
    part = load().parts[name]
    if not parts.folder(part).is_dir():
        with _lock():
            parts.ensure(part)
    return parts.folder(part)


def files_folder() -> Path:
    """The root of the file mirror."""
    return files.folder()


@contextmanager
def _lock() -> Iterator[None]:
    """Hold the mirror; the kernel lets go of it when its holder dies."""
    with (cache() / ".mirror.lock").open("w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("mirror: another process is building it; waiting")
            fcntl.flock(stream, fcntl.LOCK_EX)
        yield
