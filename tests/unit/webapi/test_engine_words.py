"""What the engine can tell a teacher is there in Russian: its sentences are read out of its own code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from unit.webapi.conftest import REPOSITORY
from unit.webapi.front import Front

from webapi.pages import engine_words
from webapi.runs import messages

PLUGINS = REPOSITORY / "plugins"
LABS = PLUGINS / "module_utils" / "labs"
# Whatever is added to these folders is looked at as well.
MODULES = [
    *sorted((LABS / "running").glob("*.py")),
    *sorted((LABS / "admission").glob("*.py")),
    *(LABS / name for name in ("status.py", "overview.py", "outcome.py", "engine.py", "preview/limits.py")),
    PLUGINS / "action" / "lab_class.py",
]
# What others say and we look for, details for admins, names of things, and pieces of sentences that stand below.
NO_SENTENCES = {
    *("persistent volume", "volume node affinity conflict", "Too many pods", "untolerated taint"),
    *("node affinity/selector", "violates PodSecurity", "exceeded quota", "dial tcp", "connection refused"),
    *("storage class is set", "not found", "no volume plugin matched", "no match for platform"),
    *("there is no node 1", "node 1, 1: 1", "(cannot be read: 1)", "last lines of its log:\n1", "it wrote nothing"),
    *("(the cluster did not tell more: 1)", "volume claim 1: 1", "class 1 of lab 1 in 1", "on one node"),
    *("1: 1, 1", "1: 1", "1 1", "1: 11", "1 (1)", "1 and 1"),
}
# Pieces, and a sentence in which each stands.
PIECES = {
    "could not be": ["could not be stopped: the cluster does not answer", "could not be removed: 1"],
    "would be 1": ["would be stopped", "would be absent"],
    "is not ready": ["no node takes labs: a is not ready, b is cordoned and c has the taint x"],
    "is cordoned": ["no node takes labs: a is cordoned"],
    "does not have the volume": ["no node takes labs: a does not have the volume"],
    "has the taint 1": ["no node takes labs: a has the taint x"],
    "lacks the label 1=1": ["no node takes labs: a lacks the label a=b"],
    "1 short by 1 1": ["memory short by 1.5 Gi on the lab nodes"],
    "on the lab nodes": ["1 of 2 fit: memory short by 1.5 Gi on the lab nodes; pods short by 1 on the lab nodes"],
    "in the quota of the namespace 1": ["CPU short by 2 cores in the quota of the namespace labs"],
    "in the cluster's range of 1": ["node ports short by 3 in the cluster's range of 2768"],
    "1 of 1": ["0.5 cores of CPU and 512 Mi of memory", "1.5 Gi of storage"],
    "1 of the class 1": ["storage of the class fast", "volumes of the class fast"],
    "for a pod": ["3 Gi of memory is too much: the site's most is 2 Gi for a pod"],
    "1 is too little: the site's least is 1": ["10 Mi of memory is too little: the site's least is 64 Mi"],
    "1 is too much: the site's most is 1": ["2 cores of CPU is too much: the site's most is 1 core"],
    "no single node has 1 free": ["no single node has 0.5 cores of CPU and 512 Mi of memory free"],
    "; with admit: partial those that fit are started, in the order of the roster": [
        "1 of 2 fit: pods short by 1 on the lab nodes. Nothing was created; with admit: partial those that fit are "
        "started, in the order of the roster"
    ],
    "1. Nothing was created1": ["0 of 2 fit: pods short by 1 on the lab nodes. Nothing was created"],
    "; and 1 more": ["1 of 5 instances ready, 4 failed: lab-a-student-a: 1; lab-a-student-b: 1; and 2 more"],
    "1 of 1 instances 1": ["2 of 3 instances ready, 1 starting", "3 of 3 instances stopped"],
    "the first 1 instances": ["not started, because the first 3 instances failed: the image a does not exist"],
    "1 mistake1, nothing was changed:\n1": ["2 mistakes, nothing was changed:\nroster.csv:2: id: is empty"],
    "1; the cluster's administrator can allow it": [
        "the account bob may not create pods in the namespace labs; the cluster's administrator can allow it"
    ],
}
LATIN = re.compile(r"[a-z]{2,}")
NOT_TRANSLATED = re.compile(r"\b(?:lab-[a-z-]+|pods|create|bob|labs|roster\.csv|id|fast|admit|partial|storage_class)\b")


def said(path: Path) -> Iterator[str]:
    """The texts of a module with spaces between words, with `1` for what varies."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inside: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr):
            inside.add(id(node.value))
        elif isinstance(node, ast.JoinedStr):
            inside |= {id(part) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            text = "".join(str(part.value) if isinstance(part, ast.Constant) else "1" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
            # What str.format fills in; those with other braces are patterns.
            text = re.sub(r"\{\w*(?::[^}]*)?\}", "1", node.value)
        else:
            continue
        if " " in text.strip() and "\\b" not in text and "|" not in text:
            yield text.strip()


@pytest.fixture
def russian(tmp_path: Path) -> Iterator[None]:
    """A request of somebody who reads Russian."""
    with Front(tmp_path).app.test_request_context(headers={"Accept-Language": "ru"}):
        yield


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
@pytest.mark.usefixtures("russian")
def test_every_sentence_of_the_engine_is_in_russian(path: Path) -> None:
    missing = [
        text
        for text in said(path)
        if text not in NO_SENTENCES and text not in PIECES and not engine_words.translated(text)
    ]
    assert missing == [], "add these to webapi/pages/engine_sentences.py, or to the lists here"


@pytest.mark.parametrize("sentence", sorted({whole for wholes in PIECES.values() for whole in wholes}))
@pytest.mark.usefixtures("russian")
def test_a_sentence_that_is_put_together_is_in_russian_to_its_end(sentence: str) -> None:
    told = engine_words.translated(sentence)
    assert told is not None
    if "does not exist" not in sentence:
        assert LATIN.findall(NOT_TRANSLATED.sub("", told)) == []


def test_the_lists_here_hold_nothing_that_is_gone() -> None:
    there = {text for path in MODULES for text in said(path)}
    assert (NO_SENTENCES | PIECES.keys()) - there == set()


@pytest.mark.usefixtures("russian")
def test_what_a_run_says_itself_is_in_russian() -> None:
    told = [*messages.CANCELLED.values(), messages.CANCELLED_IN_QUEUE, messages.NOT_ENDED, messages.LOST]
    assert [text for text in [*told, messages.NO_PROCESS.format("x")] if not engine_words.translated(text)] == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("roster.csv:3: id: is empty", "roster.csv:3: id: пусто"),
        ("lab.yml:1: name: is empty (for example: a)", "lab.yml:1: name: пусто (например: a)"),
        (
            "2 of 3 instances ready, 1 failed: lab-a-student-b: no node has room for the instance yet",
            "экземпляров 3: готов – 2, ошибка – 1: lab-a-student-b: пока ни на одном узле нет места для экземпляра",
        ),
        ("anything and everything", None),
        ("a; b", None),
        ("x" * 5000, None),
    ],
)
@pytest.mark.usefixtures("russian")
def test_a_text_is_translated_or_left_alone(text: str, told: str | None) -> None:
    assert engine_words.translated(text) == told
