"""Requests to an API server, over real connections."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.kube import retries, session
from ansible_collections.autolabs.platform.plugins.module_utils.kube.errors import ApiError, KubeError
from ansible_collections.autolabs.platform.plugins.module_utils.kube.session import Session
from unit.support.api_server import ApiServer, serving

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
    assert slept == [3, 1, 0]
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


@pytest.mark.parametrize(
    "content", [None, b"", b"a: [", b"text", b"[1]", b"\xff\xfe", b"apiVersion: v1\nkind: Config\n"]
)
def test_a_kubeconfig_that_names_no_cluster_is_one_clear_error(content: bytes | None, tmp_path: Path) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    if content is not None:
        kubeconfig.write_bytes(content)
    with pytest.raises(KubeError, match=r"no cluster to talk to: .*; give kubeconfig or set KUBECONFIG"):
        Session(str(kubeconfig))


def test_a_missing_library_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "MISSING", "No module named 'kubernetes'")
    with pytest.raises(KubeError, match="the Python package kubernetes is needed on the controller"):
        Session("kubeconfig")


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


def test_many_threads_share_one_session(api: tuple[ApiServer, Session]) -> None:
    server, kube = api
    threads = [threading.Thread(target=kube.apply, args=(pod(f"p{number}"),)) for number in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(server.objects) == 40
