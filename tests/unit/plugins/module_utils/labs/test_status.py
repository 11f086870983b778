"""What the cluster says of a Pod, in words for a teacher."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.kube.errors import ApiError
from ansible_collections.autolabs.platform.plugins.module_utils.labs.status import (
    Status,
    is_over,
    pod_status,
    refused,
    too_late,
)
from unit.support.classes import ready, waiting

UNSCHEDULED = {
    "phase": "Pending",
    "conditions": [
        {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/2 nodes are available"}
    ],
}
RUNNING_NOT_READY = {
    "phase": "Running",
    "conditions": [{"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": "False"}],
    "containerStatuses": [{"name": "linux", "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}}],
}
ENDED_EARLIER = {"lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}}
CASES: list[tuple[str, dict[str, Any] | None, str, str, str]] = [
    ("just made", None, "starting", "the instance is starting", ""),
    ("accepted", {"phase": "Pending"}, "starting", "the instance is starting", ""),
    ("no room", UNSCHEDULED, "starting", "no node has room for the instance yet", "0/2 nodes are available"),
    ("being set up", waiting("ContainerCreating"), "starting", "the instance is starting", "ContainerCreating"),
    ("first pull failed", waiting("ErrImagePull", "EOF"), "starting", "the instance is starting", "ErrImagePull"),
    (
        "pulls keep failing",
        waiting("ImagePullBackOff", 'Back-off pulling image "registry.example/linux:1"'),
        "failed",
        "the image registry.example/linux:1 cannot be pulled: does it exist, and may the cluster read it?",
        'ImagePullBackOff: Back-off pulling image "registry.example/linux:1"',
    ),
    (
        "bad image name",
        waiting("InvalidImageName"),
        "failed",
        "the image name registry.example/linux:1 is not valid",
        "InvalidImageName",
    ),
    (
        "crashes",
        waiting("CrashLoopBackOff", "back-off 10s", **ENDED_EARLIER),
        "failed",
        "the program of linux ends again and again (last exit status 137)",
        "CrashLoopBackOff: back-off 10s",
    ),
    (
        "a config is missing",
        waiting("CreateContainerConfigError", 'configmap "x" not found'),
        "failed",
        "the container linux cannot be set up",
        'CreateContainerConfigError: configmap "x" not found',
    ),
    ("running, not yet ready", RUNNING_NOT_READY, "starting", "the instance is starting", ""),
    ("ready", ready(), "ready", "", ""),
    (
        "its time is over",
        {"phase": "Failed", "reason": "DeadlineExceeded", "message": "Pod was active on the node longer than asked"},
        "failed",
        "the lab's lifetime is over; start it again to go on",
        "Pod was active on the node longer than asked",
    ),
    (
        "the node was full",
        {"phase": "Failed", "reason": "Evicted"},
        "failed",
        "the node ran out of memory or disk and ended the instance; start it again",
        "Evicted",
    ),
    ("ended by itself", {"phase": "Succeeded"}, "failed", "the instance has ended; start it again", ""),
]


@pytest.mark.parametrize(
    ("status", "state", "reason", "detail"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_a_pods_status_in_words(status: dict[str, Any] | None, state: str, reason: str, detail: str) -> None:
    pod: dict[str, Any] = {"metadata": {"name": "a"}} | ({} if status is None else {"status": status})
    assert pod_status(pod) == Status(state, reason, detail)


@pytest.mark.parametrize("status", [case[1] for case in CASES], ids=[case[0] for case in CASES])
def test_a_pod_that_is_ending_is_neither_ready_nor_failed(status: dict[str, Any] | None) -> None:
    pod = {"metadata": {"name": "a", "deletionTimestamp": "2026-01-01T00:00:00Z"}, "status": status}
    assert pod_status(pod) == Status("starting", "the old instance is ending")


@pytest.mark.parametrize(("phase", "over"), [("Failed", True), ("Succeeded", True), ("Running", False), ("", False)])
def test_what_has_ended_for_good_needs_a_new_pod(phase: str, over: bool) -> None:
    assert is_over({"metadata": {}, "status": {"phase": phase}}) == over
    assert not is_over({"metadata": {}})


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ApiError(403, 'pods "a" is forbidden: exceeded quota: labs'), "the cluster's quota for labs is used up"),
        (ApiError(403, 'violates PodSecurity "restricted"'), "the cluster does not allow it"),
        (ApiError(0, "connection refused"), "the cluster does not answer"),
        (ApiError(422, "spec is immutable"), "the cluster refused the instance"),
        (ApiError(500, "exceeded quota of patience"), "the cluster refused the instance"),
    ],
)
def test_a_refusal_in_words(error: ApiError, reason: str) -> None:
    assert refused(error) == Status("failed", reason, str(error))


def test_who_comes_too_late_says_why_it_was_waiting() -> None:
    late = too_late(Status("starting", "no node has room for the instance yet", "0/2 nodes"), 300.0)
    assert late == Status("failed", "not ready after 300 s: no node has room for the instance yet", "0/2 nodes")
