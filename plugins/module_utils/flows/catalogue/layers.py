"""What several catalogue files say together: later ones add to earlier ones, change and remove."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput, Problem
from ansible_collections.autolabs.platform.plugins.module_utils.documents.shapes import Place as Line
from ansible_collections.autolabs.platform.plugins.module_utils.documents.shapes import Values, Written, did_you_mean
from ansible_collections.autolabs.platform.plugins.module_utils.flows.catalogue import fields
from ansible_collections.autolabs.platform.plugins.module_utils.flows.catalogue.model import KINDS, Place


@dataclass(frozen=True)
class Spot:
    """A line of one of the files, and the field that is written there."""

    file: str
    at: Line

    def place(self) -> Place:
        """The same as the catalogue has it."""
        return Place(self.file, self.at.line)

    def __str__(self) -> str:
        return f"{self.file}:{self.at.line}"


@dataclass(frozen=True)
class Given:
    """The value of a field, and where it is written."""

    value: Any
    spot: Spot

    def inner(self, written: Written) -> Given:
        """A value inside this one."""
        return Given(written.value, Spot(self.spot.file, written.at))

    def several(self) -> list[Given]:
        """The items of a list; a single value is a list of one."""
        return [self.inner(item) for item in self.value] if isinstance(self.value, tuple) else [self]

    def get(self, name: str) -> Given | None:
        """The entry of a map."""
        written = self.value.entries.get(name) if isinstance(self.value, Values) else None
        return self.inner(written) if written else None


@dataclass(frozen=True)
class Entry:
    """A zone, an endpoint or a flow, as all files together say it."""

    name: str
    spot: Spot
    """Where the last file that says anything about it does so."""
    fields: Mapping[str, Given]
    broken: frozenset[str]
    """Fields whose mistakes are known already."""
    unreadable: bool = False
    """Whether nothing of it can be read, which is known as a mistake; what refers to it is none."""

    def __contains__(self, key: str) -> bool:
        return key in self.fields or key in self.broken

    def value(self, key: str, default: Any = "") -> Any:
        """What a field holds, or `default`."""
        return self.fields[key].value if key in self.fields else default

    def several(self, key: str) -> list[Given]:
        """The items of a field that is a list, or may be one; none where it is not there."""
        return self.fields[key].several() if key in self.fields else []

    def spot_of(self, key: str) -> Spot:
        """Where a field is written, or the entry."""
        return self.fields[key].spot if key in self.fields else self.spot


class Mistakes:
    """The mistakes of several files."""

    def __init__(self) -> None:
        self._files: list[str] = []
        self._problems: list[Problem] = []

    def file(self, name: str) -> None:
        """The next file; mistakes are told in the order of the files."""
        self._files.append(name)

    def add(self, spot: Spot, message: str, example: str = "") -> None:
        """Take down a mistake."""
        self.extend([Problem(spot.file, spot.at.line, spot.at.field, message, example)])

    def extend(self, problems: Iterable[Problem]) -> None:
        """Take down mistakes that somebody else found."""
        self._problems += problems

    def inside(self, spot: Spot) -> bool:
        """Whether a mistake is known within what is written there."""
        return any(
            problem.file == spot.file and problem.field.startswith((f"{spot.at.field}[", f"{spot.at.field}."))
            for problem in self._problems
        )

    def settle(self) -> None:
        """Raises InvalidInput with all mistakes, where there are any."""
        if self._problems:
            found = dict.fromkeys(self._problems)
            raise InvalidInput(sorted(found, key=lambda problem: (self._files.index(problem.file), problem.line)))


@dataclass
class Layers:
    """The three maps, file by file. Entries stand in the order of their first appearance."""

    mistakes: Mistakes
    maps: dict[str, dict[str, Entry]] = field(default_factory=lambda: {name: {} for name in fields.MAPS})
    removed: dict[str, dict[str, Spot]] = field(default_factory=lambda: {name: {} for name in fields.MAPS})
    """Where the entries that are no longer there were removed."""

    def add(self, file: str, document: Values) -> None:
        """Lay what a file says over what is there."""
        for kind, entries in self.maps.items():
            said: Values = document.get(kind)
            for name, written in said.entries.items() if said else ():
                spot = Spot(file, written.at)
                if written.value is None:
                    self._remove(kind, name, spot)
                else:
                    entries[name] = _over(entries.get(name), name, spot, written.value)
                    self.removed[kind].pop(name, None)
            for name in said.broken - entries.keys() if said else ():
                entries[name] = Entry(name, Spot(file, said.at), {}, frozenset(), unreadable=True)

    def readable(self, kind: str) -> list[Entry]:
        """The entries of one of the maps of which something can be read."""
        return [entry for entry in self.maps[kind].values() if not entry.unreadable]

    def _remove(self, kind: str, name: str, spot: Spot) -> None:
        if self.maps[kind].pop(name, None) is None:
            known = did_you_mean(name, self.maps[kind])
            self.mistakes.add(spot, f"there is none of this name to remove{known}; give it fields, or take it out")
            return
        self.removed[kind][name] = spot


def _over(below: Entry | None, name: str, spot: Spot, said: fields.Said) -> Entry:
    found = dict(below.fields) if below else {}
    broken = set(below.broken) if below else set()
    values = said.values
    given = {*values.entries, *values.broken}
    replaced = given | said.emptied | (fields.KIND_FIELDS if given & {*KINDS} else set())
    for key in replaced:
        found.pop(key, None)
        broken.discard(key)
    found |= {key: Given(written.value, Spot(spot.file, written.at)) for key, written in values.entries.items()}
    return Entry(name, spot, found, frozenset(broken | values.broken), bool(below and below.unreadable))
