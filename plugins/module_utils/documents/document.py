"""Reads a YAML text into nodes that know their lines: safely, whatever it holds, and with every mistake at once.

Values are those of the YAML 1.2 core schema, as Compose reads them: `22:22` and `no` are text. Anchors and merge
keys work within limits, so that a small file cannot grow without bounds.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

import yaml
from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput, Problem
from ansible_collections.autolabs.platform.plugins.module_utils.documents.text import DIRECTION
from yaml.composer import Composer
from yaml.parser import Parser
from yaml.reader import Reader, ReaderError
from yaml.resolver import BaseResolver
from yaml.scanner import Scanner

LARGEST = 1 << 20
"""Bytes of a file, and characters after its anchors are expanded."""
MOST_NODES = 20_000
DEEPEST = 40

TAGS = "tag:yaml.org,2002:"
MERGE_TAG = TAGS + "merge"
CORE_TAGS = {TAGS + name for name in ("str", "int", "float", "bool", "null", "map", "seq")}
# YAML 1.2, 10.3.2, and the merge key of 1.1.
PLAIN = [
    ("bool", re.compile("true|True|TRUE|false|False|FALSE")),
    ("int", re.compile("[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")),
    ("float", re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")),
    ("null", re.compile("~|null|Null|NULL|")),
    ("merge", re.compile("<<")),
]
# Tabs and line ends are text; what else Unicode calls control, lone halves of a pair, separators of lines and
# paragraphs, and what turns the direction of writing, is a mistake or worse.
CONTROL = re.compile(f"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x84\x86-\x9f\u2028\u2029{DIRECTION}\ud800-\udfff]")

TOO_LARGE = "the file has too many or too deeply nested values, or anchors (&, *) that repeat too much"
UNPRINTABLE = "a control character is in the text; take it out"

HINTS = {
    "found character '\\t'": "a tab is used to indent; YAML takes spaces only",
    "mapping values are not allowed here": "a colon where none can be: check the indentation, or quote the text",
    "could not find expected ':'": "a field without its colon, or text that is not indented",
    "but found another document": "the file holds two documents; keep one {kind}, without `---` after it",
    "did not find expected key": "this is not indented as its neighbours",
    "but found '<block sequence start>'": "a list where a field was expected: check the indentation",
    "while parsing a flow": "a bracket is not closed, or text with [ ] { } or a comma needs quotation marks",
    "found undefined alias": "* refers to an anchor that is not there; quote the text if it is only text",
    "that cannot start any token": "text that begins with this character needs quotation marks",
    "found unexpected end of stream": "a quotation mark or bracket is never closed",
}
"""What PyYAML says, and what that means to a person; {kind} is what the file holds."""


@dataclass(frozen=True)
class Scalar:
    """A single value as it is written."""

    line: int
    text: str
    type: str = "str"
    """By the core schema: str, int, float, bool or null."""


@dataclass(frozen=True)
class Sequence:
    """A list."""

    line: int
    items: tuple[Node, ...]


@dataclass(frozen=True)
class Mapping:
    """A map; each entry has the line of its key."""

    line: int
    entries: dict[str, Node]


Node = Scalar | Sequence | Mapping


def read_document(
    text: str, file: str, *, kind: str = "lab", example: str = "name: my-lab"
) -> tuple[Mapping, list[Problem]]:
    """The map that a YAML text holds, and the mistakes that do not keep the rest from being read.

    kind: what the file holds, in a word for the messages.
    example: how such a file may begin, for the message about one that is no map.
    Raises InvalidInput where nothing can be read.
    """
    text = text.removeprefix("\ufeff")
    if len(text) > LARGEST or len(text.encode(errors="surrogatepass")) > LARGEST:
        raise InvalidInput([Problem(file, 0, "", f"the file is larger than {LARGEST >> 20} MiB")])
    root = _composed(text, file, kind)
    if not isinstance(root, yaml.MappingNode):
        found = "the file is empty" if root is None else "the file must be a map of fields"
        raise InvalidInput([Problem(file, root.start_mark.line + 1 if root else 0, "", found, example)])
    builder = _Builder(file, kind)
    try:
        document = builder.mapping(root, "", 0)
    except _TooLargeError as error:
        raise InvalidInput([Problem(file, error.line, "", TOO_LARGE)]) from None
    return document, builder.problems


class _TooLargeError(Exception):
    def __init__(self, line: int) -> None:
        self.line = line
        super().__init__(line)


class _Loader(Reader, Scanner, Parser, Composer, BaseResolver):
    """PyYAML up to its node graph; nothing is ever constructed, so no tag can run anything."""

    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)
        Composer.__init__(self)
        BaseResolver.__init__(self)
        self._depth = self._nodes = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """The next node. Raises _TooLargeError."""
        self._depth += 1
        self._nodes += 1
        if self._depth > DEEPEST or self._nodes > MOST_NODES:
            raise _TooLargeError(self.line + 1)
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def resolve(self, kind: Any, value: Any, implicit: Any) -> str:
        """The tag of a node that has none: plain scalars by pattern, all else by its kind."""
        if kind is yaml.ScalarNode:
            plain = implicit[0]
            return TAGS + next((name for name, pattern in PLAIN if plain and pattern.fullmatch(value)), "str")
        return TAGS + ("seq" if kind is yaml.SequenceNode else "map")


def _composed(text: str, file: str, kind: str) -> yaml.Node | None:
    loader = None
    try:
        loader = _Loader(text)
        return loader.get_single_node()
    except ReaderError as error:
        line, message = text.count("\n", 0, error.position) + 1, UNPRINTABLE
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, message = (mark.line + 1 if mark else 0), _in_words(error, kind)
    except _TooLargeError as error:
        line, message = error.line, TOO_LARGE
    except (ValueError, OverflowError):
        # PyYAML turns the escapes \U and %YAML into numbers unchecked.
        line, message = (loader.line + 1 if loader else 0), "this is not valid YAML: an escape or number is too large"
    raise InvalidInput([Problem(file, line, "", message)])


def _in_words(error: yaml.MarkedYAMLError, kind: str) -> str:
    said = f"{error.context or ''} {error.problem or ''}".strip()
    hint = next((hint for words, hint in HINTS.items() if words in said), "")
    # Not str.format: the hints speak of braces.
    return hint.replace("{kind}", kind) or f"this is not valid YAML: {said}"


class _Builder:
    """Turns PyYAML's node graph into our tree, in which nothing is shared, and collects mistakes."""

    def __init__(self, file: str, kind: str) -> None:
        self._file, self._kind = file, kind
        self._nodes = self._characters = 0
        self._problems: dict[tuple[int, str], Problem] = {}

    @property
    def problems(self) -> list[Problem]:
        return list(self._problems.values())

    def mapping(self, node: yaml.MappingNode, path: str, depth: int) -> Mapping:
        entries: dict[str, Node] = {}
        merged: list[yaml.Node] = []
        for key, value in node.value:
            line = key.start_mark.line + 1
            if key.tag == MERGE_TAG:
                merged += value.value if isinstance(value, yaml.SequenceNode) else [value]
            elif not isinstance(key, yaml.ScalarNode) or key.tag not in CORE_TAGS or CONTROL.search(key.value):
                self._wrong(
                    line, path, "the name of a field must be plain text; text that begins with { needs quotation marks"
                )
            elif key.value in entries:
                first = entries[key.value].line
                self._wrong(line, _joined(path, key.value), f"this field is already on line {first}; keep one of them")
            else:
                entries[key.value] = replace(self._node(value, _joined(path, key.value), depth + 1), line=line)
        for source in merged:
            if isinstance(source, yaml.MappingNode):
                self._count(source, source.start_mark.line + 1, depth)
                # What is written here wins over what is merged, and the first merge over the next.
                entries = self.mapping(source, path, depth + 1).entries | entries
            else:
                self._wrong(source.start_mark.line + 1, path, "<< takes a map, or a list of maps", "<<: *common")
        return Mapping(node.start_mark.line + 1, entries)

    def _node(self, node: yaml.Node, path: str, depth: int) -> Node:
        line = node.start_mark.line + 1
        self._count(node, line, depth)
        if node.tag not in CORE_TAGS:
            self._wrong(
                line, path, f"the tag {_short(node.tag)} is not for {self._kind} files; write the value without it"
            )
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, path, depth)
        if isinstance(node, yaml.SequenceNode):
            items = (self._node(item, f"{path}[{index}]", depth + 1) for index, item in enumerate(node.value))
            return Sequence(line, tuple(items))
        if CONTROL.search(node.value):
            self._wrong(line, path, UNPRINTABLE)
        return Scalar(line, node.value, node.tag.removeprefix(TAGS))

    def _count(self, node: yaml.Node, line: int, depth: int) -> None:
        self._nodes += 1
        self._characters += len(node.value) if isinstance(node, yaml.ScalarNode) else 0
        if depth > DEEPEST or self._nodes > MOST_NODES or self._characters > LARGEST:
            raise _TooLargeError(line)

    def _wrong(self, line: int, path: str, message: str, example: str = "") -> None:
        self._problems.setdefault((line, message), Problem(self._file, line, path, message, example))


def _joined(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _short(tag: str) -> str:
    # A tag's %-escapes are decoded, and could stand for control characters.
    return repr(tag.replace(TAGS, "!!"))
