"""Puts together what the runs of a class tell about its instances. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from webapi import engine
from webapi.classes.view import ABSENT, STARTING, UNKNOWN, Member
from webapi.runs.model import Event, Kind, RunState

Members = dict[str, Member]


@dataclass(frozen=True)
class Told:
    """What one run tells."""

    kind: Kind
    state: RunState
    wanted: tuple[Member, ...] = ()
    """Whom a start was asked for, in the roster's order."""
    outcome: Mapping[str, Any] | None = None
    events: Sequence[Event] = field(default=())
    """Needed only where no outcome tells of instances."""

    @property
    def refused(self) -> bool:
        """Whether the run was refused as a whole: then nothing was changed."""
        return not self.instances and bool((self.outcome or {}).keys() & {"problems", "admission"})

    @property
    def broke_off(self) -> bool:
        """Whether it began to stop or delete the class, and nobody knows how far it came."""
        began = any(event.type == "state" and event.data["state"] == RunState.RUNNING for event in self.events)
        return self.kind != Kind.START and self.state in (RunState.CANCELLED, RunState.LOST) and began

    @property
    def ended_class(self) -> bool:
        """Whether the whole class was stopped or deleted, so that the outcome tells of all there is of it."""
        return self.kind in (Kind.STOP, Kind.DELETE) and self.state == RunState.SUCCEEDED and bool(self.outcome)

    @property
    def instances(self) -> list[dict[str, Any]]:
        """The instances of the outcome; none where nothing was done, or nobody knows what was."""
        return list((self.outcome or {}).get("instances") or ())


def merged(runs: Iterable[Told]) -> tuple[Member, ...]:
    """The instances of a class, from what its runs tell, the oldest first."""
    members: Members = {}
    for told in runs:
        if told.instances and told.kind == Kind.START:
            members = _started(told, members)
        elif told.ended_class:
            members = _ended(told, members)
        elif told.instances:
            members = members | {one["instance"]: _found(one, members.get(one["instance"])) for one in told.instances}
        elif not told.refused:
            members = _under_way(told, members)
        elif not members:
            members = {one.instance: replace(one, state=ABSENT) for one in told.wanted}
    return tuple(members.values())


def wanted(lab_text: str, roster: bytes | None, class_id: str) -> tuple[Member, ...]:
    """Whom a start with this input is for; nobody where the input is refused."""
    if roster is None:
        return ()
    try:
        made = engine.lab_class(engine.parse(lab_text), engine.roster(roster), class_id)
    except engine.InvalidInput:
        return ()
    return tuple(
        Member(one.name, one.owner, tuple({"id": student.id, "name": student.name} for student in one.members))
        for one in made.instances
    )


def _started(told: Told, before: Members) -> Members:
    # What a start reports as absent are those who have left the roster.
    return {
        one["instance"]: _found(one, before.get(one["instance"]))
        for one in told.instances
        if one["state"] != ABSENT or one.get("members")
    }


def _ended(told: Told, before: Members) -> Members:
    # Whom a start that broke off had not reached are not there, and so the outcome is silent about them.
    absent = {name: replace(one, state=ABSENT, reason="", connections=()) for name, one in before.items()}
    return absent | {one["instance"]: _found(one, before.get(one["instance"])) for one in told.instances}


def _found(one: Mapping[str, Any], before: Member | None) -> Member:
    known = before or Member(one["instance"], one["owner"])
    return Member(
        known.instance,
        known.owner,
        tuple(one.get("members") or known.students),
        one["state"],
        one.get("reason", ""),
        one.get("detail", ""),
        connections=tuple(one.get("connections") or ()),
        outdated=tuple(one.get("outdated") or ()),
    )


def _under_way(told: Told, before: Members) -> Members:
    """While a run goes on, or where it ended without saying what came of it."""
    members = before
    running = not told.state.ended
    if told.kind == Kind.START and told.wanted:
        unknown = STARTING if running else UNKNOWN
        known = {one.instance: replace(one, state=unknown) for one in told.wanted}
        members = {name: before.get(name, one) for name, one in known.items()}
    elif told.broke_off:
        members = {name: replace(one, state=UNKNOWN, reason="", connections=()) for name, one in before.items()}
    members = {name: replace(one, settled=not running) for name, one in members.items()}
    for event in told.events:
        name = event.data.get("instance")
        if event.type == "progress" and name in members:
            members[name] = replace(
                members[name],
                state=event.data["state"],
                reason=event.data["reason"],
                seconds=event.data["seconds"],
                detail="",
                settled=True,
                connections=_connections(members[name], event.data.get("connections") or ()),
            )
    return members


def _connections(member: Member, told: Iterable[Mapping[str, Any]]) -> tuple[dict[str, Any], ...]:
    """The ways in that a line of progress tells, with what is known of them already.

    It does not say for whom each is. In a group everybody has one: members keep theirs, and the engine gives the
    others out in the order of the roster.
    """
    known = {one["address"]: one for one in member.connections}
    found = [dict(known.get(one["address"], one)) for one in told]
    ids = [student["id"] for student in member.students]
    mine = {one.get("member") for one in found}
    new = [one for one in found if one["kind"] == "ssh" and "member" not in one]
    left = [student for student in ids if student not in mine]
    if len(ids) > 1 and len(new) == len(left):
        for one, student in zip(new, left, strict=True):
            one["member"] = student
    return tuple(found)
