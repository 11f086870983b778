"""versions.yml as data: the parts that are built and the images made of them."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import yaml

from testbed.paths import HERE

DEBIAN = HERE / "mirror" / "debian.py"
FROM = re.compile(r"^FROM\s+(?:--\S+\s+)*(\S+)", re.MULTILINE | re.IGNORECASE)


@dataclass(frozen=True)
class File:
    """One file of the mirror. `path` is the vendor's address without its scheme."""

    path: str
    binary: str = ""
    """Serve this built program."""
    archive: dict[str, str] = field(default_factory=dict)
    """Serve a .tar.gz: member name to program."""
    source: str = ""
    """Serve this file of the module's own tree."""


@dataclass(frozen=True)
class Part:
    """Programs built from one Go module (or from a folder of ours)."""

    name: str
    version: str
    module: str = ""
    directory: str = ""
    packages: tuple[str, ...] = (".",)
    binary: str = ""
    """The program's name, where the only package does not give it."""
    tags: tuple[str, ...] = ()
    ldflags: tuple[str, ...] = ()
    local_replaces: dict[str, str] = field(default_factory=dict)
    """Module prefix to version, for modules that the upstream go.mod replaces by a folder of its tree."""
    overrides: dict[str, str] = field(default_factory=dict)
    """Module to version, where the upstream go.mod names one that cannot be had."""
    files: tuple[File, ...] = ()
    cold_minutes: float = 0

    @property
    def key(self) -> str:
        """Changes with everything that changes the result."""
        recipe = asdict(self)
        recipe.pop("cold_minutes")
        recipe.pop("files")
        if self.directory:
            recipe["content"] = digest_of_folder(HERE / "mirror" / self.directory)
        return digest(recipe)


@dataclass(frozen=True)
class Image:
    """One image of the registry: a Dockerfile, or a Debian root."""

    name: str
    folder: str = ""
    debootstrap: str = ""
    binaries: dict[str, list[str]] = field(default_factory=dict)
    sources: dict[str, list[str]] = field(default_factory=dict)
    official: bool = False
    cold_minutes: float = 0.1

    @property
    def registry(self) -> str:
        """The host that publishes it."""
        return self.name.split("/", 1)[0]

    @property
    def repository(self) -> str:
        """The name within a registry, without the tag: `registry.k8s.io/a/pause:3` is `a/pause` there."""
        return self.name.split("/", 1)[1].rpartition(":")[0]

    @property
    def tag(self) -> str:
        return self.name.rpartition(":")[2]

    @property
    def context(self) -> Path:
        """The folder of its Dockerfile."""
        return (HERE / self.folder).resolve()

    @property
    def bases(self) -> list[str]:
        """The images that its Dockerfile starts from."""
        if self.debootstrap:
            return []
        lines = (self.context / "Dockerfile").read_text()
        return [name for name in FROM.findall(lines) if name != "scratch"]


@dataclass(frozen=True)
class Manifest:
    """All of versions.yml."""

    parts: dict[str, Part]
    images: tuple[Image, ...]
    placeholders: tuple[str, ...] = ()
    """Files of which only name and checksum count."""

    def image_keys(self) -> dict[str, str]:
        """Image name to a key that changes with everything that changes the image.

        Raises ValueError when an image starts from one that versions.yml does not name before it.
        """
        keys: dict[str, str] = {}
        for image in self.images:
            recipe = asdict(image)
            recipe.pop("cold_minutes")
            recipe["content"] = digest_of_folder(image.context) if image.folder else DEBIAN.read_text()
            recipe["parts"] = {name: self.parts[name].key for name in (*image.binaries, *image.sources)}
            for base in image.bases:
                if base not in keys:
                    raise ValueError(f"{image.name} starts from {base}, which versions.yml does not name before it")
            recipe["bases"] = [keys[base] for base in image.bases]
            keys[image.name] = digest(recipe)
        return keys


def load(path: Path = HERE / "mirror" / "versions.yml") -> Manifest:
    """Read versions.yml. Raises TypeError for a field that does not exist."""
    document = yaml.safe_load(path.read_text())
    parts = [_part(entry) for entry in document["parts"]]
    images = []
    for entry in document["images"]:
        entry["folder"] = entry.pop("from", "")
        images.append(Image(**entry))
    return Manifest({part.name: part for part in parts}, tuple(images), tuple(document.get("placeholders", ())))


def _part(entry: dict[str, Any]) -> Part:
    entry["files"] = tuple(File(**one) for one in entry.get("files", ()))
    for listed in ("packages", "tags", "ldflags"):
        if listed in entry:
            entry[listed] = tuple(entry[listed])
    return Part(**entry)


def digest(value: object) -> str:
    """Twelve hexadecimal digits that stand for a value."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:12]


def digest_of_folder(folder: Path) -> str:
    """The same for every file below a folder, with its name and whether it can be run (all that git keeps)."""
    found = sorted(path for path in folder.rglob("*") if path.is_file() and path.parent.name != "__pycache__")
    return digest([(str(p.relative_to(folder)), p.stat().st_mode & 0o100, p.read_bytes().hex()) for p in found])
