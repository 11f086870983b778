"""What a run did and found, instance by instance; as results and as one sentence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.labs.admission.shortage import Admission
from ansible_collections.autolabs.platform.plugins.module_utils.labs.connection import Connection
from ansible_collections.autolabs.platform.plugins.module_utils.labs.model import Student
from ansible_collections.autolabs.platform.plugins.module_utils.labs.status import FAILED, Status


@dataclass(frozen=True)
class Outcome:
    """One instance after a run. `owner` is the id of its student or group."""

    instance: str
    owner: str
    status: Status
    members: tuple[Student, ...] = ()
    connections: tuple[Connection, ...] = ()
    changed: bool = False
    outdated: tuple[str, ...] = ()
    """Fields that differ from the lab config and stay so until the instance is recreated."""

    def as_result(self) -> dict[str, Any]:
        """As a module's result holds it."""
        return {
            "instance": self.instance,
            "owner": self.owner,
            "members": [{"id": student.id, "name": student.name} for student in self.members],
            "state": self.status.state,
            "reason": self.status.reason,
            "detail": self.status.detail,
            "connections": [connection.as_result() for connection in self.connections],
            "changed": self.changed,
            "outdated": list(self.outdated),
        }


@dataclass(frozen=True)
class ClassOutcome:
    """A whole class after a run."""

    outcomes: tuple[Outcome, ...]
    changed: bool
    diff: list[dict[str, str]] = field(default_factory=list)
    admission: Admission | None = None
    """What there was room for, where instances were to be started."""

    @property
    def failed(self) -> tuple[Outcome, ...]:
        """The instances that need somebody's attention."""
        return tuple(outcome for outcome in self.outcomes if outcome.status.state == FAILED)

    def sentence(self) -> str:
        """Such as `11 of 12 instances ready, 1 failed: lab-1-student-b: the image … cannot be pulled`."""
        text = counted(outcome.status.state for outcome in self.outcomes)
        if self.admission and not self.admission.whole:
            text += f" ({self.admission.sentence()})"
        if not self.failed:
            return text
        shown = "; ".join(f"{outcome.instance}: {outcome.status.reason}" for outcome in self.failed[:3])
        more = f"; and {len(self.failed) - 3} more" if len(self.failed) > 3 else ""
        return f"{text}: {shown}{more}"


def counted(states: Iterable[str]) -> str:
    """How many instances are in which state."""
    counts = Counter(states)
    total = sum(counts.values())
    if not total:
        return "no instances"
    (first, number), *rest = counts.most_common()
    return ", ".join([f"{number} of {total} instances {first}", *(f"{count} {state}" for state, count in rest)])
