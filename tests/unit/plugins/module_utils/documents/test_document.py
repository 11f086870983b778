"""YAML of any origin is read within limits, and never executed."""

from __future__ import annotations

import time

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.documents.document import (
    LARGEST,
    Mapping,
    Scalar,
    Sequence,
    read_document,
)
from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput
from ansible_collections.autolabs.platform.plugins.module_utils.documents.text import decoded
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("written", "type"),
    [
        ("text", "str"),
        ("'1'", "str"),
        ("1", "int"),
        ("0444", "int"),
        ("0x1F", "int"),
        ("1.5", "float"),
        ("1e3", "float"),
        ("true", "bool"),
        ("null", "null"),
        ("~", "null"),
        ("", "null"),
        ("no", "str"),
        ("22:22", "str"),
        ("2026-01-01", "str"),
        ("1_000", "str"),
        (".", "str"),
        ("!!str 1", "str"),
    ],
)
def test_plain_values_have_the_types_of_yaml_1_2(written: str, type: str) -> None:
    found = read_document(f"a: {written}", "f")[0].entries["a"]
    assert isinstance(found, Scalar)
    assert found.type == type


def test_every_value_knows_its_line() -> None:
    document, problems = read_document("\ufeff# a comment\na:\n  - x\n  -\n    b: |\n      long\n      text\n", "f")
    assert problems == []
    assert document == Mapping(
        2,
        {"a": Sequence(2, (Scalar(3, "x"), Mapping(5, {"b": Scalar(5, "long\ntext\n")})))},
    )


def test_what_is_written_wins_over_what_is_merged_and_the_first_merge_over_the_next() -> None:
    text = "x: &x {a: 1, b: 1}\ny: &y {b: 2, c: 2}\nz:\n  <<: [*x, *y]\n  a: 3\n"
    merged = read_document(text, "f")[0].entries["z"]
    assert isinstance(merged, Mapping)
    found = {key: (value.text, value.line) for key, value in merged.entries.items() if isinstance(value, Scalar)}
    assert found == {"a": ("3", 5), "b": ("1", 1), "c": ("2", 2)}


@pytest.mark.parametrize(
    "text",
    [
        "a: " + "[" * 500_000,
        "a: " + "{a: " * 100_000,
        "a: [" + "1," * 500_000,
        "a: &a [*a]",
        "a: &a {<<: *a}",
        "x0: &x0 {a: 1}\n" + "".join(f"x{n}: &x{n} {{<<: [{', '.join([f'*x{n - 1}'] * 9)}]}}\n" for n in range(1, 9)),
        f"a: &a {'x' * 200_000}\nb: [*a, *a, *a, *a, *a, *a]",
    ],
    ids=["brackets", "braces", "items", "itself", "merged itself", "merges", "long text"],
)
def test_a_bomb_is_refused_at_once(text: str) -> None:
    began = time.monotonic()
    with pytest.raises(InvalidInput, match="too many or too deeply nested values"):
        read_document(text, "f")
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\n---\nb: 1", "keep one menu, without `---` after it"),
        ("- a", "the file must be a map of fields (for example: soup: hot)"),
        ("", "the file is empty (for example: soup: hot)"),
        ("a: [x, {y: z]", "text with [ ] { } or a comma needs quotation marks"),
    ],
)
def test_messages_speak_of_what_the_file_holds(text: str, message: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_document(text, "f", kind="menu", example="soup: hot")
    assert str(refused.value).endswith(message)
    (problem,) = read_document("a: !!binary x", "f", kind="menu")[1]
    assert problem.message == "the tag '!!binary' is not for menu files; write the value without it"


def test_a_file_over_a_mebibyte_is_refused() -> None:
    with pytest.raises(InvalidInput, match="larger than 1 MiB"):
        read_document("#" * (LARGEST + 1), "f")
    with pytest.raises(InvalidInput, match="larger than 1 MiB"):
        read_document("#" + "я" * (LARGEST // 2), "f")


@pytest.mark.parametrize(
    "text", ['a: "\\U00ffffff"', "%YAML 1." + "9" * 5000 + "\n---\na: 1", "a: \x00", "\ud800: 1", "a: @b"]
)
def test_broken_text_is_a_problem_with_its_line(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_document(text, "f")
    assert refused.value.problems[0].line > 0


@pytest.mark.parametrize(
    "escape", ["\\x80", "\\x84", "\\x86", "\\x9b", "\\x9f", "\\L", "\\P", "\\u202a", "\\u202e", "\\u2066", "\\u2069"]
)
def test_what_would_turn_a_terminal_or_a_line_is_a_problem(escape: str) -> None:
    (problem,) = read_document(f'a: "x{escape}y"', "f")[1]
    assert (problem.line, problem.field) == (1, "a")
    (problem,) = read_document(f'"x{escape}y": 1', "f")[1]
    assert problem.message.isprintable()
    assert read_document('a: "tab\\t, line\\n, next line\\N, שלום\\u200f"', "f")[1] == []


@given(st.text(alphabet=st.sampled_from("abc:-[]{}&*!|>'\"#%@`\\x0 \n\t?,<~$"), max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        document, _problems = read_document(text, "f")
    except InvalidInput as refused:
        assert refused.problems
    else:
        assert isinstance(document, Mapping)


@pytest.mark.parametrize(
    "content", ["имя".encode(), "имя".encode("utf-8-sig"), "имя".encode("utf-16")], ids=["utf-8", "utf-8-sig", "utf-16"]
)
def test_files_of_spreadsheets_are_text(content: bytes) -> None:
    assert decoded(content, "f") == "имя"


def test_another_encoding_is_refused_with_its_line() -> None:
    with pytest.raises(InvalidInput) as refused:
        decoded("id,name\n1,Анна".encode("cp1251"), "roster.csv")
    assert "save it again as UTF-8" in refused.value.problems[0].message
    assert refused.value.problems[0].line == 2
