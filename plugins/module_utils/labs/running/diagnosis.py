"""Asks the cluster why an instance failed or is late: its node, its events, the last lines of its log.

That costs requests, so it is done for such an instance alone; what is known without them is in `status`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.autolabs.platform.plugins.module_utils.kube.resources import Manifest, collection_path
from ansible_collections.autolabs.platform.plugins.module_utils.kube.session import Session
from ansible_collections.autolabs.platform.plugins.module_utils.labs.running.pull import is_explained, why_not_pulled
from ansible_collections.autolabs.platform.plugins.module_utils.labs.status import (
    CRASHING,
    ENDED,
    FAILED,
    PULLING,
    STARTING,
    Status,
    containers,
    how_it_ended,
    is_over,
    last_end,
    pod_status,
    waiting_reason,
)

LOG_LINES = 10
DOTS = "••••"
SHORTEST_SECRET_LINE = 8
"""Of a secret of several lines, what is shorter than this tells nothing, and may be any word."""

NODE_LOST = "the node {node} does not answer; the instance on it works again when the node does"
NODE_NOT_READY = "the node {node} is not ready; the instance on it works again when the node is"
NODE_GONE = "the node {node} left the cluster, and took the instance with it; start it again"

# Of a claim that no volume was made for (kube-controller-manager's persistentvolume controller).
CLAIM_SIGNS = (
    ("storage class is set", "the cluster has no storage class that could make the volume of the instance"),
    ("not found", "the storage class of the volumes does not exist"),
    ("ExternalProvisioning", "nothing makes the volume of the instance: the provisioner of its class does not answer"),
    ("no volume plugin matched", "nothing makes the volume of the instance: its storage class has no provisioner"),
    ("no-provisioner", "nothing makes the volume of the instance: its storage class has no provisioner"),
    ("FailedBinding", "nothing makes the volume of the instance: its storage class has no provisioner"),
    ("ProvisioningFailed", "the cluster could not make the volume of the instance"),
)

# Of a Pod that its node cannot set up (kubelet, pkg/kubelet/events).
SETUP_SIGNS = {
    "FailedMount": "the node cannot give the instance its volume or its files",
    "FailedAttachVolume": "the volume of the instance cannot be brought to its node",
    "FailedCreatePodSandBox": "the node cannot give the instance a network",
}

NO_ANSWER = ("dial tcp", "connection refused")

Event = dict[str, Any]


def diagnose(session: Session, status: Status, pods: Iterable[Manifest], secrets: Iterable[str] = ()) -> Status:
    """`status`, with what the cluster tells beyond it about the Pod of an instance that is worst off.

    secrets: what must not be seen in a log. Raises nothing that a server may cause: what cannot be asked leaves the
    status as it is.
    """
    pod = _worst(pods)
    if pod is None:
        return status
    try:
        ending = pod["metadata"].get("deletionTimestamp")
        told = lost_node(session, pod) or (status if ending else _look(session, status, pod))
    except KubeError as error:
        told = replace(status, detail=_joined(status.detail, f"(the cluster did not tell more: {error})"))
    return replace(told, detail=hidden(told.detail, secrets))


def lost_node(session: Session, pod: Manifest) -> Status | None:
    """What a Pod has come to whose node does not answer or is not in order; None where it is. Raises ApiError."""
    name = (pod.get("spec") or {}).get("nodeName")
    if not name:
        return None
    node = session.get("Node", None, name)
    if node is None:
        return Status(FAILED, NODE_GONE.format(node=name), f"there is no node {name}")
    for condition in (node.get("status") or {}).get("conditions") or ():
        if condition["type"] == "Ready" and condition["status"] != "True":
            detail = f"node {name}, {condition.get('reason', '')}: {condition.get('message', '')}"
            if condition["status"] == "False":
                # The node still tells how it is, and such faults pass.
                return Status(STARTING, NODE_NOT_READY.format(node=name), detail)
            return Status(FAILED, NODE_LOST.format(node=name), detail)
    return None


def lost_nodes(session: Session, pods: Iterable[Manifest]) -> dict[str, Status]:
    """What has come to the Pods of each node that does not answer, by its name.

    Raises nothing: a node that may not be looked at is taken for a good one.
    """
    of_nodes = {(pod.get("spec") or {}).get("nodeName", ""): pod for pod in pods}
    found: dict[str, Status] = {}
    for name, pod in of_nodes.items():
        with suppress(KubeError):
            lost = lost_node(session, pod)
            if lost:
                found[name] = lost
    return found


def hidden(text: str, secrets: Iterable[str]) -> str:
    """`text` with dots in place of secrets, and of each longer line of a secret of several lines."""
    known = {form for secret in secrets for form in (secret, secret.strip())}
    lines = [line for secret in known for line in (secret, *secret.splitlines())]
    for line in sorted(lines, key=len, reverse=True):
        if line in known or len(line) >= SHORTEST_SECRET_LINE:
            text = text.replace(line, DOTS) if line else text
    return text


def _worst(pods: Iterable[Manifest]) -> Manifest | None:
    found = list(pods)
    for state in (FAILED, STARTING):
        for pod in found:
            if pod_status(pod).state == state:
                return pod
    return None


def _look(session: Session, status: Status, pod: Manifest) -> Status:
    crashed = _crash(session, status, pod)
    if crashed:
        return crashed
    events = _events(session, "Pod", pod)
    looks: tuple[Callable[[], Status | None], ...] = (
        lambda: _image(status, pod, events),
        lambda: _claim(session, status, pod),
        lambda: _setup(status, pod, events),
        lambda: _probe(status, pod, events),
    )
    for look in looks:
        told = look()
        if told:
            return told
    warnings = [_told(event) for event in events if event.get("type") == "Warning"]
    return replace(status, detail=_joined(status.detail, *warnings[-1:]))


def _crash(session: Session, status: Status, pod: Manifest) -> Status | None:
    """The last lines of a program that ended, where its end is the matter."""
    if (pod.get("status") or {}).get("reason") in ENDED:
        return None
    for container in containers(pod):
        ended = last_end(container)
        if not ended or not (is_over(pod) or ended.get("exitCode") or waiting_reason(container) == CRASHING):
            continue
        previous = "terminated" not in (container.get("state") or {})
        try:
            log = session.log(pod, container["name"], previous=previous, lines=LOG_LINES).strip()
        except KubeError as error:
            log = f"(cannot be read: {error})"
        how = f"{container['name']}: {how_it_ended(container)}, {ended.get('reason', '')}".rstrip(", ")
        detail = _joined(status.detail, how, f"last lines of its log:\n{log}" if log else "it wrote nothing")
        if _runs(container) and status.state == STARTING:
            words = f"the program of {container['name']} ended ({how_it_ended(container)}) and runs again"
            return replace(status, reason=words, detail=detail)
        return replace(status, detail=detail)
    return None


def _image(status: Status, pod: Manifest, events: list[Event]) -> Status | None:
    for container in containers(pod):
        if waiting_reason(container) not in PULLING:
            continue
        image = container.get("image", "")
        said = [container["state"]["waiting"].get("message", "")]
        said += [event.get("message", "") for event in events if event.get("reason") == "Failed"]
        for text in said:
            reason = why_not_pulled(image, text)
            if is_explained(reason, image):
                return replace(status, reason=reason, detail=_joined(status.detail, text))
        return replace(status, reason=why_not_pulled(image, ""))
    return None


def _claim(session: Session, status: Status, pod: Manifest) -> Status | None:
    spec = pod.get("spec") or {}
    if spec.get("nodeName"):
        return None
    for volume in spec.get("volumes") or ():
        name = (volume.get("persistentVolumeClaim") or {}).get("claimName")
        if not name:
            continue
        claim = {"metadata": {"name": name, "namespace": pod["metadata"]["namespace"]}}
        for event in reversed(_events(session, "PersistentVolumeClaim", claim)):
            told = _told(event)
            words = next((words for sign, words in CLAIM_SIGNS if sign in told), None)
            if words and event.get("reason") != "WaitForFirstConsumer":
                return replace(status, reason=words, detail=_joined(status.detail, f"volume claim {name}: {told}"))
    return None


def _setup(status: Status, pod: Manifest, events: list[Event]) -> Status | None:
    if any(_runs(container) for container in containers(pod)):
        return None
    for event in reversed(events):
        words = SETUP_SIGNS.get(event.get("reason", ""))
        if words:
            return replace(status, reason=words, detail=_joined(status.detail, _told(event)))
    return None


def _probe(status: Status, pod: Manifest, events: list[Event]) -> Status | None:
    failing = [event for event in events if event.get("reason") == "Unhealthy"]
    for container in containers(pod):
        if failing and not container.get("ready") and _runs(container):
            told = _told(failing[-1])
            what = "nothing answers on its port" if any(sign in told for sign in NO_ANSWER) else "its healthcheck fails"
            words = f"the program of {container['name']} runs, but {what}"
            return replace(status, reason=words, detail=_joined(status.detail, told))
    return None


def _events(session: Session, kind: str, manifest: Manifest) -> list[Event]:
    """The events of an object, oldest first. Raises ApiError."""
    metadata = manifest["metadata"]
    fields = {"involvedObject.kind": kind, "involvedObject.name": metadata["name"]}
    if "uid" in metadata:
        fields["involvedObject.uid"] = metadata["uid"]
    chosen = ",".join(f"{name}={value}" for name, value in fields.items())
    path = collection_path("Event", metadata["namespace"], fieldSelector=chosen, limit="100")
    events: list[Event] = session.request("GET", path)["items"]
    return sorted(events, key=lambda event: str(event.get("lastTimestamp") or event.get("eventTime") or ""))


def _runs(container: dict[str, Any]) -> bool:
    return "running" in (container.get("state") or {})


def _told(event: Event) -> str:
    return f"{event.get('reason', '')}: {event.get('message', '')}"


def _joined(*parts: str) -> str:
    """Parts of a detail, each once, a line each."""
    kept: list[str] = []
    for part in parts:
        if part and not any(part in other for other in kept):
            kept.append(part)
    return "\n".join(kept)
