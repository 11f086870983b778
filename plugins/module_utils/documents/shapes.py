"""Shapes of what a file may hold, as data: they read nodes into values, and say what is wrong where.

A field is declared once, with its shape, a sentence and an example; reading, messages and documentation use that.
A shape's `read` reports what it finds inside itself to `Findings` and raises Wrong when it cannot be read as a whole.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

from ansible_collections.autolabs.platform.plugins.module_utils.documents.document import (
    Mapping,
    Node,
    Scalar,
    Sequence,
)
from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput, Problem


class Wrong(Exception):
    """A value cannot be used; the message is what a person reads after the field's name."""

    def __init__(self, message: str, example: str = "") -> None:
        self.message, self.example = message, example
        super().__init__(message)


@dataclass(frozen=True)
class Place:
    """Where something is written."""

    line: int
    field: str = ""

    def entry(self, key: str, line: int) -> Place:
        """The place of a map's entry."""
        return Place(line, f"{self.field}.{key}" if self.field else key)

    def item(self, index: int, line: int) -> Place:
        """The place of a list's item."""
        return Place(line, f"{self.field}[{index}]")


@dataclass(frozen=True)
class Written:
    """A value and where it is written."""

    value: Any
    at: Place


class Findings:
    """The mistakes of one file."""

    def __init__(self, file: str, problems: list[Problem] | None = None) -> None:
        self._file = file
        self._problems = list(problems or ())

    def add(self, at: Place, message: str, example: str = "") -> None:
        """Take down a mistake."""
        self._problems.append(Problem(self._file, at.line, at.field, message, example))

    def read(self, shape: Shape, node: Node, at: Place, example: str = "") -> Written | None:
        """What `node` holds by `shape`, or None where that was taken down as a mistake."""
        try:
            return Written(shape.read(node, at, self), at)
        except Wrong as wrong:
            self.add(at, wrong.message, wrong.example or example)
            return None

    def settle(self) -> None:
        """Raises InvalidInput with all mistakes in the order of the file, where there are any."""
        if self._problems:
            raise InvalidInput(sorted(dict.fromkeys(self._problems), key=lambda problem: problem.line))


class Shape(Protocol):
    """What a node may look like."""

    @property
    def words(self) -> str:
        """The shape in a few words: `text`, `a list`."""

    def read(self, node: Node, at: Place, findings: Findings) -> Any:
        """The value of a node. Raises Wrong."""


@dataclass(frozen=True)
class Word:
    """A single value, made from its text by `parse`, which raises Wrong."""

    parse: Callable[[str], Any]
    words: str = "text"

    def read(self, node: Node, at: Place, findings: Findings) -> Any:
        """See Shape."""
        if not isinstance(node, Scalar):
            raise Wrong(f"must be {self.words}, not {kind_of(node)}")
        if node.type == "null":
            raise Wrong("is empty")
        return self.parse(self.text(node))

    def text(self, node: Scalar) -> str:
        """What `parse` is given. Raises Wrong."""
        return node.text


@dataclass(frozen=True)
class ListOf:
    """A list of one shape, read into a tuple of Written."""

    item: Shape
    words: str = "a list"

    def read(self, node: Node, at: Place, findings: Findings) -> tuple[Written, ...]:
        """See Shape."""
        if not isinstance(node, Sequence):
            raise Wrong(f"must be {self.words}, not {kind_of(node)}")
        places = ((item, at.item(index, item.line)) for index, item in enumerate(node.items))
        found = (findings.read(self.item, item, place) for item, place in places)
        return tuple(entry for entry in found if entry is not None)


@dataclass(frozen=True)
class Values:
    """What a map holds, by name."""

    at: Place
    entries: dict[str, Written]
    broken: frozenset[str] = frozenset()
    """Names of entries that were taken down as mistakes."""

    def get(self, name: str, default: Any = None) -> Any:
        """A value, or `default` where there is none."""
        return self.entries[name].value if name in self.entries else default

    def place(self, name: str) -> Place:
        """Where an entry is written, or the map, where there is no such entry."""
        return self.entries[name].at if name in self.entries else self.at


@dataclass(frozen=True)
class MapOf:
    """A map whose keys people choose; `key` raises Wrong for those that cannot be. Read into Values."""

    item: Shape
    key: Callable[[str], Any]
    nothing: bool = False
    """Whether an entry may be left empty."""
    words: str = "a map"

    def read(self, node: Node, at: Place, findings: Findings) -> Values:
        """See Shape."""
        if not isinstance(node, Mapping):
            raise Wrong(f"must be {self.words}, not {kind_of(node)}")
        entries: dict[str, Written] = {}
        broken = set()
        for name, value in node.entries.items():
            place = at.entry(name, value.line)
            try:
                self.key(name)
            except Wrong as wrong:
                findings.add(place, wrong.message, wrong.example)
            if self.nothing and is_nothing(value):
                value = Mapping(value.line, {})
            found = findings.read(self.item, value, place)
            if found:
                entries[name] = found
            else:
                broken.add(name)
        return Values(at, entries, frozenset(broken))


@dataclass(frozen=True)
class Refusal:
    """Why a field that exists elsewhere cannot be honoured, and what to do instead."""

    reason: str
    way_out: str = "take it out"
    harmless: tuple[str, ...] = ()
    """Values that ask for what happens anyway, and so may stay."""


@dataclass(frozen=True)
class Field:
    """A field of a Record."""

    shape: Shape
    about: str
    """What it is for, in a sentence for who writes it."""
    example: str
    """A value as it would be written on the field's line, or lines."""
    required: bool = False


@dataclass(frozen=True)
class Record:
    """A map of known fields, read into Values. An empty field counts as not written, and `x-` fields as comments."""

    fields: dict[str, Field]
    refused: dict[str, Refusal] = field(default_factory=dict)
    words: str = "a map of fields"

    def read(self, node: Node, at: Place, findings: Findings) -> Values:
        """See Shape."""
        if not isinstance(node, Mapping):
            raise Wrong(f"must be {self.words}, not {kind_of(node)}")
        entries: dict[str, Written] = {}
        broken = set()
        for name, value in node.entries.items():
            place = at.entry(name, value.line)
            known = self.fields.get(name)
            if known and not is_nothing(value):
                found = findings.read(known.shape, value, place, known.example)
                if found:
                    entries[name] = found
                else:
                    broken.add(name)
            elif not known and not name.startswith("x-"):
                self._refuse(name, value, place, findings)
        for name, known in self.fields.items():
            if known.required and name not in entries and name not in broken:
                findings.add(at, f"`{name}` is missing", f"{name}: {known.example}")
        return Values(at, entries, frozenset(broken))

    def _refuse(self, name: str, value: Node, place: Place, findings: Findings) -> None:
        refusal = self.refused.get(name)
        if refusal is None:
            findings.add(place, "unknown field" + did_you_mean(name, [*self.fields, *self.refused]))
        elif not (is_nothing(value) or (isinstance(value, Scalar) and value.text in refusal.harmless)):
            findings.add(place, f"{refusal.reason}; {refusal.way_out}")


@dataclass(frozen=True)
class Either:
    """One of several shapes, chosen by what is written: a single value, a list or a map."""

    single: Shape | None = None
    several: Shape | None = None
    fields: Shape | None = None

    @property
    def words(self) -> str:
        """See Shape."""
        return " or ".join(shape.words for shape in (self.single, self.several, self.fields) if shape)

    def read(self, node: Node, at: Place, findings: Findings) -> Any:
        """See Shape."""
        shape = {Scalar: self.single, Sequence: self.several, Mapping: self.fields}[type(node)]
        if shape is None:
            raise Wrong(f"must be {self.words}, not {kind_of(node)}")
        return shape.read(node, at, findings)


def is_nothing(node: Node) -> bool:
    """Whether a field is written without a value."""
    return isinstance(node, Scalar) and node.type == "null"


def kind_of(node: Node) -> str:
    """What a node is, in words: `a list`."""
    if isinstance(node, Scalar):
        return "nothing" if is_nothing(node) else "a single value"
    return "a list" if isinstance(node, Sequence) else "a map"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The end of a message about a name that is not there: the known one that is most like it, or nothing."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean `{close[0]}`?" if close else ""
