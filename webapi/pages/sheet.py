"""The credentials of a class on paper and as CSV: one slip a student."""

from __future__ import annotations

import base64
import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""How a cell begins that a spreadsheet takes as a formula (OWASP, CSV injection)."""


@dataclass(frozen=True)
class Way:
    """One way in."""

    address: str
    """The ssh command, or what goes into the browser."""
    account: str
    fingerprint: str


@dataclass(frozen=True)
class Slip:
    """What one student is handed."""

    name: str
    id: str
    instance: str
    password: str
    ways: tuple[Way, ...]


def slips(entries: Iterable[Mapping[str, Any]]) -> Iterator[Slip]:
    """From the credentials of a class, as the collection's handout has them."""
    for entry in entries:
        for member in entry["members"] or [{"id": entry["owner"], "name": ""}]:
            # A member of a group who has an account of their own has ways in of their own.
            ways = member.get("connections") or [one for one in entry["connections"] if not one.get("member")]
            yield Slip(
                member["name"] or member["id"],
                member["id"],
                entry["instance"],
                member.get("password") or entry["password"],
                tuple(_way(one) for one in ways),
            )


def as_csv(found: Iterable[Slip], headings: tuple[str, str, str, str, str, str, str]) -> bytes:
    """A row a student and way in, as UTF-8 with the mark that spreadsheets need; no cell is a formula."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(headings)
    for slip in found:
        for way in slip.ways or (Way("", "", ""),):
            cells = (slip.name, slip.id, slip.instance, way.address, way.account, slip.password, way.fingerprint)
            writer.writerow(map(harmless, cells))
    return text.getvalue().encode("utf-8-sig")


def data_address(content: bytes) -> str:
    """A file as an address, for a link that saves it: what was shown once is not asked for again."""
    return f"data:text/csv;charset=utf-8;base64,{base64.b64encode(content).decode()}"


def harmless(cell: str) -> str:
    """A cell that a spreadsheet shows as the text that it is."""
    return f"'{cell}" if cell.startswith(FORMULA) else cell


def _way(connection: Mapping[str, Any]) -> Way:
    account = str(connection.get("user", "")) if connection.get("kind") == "ssh" else ""
    return Way(str(connection["address"]), account, str(connection.get("host_key_fingerprint", "")))
