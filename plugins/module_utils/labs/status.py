"""The state of an instance, from what the cluster says, in words that a teacher understands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.kube.errors import ApiError
from ansible_collections.autolabs.platform.plugins.module_utils.kube.resources import Manifest
from ansible_collections.autolabs.platform.plugins.module_utils.labs.running.pull import why_not_pulled

READY, STARTING, FAILED, STOPPED, ABSENT = "ready", "starting", "failed", "stopped", "absent"
REFUSED = "refused"
"""There was no room for it, and the others were to start without it."""

ENDS_THAT_ARE_BORNE = 3
"""A program that waits for another one by ending, as many do, gets so many chances."""


@dataclass(frozen=True)
class Status:
    """`reason` is for a teacher, `detail` is what the cluster said, for an admin."""

    state: str
    reason: str = ""
    detail: str = ""


PULLING = ("ImagePullBackOff", "ErrImagePull", "RegistryUnavailable", "ErrImageNeverPull")
CRASHING = "CrashLoopBackOff"

# Reasons of a waiting container after which nothing gets better by itself (kubelet, pkg/kubelet/images and
# pkg/kubelet/kuberuntime).
WAITING = {
    "ImagePullBackOff": "{pull}",
    "RegistryUnavailable": "{pull}",
    "ErrImageNeverPull": "{pull}",
    "InvalidImageName": "the image name {image} is not valid",
    CRASHING: "the program of {container} ends again and again ({how})",
    "CreateContainerConfigError": "the container {container} cannot be set up",
    "CreateContainerError": "the container {container} cannot be created",
    "RunContainerError": "the container {container} cannot be started",
}

ENDED = {
    "DeadlineExceeded": "the lab's lifetime is over; start it again to go on",
    "Evicted": "the node ran out of memory or disk and ended the instance; start it again",
}

# What a kubelet says of a program that it ended for its use of memory (cgroup's out-of-memory killer).
OUT_OF_MEMORY = "OOMKilled"

# Words of the scheduler (kube-scheduler's plugins: noderesources, nodeunschedulable, nodeaffinity, volumebinding).
UNSCHEDULABLE = (
    ("PersistentVolumeClaim", "the volume of the instance is not there yet"),
    ("persistent volume", "the volume of the instance is not there yet"),
    ("volume node affinity conflict", "the volume of the instance is on a node that takes no instance now"),
    ("Insufficient", "no node has room for the instance yet"),
    ("Too many pods", "no node has room for the instance yet"),
    ("unschedulable", "every node that could take the instance is closed for new ones"),
    ("untolerated taint", "every node that could take the instance is closed for it"),
    ("node affinity/selector", "no node is set up for labs of this security level"),
)
# Words of the API server's admission (plugins limitranger and podsecurity).
TOO_MUCH = "the lab asks for more, or for less, than the cluster allows one instance"
NOT_ALLOWED = (
    ("violates PodSecurity", "the lab asks for what its security level does not allow"),
    ("maximum ", TOO_MUCH),
    ("minimum ", TOO_MUCH),
)
NO_ROOM = "no node has room for the instance yet"


def pod_status(pod: Manifest) -> Status:
    """What a live Pod says of its instance."""
    status = pod.get("status") or {}
    if pod["metadata"].get("deletionTimestamp"):
        return Status(STARTING, "the old instance is ending")
    if _is_done(pod):
        return Status(READY)
    if is_over(pod):
        return _over(status)
    conditions = {entry["type"]: entry for entry in status.get("conditions") or ()}
    if conditions.get("Ready", {}).get("status") == "True":
        return Status(READY)
    for container in containers(pod):
        told = _container_status(container)
        if told:
            return told
    scheduled = conditions.get("PodScheduled", {})
    if scheduled.get("status") == "False":
        message = scheduled.get("message", "")
        words = next((words for sign, words in UNSCHEDULABLE if sign in message), NO_ROOM)
        return Status(STARTING, words, message)
    return Status(STARTING, "the instance is starting", _waiting_for(pod))


def is_over(pod: Manifest) -> bool:
    """Whether a Pod has ended for good, so that only a new one can take its place.

    One that runs once and has done its work is not over: it stands for what it did.
    """
    return (pod.get("status") or {}).get("phase") in ("Failed", "Succeeded") and not _is_done(pod)


def is_ready(pod: Manifest) -> bool:
    """Whether a Pod serves, or has done its work."""
    return pod_status(pod).state == READY


def looks_bad(pod: Manifest) -> bool:
    """Whether a Pod shows a sign, which may pass, that its lab does not work."""
    if is_ready(pod):
        return False
    if is_over(pod):
        return True
    return any(
        waiting_reason(container) in (*WAITING, *PULLING) or _failed_end(container) for container in containers(pod)
    )


def containers(pod: Manifest) -> Iterator[dict[str, Any]]:
    """What the kubelet says of each container of a Pod."""
    yield from (pod.get("status") or {}).get("containerStatuses") or ()


def waiting_reason(container: dict[str, Any]) -> str:
    """Why a container waits; nothing where it does not."""
    reason: str = ((container.get("state") or {}).get("waiting") or {}).get("reason", "")
    return reason


def last_end(container: dict[str, Any]) -> dict[str, Any]:
    """How the container's program ended last; empty where it has not."""
    for state in ("state", "lastState"):
        ended = (container.get(state) or {}).get("terminated")
        if ended:
            return dict(ended)
    return {}


def how_it_ended(container: dict[str, Any]) -> str:
    """The last end in words: `exit status 1`."""
    ended = last_end(container)
    if ended.get("reason") == OUT_OF_MEMORY:
        return "it needs more memory than the lab gives it"
    return f"last exit status {ended.get('exitCode')}"


def refused(error: ApiError) -> Status:
    """The API server did not take an object of the instance."""
    if is_over_quota(error):
        return Status(FAILED, "the cluster's quota for labs is used up", str(error))
    if error.status == 403:
        right = error.missing_right
        words = next((words for sign, words in NOT_ALLOWED if sign in str(error)), "the cluster does not allow it")
        return Status(FAILED, f"{right}; the cluster's administrator can allow it" if right else words, str(error))
    if error.status == 0:
        return Status(FAILED, "the cluster does not answer", str(error))
    return Status(FAILED, "the cluster refused the instance", str(error))


def in_words(error: ApiError) -> str:
    """What a request that failed means for the whole run: for a teacher, then for an admin."""
    return f"{refused(error).reason} ({error})"


def is_over_quota(error: ApiError) -> bool:
    """Whether an object was refused because the namespace's ResourceQuota is used up."""
    return error.status == 403 and "exceeded quota" in str(error)


def not_removed(error: ApiError) -> Status:
    """An object that is no longer wanted could not be deleted."""
    return Status(FAILED, "what is no longer wanted could not be deleted; start the class again", str(error))


def not_ended(error: ApiError, state: str) -> Status:
    """Something of an instance that was to be `stopped` or `absent` could not be deleted."""
    words = "could not be " + ("stopped" if state == STOPPED else "removed")
    return Status(FAILED, f"{words}: {refused(error).reason}", str(error))


def too_late(last: Status, seconds: float) -> Status:
    """An instance that was still starting when the time was over."""
    return Status(FAILED, f"not ready after {seconds:.0f} s: {last.reason}", last.detail)


def unanswered(last: Status, error: ApiError) -> Status:
    """The last that was heard of an instance before the API server went away."""
    return replace(last, reason=f"the cluster does not answer; when it last did, {last.reason}", detail=str(error))


def _is_done(pod: Manifest) -> bool:
    once = (pod.get("spec") or {}).get("restartPolicy") in ("Never", "OnFailure")
    return once and (pod.get("status") or {}).get("phase") == "Succeeded"


def _over(status: dict[str, Any]) -> Status:
    reason = ENDED.get(status.get("reason", ""), "")
    detail = status.get("message") or status.get("reason", "")
    if not reason:
        failed = next((entry for entry in status.get("containerStatuses") or () if _failed_end(entry)), None)
        reason = "the instance has ended; start it again"
        if failed:
            reason = f"the program of {failed['name']} failed ({how_it_ended(failed)})"
    return Status(FAILED, reason, detail)


def _failed_end(container: dict[str, Any]) -> bool:
    return bool(last_end(container).get("exitCode"))


def _container_status(container: dict[str, Any]) -> Status | None:
    """What a container tells that does not just start or run."""
    state = container.get("state") or {}
    reason = waiting_reason(container)
    if reason == CRASHING or "terminated" in state:
        return _ended_status(container, state)
    words = WAITING.get(reason)
    if not words:
        return None
    message = state["waiting"].get("message", "")
    image, name = container.get("image", ""), container.get("name")
    told = words.format(image=image, container=name, pull=why_not_pulled(image, message))
    return Status(FAILED, told, f"{reason}: {message}".rstrip(": "))


def _ended_status(container: dict[str, Any], state: dict[str, Any]) -> Status:
    name, how = container.get("name"), how_it_ended(container)
    detail = f"{CRASHING}: {(state.get('waiting') or {}).get('message', '')}" if "waiting" in state else ""
    if container.get("restartCount", 0) >= ENDS_THAT_ARE_BORNE:
        return Status(FAILED, WAITING[CRASHING].format(container=name, how=how), detail.rstrip(": "))
    return Status(STARTING, f"the program of {name} has ended ({how}) and is started again", detail.rstrip(": "))


def _waiting_for(pod: Manifest) -> str:
    reasons = [waiting_reason(container) for container in containers(pod)]
    return ", ".join(reason for reason in reasons if reason)
