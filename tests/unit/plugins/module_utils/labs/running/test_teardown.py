"""Stopping and removing: Pods first, and what keeps them apart when they are gone."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.kube.session import Session
from ansible_collections.autolabs.platform.plugins.module_utils.labs import engine
from ansible_collections.autolabs.platform.plugins.module_utils.labs.labels import class_selector
from ansible_collections.autolabs.platform.plugins.module_utils.labs.live import Owners, read
from ansible_collections.autolabs.platform.plugins.module_utils.labs.outcome import ClassOutcome
from ansible_collections.autolabs.platform.plugins.module_utils.labs.plan import Step
from ansible_collections.autolabs.platform.plugins.module_utils.labs.progress import Progress, Report
from ansible_collections.autolabs.platform.plugins.module_utils.labs.running.teardown import plan_teardown, tear_down
from ansible_collections.autolabs.platform.plugins.module_utils.labs.status import Status
from unit.support.api_server import ApiServer, serving
from unit.support.classes import LAB, SETTINGS, class_of, live_with, manifests, ready

BOTH = class_of("anna", "boris")
ANNA, BORIS = "lab-123-student-anna", "lab-123-student-boris"
LABELS = class_selector("123", "1")
INSTANCE_KINDS = {"stopped": ["Pod"], "absent": ["Pod", "Service", "Secret"]}


def kinds(steps: tuple[Step, ...]) -> list[str]:
    return [step.manifest["kind"] for step in steps]


@pytest.mark.parametrize(
    ("state", "instances", "shared"),
    [("stopped", ["Pod"], []), ("absent", ["Pod", "Service", "Secret"], ["Secret", "ConfigMap", "NetworkPolicy"])],
)
def test_what_goes(state: str, instances: list[str], shared: list[str]) -> None:
    lab = replace(LAB, configs={"a": "1"}, secrets={"b": "2"})
    found = plan_teardown(live_with(class_of("anna", lab=lab)), state)
    assert kinds(found.instances) == instances
    assert kinds(found.shared) == shared
    assert found.changes


@pytest.mark.parametrize("state", ["stopped", "absent"])
def test_one_student_is_ended_without_what_the_class_shares(state: str) -> None:
    found = plan_teardown(live_with(BOTH).limited_to(frozenset({("student_id", "anna")})), state)
    assert [step.manifest["metadata"]["name"] for step in found.instances] == [ANNA] * len(INSTANCE_KINDS[state])
    assert found.shared == ()


def test_what_is_gone_already_needs_nothing() -> None:
    live = live_with(BOTH)
    live.objects = {key: found for key, found in live.objects.items() if key[0] == "PersistentVolumeClaim"}
    assert not plan_teardown(live, "absent").changes


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[tuple[ApiServer, Session]]:
    with serving(tmp_path) as (server, kubeconfig):
        for manifest in manifests(BOTH):
            server.put(manifest, ready() if manifest["kind"] == "Pod" else None)
        yield server, Session(kubeconfig)


def end(
    session: Session,
    state: str,
    *,
    timeout: float = 20,
    only: Owners = frozenset(),
    report: Report = lambda line: None,
) -> ClassOutcome:
    options = engine.Options(timeout=timeout)
    return engine.end(session, "123", "1", state, settings=SETTINGS, options=options, report=report, only=only)


def test_the_policy_stays_until_the_last_pod_is_gone(cluster: tuple[ApiServer, Session]) -> None:
    server, session = cluster
    server.deletes_at_once = False
    live = read(session, "labs", "123", "1")
    told: dict[str, Status] = {}
    with ThreadPoolExecutor(1) as worker:
        planned = plan_teardown(live, "absent")
        ended = worker.submit(tear_down, session, live, LABELS, planned, timeout=20, ended=told.__setitem__)
        server.wait_for(lambda: sum(entry.startswith("DELETE") for entry in server.requests) == 6)
        server.remove("Pod", ANNA)
        assert server.has("NetworkPolicy", "lab-123")
        assert not ended.done()
        server.remove("Pod", BORIS)
        assert ended.result(20) == {}
    assert told == {"anna": Status("absent"), "boris": Status("absent")}
    assert {entry["kind"] for entry in server.objects.values()} == {"PersistentVolumeClaim"}


def test_a_pod_that_does_not_end_is_named_and_the_policy_stays(cluster: tuple[ApiServer, Session]) -> None:
    server, session = cluster
    server.deletes_at_once = False
    outcome = end(session, "absent", timeout=0.3)
    assert [one.status.reason for one in outcome.outcomes] == ["the instance does not end; its node may be down"] * 2
    assert server.has("NetworkPolicy", "lab-123")


def test_one_refused_deletion_does_not_keep_the_others_from_being_tried(cluster: tuple[ApiServer, Session]) -> None:
    server, session = cluster
    server.refusals[f"DELETE /pods/{ANNA}"] = [(403, "pods is forbidden", {})]
    outcome = end(session, "absent")
    anna, boris = outcome.outcomes
    assert (anna.status.state, boris.status.state) == ("failed", "absent")
    assert anna.status.reason == "could not be removed: the cluster does not allow it"
    assert "pods is forbidden" in anna.status.detail
    left = {path.split("/")[-2] for path in server.objects if path.endswith(BORIS)}
    assert left == {"persistentvolumeclaims"}
    # A Pod stands, so what isolates it does.
    assert server.has("Pod", ANNA) and server.has("NetworkPolicy", "lab-123")


def test_a_refused_deletion_of_what_the_class_shares_is_told_by_its_name(cluster: tuple[ApiServer, Session]) -> None:
    server, session = cluster
    server.refusals["DELETE /networkpolicies/lab-123"] = [(403, "networkpolicies is forbidden", {})]
    outcome = end(session, "absent")
    assert [(one.instance, one.status.state) for one in outcome.outcomes] == [
        (ANNA, "absent"), (BORIS, "absent"), ("lab-123", "failed"),
    ]  # fmt: skip


def test_each_instance_is_told_when_it_has_ended(cluster: tuple[ApiServer, Session]) -> None:
    server, session = cluster
    server.deletes_at_once = False
    told: queue.SimpleQueue[Progress] = queue.SimpleQueue()
    with ThreadPoolExecutor(1) as worker:
        ended = worker.submit(end, session, "stopped", report=told.put)
        server.wait_for(lambda: sum(entry.startswith("DELETE") for entry in server.requests) == 2)
        server.remove("Pod", BORIS)
        first = told.get(timeout=10)
        assert (first.done, first.total, first.instance, first.state) == (1, 2, BORIS, "stopped")
        assert not ended.done()
        server.remove("Pod", ANNA)
        assert told.get(timeout=10).instance == ANNA
        assert not ended.result(20).failed


def test_a_pod_on_a_node_that_is_lost_is_said_to_be_there(cluster: tuple[ApiServer, Session]) -> None:
    server, session = cluster
    server.deletes_at_once = False
    status = {"conditions": [{"type": "Ready", "status": "Unknown", "message": "Kubelet stopped posting"}]}
    server.put({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-1"}}, status)
    for manifest in [entry for entry in server.objects.values() if entry["kind"] == "Pod"]:
        server.put({**manifest, "spec": {**manifest["spec"], "nodeName": "node-1"}}, {"phase": "Running"})
    known = engine.info(session, "123", "1", SETTINGS).outcomes
    words = "the node node-1 does not answer; the instance on it works again when the node does"
    assert {(one.status.state, one.status.reason) for one in known} == {("failed", words)}
    assert "Kubelet stopped posting" in known[0].status.detail
    outcome = end(session, "stopped", timeout=0.3)
    assert {one.status.reason for one in outcome.outcomes} == {f"the instance does not end: {words}"}


@pytest.mark.parametrize(
    ("state", "left"),
    [("stopped", {"Secret", "PersistentVolumeClaim", "Service"}), ("absent", {"PersistentVolumeClaim"})],
)
def test_ending_one_student_leaves_the_other_alone(
    cluster: tuple[ApiServer, Session], state: str, left: set[str]
) -> None:
    server, session = cluster
    outcome = end(session, state, only=frozenset({("student_id", "anna")}))
    assert [(one.owner, one.status.state, one.changed) for one in outcome.outcomes] == [("anna", state, True)]
    assert {entry["kind"] for path, entry in server.objects.items() if path.endswith(ANNA)} == left
    assert {entry["kind"] for path, entry in server.objects.items() if path.endswith(BORIS)} == {
        "Secret", "PersistentVolumeClaim", "Service", "Pod",
    }  # fmt: skip


def test_ending_twice_changes_nothing_the_second_time(cluster: tuple[ApiServer, Session]) -> None:
    _server, session = cluster
    assert end(session, "stopped").changed
    again = end(session, "stopped")
    assert not again.changed
    assert [one.status.state for one in again.outcomes] == ["stopped", "stopped"]
