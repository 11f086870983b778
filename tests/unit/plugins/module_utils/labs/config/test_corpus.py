"""Compose files as people write them: each becomes a lab, or is refused with every field that cannot be honoured.

A comment `# refused: FIELD, FIELD` stands on the line on which those fields are refused; `-` stands for the file as a
whole. A file without such a comment is a lab.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput
from ansible_collections.autolabs.platform.plugins.module_utils.documents.text import decoded
from ansible_collections.autolabs.platform.plugins.module_utils.labs.config.lab import parse_lab

CORPUS = sorted((Path(__file__).parents[5] / "data/labs/corpus").glob("*.yml"))
REFUSED = re.compile("# refused: (.+)$", re.MULTILINE)


def expected(text: str) -> list[tuple[int, str]]:
    """Line and field of everything that a file of the corpus says is refused in it."""
    return sorted(
        (number, field.strip().removeprefix("-"))
        for number, line in enumerate(text.splitlines(), 1)
        for fields in REFUSED.findall(line)
        for field in fields.split(",")
    )


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_a_file_is_a_lab_or_every_field_that_is_refused_is_named_and_no_other(path: Path) -> None:
    text = decoded(path.read_bytes(), path.name)
    found: list[tuple[int, str]] = []
    said = ""
    try:
        parse_lab(text, file=path.name)
    except InvalidInput as refused:
        said = str(refused)
        found = sorted((problem.line, problem.field) for problem in refused.problems)
    assert found == expected(text), said


def test_the_corpus_is_large_enough_and_holds_both_kinds() -> None:
    labs = [path for path in CORPUS if not expected(decoded(path.read_bytes(), path.name))]
    assert len(CORPUS) >= 50
    assert len(labs) >= 20
    assert len(CORPUS) - len(labs) >= 30


def test_every_lab_of_the_corpus_has_a_name_of_its_own() -> None:
    labs = [text for path in CORPUS if not expected(text := decoded(path.read_bytes(), path.name))]
    assert len({parse_lab(text).id for text in labs}) == len(labs)
