"""What a run tells at its end."""

from __future__ import annotations

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.labs.connection import Connection
from ansible_collections.autolabs.platform.plugins.module_utils.labs.model import Student
from ansible_collections.autolabs.platform.plugins.module_utils.labs.outcome import ClassOutcome, Outcome
from ansible_collections.autolabs.platform.plugins.module_utils.labs.status import Status


def outcomes(*states: str) -> ClassOutcome:
    made = [
        Outcome(f"lab-1-student-{number}", str(number), Status(state, "no room" if state == "failed" else ""))
        for number, state in enumerate(states)
    ]
    return ClassOutcome(tuple(made), changed=True)


@pytest.mark.parametrize(
    ("states", "sentence"),
    [
        ([], "no instances"),
        (["ready"], "1 of 1 instances ready"),
        (["stopped"] * 3, "3 of 3 instances stopped"),
        (["ready"] * 2 + ["failed"], "2 of 3 instances ready, 1 failed: lab-1-student-2: no room"),
        (["ready"] * 3 + ["starting"] * 2, "3 of 5 instances ready, 2 starting"),
        (
            ["failed"] * 5,
            "5 of 5 instances failed: lab-1-student-0: no room; lab-1-student-1: no room; lab-1-student-2: no room;"
            " and 2 more",
        ),
    ],
)
def test_one_sentence_counts_and_names_what_failed(states: list[str], sentence: str) -> None:
    assert outcomes(*states).sentence() == sentence


def test_only_what_failed_needs_attention() -> None:
    found = outcomes("ready", "failed", "starting", "stopped", "absent")
    assert [outcome.owner for outcome in found.failed] == ["1"]


def test_a_result_has_the_documented_entries() -> None:
    outcome = Outcome(
        "lab-1-student-a",
        "a",
        Status("ready", "", "x"),
        (Student("a", "Анна", "7"),),
        (Connection("ssh", "192.0.2.7", 30001),),
        True,
        ("spec.a",),
    )
    assert outcome.as_result() == {
        "instance": "lab-1-student-a",
        "owner": "a",
        "members": [{"id": "a", "name": "Анна"}],
        "state": "ready",
        "reason": "",
        "detail": "x",
        "connections": [Connection("ssh", "192.0.2.7", 30001).as_result()],
        "changed": True,
        "outdated": ["spec.a"],
    }
