"""How each instance of a live class is, read from its objects alone."""

from __future__ import annotations

from ansible_collections.autolabs.platform.plugins.module_utils.kube.resources import Manifest
from ansible_collections.autolabs.platform.plugins.module_utils.labs.connection import connections
from ansible_collections.autolabs.platform.plugins.module_utils.labs.credentials import Credentials
from ansible_collections.autolabs.platform.plugins.module_utils.labs.labels import COMPONENT, instance_of
from ansible_collections.autolabs.platform.plugins.module_utils.labs.live import Live
from ansible_collections.autolabs.platform.plugins.module_utils.labs.objects.networking import COMPONENTS_ANNOTATION
from ansible_collections.autolabs.platform.plugins.module_utils.labs.outcome import Outcome
from ansible_collections.autolabs.platform.plugins.module_utils.labs.settings import Settings
from ansible_collections.autolabs.platform.plugins.module_utils.labs.status import (
    ABSENT,
    FAILED,
    READY,
    STARTING,
    STOPPED,
    Status,
    pod_status,
)


def overview(live: Live, settings: Settings) -> list[Outcome]:
    """One outcome an owner: `absent` where only the volume is left, `stopped` where no Pod is."""
    return [_outcome(owner, manifests, settings) for owner, manifests in live.by_owner() if owner]


def worst(statuses: list[Status]) -> Status:
    """The status of several Pods together: one that failed decides, then one that is starting."""
    for state in (FAILED, STARTING):
        for status in statuses:
            if status.state == state:
                return status
    return Status(READY)


def _outcome(owner: str, manifests: list[Manifest], settings: Settings) -> Outcome:
    by_kind: dict[str, list[Manifest]] = {}
    for manifest in manifests:
        by_kind.setdefault(manifest["kind"], []).append(manifest)
    name = instance_of(manifests[0]["metadata"]["labels"])
    pods, services = by_kind.get("Pod", []), by_kind.get("Service", [])
    if pods:
        status = worst([*(pod_status(pod) for pod in pods), *_missing(pods, services)])
    else:
        status = Status(STOPPED if by_kind.keys() - {"PersistentVolumeClaim"} else ABSENT)
    secret = next(iter(by_kind.get("Secret", [])), None)
    credentials = Credentials.from_secret(secret) if secret else None
    ways_in = connections(services, pods, credentials, settings.access_host) if pods else ()
    return Outcome(name, owner, status, connections=ways_in)


def _missing(pods: list[Manifest], services: list[Manifest]) -> list[Status]:
    """A status for each component that should be there and has no Pod."""
    annotations = (service["metadata"].get("annotations") or {} for service in services)
    wanted = {name for found in annotations for name in found.get(COMPONENTS_ANNOTATION, "").split(",") if name}
    there = {pod["metadata"]["labels"].get(COMPONENT) for pod in pods}
    words = "the component {} has not begun; if no start is under way, start the class again"
    return [Status(STARTING, words.format(name)) for name in sorted(wanted - there)]
