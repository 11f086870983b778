"""Reads a roster: who is in a class, and in which group.

CSV with a heading line (`id,name,group` in any order, also in Russian; commas, semicolons or tabs), a CSV of one
column without a heading, or JSON. An id that is not a DNS label is made one, and where there is none it is made of
the name; so `Иванов Иван` is `ivanov-ivan`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput, Problem
from ansible_collections.autolabs.platform.plugins.module_utils.documents.text import DIRECTION
from ansible_collections.autolabs.platform.plugins.module_utils.labs.config.tables import Row, csv_rows, json_rows
from ansible_collections.autolabs.platform.plugins.module_utils.labs.model import Student
from ansible_collections.autolabs.platform.plugins.module_utils.labs.names import LONGEST, dns_label

MOST_STUDENTS = 5_000
LONGEST_NAME = 200
LARGEST = 1 << 20
"""Characters."""

# Control characters, lone halves of a pair, and separators of lines and paragraphs.
NOT_IN_NAMES = ("Cc", "Cs", "Zl", "Zp")


def parse_roster(
    source: str, *, file: str = "roster", format: Literal["csv", "json", "auto"] = "auto"
) -> tuple[Student, ...]:
    """The students that the text `source` holds, in its order. Raises InvalidInput with every mistake.

    file: its name, for the messages; format `auto` takes what begins with a bracket as JSON.
    """
    source = source.removeprefix("\ufeff")
    if len(source) > LARGEST:
        raise InvalidInput([Problem(file, 0, "", f"the roster is larger than {LARGEST >> 20} MiB")])
    if format == "auto":
        format = "json" if source.lstrip().startswith(("[", "{")) else "csv"
    problems: list[Problem] = []
    rows = (json_rows if format == "json" else csv_rows)(source, file, problems)
    return _students(rows, file, problems)


def roster_from_list(items: Sequence[object], *, file: str = "roster") -> tuple[Student, ...]:
    """The students of an inline list: ids, or maps of id, name and group. Raises InvalidInput with every mistake."""
    problems: list[Problem] = []
    rows = [Row.of_item(item, 0, f"students[{index}]", file, problems) for index, item in enumerate(items)]
    return _students([row for row in rows if row], file, problems)


@dataclass
class _Roster:
    file: str
    problems: list[Problem]
    students: list[Student] = field(default_factory=list)
    rows: dict[str, Row] = field(default_factory=dict)
    """The row of each id."""

    def add(self, row: Row) -> None:
        """Take up a student, or take down what is wrong with the row."""
        before = len(self.problems)
        source, way_out = ("id", "") if "id" in row.cells else ("name", "; give an id")
        student_id = self._label(row, source, way_out)
        group = self._label(row, "group") if "group" in row.cells else ""
        name = row.cells.get("name", "")
        # An id that is no label as it stands is shown as the name.
        self._check_shown(row, "name" if name else "id")
        if student_id and student_id in self.rows:
            self._wrong(row, source, self._twice(student_id) + way_out)
        if len(self.problems) == before:
            self.rows[student_id] = row
            # A single word that is no id as it stands is the best name there is.
            self.students.append(Student(student_id, name or _unlike(row.cells.get("id", ""), student_id), group))

    def _label(self, row: Row, column: str, way_out: str = "") -> str:
        written = row.cells.get(column, "")
        label = dns_label(written[: LONGEST_NAME + 1])
        if not label:
            message = f"{written[:40]!r} has no form in the letters a-z and digits that names on the cluster take"
            self._wrong(row, column, message + way_out, "ivanov-ivan")
        elif len(label) > LONGEST:
            self._wrong(row, column, f"{label[:20]!r}… has {len(label)} characters; {LONGEST} fit{way_out}")
        return label

    def _check_shown(self, row: Row, column: str) -> None:
        shown = row.cells.get(column, "")
        if any(unicodedata.category(character) in NOT_IN_NAMES or character in DIRECTION for character in shown):
            self._wrong(row, column, "holds a control character; take it out")
        if column == "name" and len(shown) > LONGEST_NAME:
            self._wrong(row, column, f"has {len(shown)} characters; {LONGEST_NAME} fit")

    def _twice(self, student_id: str) -> str:
        first = self.rows[student_id]
        where = f"on line {first.line}" if first.line else f"in {first.place}"
        return f"the id {student_id!r} is already {where}; ids are compared in lower case and Latin letters"

    def _wrong(self, row: Row, column: str, message: str, example: str = "") -> None:
        self.problems.append(Problem(self.file, row.line, row.field(column), message, example))


def _students(rows: Iterable[Row], file: str, problems: list[Problem]) -> tuple[Student, ...]:
    roster = _Roster(file, problems)
    for number, row in enumerate(rows, start=1):
        if number > MOST_STUDENTS:
            problems.append(Problem(file, row.line, "", f"a class has at most {MOST_STUDENTS} students"))
            break
        roster.add(row)
    if not roster.students and not problems:
        problems.append(Problem(file, 0, "", "the roster has no students", "id,name,group"))
    if problems:
        raise InvalidInput(sorted(problems, key=lambda problem: problem.line))
    return tuple(roster.students)


def _unlike(written: str, student_id: str) -> str:
    return "" if written == student_id else written
