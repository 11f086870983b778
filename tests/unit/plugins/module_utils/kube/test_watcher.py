"""A watch that outlives what happens to connections: nothing is missed, and nothing is told after the end."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.kube import watcher as module
from ansible_collections.autolabs.platform.plugins.module_utils.kube.errors import ApiError
from ansible_collections.autolabs.platform.plugins.module_utils.kube.resources import Manifest
from ansible_collections.autolabs.platform.plugins.module_utils.kube.session import Session
from ansible_collections.autolabs.platform.plugins.module_utils.kube.watcher import Watcher
from unit.support.api_server import ApiServer, serving

LABELS = {"app": "lab"}


def pod(name: str) -> Manifest:
    metadata = {"name": name, "namespace": "labs", "labels": {"app": "lab"}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata}


class Watched:
    """A server with the pods `a` and `b`, and a watcher that has begun."""

    def __init__(self, server: ApiServer, session: Session) -> None:
        self.server, self._told = server, queue.SimpleQueue[str]()
        for name in "ab":
            server.put(pod(name))
        self.session, self.watcher = session, Watcher(session, "Pod", "labs", LABELS)
        known, version = session.list("Pod", "labs", LABELS)
        self.watcher.start(known, version, self._teller("seen"), self._teller("gone"), self._failed)

    def _failed(self, error: ApiError) -> None:
        self._told.put(f"failed {error.status}")

    def _teller(self, word: str) -> module.Seen:
        return lambda manifest: self._told.put(f"{word} {manifest['metadata']['name']}")

    def told(self, count: int) -> list[str]:
        """The next reports."""
        return [self._told.get(timeout=10) for _report in range(count)]

    def told_until(self, last: str) -> list[str]:
        """The reports up to one."""
        found: list[str] = []
        while not found or found[-1] != last:
            found += self.told(1)
        return found

    @property
    def quiet(self) -> bool:
        return self._told.empty()


@pytest.fixture
def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watched]:
    monkeypatch.setattr(module, "PAUSE_SECONDS", 0.02)
    with serving(tmp_path) as (server, kubeconfig):
        found = Watched(server, Session(kubeconfig))
        yield found
        found.watcher.stop()


def test_every_change_is_told_once_and_in_order(watched: Watched) -> None:
    watched.server.put(pod("c"))
    watched.server.remove("Pod", "a")
    watched.server.put(pod("b"))
    assert watched.told(3) == ["seen c", "gone a", "seen b"]
    assert watched.quiet


def test_a_broken_connection_is_taken_up_where_it_broke(watched: Watched) -> None:
    watched.server.put(pod("c"))
    watched.told(1)
    watched.server.break_watches()
    watched.server.remove("Pod", "c")
    watched.server.put(pod("d"))
    assert watched.told(2) == ["gone c", "seen d"]
    assert watched.quiet


def test_what_vanished_while_the_server_forgot_is_told_as_gone(watched: Watched) -> None:
    watched.server.remove("Pod", "a")
    watched.told(1)
    objects = watched.server.objects
    del objects[watched.server.path_of(pod("b"))]
    watched.server.break_watches(forget=True)
    assert watched.told(1) == ["gone b"]
    watched.server.put(pod("c"))
    assert "seen c" in watched.told_until("seen c")


def test_what_was_made_again_under_its_name_meanwhile_is_told_as_gone_and_seen(watched: Watched) -> None:
    objects = watched.server.objects
    place = watched.server.path_of(pod("b"))
    objects[place] = {**objects[place], "metadata": {**objects[place]["metadata"], "uid": "another"}}
    watched.server.break_watches(forget=True)
    assert watched.told_until("seen b") == ["gone b", "seen a", "seen b"]


def test_nothing_is_told_after_the_end(watched: Watched) -> None:
    watched.watcher.stop()
    watched.server.put(pod("c"))
    watched.server.put(pod("d"))
    with pytest.raises(queue.Empty):
        watched._told.get(timeout=0.2)


def test_a_list_that_fails_is_tried_again(watched: Watched) -> None:
    watched.server.refusals["GET /pods"] = [(408, "too slow", {})]
    watched.server.break_watches(forget=True)
    assert watched.told(2) == ["seen a", "seen b"]
    assert watched.server.requests.count("GET /api/v1/namespaces/labs/pods") == 3


@pytest.mark.parametrize("status", [401, 403])
def test_a_watch_that_is_refused_is_told_once_and_ends(
    watched: Watched, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    asked: list[str] = []

    def refuse(*words: object) -> Iterator[object]:
        asked.append("watch")
        raise ApiError(status, "no")

    watched.server.put(pod("c"))
    assert watched.told(1) == ["seen c"]
    monkeypatch.setattr(watched.session, "watch", refuse)
    watched.server.break_watches()
    assert watched.told(1) == [f"failed {status}"]
    with pytest.raises(queue.Empty):
        watched._told.get(timeout=0.2)
    assert asked == ["watch"]


def test_a_list_that_is_refused_is_told_once_and_ends(watched: Watched) -> None:
    watched.server.refusals["GET /pods"] = [(403, "forbidden", {})]
    watched.server.break_watches(forget=True)
    assert watched.told(1) == ["failed 403"]
    with pytest.raises(queue.Empty):
        watched._told.get(timeout=0.2)
