"""The JSON routes: every answer is as the OpenAPI document says, and errors are problems."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator
from unit.webapi.front import LAB, ROSTER, STUDENTS, Front

from webapi.openapi import DOCUMENT
from webapi.runs.model import Kind, RunState

API = "/api/v1"
CLASS = f"{API}/labs/linux/classes/1"


class Described:
    """A client that holds every answer against the document."""

    def __init__(self, client: FlaskClient) -> None:
        self._client = client

    def __call__(self, method: str, path: str, **sent: Any) -> Any:
        """Send, and check status, type and body of the answer."""
        answer = self._client.open(API + path, method=method, **sent)
        operation = next(
            item[method.lower()]
            for pattern, item in DOCUMENT["paths"].items()
            if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", pattern), path) and method.lower() in item
        )
        described = operation["responses"][str(answer.status_code)]
        if "content" in described:
            schema = described["content"][answer.mimetype]["schema"]
            checked = {"$ref": "#/s", "s": schema, "components": DOCUMENT["components"]}
            assert [error.message for error in Draft202012Validator(checked).iter_errors(answer.json)] == []
        else:
            assert answer.data == b""
        return answer


@pytest.fixture
def front(tmp_path: Path) -> Front:
    """An app with one lab."""
    made = Front(tmp_path)
    made.library.add(LAB)
    return made


@pytest.fixture
def api(front: Front) -> Described:
    """Its JSON routes."""
    return Described(front.client())


def test_labs_are_stored_read_changed_and_deleted(api: Described) -> None:
    other = LAB.replace("name: linux", "name: other")
    answer = api("POST", "/labs", data=other, content_type="application/yaml")
    assert (answer.status_code, answer.headers["Location"]) == (201, f"{API}/labs/other")
    assert api("GET", "/labs/other").json["config"] == other
    assert [lab["id"] for lab in api("GET", "/labs").json["labs"]] == ["linux", "other"]
    assert api("PUT", "/labs/other", json={"config": other + "#"}).status_code == 200
    assert api("DELETE", "/labs/other").status_code == 204
    assert api("GET", "/labs/other").status_code == 404


def test_every_mistake_of_a_lab_config_is_told_with_its_line(api: Described) -> None:
    answer = api("POST", "/labs", data=LAB.replace("access: ssh", "access: telnet"), content_type="application/yaml")
    assert answer.status_code == 422
    assert answer.mimetype == "application/problem+json"
    (problem,) = answer.json["problems"]
    assert (problem["line"], problem["field"]) == (12, "x-lab.access")


@pytest.mark.parametrize(
    ("method", "path", "text"), [("POST", "/labs", LAB), ("PUT", "/labs/linux", LAB.replace(": linux", ": other"))]
)
def test_a_lab_does_not_take_the_place_of_another(api: Described, method: str, path: str, text: str) -> None:
    assert api(method, path, data=text, content_type="application/yaml").status_code == 409


def test_a_preview_tells_what_a_class_takes(api: Described, front: Front) -> None:
    assert api("POST", "/labs/linux/preview").json["per_instance"]["pods"] == 1
    answer = api("POST", "/labs/linux/preview", json={"roster": ROSTER})
    assert answer.status_code == 202
    assert answer.json["preview"]["whole"]["pods"] == 3
    assert front.dispatcher.asked[0].kind == Kind.PREVIEW


@pytest.mark.parametrize("who", [{"roster": ROSTER}, {"students": [*STUDENTS]}, {"students": [{"id": "anna"}]}])
def test_a_class_is_started(api: Described, front: Front, who: dict[str, Any]) -> None:
    answer = api("POST", "/labs/linux/classes", json=who | {"class_id": "b", "admit": "partial"})
    assert answer.status_code == 202
    assert answer.json["links"]["class"] == f"{API}/labs/linux/classes/b"
    (asked,) = front.dispatcher.asked
    assert (asked.class_id, asked.options["admit"]) == ("b", "partial")
    assert api("GET", f"/runs/{answer.json['run']}").json["state"] == "queued"
    again = api("POST", "/labs/linux/classes", json=who | {"class_id": "b"})
    assert again.status_code == 409


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["roster"]),
        ({"roster": ROSTER, "students": []}, ["roster"]),
        ({"students": []}, [""]),
        ({"roster": 5, "recreate": "yes", "failure_threshold": True}, ["roster", "recreate", "failure_threshold"]),
        ({"roster": ROSTER, "admit": "some"}, ["admit"]),
        ({"roster": ROSTER, "failure_threshold": 5001}, ["failure_threshold"]),
        ({"roster": ROSTER, "class_id": "../x"}, ["class_id"]),
        ({"roster": ROSTER, "command": "x"}, ["command"]),
    ],
)
def test_an_order_with_mistakes_names_each_field(
    api: Described, front: Front, body: dict[str, Any], fields: list[str]
) -> None:
    answer = api("POST", "/labs/linux/classes", json=body)
    assert answer.status_code == 422
    assert [problem["field"] for problem in answer.json["problems"]] == fields
    assert front.dispatcher.asked == []


def test_a_body_that_is_no_json_object_is_a_problem(front: Front) -> None:
    for body in ("{", "[]", '"a"', "[" * 200_000):
        answer = front.client().post(f"{API}/labs/linux/classes", data=body, content_type="application/json")
        assert (answer.status_code, answer.mimetype) == (400, "application/problem+json")


def test_a_class_tells_of_everybody_and_no_secret(api: Described, front: Front) -> None:
    front.outcome(front.run())
    found = api("GET", "/labs/linux/classes/1").json
    assert found["counts"] == {"ready": 3}
    assert found["instances"][0]["connections"][0]["address"] == "ssh -p 31000 student@192.0.2.31"
    listed = api("GET", "/labs/linux/classes").json["classes"]
    assert listed == [found]
    connection = api("GET", "/instances/lab-linux-student-boris/connection").json
    assert connection["connections"][0]["port"] == 31001
    assert "secret-" not in json.dumps([found, listed, connection])


@pytest.mark.parametrize(("method", "path", "kind"), [("POST", "/stop", Kind.STOP), ("DELETE", "", Kind.DELETE)])
def test_a_class_is_ended(api: Described, front: Front, method: str, path: str, kind: Kind) -> None:
    front.outcome(front.run())
    assert api(method, f"/labs/linux/classes/1{path}").status_code == 202
    assert front.dispatcher.asked[0].kind == kind
    assert api(method, f"/labs/linux/classes/1{path}").status_code == 409


def test_a_run_is_cancelled(api: Described, front: Front) -> None:
    run = front.run(RunState.RUNNING)
    assert api("POST", f"/runs/{run.id}/cancel").json["state"] == "cancelled"


@pytest.mark.parametrize(
    "path", ["/labs/none", "/labs/none/classes/1", "/runs/none", "/instances/none/connection", "/labs/linux/classes/z"]
)
def test_what_is_not_there_is_a_problem(api: Described, path: str) -> None:
    assert api("GET", path).status_code == 404


def test_a_method_that_is_not_there_says_which_are(front: Front) -> None:
    answer = front.client().delete(f"{API}/labs")
    assert (answer.status_code, answer.mimetype) == (405, "application/problem+json")
    assert "POST" in answer.headers["Allow"]


def test_health_names_each_part(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    client = front.client()
    front.run(RunState.RUNNING)
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json["checks"]["store"]["runs"]) == (200, {"running": 1})

    def broken() -> None:
        raise OSError("/secret/folder")

    monkeypatch.setattr(front.store, "find", broken)
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json["status"]) == (503, "failing")
    assert "/secret" not in answer.text


def test_health_asks_the_dispatcher(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(front.dispatcher, "trouble", lambda: "nobody looks after the runs")
    answer = front.client().get("/healthz")
    assert answer.status_code == 503
    assert answer.json["checks"]["dispatcher"] == {"ok": False, "message": "nobody looks after the runs"}


def stream(front: Front, run_id: str, language: str = "en", **headers: str) -> Any:
    return front.client(language).get(f"{API}/runs/{run_id}/events", headers=headers)


def finished(front: Front) -> str:
    run = front.run(RunState.RUNNING)
    progress = {"done": 1, "total": 3, "instance": "lab-linux-student-anna", "seconds": 1.5}
    front.tell(run, "progress", **progress, state="failed", reason="the cluster does not answer")
    front.store.change(run.id, state=RunState.SUCCEEDED)
    front.tell(run, "state", state="succeeded", message="")
    return run.id


def test_events_come_in_order_and_end_with_the_run(front: Front) -> None:
    answer = stream(front, finished(front))
    assert answer.mimetype == "text/event-stream"
    assert answer.headers["Cache-Control"] == "no-store"
    assert re.findall(r"id: (\d+)\nevent: (\w+)\n", answer.text) == [
        *[("1", "state"), ("2", "state"), ("3", "progress"), ("4", "state")]
    ]
    assert json.loads(re.findall(r"data: (.*)", answer.text)[-1])["state"] == "succeeded"


def test_a_listener_goes_on_after_the_last_event_that_it_saw(front: Front) -> None:
    run_id = finished(front)
    assert re.findall(r"id: (\d+)", stream(front, run_id, **{"Last-Event-ID": "2"}).text) == ["3", "4"]
    assert re.findall(r"id: (\d+)", front.client().get(f"{API}/runs/{run_id}/events?after=3").text) == ["4"]
    assert len(re.findall(r"id: (\d+)", stream(front, run_id, **{"Last-Event-ID": "x" * 99}).text)) == 4


def test_a_listener_hears_the_engine_in_their_language(front: Front) -> None:
    told = [json.loads(line) for line in re.findall(r"data: (.*)", stream(front, finished(front), "ru").text)]
    assert told[2]["reason"] == "кластер не отвечает"


def test_a_listener_to_whom_there_is_nothing_to_tell_hears_a_heartbeat(front: Front) -> None:
    run = front.run(RunState.RUNNING)
    answer = front.client().get(f"{API}/runs/{run.id}/events?after=2", buffered=False)
    chunks = iter(answer.response)
    assert [next(chunks), next(chunks)] == [b"retry: 2000\n\n", b": still here\n\n"]
    answer.close()


def test_events_of_a_run_that_is_not_there_are_a_problem(front: Front) -> None:
    assert stream(front, "none").status_code == 404
