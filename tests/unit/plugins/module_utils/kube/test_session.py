"""Requests to an API server, over real connections."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.kube import retries, session
from ansible_collections.autolabs.platform.plugins.module_utils.kube.errors import ApiError
from ansible_collections.autolabs.platform.plugins.module_utils.kube.session import Session
from unit.support.api_server import ApiServer, serving
from unit.support.certificates import certificate

LABELS = {"app": "lab"}


def pod(name: str, **labels: str) -> dict[str, object]:
    metadata = {"name": name, "namespace": "labs", "labels": {"app": "lab", **labels}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata}


@pytest.fixture
def api(tmp_path: Path) -> Iterator[tuple[ApiServer, Session]]:
    with serving(tmp_path) as (server, kubeconfig):
        yield server, Session(kubeconfig)


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses between attempts; nobody really waits."""
    slept: list[float] = []
    monkeypatch.setattr(retries, "time", SimpleNamespace(monotonic=lambda: sum(slept), sleep=slept.append))
    return slept


def test_applying_gives_the_object_as_the_server_keeps_it(api: tuple[ApiServer, Session]) -> None:
    server, kube = api
    kept = kube.apply(pod("a"))
    assert kept["metadata"]["uid"]
    assert server.requests == ["PATCH /api/v1/namespaces/labs/pods/a"]


def test_a_dry_run_leaves_nothing(api: tuple[ApiServer, Session]) -> None:
    server, kube = api
    kube.apply(pod("a"), dry_run=True)
    assert server.objects == {}


def test_deleting_tells_whether_it_was_there(api: tuple[ApiServer, Session]) -> None:
    server, kube = api
    server.put(pod("a"))
    assert kube.delete(pod("a"))
    assert not kube.delete(pod("a"))


def test_a_delete_that_is_refused_is_an_error(api: tuple[ApiServer, Session]) -> None:
    server, kube = api
    server.refusals["DELETE /pods/a"] = [(403, "pods is forbidden", {})]
    with pytest.raises(ApiError, match="DELETE /api/v1/namespaces/labs/pods/a: pods is forbidden") as refused:
        kube.delete(pod("a"))
    assert refused.value.status == 403


def test_a_list_is_read_page_by_page(api: tuple[ApiServer, Session], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "PAGE", "2")
    server, kube = api
    for name in "abcde":
        server.put(pod(name))
    server.put({**pod("other"), "metadata": {"name": "other", "namespace": "labs", "labels": {"app": "web"}}})
    found, version = kube.list("Pod", "labs", LABELS)
    assert [entry["metadata"]["name"] for entry in found] == list("abcde")
    assert {entry["kind"] for entry in found} == {"Pod"}
    assert {entry["apiVersion"] for entry in found} == {"v1"}
    assert version == str(server.objects["/api/v1/namespaces/labs/pods/other"]["metadata"]["resourceVersion"])
    assert len(server.requests) == 3


def test_a_busy_server_is_asked_again_when_it_says(api: tuple[ApiServer, Session], slept: list[float]) -> None:
    server, kube = api
    server.refusals["PATCH /pods/a"] = [
        (429, "busy", {"Retry-After": "3"}),
        (503, "starting", {"Retry-After": "1"}),
        (409, 'cannot be fulfilled on resourcequotas "labs-quota"', {"Retry-After": "0"}),
    ]
    kube.apply(pod("a"))
    assert [round(pause, 1) >= wait for pause, wait in zip(slept, (3, 1, 0.2), strict=True)] == [True] * 3
    assert sum(slept) < 1.25 * 4.2 + 0.01
    assert server.has("Pod", "a")


def test_a_server_that_is_not_there_is_named(tmp_path: Path, slept: list[float]) -> None:
    with serving(tmp_path) as (_server, kubeconfig):
        kube = Session(kubeconfig)
    with pytest.raises(ApiError, match=r"the API server http://127\.0\.0\.1:\d+ does not answer") as failed:
        kube.list("Pod", "labs", LABELS)
    assert failed.value.status == 0
    assert 40 < sum(slept) <= 60


def test_an_answer_that_is_no_json_is_an_error_of_the_server(
    api: tuple[ApiServer, Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    _server, kube = api
    monkeypatch.setattr(kube, "_send", lambda *words, **named: SimpleNamespace(status=200, data=b"<html>"))
    with pytest.raises(ApiError, match="does not answer as an API server does"):
        kube.list("Pod", "labs", LABELS)


def test_a_watch_gives_events_whose_lines_come_in_pieces(api: tuple[ApiServer, Session]) -> None:
    server, kube = api
    server.put(pod("a"))
    events = kube.watch("Pod", "labs", LABELS, "1", 10)
    assert next(events)["object"]["metadata"]["name"] == "a"
    server.remove("Pod", "a")
    assert next(events)["type"] == "DELETED"


def test_a_watch_that_is_cut_off_is_an_error_without_status(api: tuple[ApiServer, Session]) -> None:
    server, kube = api
    server.put(pod("a"))
    events = kube.watch("Pod", "labs", LABELS, "1", 10)
    next(events)
    server.break_watches()
    with pytest.raises(ApiError) as broken:
        next(events)
    assert broken.value.status == 0


def test_a_watch_from_a_forgotten_version_is_refused_with_410(api: tuple[ApiServer, Session]) -> None:
    server, kube = api
    server.break_watches(forget=True)
    with pytest.raises(ApiError, match="too old") as refused:
        next(kube.watch("Pod", "labs", LABELS, "1", 10))
    assert refused.value.status == 410


def test_one_object_is_read_made_and_merged_in_its_version(api: tuple[ApiServer, Session]) -> None:
    _server, kube = api
    book = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "book", "namespace": "labs"}}
    assert kube.get("ConfigMap", "labs", "book") is None
    made = kube.create({**book, "data": {"a": "1", "b": "2"}})
    with pytest.raises(ApiError) as there:
        kube.create(book)
    assert there.value.status == 409
    versioned = {**book, "metadata": made["metadata"]}
    assert kube.merge({**versioned, "data": {"a": None, "c": "3"}})["data"] == {"b": "2", "c": "3"}
    with pytest.raises(ApiError) as changed:
        kube.merge({**versioned, "data": {"b": "9"}})
    assert changed.value.status == 409
    assert (kube.get("ConfigMap", "labs", "book") or {})["data"] == {"b": "2", "c": "3"}


def test_who_set_which_field_is_not_kept(api: tuple[ApiServer, Session]) -> None:
    server, kube = api
    noted = pod("a")
    server.put({**noted, "metadata": {**noted["metadata"], "managedFields": [{"manager": "x"}]}})  # type: ignore[dict-item]
    (listed,), _version = kube.list("Pod", "labs", LABELS)
    watched = next(kube.watch("Pod", "labs", LABELS, "1", 10))["object"]
    assert "managedFields" not in listed["metadata"] and "managedFields" not in watched["metadata"]


def test_objects_of_all_namespaces_and_of_none_are_listed(api: tuple[ApiServer, Session]) -> None:
    server, kube = api
    server.put(pod("a"))
    server.put({**pod("b"), "metadata": {"name": "b", "namespace": "other"}})
    server.put({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}})
    names = [entry["metadata"]["name"] for page, _version in kube.pages("Pod", None) for entry in page]
    assert names == ["a", "b"]
    assert [entry["metadata"]["name"] for entry in kube.list("Node", None, {})[0]] == ["n1"]


def test_the_servers_clock_is_told_by_its_answers(api: tuple[ApiServer, Session]) -> None:
    server, kube = api
    assert kube.clock_offset == pytest.approx(0, abs=0.1)
    server.ahead = 600
    kube.list("Pod", "labs", LABELS)
    assert kube.clock_offset == pytest.approx(600, abs=2)
    assert kube.server_time() == pytest.approx(time.time() + 600, abs=2)


def test_an_unknown_user_hears_of_clocks_that_differ(api: tuple[ApiServer, Session]) -> None:
    server, kube = api
    server.refusals["GET /pods"] = [(401, "Unauthorized", {})] * 2
    with pytest.raises(ApiError, match="does not know who we are") as refused:
        kube.list("Pod", "labs", LABELS)
    assert refused.value.status == 401 and "clock" not in str(refused.value)
    server.ahead = -3600
    with pytest.raises(ApiError, match=r"its clock says .* UTC, the clock of this controller .* by 60 min.*NTP"):
        kube.list("Pod", "labs", LABELS)


@pytest.mark.parametrize(
    ("days", "words"),
    [
        ((-9, -2), r"the certificate of the API server https://\S+ has expired, by the clock of this controller"),
        ((2, 9), r"the certificate of the API server https://\S+ is not valid yet, by the clock of this controller"),
        ((-1, 1), r"cannot be trusted: self-signed certificate"),
    ],
    ids=["expired", "not yet valid", "of somebody else"],
)
def test_a_certificate_that_does_not_hold_is_told_at_once(
    days: tuple[int, int], words: str, tmp_path: Path, slept: list[float]
) -> None:
    trusted = "trusted" not in words
    with serving(tmp_path, certificate=certificate(tmp_path, *days), trusted=trusted) as (_server, kubeconfig):
        kube = Session(kubeconfig)
        with pytest.raises(ApiError, match=words):
            kube.list("Pod", "labs", LABELS)
    assert slept == []


def test_many_threads_share_one_session(api: tuple[ApiServer, Session]) -> None:
    server, kube = api
    threads = [threading.Thread(target=kube.apply, args=(pod(f"p{number}"),)) for number in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(server.objects) == 40
