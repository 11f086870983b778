"""The file mirror: what hosts download, laid out as the vendors do, with the checksums of all of it."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import tarfile
from dataclasses import asdict
from pathlib import Path

from testbed.mirror import gomodule, official, parts
from testbed.mirror.manifest import File, Manifest, Part, digest
from testbed.paths import cache

PLACEHOLDER = b"QFI\xfb" + bytes(4092)
"""A disk image by its first four bytes, and empty."""


def folder() -> Path:
    """The root of the file mirror."""
    return cache() / "files"


def files(manifest: Manifest) -> None:
    """Lay out every file, from the vendor where its site answers, and write SHA256SUMS."""
    sums = []
    for part in manifest.parts.values():
        for file in part.files:
            if not present(part, file):
                _make(part, file)
            checksum = _stamp(file).read_text().split()[1]
            sums.append((file.path, checksum))
    for path in manifest.placeholders:
        target = folder() / path
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            _write(target, PLACEHOLDER)
        sums.append((path, _sha256(target)))
    text = "".join(f"{checksum}  {path}\n" for path, checksum in sorted(sums))
    _write(folder() / "SHA256SUMS", text.encode())


def present(part: Part, file: File) -> bool:
    """Whether the mirror holds the file as versions.yml describes it now."""
    stamp = _stamp(file)
    return (folder() / file.path).exists() and stamp.exists() and stamp.read_text().split()[0] == _key(part, file)


def needs_program(part: Part, file: File) -> bool:
    """Whether the part must be built for this file."""
    return not (file.source or present(part, file) or official.answers(official.site_of(file.path)))


def _make(part: Part, file: File) -> None:
    target = folder() / file.path
    target.parent.mkdir(parents=True, exist_ok=True)
    if not official.download(file.path, target):
        _write(target, _content(part, file))
    # The stamp comes last: a file without one is made again.
    _write(_stamp(file), f"{_key(part, file)} {_sha256(target)}\n".encode())


def _stamp(file: File) -> Path:
    target = folder() / file.path
    return target.with_name(f".{target.name}.key")


def _key(part: Part, file: File) -> str:
    return digest([part.key, asdict(file)])


def _content(part: Part, file: File) -> bytes:
    if file.source:
        return (gomodule.module_folder(part) / file.source).read_bytes()
    parts.ensure(part)
    built = parts.folder(part)
    if file.binary:
        return (built / file.binary).read_bytes()
    packed = io.BytesIO()
    # No time stamps: the same programs give the same archive, so its checksum is stable.
    with gzip.GzipFile(fileobj=packed, mode="wb", mtime=0, compresslevel=1) as zipped:
        with tarfile.open(fileobj=zipped, mode="w") as archive:
            for member, program in file.archive.items():
                entry = archive.gettarinfo(built / program, arcname=member)
                entry.mtime = entry.uid = entry.gid = 0
                entry.uname = entry.gname = "root"
                with (built / program).open("rb") as stream:
                    archive.addfile(entry, stream)
    return packed.getvalue()


def _write(target: Path, content: bytes) -> None:
    partial = target.with_name(f".{target.name}.partial")
    partial.write_bytes(content)
    os.replace(partial, target)


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
