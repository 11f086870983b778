"""What a class is, out of what its runs tell."""

from __future__ import annotations

from typing import Any

import pytest
from unit.webapi.conftest import LAB, ROSTER

from webapi.classes.members import Told, merged, wanted
from webapi.classes.view import Admission, Member
from webapi.runs.model import Event, Kind, RunState

WANTED = wanted(LAB, ROSTER, "1")
NAMES = [member.instance for member in WANTED]
CONNECTION = {"kind": "ssh", "host": "192.0.2.7", "port": 31000, "address": "ssh -p 31000 student@192.0.2.7"}


def result(member: Member, state: str, **more: Any) -> dict[str, Any]:
    """An entry of an outcome."""
    return {"instance": member.instance, "owner": member.owner, "state": state, "reason": "", "detail": ""} | more


def outcome(state: str, *members: Member, **more: Any) -> dict[str, Any]:
    """The outcome of a run after which these instances, or all, are so."""
    return {"msg": "", "instances": [result(member, state, **more) for member in members or WANTED]}


def progress(instance: str, state: str, reason: str = "") -> Event:
    """A line of progress."""
    return Event(1, "progress", {"instance": instance, "state": state, "seconds": 2.5, "reason": reason}, 0.0)


def start(state: RunState = RunState.SUCCEEDED, **more: Any) -> Told:
    """What a start tells."""
    return Told(Kind.START, state, WANTED, **more)


READY = start(
    outcome={
        "instances": [
            result(one, "ready", members=list(one.students), connections=[CONNECTION], outdated=["image"])
            for one in WANTED
        ]
    }
)


def states(*runs: Told) -> list[str]:
    """The states of the instances, in order."""
    return [member.state for member in merged(runs)]


def test_the_roster_says_who_is_in_the_class_before_anything_has_happened() -> None:
    members = merged([start(RunState.QUEUED)])
    assert [(member.name, member.state, member.settled) for member in members] == [
        ("Anna A.", "starting", False),
        ("Bob B.", "starting", False),
        ("Вера", "starting", False),
    ]


def test_progress_fills_the_class_while_it_starts() -> None:
    events = [progress(NAMES[1], "failed", "no room"), progress(NAMES[0], "ready"), progress("lab-x", "ready")]
    anna, bob, vera = merged([start(RunState.RUNNING, events=events)])
    assert (anna.state, anna.seconds, anna.settled) == ("ready", 2.5, True)
    assert (bob.state, bob.reason) == ("failed", "no room")
    assert (vera.state, vera.settled) == ("starting", False)


def test_the_outcome_of_a_start_is_the_class() -> None:
    members = merged([READY])
    assert [member.instance for member in members] == NAMES
    assert members[0].connections == (CONNECTION,) and members[0].outdated == ("image",)
    assert members[2].students == ({"id": "c-3", "name": "Вера"},)


def test_a_student_who_left_the_roster_leaves_the_class() -> None:
    gone = outcome("ready", *WANTED[:2], members=[{"id": "x", "name": ""}])
    gone["instances"].append(result(WANTED[2], "absent"))
    assert [member.instance for member in merged([READY, start(outcome=gone)])] == NAMES[:2]


def test_while_a_class_is_stopped_it_is_what_it_was_and_then_what_it_became() -> None:
    stopping = Told(Kind.STOP, RunState.RUNNING, events=[progress(NAMES[0], "stopped")])
    members = merged([READY, stopping])
    assert [(member.state, member.settled) for member in members] == [
        ("stopped", True),
        ("ready", False),
        ("ready", False),
    ]
    stopped = merged([READY, Told(Kind.STOP, RunState.SUCCEEDED, outcome=outcome("stopped"))])
    assert [(one.name, one.state, one.connections) for one in stopped] == [
        (one.name, "stopped", ()) for one in merged([READY])
    ]


@pytest.mark.parametrize("kind", [Kind.STOP, Kind.DELETE])
def test_whom_a_start_that_broke_off_did_not_reach_are_not_there_at_the_end(kind: Kind) -> None:
    broken = start(RunState.CANCELLED)
    assert states(broken, Told(kind, RunState.SUCCEEDED, outcome={"msg": "no instances", "instances": []})) == [
        *("absent", "absent", "absent")
    ]
    assert states(broken, Told(kind, RunState.SUCCEEDED, outcome=outcome("stopped", WANTED[1]))) == [
        *("absent", "stopped", "absent")
    ]
    assert states(broken, Told(kind, RunState.FAILED, outcome={"msg": "no", "instances": []}))[0] == "unknown"


@pytest.mark.parametrize("state", [RunState.CANCELLED, RunState.LOST])
@pytest.mark.parametrize("kind", [Kind.STOP, Kind.DELETE])
def test_of_an_end_that_broke_off_nobody_is_said_to_be_ready(kind: Kind, state: RunState) -> None:
    began = Event(1, "state", {"state": "running", "message": ""}, 0.0)
    anna, bob, vera = merged([READY, Told(kind, state, events=[began, progress(NAMES[1], "stopped")])])
    assert (anna.state, bob.state, vera.state) == ("unknown", "stopped", "unknown")
    assert anna.connections == bob.connections == vera.connections == ()
    assert (anna.name, anna.settled) == ("Anna A.", True)


def test_an_end_that_was_cancelled_before_it_began_changes_nothing() -> None:
    waited = Event(1, "state", {"state": "queued", "message": ""}, 0.0)
    assert merged([READY, Told(Kind.STOP, RunState.CANCELLED, events=[waited])]) == merged([READY])


def test_a_second_start_keeps_what_is_known_until_it_tells() -> None:
    members = merged([READY, start(RunState.RUNNING, events=[progress(NAMES[0], "ready")])])
    assert [(member.state, member.settled) for member in members] == [
        ("ready", True),
        ("ready", False),
        ("ready", False),
    ]
    assert members[1].connections == (CONNECTION,)


@pytest.mark.parametrize("state", [RunState.LOST, RunState.CANCELLED, RunState.FAILED])
def test_of_a_start_that_broke_off_only_that_is_known_which_it_told(state: RunState) -> None:
    assert states(start(state, events=[progress(NAMES[2], "ready")])) == ["unknown", "unknown", "ready"]
    assert states(READY, start(state)) == ["ready"] * 3


@pytest.mark.parametrize("refusal", [{"problems": ["roster.csv:2: id: x"]}, {"admission": {"fits": 0, "of": 3}}])
def test_a_refused_start_changes_nothing(refusal: dict[str, Any]) -> None:
    refused = start(RunState.FAILED, outcome={"msg": "", **refusal})
    assert states(refused) == ["absent"] * 3
    assert states(READY, refused) == ["ready"] * 3


def test_input_that_is_refused_names_nobody() -> None:
    assert wanted(LAB, b"id\nanna\nanna\n", "1") == wanted("x", ROSTER, "1") == wanted(LAB, None, "1") == ()


def test_room_is_told_in_a_sentence() -> None:
    told = {"admission": {"fits": 24, "of": 30, "shortages": ["memory short by 1.5 Gi on the lab nodes"]}}
    assert str(Admission.told(told)) == "24 of 30 fit: memory short by 1.5 Gi on the lab nodes"
    assert Admission.told({}) is Admission.told(None) is None
