"""Small files that are there as a whole or not at all, for their owner only."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def now() -> float:
    """Seconds since 1970, to the millisecond."""
    return round(time.time(), 3)


def write(path: Path, content: bytes) -> None:
    """Replace a file by `content`, mode 0600: readers find the old one or the new one. Raises OSError."""
    with _partial(path, content) as partial:
        os.replace(partial, path)


def create(path: Path, content: bytes) -> None:
    """Make a file that holds `content`, mode 0600. Raises FileExistsError where there is one, and OSError."""
    with _partial(path, content) as partial:
        os.link(partial, path)


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Replace a file by an object as JSON. Raises OSError."""
    write(path, json.dumps(content, ensure_ascii=True, indent=1).encode())


def read_json(path: Path) -> dict[str, Any]:
    """The object that a file holds. Raises FileNotFoundError."""
    return dict(json.loads(path.read_bytes()))


def tail(path: Path, most: int) -> str:
    """The last `most` bytes of a text; nothing where there is none."""
    try:
        with open(path, "rb") as stream:
            stream.seek(max(0, os.fstat(stream.fileno()).st_size - most))
            return stream.read().decode("utf-8", "replace")
    except FileNotFoundError:
        return ""


@contextlib.contextmanager
def _partial(path: Path, content: bytes) -> Iterator[str]:
    """A file beside `path` that is on the disk as a whole; afterwards its own name is gone."""
    descriptor, partial = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            # A name may reach the disk before what it names: a power failure would leave an empty file.
            os.fsync(stream.fileno())
        yield partial
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(partial)
