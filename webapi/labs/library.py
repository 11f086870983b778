"""The stored labs: a file a lab below one folder, named after the lab's id."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from webapi import engine, files


class UnknownLab(LookupError):
    """There is no lab of that id."""


class LabExists(RuntimeError):
    """A new lab has the id of one that is stored; `lab` is its id."""

    def __init__(self, lab: str) -> None:
        self.lab = lab
        super().__init__(f"there is a lab {lab!r} already; change that one, or give this one another `name`")


class OtherLab(RuntimeError):
    """A lab config names another lab than the one that it should replace."""


@dataclass(frozen=True)
class StoredLab:
    """A lab config as it was stored."""

    id: str
    text: str
    lab: engine.Lab | None
    """None where the engine, newer than the file, no longer takes it; `problems` say why."""
    problems: tuple[engine.Problem, ...]
    changed: float
    """When it was stored, in seconds since 1970."""


class Library:
    """Reads and writes the labs below `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._known: dict[str, tuple[tuple[int, int], StoredLab]] = {}

    def all(self) -> list[StoredLab]:
        """All labs, by id."""
        names = sorted(path.stem for path in self._folder.glob("*.yml") if engine.is_lab_id(path.stem))
        return [found for name in names if (found := self._read(name))]

    def get(self, lab_id: str) -> StoredLab:
        """One lab. Raises UnknownLab, also for what cannot be an id."""
        found = self._read(lab_id) if engine.is_lab_id(lab_id) else None
        if found is None:
            raise UnknownLab(f"there is no lab {lab_id[:64]!r}")
        return found

    def add(self, text: str) -> StoredLab:
        """Store a new lab under the id that its config names. Raises InvalidInput, LabExists and OSError."""
        lab = engine.parse(text)
        try:
            files.create(self._path(lab.id), text.encode())
        except FileExistsError:
            raise LabExists(lab.id) from None
        return self.get(lab.id)

    def replace(self, lab_id: str, text: str) -> StoredLab:
        """Store a new config of a lab. Raises InvalidInput, UnknownLab, OtherLab and OSError."""
        self.get(lab_id)
        lab = engine.parse(text)
        if lab.id != lab_id:
            raise OtherLab(f"this config is of the lab {lab.id!r}; write `name: {lab_id}`, or store it as a new lab")
        files.write(self._path(lab_id), text.encode())
        return self.get(lab_id)

    def delete(self, lab_id: str) -> None:
        """Remove a lab; its classes stay as they are. Raises UnknownLab."""
        self.get(lab_id)
        self._path(lab_id).unlink(missing_ok=True)

    def _path(self, lab_id: str) -> Path:
        return self._folder / f"{lab_id}.yml"

    def _read(self, lab_id: str) -> StoredLab | None:
        path = self._path(lab_id)
        try:
            status = path.stat()
            key = (status.st_mtime_ns, status.st_ino)
            known = self._known.get(lab_id)
            if known and known[0] == key:
                return known[1]
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        text = content.decode("utf-8", "replace")
        lab, problems = engine.validate(text)
        stored = StoredLab(lab_id, text, lab, problems, status.st_mtime)
        self._known[lab_id] = key, stored
        return stored
