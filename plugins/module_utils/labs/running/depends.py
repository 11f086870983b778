"""When a component may start that depends on others (Compose specification, `depends_on`). Pure."""

from __future__ import annotations

from ansible_collections.autolabs.platform.plugins.module_utils.kube.resources import Manifest
from ansible_collections.autolabs.platform.plugins.module_utils.labs.model import COMPLETED, HEALTHY
from ansible_collections.autolabs.platform.plugins.module_utils.labs.status import READY, containers, pod_status


def holds(condition: str, pod: Manifest | None) -> bool:
    """Whether the Pod of a component is as one that depends on it wants it.

    Started: its program runs or ran. Healthy: the Pod is ready. Completed: its program ended well, for good.
    """
    if pod is None or pod["metadata"].get("deletionTimestamp"):
        return False
    phase = (pod.get("status") or {}).get("phase")
    if condition == COMPLETED:
        return bool(phase == "Succeeded")
    if condition == HEALTHY:
        return pod_status(pod).state == READY
    return phase == "Succeeded" or any(_began(container) for container in containers(pod))


def _began(container: dict[str, dict[str, object]]) -> bool:
    state, last = container.get("state") or {}, container.get("lastState") or {}
    return bool("running" in state or "terminated" in state or last.get("terminated"))
