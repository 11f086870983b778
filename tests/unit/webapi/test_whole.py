"""The whole web app: forms and routes, a real dispatcher, the real playbooks, and an API server in memory."""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from unit.support.classes import ready
from unit.webapi.conftest import LAB, Machine

from webapi import collection, create_app
from webapi.config import Config
from webapi.routes.services import EXTENSION, Services

pytestmark = pytest.mark.slow

API = "/api/v1"
ROSTER = "id,name\nanna,Анна\nbob,Bob\nvera,Вера\n"
CLASS = "/labs/a-lab/classes/2"


class Whole:
    """The app as the server makes it, and a browser on this machine."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        config = Config(machine.folder, (machine.inventory,), collection.find())
        app = create_app(config)
        self.services: Services = app.extensions[EXTENSION]
        self.client: FlaskClient = app.test_client()
        self.client.environ_base |= {"HTTP_ORIGIN": "http://localhost"}

    def get(self, path: str) -> Any:
        """The answer of a JSON route."""
        return self.client.get(API + path).json

    def wait(self, run: str) -> dict[str, Any]:
        """Until a run has ended."""
        until = time.monotonic() + 30
        while (found := self.get(f"/runs/{run}"))["state"] in ("queued", "running"):
            assert time.monotonic() < until, self.machine.store.log(run)
            time.sleep(0.05)
        return dict(found)

    def events(self, run: str, last: str = "0", most: int = 10_000) -> list[tuple[str, str, dict[str, Any]]]:
        """The events after `last`, until the end or until there are `most`: id, type and data."""
        answer = self.client.get(f"{API}/runs/{run}/events", headers={"Last-Event-ID": last}, buffered=False)
        found: list[tuple[str, str, dict[str, Any]]] = []
        for chunk in answer.response:
            told = re.fullmatch(r"id: (\d+)\nevent: (\w+)\ndata: (.*)\n\n", chunk.decode())
            if told:
                found.append((told[1], told[2], json.loads(told[3])))
            if len(found) == most:
                break
        answer.close()
        return found

    def pods(self) -> list[dict[str, Any]]:
        """The Pods on the cluster."""
        return [entry for path, entry in list(self.machine.api.objects.items()) if "/pods/" in path]


def with_ports(machine: Machine) -> None:
    """Give every Service node ports as they come, as an API server does."""
    put, given = machine.api.put, iter(range(30000, 32000))

    def put_with_ports(manifest: dict[str, Any], status: dict[str, Any] | None = None) -> None:
        if manifest["kind"] == "Service" and manifest["spec"].get("type") == "NodePort":
            known = machine.api.objects.get(machine.api.path_of(manifest), {"spec": {"ports": []}})
            kept = {port["name"]: port["nodePort"] for port in known["spec"]["ports"]}
            for port in manifest["spec"]["ports"]:
                port["nodePort"] = kept.get(port["name"]) or next(given)
        put(manifest, status)

    machine.api.put = put_with_ports  # type: ignore[method-assign]


@pytest.fixture
def whole(machine: Machine) -> Iterator[Whole]:
    """An app with one lab."""
    with_ports(machine)
    made = Whole(machine)
    assert made.client.post(f"{API}/labs", json={"config": LAB}).status_code == 201
    yield made
    made.services.dispatcher.close()


def test_a_class_from_the_form_to_its_end(whole: Whole, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    api = whole.machine.api
    api.kubelet = lambda pod: None
    filled = {"roster": ROSTER, "class_id": "2", "course_id": "sec-101", "admit": "partial", "recreate": "yes"}
    answer = whole.client.post("/labs/a-lab/start", data=filled | {"failure_threshold": "0", "action": "start"})
    assert (answer.status_code, answer.headers["Location"]) == (303, CLASS)
    page = whole.client.get(CLASS).text
    run = re.findall(r'data-events="/api/v1/runs/([^/]+)/events"', page)[0]

    # One is ready, and whoever follows knows how to get in, while the run goes on.
    api.wait_for(lambda: len(whole.pods()) == 3)
    api.report("lab-a-lab-class-2-student-anna", ready())
    seen: list[tuple[str, str, dict[str, Any]]] = []
    while not any(kind == "progress" for _id, kind, _data in seen):
        seen += whole.events(run, seen[-1][0] if seen else "0", most=1)
    told = seen[-1][2]
    assert (told["instance"], told["state"], told["reason"]) == ("lab-a-lab-class-2-student-anna", "ready", "")
    (way,) = told["connections"]
    assert re.fullmatch(r"ssh -p 30\d{3} student@192\.0\.2\.7", way["address"])
    assert f'data-copy="{way["address"]}"' in whole.client.get(CLASS).text
    live = whole.get("/labs/a-lab/classes/2")
    assert live["run"]["state"] == "running"
    assert [one["connections"] for one in live["instances"]] == [[way], [], []]
    assert whole.get("/instances/lab-a-lab-class-2-student-anna/connection")["connections"] == [way]

    # A broken connection goes on behind the last event that was seen, to the end.
    whole.machine.everything_ready()
    rest = whole.events(run, seen[-1][0])
    assert [int(number) for number, _kind, _data in seen + rest] == list(range(1, len(seen + rest) + 1))
    assert rest[-1][2]["state"] == "succeeded"
    found = whole.get("/labs/a-lab/classes/2")
    assert (found["counts"], found["admission"]) == ({"ready": 3}, {"fits": 3, "of": 3, "shortages": []})
    assert found["instances"][0]["connections"][0]["address"] == way["address"]

    # What was chosen has arrived.
    given = json.loads((whole.machine.store.folder(run).path / "options.json").read_bytes())
    expected = {"admit": "partial", "recreate": True, "course_id": "sec-101", "failure_threshold": 0, "class_id": "2"}
    assert given == expected
    assert {pod["metadata"]["labels"]["course_id"] for pod in whole.pods()} == {"sec-101"}
    assert {pod["metadata"]["labels"]["class_id"] for pod in whole.pods()} == {"2"}

    # Passwords are shown once, and are nowhere else.
    shown = unescape(whole.client.post(f"{CLASS}/credentials").text)
    passwords = re.findall(r'<dd class="secret">([^<]+)</dd>', shown)
    assert len(set(passwords)) == 3
    assert "were shown already" in whole.client.post(f"{CLASS}/credentials").text
    kept = b"".join(path.read_bytes() for path in whole.machine.folder.rglob("*") if path.is_file()).decode("utf-8")
    assert [secret for secret in passwords if secret in kept or secret in caplog.text] == []
    modes = {path: path.stat().st_mode & 0o777 for path in [whole.machine.folder, *whole.machine.folder.rglob("*")]}
    assert {path: oct(mode) for path, mode in modes.items() if mode & 0o077} == {}

    # The lab is deleted: its class can still be ended.
    assert whole.client.post("/labs/a-lab/delete").status_code == 303
    page = whole.client.get(CLASS).text
    assert "no longer among the labs" in page
    assert "Start again" not in page
    assert whole.client.post(f"{CLASS}/stop").status_code == 303
    whole.wait(whole.get("/labs/a-lab/classes/2")["run"]["id"])
    assert whole.get("/labs/a-lab/classes/2")["counts"] == {"stopped": 3}
    assert whole.pods() == []
    accepted = whole.client.delete(f"{API}/labs/a-lab/classes/2")
    assert whole.wait(accepted.json["run"])["state"] == "succeeded"
    assert [path for path in api.objects if "lab-a-lab" in path] == []
    assert whole.client.get("/healthz").status_code == 200


def test_a_class_by_the_json_routes_with_recreate(whole: Whole) -> None:
    api = whole.machine.api
    order = {"students": ["anna", "bob"], "class_id": "2"}
    first = whole.client.post(f"{API}/labs/a-lab/classes", json=order).json
    assert whole.wait(first["run"])["outcome"]["msg"] == "2 of 2 instances ready"
    whole.client.put(f"{API}/labs/a-lab", json={"config": LAB.replace("linux:1\n", "linux:2\n")})
    for recreate, image, outdated in ((False, "linux:1", True), (True, "linux:2", False)):
        begun = whole.client.post(f"{API}/labs/a-lab/classes", json=order | {"recreate": recreate}).json
        whole.wait(begun["run"])
        images = {pod["spec"]["containers"][0]["image"] for pod in whole.pods()}
        assert images == {f"registry.example/{image}"}, api.requests
        instances = whole.get("/labs/a-lab/classes/2")["instances"]
        assert [bool(one["outdated"]) for one in instances] == [outdated] * 2


def test_partly_or_not_at_all(whole: Whole) -> None:
    small = {"cpu": "8", "memory": "16Gi", "pods": "2"}
    (node,) = (entry for path, entry in whole.machine.api.objects.items() if path.endswith("/nodes/node-1"))
    whole.machine.api.put(node, {**node["status"], "allocatable": small})
    order = {"roster": ROSTER, "class_id": "2"}
    refused = whole.wait(whole.client.post(f"{API}/labs/a-lab/classes", json=order).json["run"])
    assert refused["message"].startswith("2 of 3 fit: pods short by 1 on the lab nodes. Nothing was created")
    whole.wait(whole.client.post(f"{API}/labs/a-lab/classes", json=order | {"admit": "partial"}).json["run"])
    assert whole.get("/labs/a-lab/classes/2")["counts"] == {"ready": 2, "refused": 1}


def test_options_are_data_and_never_executed(whole: Whole, tmp_path: Path) -> None:
    proof = tmp_path / "proof"
    payload = f"{{{{ lookup('pipe', 'touch {proof}') }}}}"
    roster = json.dumps([{"id": "anna", "name": payload}])
    page = whole.client.post(
        "/labs/a-lab/start", data={"roster": roster, "class_id": "2", "failure_threshold": "3", "action": "start"}
    )
    assert page.status_code == 303
    run = whole.get("/labs/a-lab/classes/2")["run"]["id"]
    options = whole.machine.store.folder(run).options
    assert whole.wait(run)["state"] == "succeeded"
    assert payload in json.dumps(whole.get("/labs/a-lab/classes/2"), ensure_ascii=False)
    # Past the forms, as if they had let it through.
    request = whole.machine.store.request(run)
    asked = replace(request, class_id="3", options={"course_id": payload, "admit": payload})
    assert whole.wait(whole.services.dispatcher.submit(asked).id)["state"] == "failed"
    assert options.exists() and not proof.exists()
