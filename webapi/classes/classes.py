"""Finds classes among the runs."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, TypeVar

from webapi.classes.members import Told, merged, wanted
from webapi.classes.view import Admission, ClassView, Member, counted
from webapi.runs.events import read_since
from webapi.runs.model import Kind, Run, RunState, UnknownRun
from webapi.runs.store import RunStore

Kept = TypeVar("Kept")
MOST_KEPT = 256


class Classes:
    """The classes that the runs of a store tell of."""

    def __init__(self, store: RunStore) -> None:
        self._store = store
        self._kept: OrderedDict[tuple[str, str], Any] = OrderedDict()

    def all(self, lab: str = "") -> list[ClassView]:
        """The classes, of a lab where one is named; the one with the newest run first."""
        by_class: dict[tuple[str, str], list[Run]] = {}
        for run in self._store.find(lab):
            if run.kind != Kind.PREVIEW:
                by_class.setdefault((run.lab, run.class_id), []).append(run)
        return [self._view(runs) for runs in by_class.values()]

    def get(self, lab: str, class_id: str) -> ClassView | None:
        """A class, or None where no run tells of it."""
        runs = [run for run in self._store.find(lab, class_id) if run.kind != Kind.PREVIEW] if lab and class_id else []
        return self._view(runs) if runs else None

    def instance(self, name: str) -> tuple[ClassView, Member] | None:
        """An instance by its name, such as `lab-123-student-456`."""
        for view in self.all():
            for member in view.members:
                if member.instance == name:
                    return view, member
        return None

    def take_credentials(self, lab: str, class_id: str) -> list[dict[str, Any]] | None:
        """The credentials of a class, once; None where there are none to show.

        Older ones that nobody has taken are removed: the newest hold all that is still right.
        """
        found = None
        for run in self._store.find(lab, class_id):
            taken = self._store.take_credentials(run.id)
            found = taken if found is None and not self._deleted_since(run) else found
        return found

    def _view(self, runs: list[Run]) -> ClassView:
        """Of the runs of one class, the newest first."""
        outcome = self._outcome(runs[0]) or {}
        # What was before the last start that has told what came of it is of no interest.
        first = next((n for n, run in enumerate(runs) if run.kind == Kind.START and self._told_instances(run)), None)
        told = [self._told(run) for run in reversed(runs[: None if first is None else first + 1])]
        members = merged(told)
        started = next((run for run in runs if run.kind == Kind.START), None)
        return ClassView(
            runs[0].lab,
            runs[0].class_id,
            members,
            runs[0],
            self._with_credentials(runs),
            Admission.told(self._outcome(started)) if started else None,
            tuple(str(problem) for problem in outcome.get("problems") or ()),
            counted(members),
        )

    def _told(self, run: Run) -> Told:
        outcome = self._outcome(run)
        return Told(
            run.kind,
            run.state,
            self._wanted(run) if run.kind == Kind.START else (),
            outcome,
            () if (outcome or {}).get("instances") else read_since(self._store.events_path(run.id)),
        )

    def _told_instances(self, run: Run) -> bool:
        return bool((self._outcome(run) or {}).get("instances"))

    def _with_credentials(self, runs: list[Run]) -> str:
        for run in runs:
            if self._deletes_all(run):
                break
            if self._store.has_credentials(run.id):
                return run.id
        return ""

    def _deleted_since(self, run: Run) -> bool:
        later = self._store.find(run.lab, run.class_id)
        return any(self._deletes_all(other) for other in later if other.id > run.id)

    def _outcome(self, run: Run) -> dict[str, Any] | None:
        if not run.state.ended:
            return None
        return self._once("outcome", run, lambda: self._store.outcome(run.id))

    def _wanted(self, run: Run) -> tuple[Member, ...]:
        def read() -> tuple[Member, ...]:
            request = self._store.request(run.id)
            return wanted(request.lab_text, request.roster, request.class_id)

        return self._once("wanted", run, read) or ()

    def _once(self, what: str, run: Run, read: Callable[[], Kept]) -> Kept | None:
        """What does not change any more is read once; None where the run has just been removed."""
        key = (what, run.id)
        if key in self._kept:
            known: Kept | None = self._kept.get(key)
            return known
        try:
            found = read()
        except UnknownRun:
            return None
        self._kept[key] = found
        if len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)
        return found

    def _deletes_all(self, run: Run) -> bool:
        def whole() -> bool:
            request = self._store.request(run.id)
            return request.roster is None and not request.options.get("students")

        deleted = run.kind == Kind.DELETE and run.state == RunState.SUCCEEDED
        return deleted and bool(self._once("whole", run, whole))
