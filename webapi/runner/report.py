"""Turns what ansible-runner tells, an event at a time, into the run's own events and its outcome.

Ansible waits for none of this, but a class of a thousand has thousands of events: keep it small.
"""

from __future__ import annotations

from typing import Any

from webapi import engine, files
from webapi.runs import events
from webapi.runs.folder import Folder

ACTION = "autolabs.platform.lab_class"
TOLD = ("msg", "changed", "failed", "instances", "admission", "problems")
"""What an outcome takes over from the action's result. None of it holds a secret."""


class Reporter:
    """Writes to the folder of one run."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._message = ""

    def take(self, event: dict[str, Any]) -> bool:
        """One event of ansible-runner; always True, so that it is kept among the artifacts."""
        kind, data = event["event"], event.get("event_data") or {}
        if kind == "verbose":
            for line in event.get("stdout", "").splitlines():
                if progress := engine.Progress.parse(line):
                    self._tell("progress", engine.told(progress))
        elif kind in ("runner_on_ok", "runner_on_failed"):
            self._result(data)
        elif kind == "playbook_on_start":
            self._tell("message", {"text": "The playbook has begun.", "stage": "playbook"})
        elif kind == "playbook_on_task_start":
            self._tell("message", {"text": data.get("task", ""), "stage": "task"})
        return True

    def message(self) -> str:
        """What came of the run in one sentence; empty where nobody said."""
        return self._message

    def _result(self, data: dict[str, Any]) -> None:
        result = data.get("res") or {}
        message = self._plain(str(result.get("msg") or ""))
        if data.get("task_action") == ACTION:
            outcome = {name: result[name] for name in TOLD if name in result} | {"msg": message}
            if "problems" in outcome:
                outcome["problems"] = [self._plain(str(problem)) for problem in outcome["problems"]]
            files.write_json(self._folder.outcome, outcome)
            self._message = message
        elif result.get("failed") and message:
            self._message = message

    def _plain(self, text: str) -> str:
        """A text without the run's folder before the names of its files, which say nothing to a teacher."""
        return text.replace(f"{self._folder.path}/", "")

    def _tell(self, type: str, data: dict[str, Any]) -> None:
        events.append(self._folder.events, type, data)
