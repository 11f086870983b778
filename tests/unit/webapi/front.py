"""The web app's front over hand-written runs: a dispatcher that keeps what it is asked for and starts nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flask import Flask

import webapi
from webapi import engine, files
from webapi.classes.classes import Classes
from webapi.labs.library import Library
from webapi.routes import register
from webapi.routes.services import EXTENSION, Services
from webapi.runs import events
from webapi.runs.model import ClassBusy, Kind, Run, RunRequest, RunState
from webapi.runs.store import FolderRunStore

HERE = "http://localhost"
LAB = """\
name: linux
services:
  shell:
    image: registry.example/linux:1
    volumes:
      - home:/home
volumes:
  home:
x-lab:
  title: {en: First steps, ru: Первые шаги}
  text: Make a folder `work`.
  access: ssh
  volume: 1Gi
"""
ROSTER = "id,name\nanna,Анна Иванова\nboris,Boris Petrov\nvera,Вера\n"
STUDENTS = ("anna", "boris", "vera")


@dataclass
class FakeDispatcher:
    """Queues, and cancels at once."""

    store: FolderRunStore
    asked: list[RunRequest] = field(default_factory=list)

    def submit(self, request: RunRequest) -> Run:
        """As Dispatcher says."""
        for run in self.store.find(request.lab, request.class_id):
            if request.kind != Kind.PREVIEW and not run.state.ended and run.kind != Kind.PREVIEW:
                raise ClassBusy(run)
        self.asked.append(request)
        return self.store.create(request)

    def cancel(self, run_id: str, *, wait: bool = True) -> Run:
        """As Dispatcher says."""
        return self.store.change(
            run_id, state=RunState.CANCELLED, message="Cancelled before it began; nothing was changed."
        )

    def trouble(self) -> str:
        """None."""
        return ""

    def recover(self) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Nothing to do."""


class Front:
    """An app with its parts, and what a test does with them."""

    def __init__(self, folder: Path) -> None:
        self.store = FolderRunStore(folder / "runs")
        self.library = Library(folder / "labs")
        self.dispatcher = FakeDispatcher(self.store)
        root = str(Path(webapi.__file__).parent)
        self.app = Flask("webapi", root_path=root, template_folder="pages/templates", static_folder="pages/static")
        self.app.extensions[EXTENSION] = Services(
            self.library, Classes(self.store), self.store, self.dispatcher, heartbeat=0.05
        )
        register(self.app)

    def client(self, language: str = "en", *, origin: str = HERE) -> Any:
        """A browser on this computer, on our own page."""
        client = self.app.test_client()
        client.environ_base |= {"HTTP_ORIGIN": origin, "HTTP_ACCEPT_LANGUAGE": language}
        return client

    def run(
        self, state: RunState = RunState.SUCCEEDED, kind: Kind = Kind.START, lab: str = "linux", class_id: str = "1"
    ) -> Run:
        """A run of the three students that has reached a state, without an outcome."""
        request = RunRequest(kind, lab, class_id, self.library.get(lab).text, ROSTER.encode())
        run = self.store.create(request)
        self.tell(run, "state", state="queued", message="")
        if state != RunState.QUEUED:
            run = self.store.change(run.id, state=state, message=f"it {state}", started=run.created)
            self.tell(run, "state", state=state, message=f"it {state}")
        return run

    def tell(self, run: Run, type: str, **data: Any) -> None:
        """One more event."""
        events.append(self.store.events_path(run.id), type, data)

    def outcome(self, run: Run, state_of: Callable[[str], str] = lambda student: "ready", **more: Any) -> None:
        """What came of a run, with credentials where somebody is ready."""
        folder = self.store.folder(run.id)
        made = engine.lab_class(engine.parse(self.library.get(run.lab).text), engine.roster(ROSTER.encode()), "1")
        instances = [
            {
                "instance": one.name,
                "owner": one.owner,
                "members": [{"id": student.id, "name": student.name} for student in one.members],
                "state": state_of(one.owner),
                "reason": "" if state_of(one.owner) == "ready" else "no node has room for the instance yet",
                "detail": "",
                "connections": [connection(number)] if state_of(one.owner) == "ready" else [],
                "changed": True,
                "outdated": [],
            }
            for number, one in enumerate(made.instances)
        ]
        admission = {"fits": 3, "of": 3, "shortages": []}
        files.write_json(folder.outcome, {"msg": "", "instances": instances, "admission": admission} | more)
        secrets = [{**one, "password": f"secret-{one['owner']}"} for one in instances]
        files.write(folder.credentials, json.dumps(secrets).encode())


def connection(number: int) -> dict[str, Any]:
    """A way in by ssh."""
    port = 31000 + number
    return {
        "kind": "ssh",
        "host": "192.0.2.31",
        "port": port,
        "user": "student",
        "host_key": "ssh-ed25519 AAAA",
        "host_key_fingerprint": "SHA256:abc",
        "address": f"ssh -p {port} student@192.0.2.31",
    }
