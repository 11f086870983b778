"""Stops or removes instances: Pods first, and what keeps them apart only when they are gone."""

from __future__ import annotations

import queue
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from ansible_collections.autolabs.platform.plugins.module_utils.kube.resources import Manifest
from ansible_collections.autolabs.platform.plugins.module_utils.kube.session import CONNECTIONS, Session
from ansible_collections.autolabs.platform.plugins.module_utils.kube.watcher import Watcher
from ansible_collections.autolabs.platform.plugins.module_utils.labs.live import Live
from ansible_collections.autolabs.platform.plugins.module_utils.labs.plan import Step, deletions

KINDS_OF_STATE = {
    "stopped": ("Pod",),
    "absent": ("NetworkPolicy", "ConfigMap", "Secret", "Service", "Pod"),
}
"""What goes; the volume of an instance never does."""


@dataclass(frozen=True)
class Teardown:
    """What is deleted: of the instances, and then of the class itself."""

    instances: tuple[Step, ...]
    shared: tuple[Step, ...]

    @property
    def changes(self) -> bool:
        """Whether there is anything to delete."""
        return bool(self.instances or self.shared)


def plan_teardown(live: Live, state: str) -> Teardown:
    """What brings the instances in `live`, and the class if it is there, to `stopped` or `absent`."""
    kinds = KINDS_OF_STATE[state]
    shared: list[Manifest] = []
    instances: list[Manifest] = []
    for owner, manifests in live.by_owner():
        (instances if owner else shared).extend(manifests)
    return Teardown(deletions(instances, kinds), deletions(shared, kinds))


def tear_down(session: Session, live: Live, labels: dict[str, str], teardown: Teardown, *, timeout: float) -> set[str]:
    """Delete, wait until the Pods are gone, and return the names of those that are not after `timeout` seconds.

    labels: those of the class. Raises ApiError.
    """
    leaving = {step.manifest["metadata"]["name"] for step in teardown.instances if step.manifest["kind"] == "Pod"}
    gone: queue.SimpleQueue[str] = queue.SimpleQueue()
    watcher = Watcher(session, "Pod", live.namespace, labels)
    watcher.start(live.all("Pod"), live.pod_version, lambda pod: None, lambda pod: gone.put(pod["metadata"]["name"]))
    deadline = time.monotonic() + timeout
    try:
        _delete_all(session, teardown.instances)
        while leaving:
            leaving.discard(gone.get(timeout=max(0.0, deadline - time.monotonic())))
    except queue.Empty:
        return leaving
    finally:
        watcher.stop()
    # The policy that isolates the instances goes last: an ending Pod is still a Pod.
    _delete_all(session, teardown.shared)
    return leaving


def _delete_all(session: Session, steps: tuple[Step, ...]) -> None:
    with ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="delete") as workers:
        deletions_under_way = [workers.submit(session.delete, step.manifest) for step in steps]
    # All were tried; taking the results raises the first thing that went wrong.
    for deletion in deletions_under_way:
        deletion.result()
