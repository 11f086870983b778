"""Which runs are kept, and for how long."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass

from webapi.runs.model import Kind, Run, RunState, UnknownRun
from webapi.runs.store import RunStore

DAY = 86_400


@dataclass(frozen=True)
class Retention:
    """The newest `runs` of each class, for `days` days."""

    runs: int = 20
    days: int = 90

    def apply(self, store: RunStore, now: float | None = None) -> list[str]:
        """Remove what is too much or too old; the ids of what was removed.

        What a class that stands is known by is kept whatever its age: the last start that told of instances, and all
        that came after it. So is every run that has not ended.
        """
        oldest = (time.time() if now is None else now) - self.days * DAY
        by_class: dict[tuple[str, str], list[Run]] = {}
        for run in store.find():
            by_class.setdefault((run.lab, run.class_id), []).append(run)
        removed = []
        for runs in by_class.values():
            needed = self._needed(store, runs)
            for number, run in enumerate(runs):
                old = number >= self.runs or run.created < oldest
                if old and run.state.ended and run.id not in needed:
                    with contextlib.suppress(UnknownRun):
                        store.delete(run.id)
                        removed.append(run.id)
        return removed

    @staticmethod
    def _needed(store: RunStore, runs: list[Run]) -> set[str]:
        """Of the runs of one class, the newest first."""
        needed: set[str] = set()
        for run in runs:
            if run.kind == Kind.PREVIEW:
                continue
            if run.kind == Kind.DELETE and run.state == RunState.SUCCEEDED:
                break
            needed.add(run.id)
            if run.kind == Kind.START and (store.outcome(run.id) or {}).get("instances"):
                break
        return needed
