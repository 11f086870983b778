"""Playbooks as users run them, and the results of their tasks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[3]
SECONDS = 240


@dataclass(frozen=True)
class Task:
    """A task on one host."""

    name: str
    host: str
    result: dict[str, Any]


@dataclass(frozen=True)
class Played:
    """One run."""

    succeeded: bool
    tasks: tuple[Task, ...]
    output: str

    @property
    def failure(self) -> str:
        """What the first failure says."""
        return next((str(task.result["msg"]) for task in self.tasks if task.result.get("failed")), "")

    @property
    def changed(self) -> list[str]:
        """The names of tasks that changed something, or would."""
        return [task.name for task in self.tasks if task.result.get("changed")]

    def result(self, name: str) -> dict[str, Any]:
        """The result of a task."""
        return next(task.result for task in self.tasks if task.name == name)


def play(folder: Path, playbook: str, inventory: Path, variables: Mapping[str, Any], *options: str) -> Played:
    """Run a playbook, given as text, with an inventory; `folder` is for its files."""
    (folder / "play.yml").write_text(playbook)
    # Not on the command line, where secrets would be seen.
    (folder / "variables.json").write_text(json.dumps(variables))
    settings = {
        "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"),
        "ANSIBLE_HOME": str(folder / "home"),
        "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
    }
    program = Path(sys.executable).parent / "ansible-playbook"
    done = subprocess.run(
        [program, "-i", inventory, folder / "play.yml", "-e", f"@{folder / 'variables.json'}", *options],
        env={**os.environ, **settings},
        cwd=CHECKOUT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    # Lines of progress come before it.
    start = done.stdout.find("{\n")
    assert start >= 0, done.stdout + done.stderr
    told = json.loads(done.stdout[start:])
    tasks = [
        Task(task["task"]["name"], host, result)
        for played in told["plays"]
        for task in played["tasks"]
        for host, result in task["hosts"].items()
    ]
    return Played(done.returncode == 0, tuple(tasks), done.stdout + done.stderr)
