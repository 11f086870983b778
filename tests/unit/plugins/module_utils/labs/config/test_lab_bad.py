"""Each bad lab file gives exactly the problems that its head expects: line, field, message, in this order."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput
from ansible_collections.autolabs.platform.plugins.module_utils.labs.config.lab import parse_lab

BAD = sorted((Path(__file__).parents[5] / "data/labs/bad").glob("*.yml"))
EXPECT = re.compile(r"# expect: (?P<line>\d+) (?P<field>.*?) \| (?P<message>.*)")


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_a_bad_lab_is_refused_with_its_problems_in_file_order(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    expected = [match for match in map(EXPECT.fullmatch, text.splitlines()) if match]
    with pytest.raises(InvalidInput) as refused:
        parse_lab(text, file=path.name)
    found = refused.value.problems
    assert [(problem.line, problem.field) for problem in found] == [
        (int(match["line"]), match["field"].removeprefix("-")) for match in expected
    ], str(refused.value)
    for problem, match in zip(found, expected, strict=True):
        assert match["message"] in problem.message
        assert problem.file == path.name


def test_there_are_enough_bad_labs() -> None:
    assert len(BAD) >= 60
