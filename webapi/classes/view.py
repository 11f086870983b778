"""A class as it is now: what the last runs found, and over it what the run under way tells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from webapi.runs.model import Kind, Run, RunState

UNKNOWN = "unknown"
"""The state of an instance of which no run has told anything."""
STARTING = "starting"
ABSENT = "absent"


@dataclass(frozen=True)
class Member:
    """One instance, and the students who use it."""

    instance: str
    owner: str
    """Id of the student or group."""
    students: tuple[dict[str, str], ...] = ()
    """Each with `id` and `name`, as the roster has them."""
    state: str = UNKNOWN
    """ready, starting, failed, stopped, absent, refused, or unknown."""
    reason: str = ""
    """Why, in words for a teacher."""
    detail: str = ""
    """What the cluster said, for an admin."""
    seconds: float | None = None
    """Seconds after the begin of the run under way until the state was reached; None where it has not told."""
    settled: bool = True
    """False while the run under way has not told about the instance."""
    connections: tuple[dict[str, Any], ...] = ()
    """As the action's result has them: kind, host, port, user, address, host_key, host_key_fingerprint, member."""
    outdated: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What a teacher calls it: the students' names, else the owner's id."""
        return ", ".join(student["name"] or student["id"] for student in self.students) or self.owner

    def who(self, student_id: str | None) -> str:
        """What a teacher calls one of the students; nothing where none is meant."""
        found = (student["name"] for student in self.students if student["id"] == student_id)
        return next(found, "") or student_id or ""


@dataclass(frozen=True)
class Admission:
    """How many instances of a class there is room for, and what is short where not all fit."""

    fits: int
    of: int
    shortages: tuple[str, ...] = ()

    @classmethod
    def told(cls, outcome: Mapping[str, Any] | None) -> Admission | None:
        """What an outcome says; None where it says nothing of it."""
        found = (outcome or {}).get("admission")
        return cls(int(found["fits"]), int(found["of"]), tuple(found.get("shortages") or ())) if found else None

    def __str__(self) -> str:
        """Such as `24 of 30 fit: memory short by 1.5 Gi on the lab nodes`."""
        return ": ".join(part for part in (f"{self.fits} of {self.of} fit", "; ".join(self.shortages)) if part)


@dataclass(frozen=True)
class ClassView:
    """A class, in the roster's order."""

    lab: str
    class_id: str
    members: tuple[Member, ...]
    last_run: Run
    """The newest run of the class that is no preview."""
    credentials_run: str = ""
    """Id of the run whose credentials have not been shown; empty where none are there."""
    admission: Admission | None = None
    """What the last start said about room, where it said it."""
    problems: tuple[str, ...] = ()
    """What was wrong with the input of the last run."""
    counts: dict[str, int] = field(default_factory=dict)
    """Number of instances by state."""

    @property
    def active(self) -> bool:
        """Whether a run is queued or running."""
        return not self.last_run.state.ended

    @property
    def credentials_available(self) -> bool:
        """Whether credentials can be shown, which is possible once."""
        return bool(self.credentials_run)

    @property
    def gone(self) -> bool:
        """Whether it has been deleted, so that nothing of it is left but volumes."""
        ended = self.last_run.kind == Kind.DELETE and self.last_run.state == RunState.SUCCEEDED
        return ended and all(member.state == ABSENT for member in self.members)


def counted(members: tuple[Member, ...]) -> dict[str, int]:
    """Number of instances by state."""
    return dict(Counter(member.state for member in members))
