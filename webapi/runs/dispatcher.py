"""Who starts runs and ends them: the seam between the web app and what carries its runs."""

from __future__ import annotations

from typing import Protocol

from webapi.runs.model import Run, RunRequest


class Dispatcher(Protocol):
    """Carries runs: in order, a limited number at once, one a class."""

    def submit(self, request: RunRequest) -> Run:
        """Take a run on, which begins as soon as there is a place for it.

        Raises ClassBusy where a run of the class is under way or queued (previews neither wait nor stand in the
        way), and OSError where it cannot be kept.
        """

    def cancel(self, run_id: str, *, wait: bool = True) -> Run:
        """End a run with every process that it has started, within ten seconds; returns when they are gone.

        wait: False returns at once, with the run as it is; RunStore.cancelling tells that it is being ended. A run that
        has ended stays as it is. Raises UnknownRun.
        """

    def trouble(self) -> str:
        """What keeps it from carrying runs, in a sentence for an admin; nothing where it is well."""

    def recover(self) -> None:
        """After a restart: follow what still runs, find what is lost, go on with the queue."""

    def close(self) -> None:
        """Stop looking after runs; those that run go on."""
