"""How each instance of a live class is, read from its objects alone."""

from __future__ import annotations

from ansible_collections.autolabs.platform.plugins.module_utils.kube.resources import Manifest
from ansible_collections.autolabs.platform.plugins.module_utils.labs.connection import connections
from ansible_collections.autolabs.platform.plugins.module_utils.labs.credentials import Credentials
from ansible_collections.autolabs.platform.plugins.module_utils.labs.live import Live
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

_NAMED_AS_INSTANCE = ("Secret", "PersistentVolumeClaim", "Service")


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
    pods = by_kind.get("Pod", [])
    named = next((by_kind[kind][0] for kind in _NAMED_AS_INSTANCE if kind in by_kind), manifests[0])
    if pods:
        status = worst([pod_status(pod) for pod in pods])
    else:
        status = Status(STOPPED if by_kind.keys() - {"PersistentVolumeClaim"} else ABSENT)
    secret = next(iter(by_kind.get("Secret", [])), None)
    service = next(iter(by_kind.get("Service", [])), None)
    credentials = Credentials.from_secret(secret) if secret else None
    ways_in = connections(service, pods[0], credentials, settings.access_host) if pods else ()
    return Outcome(named["metadata"]["name"], owner, status, connections=ways_in)
