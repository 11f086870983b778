"""Instances as a table for people."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

COLUMNS = ("student or group", "name", "state", "connection", "what to know")


def text_table(instances: Iterable[Mapping[str, Any]]) -> str:
    """A plain table of the `instances` of a lab module's result, a line each."""
    rows = [COLUMNS, *(_row(entry) for entry in instances)]
    widths = [max(_width(row[column]) for row in rows) for column in range(len(COLUMNS))]
    rows.insert(1, tuple("-" * width for width in widths))
    return "\n".join(
        "  ".join(cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def _row(entry: Mapping[str, Any]) -> tuple[str, ...]:
    names = ", ".join(member["name"] for member in entry["members"] if member["name"])
    addresses = "  ".join(connection["address"] for connection in entry["connections"])
    outdated = "differs from the lab config (--diff shows how)" if entry["outdated"] else ""
    known = "; ".join(text for text in (entry["reason"], outdated) if text)
    return entry["owner"], names, entry["state"], addresses, known


def _width(text: str) -> int:
    """Columns that a text takes in a terminal (Unicode Standard Annex 11)."""
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    combining = sum(unicodedata.combining(character) > 0 for character in text)
    return len(text) + wide - combining
