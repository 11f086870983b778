"""How values of the API's objects are read, compared and written."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

ON, OFF = ("1", "true", "yes", "on"), ("0", "false", "no", "off", "")
SEPARATORS = re.compile(r"[,;\s]+")
"""What the API takes between the entries of a list (pve-common, `split_list`)."""


@dataclass(frozen=True)
class Form:
    """One way to write a value. Two values are the same when their `canon` is."""

    canon: Callable[[Any], Any]
    """What people, or the API, wrote, as plain data that can be compared and shown. Raises ValueError."""
    sent: Callable[[Any], str | int]
    """What `canon` gave, as the API takes it."""
    example: str


def _text(value: Any) -> str:
    if isinstance(value, Mapping | list | tuple):
        raise ValueError("must be a text")
    if isinstance(value, bool):
        return str(int(value))
    return str(value).strip()


def _flag(value: Any) -> bool:
    word = str(value).strip().lower()
    if word not in (*ON, *OFF):
        raise ValueError("must be true or false")
    return word in ON


def _number(value: Any) -> int:
    if isinstance(value, bool) or not re.fullmatch(r"-?\d+", str(value).strip()):
        raise ValueError("must be a whole number")
    return int(value)


def _names(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        raise ValueError("must be a list")
    entries = value if isinstance(value, list | tuple) else SEPARATORS.split(str(value))
    return sorted({str(entry).strip() for entry in entries} - {""})


def _properties(value: Any) -> dict[str, str]:
    """The API answers with either: `keep-daily=7,keep-weekly=4`, or the same as a map."""
    if isinstance(value, Mapping):
        pairs = [(str(name), _text(entry)) for name, entry in value.items()]
    else:
        parts = [part.partition("=") for part in str(value).split(",") if part.strip()]
        if not all(separator for _name, separator, _value in parts):
            raise ValueError("must be a map, or a text of the form name=value,name=value")
        pairs = [(name.strip(), entry.strip()) for name, _separator, entry in parts]
    return dict(sorted(pairs))


def _host_names(value: Any) -> list[str]:
    """In their order: the first is what the address is called."""
    if isinstance(value, Mapping):
        raise ValueError("must be a list of names")
    entries = value if isinstance(value, list | tuple) else str(value).split()
    return [str(entry) for entry in entries]


TEXT = Form(_text, str, "a text")
FLAG = Form(_flag, int, "true")
NUMBER = Form(_number, int, "30")
NAMES = Form(_names, ",".join, "[images, snippets]")
"""A list in which order means nothing."""
SPACED = Form(_names, " ".join, "[enp1s0]")
PROPERTIES = Form(_properties, lambda pairs: ",".join(f"{name}={value}" for name, value in pairs.items()), "{a: 1}")
HOST_NAMES = Form(_host_names, " ".join, "[gitlab.autolabs.internal, gitlab]")
