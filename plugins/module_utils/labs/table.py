"""Tables for people, in a terminal; and instances as one."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

COLUMNS = ("student or group", "name", "state", "connection", "what to know")


def text_table(instances: Iterable[Mapping[str, Any]]) -> str:
    """A plain table of the `instances` of a lab module's result, a line each."""
    return drawn(COLUMNS, [_row(entry) for entry in instances])


def drawn(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A plain table: the heading, a line below it, and the rows. Each row has a cell for each column."""
    lines = [tuple(columns), *map(tuple, rows)]
    widths = [max(_width(line[column]) for line in lines) for column in range(len(columns))]
    lines.insert(1, tuple("-" * width for width in widths))
    return "\n".join(
        "  ".join(cell + " " * (width - _width(cell)) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def _row(entry: Mapping[str, Any]) -> tuple[str, ...]:
    names = ", ".join(member["name"] for member in entry["members"] if member["name"])
    addresses = "  ".join(_address(connection) for connection in entry["connections"])
    outdated = "differs from the lab config (--diff shows how)" if entry["outdated"] else ""
    known = "; ".join(text for text in (entry["reason"], outdated) if text)
    return entry["owner"], names, entry["state"], addresses, known


def _address(connection: Mapping[str, Any]) -> str:
    member = connection.get("member", "")
    return f"{member}: {connection['address']}" if member else str(connection["address"])


def _width(text: str) -> int:
    """Columns that a text takes in a terminal (Unicode Standard Annex 11)."""
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    combining = sum(unicodedata.combining(character) > 0 for character in text)
    return len(text) + wide - combining
