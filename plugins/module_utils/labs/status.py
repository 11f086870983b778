"""The state of an instance, from what the cluster says, in words that a teacher understands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.kube.errors import ApiError
from ansible_collections.autolabs.platform.plugins.module_utils.kube.resources import Manifest

READY, STARTING, FAILED, STOPPED, ABSENT = "ready", "starting", "failed", "stopped", "absent"


@dataclass(frozen=True)
class Status:
    """`reason` is for a teacher, `detail` is what the cluster said, for an admin."""

    state: str
    reason: str = ""
    detail: str = ""


IMAGE_UNAVAILABLE = "the image {image} cannot be pulled: does it exist, and may the cluster read it?"

# Reasons of a waiting container after which nothing gets better by itself (kubelet, pkg/kubelet/images and
# pkg/kubelet/kuberuntime).
WAITING = {
    "ImagePullBackOff": IMAGE_UNAVAILABLE,
    "ErrImageNeverPull": IMAGE_UNAVAILABLE,
    "InvalidImageName": "the image name {image} is not valid",
    "CrashLoopBackOff": "the program of {container} ends again and again (last exit status {exit})",
    "CreateContainerConfigError": "the container {container} cannot be set up",
    "CreateContainerError": "the container {container} cannot be created",
    "RunContainerError": "the container {container} cannot be started",
}

ENDED = {
    "DeadlineExceeded": "the lab's lifetime is over; start it again to go on",
    "Evicted": "the node ran out of memory or disk and ended the instance; start it again",
}


def pod_status(pod: Manifest) -> Status:
    """What a live Pod says of its instance."""
    status = pod.get("status") or {}
    if pod["metadata"].get("deletionTimestamp"):
        return Status(STARTING, "the old instance is ending")
    if is_over(pod):
        reason = ENDED.get(status.get("reason", ""), "the instance has ended; start it again")
        return Status(FAILED, reason, status.get("message") or status.get("reason", ""))
    conditions = {entry["type"]: entry for entry in status.get("conditions") or ()}
    if conditions.get("Ready", {}).get("status") == "True":
        return Status(READY)
    for container in status.get("containerStatuses") or ():
        failed = _container_failure(container)
        if failed:
            return failed
    scheduled = conditions.get("PodScheduled", {})
    if scheduled.get("status") == "False":
        return Status(STARTING, "no node has room for the instance yet", scheduled.get("message", ""))
    return Status(STARTING, "the instance is starting", _waiting_for(status))


def is_over(pod: Manifest) -> bool:
    """Whether a Pod has ended for good, so that only a new one can take its place."""
    return (pod.get("status") or {}).get("phase") in ("Failed", "Succeeded")


def refused(error: ApiError) -> Status:
    """The API server did not take an object of the instance."""
    if is_over_quota(error):
        return Status(FAILED, "the cluster's quota for labs is used up", str(error))
    if error.status == 403:
        return Status(FAILED, "the cluster does not allow it", str(error))
    if error.status == 0:
        return Status(FAILED, "the cluster does not answer", str(error))
    return Status(FAILED, "the cluster refused the instance", str(error))


def is_over_quota(error: ApiError) -> bool:
    """Whether an object was refused because the namespace's ResourceQuota is used up."""
    return error.status == 403 and "exceeded quota" in str(error)


def not_removed(error: ApiError) -> Status:
    """An object that is no longer wanted could not be deleted."""
    return Status(FAILED, "what is no longer wanted could not be deleted; start the class again", str(error))


def too_late(last: Status, seconds: float) -> Status:
    """An instance that was still starting when the time was over."""
    return Status(FAILED, f"not ready after {seconds:.0f} s: {last.reason}", last.detail)


def _container_failure(container: dict[str, Any]) -> Status | None:
    waiting = (container.get("state") or {}).get("waiting") or {}
    words = WAITING.get(waiting.get("reason", ""))
    if not words:
        return None
    last = (container.get("lastState") or {}).get("terminated") or {}
    reason = words.format(image=container.get("image"), container=container.get("name"), exit=last.get("exitCode"))
    return Status(FAILED, reason, f"{waiting['reason']}: {waiting.get('message', '')}".rstrip(": "))


def _waiting_for(status: dict[str, Any]) -> str:
    reasons = [
        (container.get("state") or {}).get("waiting", {}).get("reason", "")
        for container in status.get("containerStatuses") or ()
    ]
    return ", ".join(reason for reason in reasons if reason)
