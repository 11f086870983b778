"""Real runs of the real playbooks, against an API server in memory."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from unit.support import api_server
from unit.support.classes import ready

from webapi import collection
from webapi.runs.events import Follower
from webapi.runs.launch import Launcher
from webapi.runs.local import LocalDispatcher
from webapi.runs.model import Event, Kind, Run, RunRequest
from webapi.runs.processes import end_all
from webapi.runs.retention import Retention
from webapi.runs.store import FolderRunStore

REPOSITORY = Path(__file__).resolve().parents[3]
LAB = "name: a-lab\nservices:\n  linux:\n    image: registry.example/linux:1\nx-lab:\n  access: ssh\n"
ROSTER = b"id,name\nanna,Anna A.\nbob,Bob B.\nc-3,\xd0\x92\xd0\xb5\xd1\x80\xd0\xb0\n"
NODE = {
    "apiVersion": "v1",
    "kind": "Node",
    "metadata": {"name": "node-1"},
    "status": {
        "allocatable": {"cpu": "8", "memory": "16Gi", "pods": "110"},
        "conditions": [{"type": "Ready", "status": "True"}],
    },
}


@dataclass
class Machine:
    """A state folder with a dispatcher, and the cluster that its inventory names."""

    folder: Path
    api: api_server.ApiServer
    inventory: Path
    dispatchers: list[LocalDispatcher] = field(default_factory=list)

    @property
    def store(self) -> FolderRunStore:
        """The runs."""
        return FolderRunStore(self.folder / "runs")

    def dispatcher(self, most: int = 2) -> LocalDispatcher:
        """As a web app makes it when it starts."""
        launcher = Launcher(collection.find(), (self.inventory,))
        made = LocalDispatcher(self.store, launcher, Retention(), most)
        self.dispatchers.append(made)
        made.recover()
        return made

    def everything_ready(self) -> None:
        """As if the kubelets had started all Pods."""
        self.api.kubelet = lambda pod: ready()
        for path in list(self.api.objects):
            if "/pods/" in path:
                self.api.report(path.rpartition("/")[2], ready())

    def wait(
        self, run_id: str, reached: Callable[[Run], bool] = lambda run: run.state.ended, seconds: float = 30
    ) -> Run:
        """Until a run is so far."""
        until = time.monotonic() + seconds
        while not reached(run := self.store.get(run_id)):
            assert time.monotonic() < until, f"{run}\n{self.store.log(run_id)}"
            time.sleep(0.05)
        return run

    def events(self, run_id: str, type: str = "") -> list[Event]:
        """What a run has told, up to its last word: that follows its state by a moment."""
        found = []
        for event in Follower().follow(self.store.events_path(run_id), heartbeat=30):
            assert event is not None, f"nothing was told for 30 s\n{self.store.log(run_id)}"
            found.append(event)
        return [event for event in found if type in ("", event.type)]


def asked(kind: Kind = Kind.START, *, class_id: str = "1", **changes: Any) -> RunRequest:
    """A request for the lab `a-lab`."""
    given: dict[str, Any] = {"lab_text": LAB, "roster": ROSTER if kind in (Kind.START, Kind.PREVIEW) else None}
    return RunRequest(kind, "a-lab", class_id, **(given | changes))


def pods_are_there(machine: Machine) -> None:
    """Wait until a start is in its middle."""
    until = time.monotonic() + 30
    while not any("/pods/" in path for path in list(machine.api.objects)):
        assert time.monotonic() < until, machine.api.requests
        time.sleep(0.05)


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """A machine on which runs can be started; ends them after the test."""
    with api_server.serving(tmp_path) as (api, kubeconfig):
        api.kubelet = lambda pod: ready()
        api.put(NODE)
        inventory = tmp_path / "hosts.yml"
        inventory.write_text(f"all:\n  hosts:\n    localhost:\n  vars:\n    lab_kubeconfig: {kubeconfig}\n")
        made = Machine(tmp_path / "state", api, inventory)
        yield made
        for dispatcher in made.dispatchers:
            dispatcher.close()
        for run in made.store.find():
            if not run.state.ended:
                end_all(run.id)
