"""Rosters as people keep them: CSV from spreadsheets, JSON from scripts, lists in playbooks."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput
from ansible_collections.autolabs.platform.plugins.module_utils.labs.config.roster import (
    LARGEST,
    MOST_STUDENTS,
    parse_roster,
    roster_from_list,
)
from ansible_collections.autolabs.platform.plugins.module_utils.labs.model import Student

ROSTERS = Path(__file__).parents[5] / "data/rosters"

# File, and what it holds.
GOOD = {
    "headings.csv": [
        Student("456", "Анна Иванова", "7"),
        Student("457", "O'Neil, Bob", "7"),
        Student("458", "=cmd()|calc", "8"),
    ],
    "russian-semicolons.csv": [
        Student("semenov", "Семёнов Пётр", "kb-101"),
        Student("shchukina", "Щукина Юлия", "kb-101"),
    ],
    "tabs.csv": [Student("alice", "Alice"), Student("bob", "Bob")],
    "one-column.csv": [Student("456"), Student("ivanov-ivan", "Иванов Иван"), Student("student-7", "student_7")],
    "first-and-last-name.csv": [Student("ivanova-anna", "Иванова Анна"), Student("petrov-petr", "Петров Пётр")],
    "list.json": [Student("456"), Student("457"), Student("ivanov-ivan", "Иванов Иван")],
    "students.json": [Student("456", "Анна", "7"), Student("bob-smith", "Bob Smith")],
}

# File, and its problems: line, field, part of the message.
BAD: dict[str, list[tuple[int, str, str]]] = {
    "all-mistakes-at-once.csv": [
        (2, "id", "no form"),
        (2, "group", "no form"),
        (2, "name", "control character"),
        (4, "id", "already on line 3"),
    ],
    "comma-at-the-end.json": [(2, "", "a comma before the closing bracket")],
    "control-character.csv": [(2, "name", "holds a control character")],
    "direction-of-writing.csv": [(2, "name", "holds a control character"), (3, "id", "holds a control character")],
    "duplicate-names.csv": [
        (3, "name", "already on line 2; ids are compared in lower case and Latin letters; give an id")
    ],
    "duplicate.csv": [(4, "id", "the id 'ivanov-i' is already on line 2")],
    "duplicate.json": [(2, "students[1].name", "already on line 1")],
    "empty.csv": [(0, "", "the roster has no students")],
    "empty.json": [(0, "", "the roster has no students")],
    "group-without-latin-form.csv": [(2, "group", "has no form in the letters a-z")],
    "heading-only.csv": [(0, "", "the roster has no students")],
    "huge-number.json": [(0, "", "huge numbers")],
    "line-break-in-name.csv": [(2, "name", "holds a control character"), (5, "id", "already on line 4")],
    "lone-half-of-a-pair.json": [(1, "students[0].name", "holds a control character")],
    "name-twice.json": [(2, "", "a name is there twice")],
    "name-without-latin-form.csv": [(2, "name", "give an id")],
    "nested.json": [(0, "", "it nests too deeply")],
    "no-heading.csv": [(1, "", "the first line does not name the columns")],
    "no-latin-form.csv": [(2, "id", "has no form in the letters a-z"), (3, "id", "has no form in the letters a-z")],
    "nobody.csv": [(2, "", "has neither an id nor a name")],
    "not-a-list.json": [(1, "", "expecting '['")],
    "not-json.json": [(2, "", "this is not the JSON of a roster")],
    "only-groups.csv": [(1, "", "no column has ids or names")],
    "quote-not-closed.csv": [(2, "", "a quotation mark is in the wrong place, or not closed")],
    "text-after.json": [(2, "", "text after the end of the list")],
    "too-long-id.csv": [(2, "id", "has 64 characters; 63 fit")],
    "too-long-name.csv": [(2, "name", "has 201 characters; 200 fit")],
    "too-many-cells.csv": [(2, "", "has 3 cells, and the heading has 2")],
    "two-id-columns.csv": [(1, "", "two columns for the id")],
    "wrong-types.json": [
        (2, "students[1]", "must be text or a whole number"),
        (3, "students[2]", "must be text or a whole number"),
        (4, "students[3].id", "must be text"),
        (5, "students[4]", "has neither an id nor a name"),
        (5, "", "NaN is not a value"),
    ],
}


def read(folder: str, name: str) -> str:
    return (ROSTERS / folder / name).read_bytes().decode()


@pytest.mark.parametrize("name", GOOD)
def test_a_roster_gives_its_students_in_order(name: str) -> None:
    assert parse_roster(read("good", name), file=name) == tuple(GOOD[name])


@pytest.mark.parametrize("name", BAD)
def test_a_bad_roster_is_refused_with_every_problem(name: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_roster(read("bad", name), file=name, format="json" if name.endswith("json") else "csv")
    found = refused.value.problems
    assert [(problem.line, problem.field) for problem in found] == [(line, field) for line, field, _ in BAD[name]]
    for problem, (_, _, message) in zip(found, BAD[name], strict=True):
        assert message in problem.message
        assert problem.file == name


def test_every_roster_of_the_test_data_is_in_the_tables() -> None:
    assert {path.name for path in (ROSTERS / "good").iterdir()} == set(GOOD)
    assert {path.name for path in (ROSTERS / "bad").iterdir()} == set(BAD)


def test_a_list_in_a_playbook_holds_ids_or_maps() -> None:
    found = roster_from_list(["456", 457, {"name": "Анна Ким", "group": "КБ-101"}, {"логин": "Bob_7"}])
    assert found == (
        Student("456"),
        Student("457"),
        Student("anna-kim", "Анна Ким", "kb-101"),
        Student("bob-7", "Bob_7"),
    )


@pytest.mark.parametrize(
    ("items", "field", "message"),
    [
        ([], "", "no students"),
        ([None], "students[0]", "neither an id nor a name"),
        ([True], "students[0]", "must be text or a whole number"),
        (["a", ["b"]], "students[1]", "must be text or a whole number"),
        ([{"id": "a"}, {"id": "A"}], "students[1].id", "the id 'a' is already in students[0]"),
        ([{"id": 1, "login": 2}], "students[0]", "two columns for the id"),
    ],
)
def test_a_bad_list_is_refused(items: list[object], field: str, message: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        roster_from_list(items)
    (problem,) = refused.value.problems
    assert (problem.field, problem.line) == (field, 0)
    assert message in problem.message


def test_a_roster_has_a_largest_number_of_students_and_a_largest_size() -> None:
    most = "\n".join(f"s{number}" for number in range(MOST_STUDENTS))
    assert len(parse_roster(most)) == MOST_STUDENTS
    with pytest.raises(InvalidInput, match=f"at most {MOST_STUDENTS} students"):
        parse_roster(most + "\none-more")
    with pytest.raises(InvalidInput, match="larger than 1 MiB"):
        parse_roster("a" * (LARGEST + 1))


def test_templates_in_a_roster_are_names_like_any_other() -> None:
    (student,) = parse_roster("id,name\n1,{{ lookup('pipe', 'id') }}\n".replace(", 'id'", " 'id'"))
    assert student.name == "{{ lookup('pipe' 'id') }}"
