"""What the cluster says of a Pod, in words for a teacher."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.kube.errors import ApiError
from ansible_collections.autolabs.platform.plugins.module_utils.labs.status import (
    Status,
    in_words,
    is_over,
    looks_bad,
    not_ended,
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
ENDED_EARLIER = {"lastState": {"terminated": {"exitCode": 2, "reason": "Error"}}}
OUT_OF_MEMORY = {"lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}}
JUST_ENDED = {
    "phase": "Running",
    "containerStatuses": [{"name": "linux", "restartCount": 3, "state": {"terminated": {"exitCode": 1}}}],
}
FAILED_ONCE = {
    "phase": "Failed",
    "containerStatuses": [{"name": "setup", "state": {"terminated": {"exitCode": 4, "reason": "Error"}}}],
}
NOT_FOUND = (
    'Back-off pulling image "registry.example/linux:1": ErrImagePull: rpc error: code = NotFound desc = failed to pull '
    'and unpack image "registry.example/linux:1": failed to resolve reference "registry.example/linux:1": '
    "registry.example/linux:1: not found"
)


def unscheduled(message: str) -> dict[str, Any]:
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    return {"phase": "Pending", "conditions": [condition]}


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
        waiting("CrashLoopBackOff", "back-off 10s", restartCount=3, **ENDED_EARLIER),
        "failed",
        "the program of linux ends again and again (last exit status 2)",
        "CrashLoopBackOff: back-off 10s",
    ),
    (
        "crashed twice, and may be waiting for another program",
        waiting("CrashLoopBackOff", "back-off 10s", restartCount=2, **ENDED_EARLIER),
        "starting",
        "the program of linux has ended (last exit status 2) and is started again",
        "CrashLoopBackOff: back-off 10s",
    ),
    (
        "needs too much memory",
        waiting("CrashLoopBackOff", "back-off 40s", restartCount=4, **OUT_OF_MEMORY),
        "failed",
        "the program of linux ends again and again (it needs more memory than the lab gives it)",
        "CrashLoopBackOff: back-off 40s",
    ),
    (
        "crashed just now",
        JUST_ENDED,
        "failed",
        "the program of linux ends again and again (last exit status 1)",
        "",
    ),
    (
        "the image is not there",
        waiting("ImagePullBackOff", NOT_FOUND),
        "failed",
        "the image registry.example/linux:1 does not exist in its registry",
        f"ImagePullBackOff: {NOT_FOUND}",
    ),
    (
        "all nodes are closed",
        unscheduled("0/1 nodes are available: 1 node(s) were unschedulable."),
        "starting",
        "every node that could take the instance is closed for new ones",
        "0/1 nodes are available: 1 node(s) were unschedulable.",
    ),
    (
        "no node has room",
        unscheduled("0/2 nodes are available: 2 Insufficient memory."),
        "starting",
        "no node has room for the instance yet",
        "0/2 nodes are available: 2 Insufficient memory.",
    ),
    (
        "no node for its security level",
        unscheduled("0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector."),
        "starting",
        "no node is set up for labs of this security level",
        "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector.",
    ),
    (
        "no volume",
        unscheduled("0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims."),
        "starting",
        "the volume of the instance is not there yet",
        "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims.",
    ),
    ("failed at what it does once", FAILED_ONCE, "failed", "the program of setup failed (last exit status 4)", ""),
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


@pytest.mark.parametrize("policy", ["Never", "OnFailure"])
@pytest.mark.parametrize(
    ("phase", "state", "over"),
    [("Succeeded", "ready", False), ("Failed", "failed", True), ("Running", "starting", False)],
)
def test_what_runs_once_is_ready_when_it_has_ended_well(phase: str, state: str, over: bool, policy: str) -> None:
    pod = {"metadata": {"name": "a"}, "spec": {"restartPolicy": policy}, "status": {"phase": phase}}
    assert pod_status(pod).state == state
    assert is_over(pod) == over


BAD_SIGNS = [
    (waiting("ErrImagePull", "EOF"), True),
    (waiting("ImagePullBackOff"), True),
    (waiting("CrashLoopBackOff", restartCount=1, **ENDED_EARLIER), True),
    (RUNNING_NOT_READY, False),
    (waiting("ContainerCreating"), False),
    ({"phase": "Failed"}, True),
    (None, False),
    (ready(), False),
    (ready() | {"containerStatuses": [{"name": "a", "state": {"running": {}}, **ENDED_EARLIER}]}, False),
]


@pytest.mark.parametrize(("status", "bad"), BAD_SIGNS)
def test_a_bad_sign(status: dict[str, Any] | None, bad: bool) -> None:
    assert looks_bad({"metadata": {"name": "a"}, "status": status}) == bad


@pytest.mark.parametrize(("phase", "over"), [("Failed", True), ("Succeeded", True), ("Running", False), ("", False)])
def test_what_has_ended_for_good_needs_a_new_pod(phase: str, over: bool) -> None:
    assert is_over({"metadata": {}, "status": {"phase": phase}}) == over
    assert not is_over({"metadata": {}})


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ApiError(403, 'pods "a" is forbidden: exceeded quota: labs'), "the cluster's quota for labs is used up"),
        (
            ApiError(403, 'pods "a" is forbidden: violates PodSecurity "restricted:latest": privileged'),
            "the lab asks for what its security level does not allow",
        ),
        (
            ApiError(403, 'pods "a" is forbidden: maximum cpu usage per Container is 1, but limit is 2'),
            "the lab asks for more, or for less, than the cluster allows one instance",
        ),
        (ApiError(403, "admission webhook denied the request"), "the cluster does not allow it"),
        (ApiError(0, "connection refused"), "the cluster does not answer"),
        (ApiError(422, "spec is immutable"), "the cluster refused the instance"),
        (
            ApiError(
                403,
                'pods is forbidden: User "system:serviceaccount:infrastructure:lab-worker" cannot create resource '
                '"pods" in API group "" in the namespace "labs"',
            ),
            "the account system:serviceaccount:infrastructure:lab-worker may not create pods in the namespace labs; "
            "the cluster's administrator can allow it",
        ),
        (ApiError(500, "exceeded quota of patience"), "the cluster refused the instance"),
    ],
)
def test_a_refusal_in_words(error: ApiError, reason: str) -> None:
    assert refused(error) == Status("failed", reason, str(error))


def test_who_comes_too_late_says_why_it_was_waiting() -> None:
    late = too_late(Status("starting", "no node has room for the instance yet", "0/2 nodes"), 300.0)
    assert late == Status("failed", "not ready after 300 s: no node has room for the instance yet", "0/2 nodes")


@pytest.mark.parametrize(("state", "words"), [("stopped", "could not be stopped"), ("absent", "could not be removed")])
def test_what_could_not_be_ended_says_why(state: str, words: str) -> None:
    told = not_ended(ApiError(0, "connection refused"), state)
    assert told == Status("failed", f"{words}: the cluster does not answer", "connection refused")


def test_a_failure_of_the_whole_run_is_told_to_both() -> None:
    assert in_words(ApiError(0, "connection refused")) == "the cluster does not answer (connection refused)"
