"""Shapes read what is written into values, and tell every mistake with its place."""

from __future__ import annotations

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.documents.document import read_document
from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput
from ansible_collections.autolabs.platform.plugins.module_utils.documents.shapes import (
    Either,
    Field,
    Findings,
    ListOf,
    MapOf,
    Place,
    Record,
    Refusal,
    Values,
    Word,
    Wrong,
    did_you_mean,
)


def small(text: str) -> str:
    """A parser that takes what is in small letters."""
    if text != text.lower():
        raise Wrong("must be in small letters", text.lower())
    return text


NAME = Word(small, "a name")
DISH = Record(
    {
        "name": Field(NAME, "What it is called.", "soup", required=True),
        "parts": Field(ListOf(NAME), "What is in it.", "[salt]"),
        "taste": Field(Either(single=NAME, several=ListOf(NAME)), "How it tastes.", "hot"),
        "prices": Field(MapOf(NAME, small), "By size.", "{small: low}"),
    },
    {"recipe": Refusal("nobody may know it", "keep it", harmless=("secret",))},
)


def read(text: str) -> Values:
    """A dish. Raises InvalidInput."""
    document, problems = read_document(text, "f")
    findings = Findings("f", problems)
    found: Values = DISH.read(document, Place(document.line), findings)
    findings.settle()
    return found


def test_values_know_where_they_are_written() -> None:
    dish = read("name: soup\nparts:\n  - salt\n  - $water\ntaste: hot\nx-note: of ours\nprices: {small: low}\n")
    assert [(item.value, item.at) for item in dish.get("parts")] == [
        ("salt", Place(3, "parts[0]")),
        ("$water", Place(4, "parts[1]")),
    ]
    assert (dish.get("taste"), dish.place("taste")) == ("hot", Place(5, "taste"))
    assert dish.get("prices").get("small") == "low"
    assert (dish.get("recipe", "none"), dish.place("recipe")) == ("none", Place(1))


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ("parts: []", ["f:1: `name` is missing (for example: name: soup)"]),
        ("name: Soup", ["f:1: name: must be in small letters (for example: soup)"]),
        ("name: [a]", ["f:1: name: must be a name, not a list (for example: soup)"]),
        ("name: a\nparts: b", ["f:2: parts: must be a list, not a single value (for example: [salt])"]),
        ("name: a\nparts: [b, ~]", ["f:2: parts[1]: is empty"]),
        ("name: a\nnam: b", ["f:2: nam: unknown field; did you mean `name`?"]),
        ("name: a\nrecipe: known", ["f:2: recipe: nobody may know it; keep it"]),
        ("name: a\nrecipe: secret", []),
        ("name: a\ntaste: {b: c}", ["f:2: taste: must be a name or a list, not a map (for example: hot)"]),
        (
            "name: a\nprices: {Big: c, d: E}",
            ["f:2: prices.Big: must be in small letters (for example: big)"]
            + ["f:2: prices.d: must be in small letters (for example: e)"],
        ),
    ],
)
def test_a_mistake_is_told_with_what_would_be_right(text: str, messages: list[str]) -> None:
    try:
        read(text)
    except InvalidInput as refused:
        assert [str(problem) for problem in refused.problems] == messages
    else:
        assert messages == []


def test_a_name_like_a_known_one_is_asked_for() -> None:
    assert did_you_mean("databse", ["web", "database"]) == "; did you mean `database`?"
    assert did_you_mean("zzz", ["web", "database"]) == ""
