"""Reads CSV and JSON into rows of a roster, each with the line where it is written."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import Problem

HEADINGS = {
    "id": "id, student_id, student id, login, username, логин, номер, ид, идентификатор",
    "name": "name, full name, first name, last name, surname, student, имя, фио, фамилия, отчество, студент",
    "group": "group, group_id, group id, группа, подгруппа",
}
COLUMNS = {heading: column for column, headings in HEADINGS.items() for heading in headings.split(", ")}
DELIMITERS = ",;\t"
EXAMPLE = "id,name,group"


@dataclass(frozen=True)
class Row:
    """One student as written: cells by column (id, name, group), without empty ones."""

    line: int
    """0 in an inline list."""
    place: str
    """Its path in JSON or a list; empty in CSV."""
    cells: dict[str, str]

    def field(self, column: str) -> str:
        """The path of a cell, for messages."""
        return f"{self.place}.{column}" if self.place else column

    @classmethod
    def of_item(cls, item: object, line: int, place: str, file: str, problems: list[Problem]) -> Row | None:
        """A row from an id or a map; None where that was taken down as a mistake."""
        entries = item if isinstance(item, dict) else {"id": item}
        cells: dict[str, str] = {}
        before = len(problems)
        _check_once([_column(str(key)) for key in entries], line, place, file, problems)
        for key, value in entries.items():
            column = _column(str(key))
            where = f"{place}.{key}" if isinstance(item, dict) else place
            if column is None or value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, str | int):
                problems.append(Problem(file, line, where, "must be text or a whole number", '"ivanov-ivan"'))
            else:
                _put(cells, column, str(value))
        if not cells.keys() & {"id", "name"} and len(problems) == before:
            problems.append(Problem(file, line, place, "has neither an id nor a name", '{"id": "456"}'))
        return cls(line, place, cells) if len(problems) == before else None


def csv_rows(source: str, file: str, problems: list[Problem]) -> list[Row]:
    """The rows of a CSV; what is wrong with it goes to `problems`."""
    lines = _csv_lines(source, file, problems)
    found = [(line, cells) for line, cells in lines if any(cells)]
    if not found:
        return []
    columns = [_column(cell) for cell in found[0][1]]
    if any(columns):
        line = found.pop(0)[0]
        if not {"id", "name"} & set(columns):
            problems.append(Problem(file, line, "", "no column has ids or names", EXAMPLE))
            return []
        _check_once(columns, line, "", file, problems)
    elif len(found[0][1]) == 1:
        columns = ["id"]
    else:
        message = "the first line does not name the columns, and there are several"
        problems.append(Problem(file, found[0][0], "", message, EXAMPLE))
        return []
    rows = (_csv_row(line, cells, columns, file, problems) for line, cells in found)
    return [row for row in rows if row]


def json_rows(source: str, file: str, problems: list[Problem]) -> list[Row]:
    """The rows of a JSON list, or of the list `students` in a map; what is wrong with it goes to `problems`."""
    start = re.match(r'\s*\{\s*"students"\s*:\s*', source)
    rows: list[Row] = []
    position = start.end() if start else 0
    try:
        for index, (item, line) in enumerate(_json_items(source, position, closing="}" if start else "")):
            row = Row.of_item(item, line, f"students[{index}]", file, problems)
            if row:
                rows.append(row)
    except json.JSONDecodeError as error:
        message = f"this is not the JSON of a roster: {error.msg}"
        problems.append(Problem(file, error.lineno, "", message, '[{"id": "456", "name": "Анна", "group": "7"}]'))
    except (RecursionError, ValueError):
        problems.append(
            Problem(file, 0, "", "this is not the JSON of a roster: it nests too deeply or has huge numbers")
        )
    return rows


def _column(heading: str) -> str | None:
    return COLUMNS.get(" ".join(heading.casefold().split()))


def _check_once(columns: list[str | None], line: int, place: str, file: str, problems: list[Problem]) -> None:
    for column in ("id", "group"):
        if columns.count(column) > 1:
            problems.append(Problem(file, line, place, f"there are two columns for the {column}; keep one", EXAMPLE))


def _put(cells: dict[str, str], column: str, text: str) -> None:
    """Several columns of names, such as last and first name, make one."""
    text = " ".join(part for part in (cells.get(column, ""), text.strip()) if part)
    if text:
        cells[column] = text


def _csv_lines(source: str, file: str, problems: list[Problem]) -> Iterator[tuple[int, list[str]]]:
    first = next((line for line in source.splitlines() if line.strip()), "")
    delimiter = max(DELIMITERS, key=first.count)
    reader = csv.reader(io.StringIO(source, newline=""), delimiter=delimiter, strict=True)
    line = 1
    try:
        for cells in reader:
            yield line, [cell.strip() for cell in cells]
            line = reader.line_num + 1
    except csv.Error as error:
        problems.append(Problem(file, line, "", f"a quotation mark is in the wrong place, or not closed ({error})"))


def _csv_row(
    line: int, written: list[str], columns: list[str | None], file: str, problems: list[Problem]
) -> Row | None:
    if any(written[len(columns) :]):
        message = f"has {len(written)} cells, and the heading has {len(columns)}; put quotation marks around commas"
        problems.append(Problem(file, line, "", message, '456,"Иванов, Иван",7'))
        return None
    cells: dict[str, str] = {}
    for column, text in zip(columns, written, strict=False):
        if column:
            _put(cells, column, text)
    if not cells.keys() & {"id", "name"}:
        problems.append(Problem(file, line, "", "has neither an id nor a name", "456,Анна,7"))
        return None
    return Row(line, "", cells)


def _json_items(source: str, position: int, *, closing: str) -> Iterator[tuple[Any, int]]:
    """The items of a JSON list with their lines, which `json` itself does not tell. Raises JSONDecodeError."""
    decoder = json.JSONDecoder(object_pairs_hook=_without_duplicates, parse_constant=_refused_constant)
    line, counted = 1, 0
    position = _after(source, position, "[")
    while source[position : position + 1] != "]":
        line, counted = line + source.count("\n", counted, position), position
        try:
            item, position = decoder.raw_decode(source, position)
        except _RefusedError as error:
            raise json.JSONDecodeError(str(error), source, position) from None
        yield item, line
        position = _skip(source, position)
        if source[position : position + 1] != "]":
            position = _after(source, position, ",")
            if source[position : position + 1] == "]":
                raise json.JSONDecodeError("a comma before the closing bracket", source, position)
    position = _skip(source, position + 1)
    if closing:
        position = _after(source, position, closing)
    if position < len(source):
        raise json.JSONDecodeError("text after the end of the list", source, position)


def _after(source: str, position: int, mark: str) -> int:
    position = _skip(source, position)
    if source[position : position + 1] != mark:
        raise json.JSONDecodeError(f"expecting {mark!r}", source, position)
    return _skip(source, position + 1)


def _skip(source: str, position: int) -> int:
    while source[position : position + 1] in tuple(" \t\r\n"):
        position += 1
    return position


class _RefusedError(Exception):
    pass


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _RefusedError("a name is there twice in one student")
    return found


def _refused_constant(name: str) -> Any:
    raise _RefusedError(f"{name} is not a value")
