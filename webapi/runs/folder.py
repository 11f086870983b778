"""The files of one run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from webapi import files
from webapi.runs.model import Kind, Run, RunState


@dataclass(frozen=True)
class Folder:
    """The files of a run, by name. All have mode 0600 and the folder 0700."""

    path: Path

    @property
    def request(self) -> Path:
        """What identifies the run: id, kind, lab, class_id, created, language, roster_format."""
        return self.path / "request.json"

    @property
    def lab(self) -> Path:
        """The lab config as it was."""
        return self.path / "lab.yml"

    @property
    def rosters(self) -> tuple[Path, Path]:
        """Where the roster is, by its format; at most one of them exists."""
        return self.path / "roster.csv", self.path / "roster.json"

    @property
    def options(self) -> Path:
        """The options of the action, with class_id."""
        return self.path / "options.json"

    @property
    def credentials(self) -> Path:
        """Made by the action; taken once."""
        return self.path / "credentials.json"

    @property
    def state(self) -> Path:
        """What changes of the run, replaced as a whole."""
        return self.path / "state.json"

    @property
    def events(self) -> Path:
        """See webapi.runs.events."""
        return self.path / "events.jsonl"

    @property
    def outcome(self) -> Path:
        """The action's result."""
        return self.path / "outcome.json"

    @property
    def log(self) -> Path:
        """What the run's processes printed."""
        return self.path / "log.txt"

    @property
    def lock(self) -> Path:
        """Held by the run's process as long as it lives."""
        return self.path / "process.lock"

    @property
    def cancelled(self) -> Path:
        """There where somebody has asked for the run to be ended."""
        return self.path / "cancelled"

    def read(self) -> Run:
        """The run as it is now. Raises FileNotFoundError."""
        known = files.read_json(self.request)
        changing = files.read_json(self.state)
        return Run(
            id=known["id"],
            kind=Kind(known["kind"]),
            lab=known["lab"],
            class_id=known["class_id"],
            created=known["created"],
            language=known["language"],
            **{**changing, "state": RunState(changing["state"])},
        )

    def change(self, **changes: Any) -> Run:
        """Write the state with these changes, as a whole."""
        files.write_json(self.state, {**files.read_json(self.state), **changes})
        return self.read()
