"""What the cluster tells of an instance that failed or is late, from its real words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.kube.session import Session
from ansible_collections.autolabs.platform.plugins.module_utils.labs.running.diagnosis import (
    diagnose,
    hidden,
    lost_nodes,
)
from ansible_collections.autolabs.platform.plugins.module_utils.labs.status import Status, pod_status
from unit.support.api_server import ApiServer, Object, serving
from unit.support.classes import ready, waiting

CRASHED = {"lastState": {"terminated": {"exitCode": 3, "reason": "Error"}}, "restartCount": 4}
RUNNING = {
    "phase": "Running",
    "containerStatuses": [{"name": "linux", "state": {"running": {}}, "ready": False}],
}
UNBOUND = "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims."
UNSCHEDULED = {
    "phase": "Pending",
    "conditions": [{"type": "PodScheduled", "status": "False", "message": UNBOUND}],
}
# Name, status of the Pod, events (kind, reason, message), sentence, part of the detail.
CASES: list[tuple[str, Object, list[tuple[str, str, str]], str, str]] = [
    (
        "the event says why an image was not pulled",
        waiting("ImagePullBackOff", 'Back-off pulling image "registry.example/linux:1"'),
        [("Pod", "Failed", 'Failed to pull image "registry.example/linux:1": unexpected status: 401 Unauthorized')],
        "the registry refuses the image registry.example/linux:1: it asks for credentials that the cluster does not "
        "have",
        "401 Unauthorized",
    ),
    (
        "nothing answers on the port",
        RUNNING,
        [("Pod", "Unhealthy", "Startup probe failed: dial tcp 10.244.0.5:2222: connect: connection refused")],
        "the program of linux runs, but nothing answers on its port",
        "Startup probe failed: dial tcp 10.244.0.5:2222",
    ),
    (
        "the healthcheck fails",
        RUNNING,
        [("Pod", "Unhealthy", "Readiness probe failed: cat: can't open '/tmp/healthy': No such file or directory")],
        "the program of linux runs, but its healthcheck fails",
        "/tmp/healthy",
    ),
    (
        "a volume cannot be mounted",
        waiting("ContainerCreating"),
        [("Pod", "FailedMount", 'MountVolume.SetUp failed for volume "volume" : timed out waiting for the condition')],
        "the node cannot give the instance its volume or its files",
        "MountVolume.SetUp failed",
    ),
    (
        "a volume cannot be attached",
        waiting("ContainerCreating"),
        [("Pod", "FailedAttachVolume", "Multi-Attach error for volume pvc-1")],
        "the volume of the instance cannot be brought to its node",
        "Multi-Attach error",
    ),
    (
        "there is no provisioner",
        UNSCHEDULED,
        [
            (
                "PersistentVolumeClaim",
                "ExternalProvisioning",
                "Waiting for a volume to be created either by the external provisioner 'nobody.test/nothing' or"
                " manually by the system administrator",
            )
        ],
        "nothing makes the volume of the instance: the provisioner of its class does not answer",
        "volume claim a: ExternalProvisioning",
    ),
    (
        "the provisioner fails",
        UNSCHEDULED,
        [("PersistentVolumeClaim", "ProvisioningFailed", "failed to provision volume: disk is full")],
        "the cluster could not make the volume of the instance",
        "disk is full",
    ),
    (
        "there is no storage class",
        UNSCHEDULED,
        [
            (
                "PersistentVolumeClaim",
                "FailedBinding",
                "no persistent volumes available for this claim and no storage class is set",
            )
        ],
        "the cluster has no storage class that could make the volume of the instance",
        "no persistent volumes available",
    ),
    (
        "something that has no words of its own",
        waiting("ContainerCreating"),
        [("Pod", "NetworkNotReady", "network is not ready: cni plugin not initialized")],
        "the instance is starting",
        "cni plugin not initialized",
    ),
]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[ApiServer, Session]]:
    with serving(tmp_path) as (api, kubeconfig):
        yield api, Session(kubeconfig)


def pod(status: Object, node: str = "") -> Object:
    spec: Object = {"volumes": [{"name": "volume", "persistentVolumeClaim": {"claimName": "a"}}]}
    spec |= {"nodeName": node} if node else {}
    metadata = {"name": "a", "namespace": "labs", "uid": "uid-a"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": status}


def tell(api: ApiServer, number: int, kind: str, reason: str, message: str, **other: Any) -> None:
    involved = {"kind": kind, "name": "a"} | ({"uid": "uid-a"} if kind == "Pod" else {}) | other
    event: Object = {"apiVersion": "v1", "kind": "Event", "metadata": {"name": f"e{number}", "namespace": "labs"}}
    event |= {"reason": reason, "message": message, "type": "Warning", "involvedObject": involved}
    api.put(event | {"lastTimestamp": f"2026-01-01T00:00:{number:02}Z"})


@pytest.mark.parametrize(
    ("status", "events", "reason", "detail"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_events_in_words(
    server: tuple[ApiServer, Session],
    status: Object,
    events: list[tuple[str, str, str]],
    reason: str,
    detail: str,
) -> None:
    api, session = server
    for number, event in enumerate(events):
        tell(api, number, *event)
    told = diagnose(session, pod_status(pod(status)), [pod(status)])
    assert told.reason == reason
    assert detail in told.detail


def test_events_of_an_earlier_pod_of_this_name_tell_nothing(server: tuple[ApiServer, Session]) -> None:
    api, session = server
    tell(api, 1, "Pod", "FailedMount", "of the one before", uid="another")
    told = diagnose(session, pod_status(pod(RUNNING)), [pod(RUNNING)])
    assert told == pod_status(pod(RUNNING))


def test_a_crash_shows_the_last_lines_of_its_log_and_no_secret(server: tuple[ApiServer, Session]) -> None:
    api, session = server
    api.logs["a"] = "starting\npassword: abcd-efgh\n"
    status = waiting("CrashLoopBackOff", "back-off 40s", **CRASHED)
    told = diagnose(session, pod_status(pod(status)), [pod(status)], ["abcd-efgh"])
    assert told.reason == "the program of linux ends again and again (last exit status 3)"
    assert told.detail.endswith("last lines of its log:\nstarting\npassword: ••••")
    assert any(request.endswith("/pods/a/log") for request in api.requests)


def test_the_worst_pod_of_several_is_asked_about(server: tuple[ApiServer, Session]) -> None:
    api, session = server
    tell(api, 1, "Pod", "Unhealthy", "Readiness probe failed: no")
    good, bad = pod(ready()), pod(RUNNING)
    assert "healthcheck" in diagnose(session, pod_status(bad), [good, bad]).reason
    api.requests.clear()
    assert diagnose(session, Status("ready"), [good]) == Status("ready")
    assert api.requests == []


@pytest.mark.parametrize(
    ("node", "state", "reason"),
    [
        (
            [{"type": "Ready", "status": "Unknown", "message": "Kubelet stopped posting node status."}],
            "failed",
            "does not answer",
        ),
        ([{"type": "Ready", "status": "False", "message": "cni plugin not initialized"}], "starting", "is not ready"),
        (None, "failed", "left the cluster"),
    ],
)
def test_a_lost_node_is_the_reason(
    server: tuple[ApiServer, Session], node: list[Object] | None, state: str, reason: str
) -> None:
    api, session = server
    if node is not None:
        api.put({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-1"}}, {"conditions": node})
    on_it = pod(RUNNING, "node-1")
    told = diagnose(session, pod_status(on_it), [on_it])
    assert told.state == state
    assert told.reason.startswith("the node node-1 ") and reason in told.reason
    assert lost_nodes(session, [on_it]) == {"node-1": told}


def test_what_cannot_be_asked_hides_nothing(server: tuple[ApiServer, Session]) -> None:
    api, session = server
    api.refusals["GET /events"] = [(403, "events is forbidden", {})]
    api.refusals["GET /nodes/node-1"] = [(403, "nodes is forbidden", {})]
    first = pod_status(pod(RUNNING))
    told = diagnose(session, first, [pod(RUNNING)])
    assert (told.state, told.reason) == (first.state, first.reason)
    assert "events is forbidden" in told.detail
    assert lost_nodes(session, [pod(RUNNING, "node-1")]) == {}


@pytest.mark.parametrize(
    ("text", "secrets", "shown"),
    [
        ("it is abcd", ["abcd"], "it is ••••"),
        ("nothing", ["", "abcd"], "nothing"),
        ("login with hunter2 failed", ["hunter2\n"], "login with •••• failed"),
        ("line: BEGIN-KEY-1", ["BEGIN-KEY-1\nab\n"], "line: ••••"),
        ("a cab", ["BEGIN-KEY-1\nab\n"], "a cab"),
    ],
)
def test_secrets_are_dots(text: str, secrets: list[str], shown: str) -> None:
    assert hidden(text, secrets) == shown
