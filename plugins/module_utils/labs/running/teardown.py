"""Stops or removes instances: Pods first, and what keeps them apart only when they are gone."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from ansible_collections.autolabs.platform.plugins.module_utils.kube.account import CONNECTIONS
from ansible_collections.autolabs.platform.plugins.module_utils.kube.errors import ApiError
from ansible_collections.autolabs.platform.plugins.module_utils.kube.resources import Manifest
from ansible_collections.autolabs.platform.plugins.module_utils.kube.session import Session
from ansible_collections.autolabs.platform.plugins.module_utils.kube.watcher import Watcher
from ansible_collections.autolabs.platform.plugins.module_utils.labs.labels import owner_of
from ansible_collections.autolabs.platform.plugins.module_utils.labs.live import Live
from ansible_collections.autolabs.platform.plugins.module_utils.labs.plan import Step, deletions
from ansible_collections.autolabs.platform.plugins.module_utils.labs.running.diagnosis import lost_nodes
from ansible_collections.autolabs.platform.plugins.module_utils.labs.running.workers import Workers
from ansible_collections.autolabs.platform.plugins.module_utils.labs.status import (
    ABSENT,
    FAILED,
    STOPPED,
    Status,
    not_ended,
)

KINDS_OF_STATE = {
    STOPPED: ("Pod",),
    ABSENT: ("NetworkPolicy", "ConfigMap", "Secret", "Service", "Pod"),
}
"""What goes; the volume of an instance never does."""

STUCK = Status(FAILED, "the instance does not end; its node may be down")

Ended = Callable[[str, Status], None]
"""Called once an owner, with what became of the instance."""


@dataclass(frozen=True)
class Teardown:
    """What is deleted: of the instances, and then of the class itself."""

    state: str
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
    return Teardown(state, deletions(instances, kinds), deletions(shared, kinds))


def tear_down(
    session: Session, live: Live, labels: dict[str, str], teardown: Teardown, *, timeout: float, ended: Ended
) -> dict[str, Status]:
    """Delete, and wait until the Pods are gone, or for `timeout` seconds.

    labels: those of the class. Returns a status for each object of the class itself that could not be deleted, by its
    name; the instances are told by `ended`. Raises ApiError where the user may not watch Pods.
    """
    return _Ending(session, live, labels, teardown, timeout, ended).run()


@dataclass
class _Instance:
    """What is still to go of one student or group."""

    first: list[Manifest] = field(default_factory=list)
    policies: list[Manifest] = field(default_factory=list)
    """They go when the Pods are gone: an ending Pod is still a Pod."""
    pods: set[str] = field(default_factory=set)
    """Names of its Pods that stand."""
    busy: bool = True
    error: ApiError | None = None
    final: Status | None = None


class _Ending:
    def __init__(
        self,
        session: Session,
        live: Live,
        labels: dict[str, str],
        teardown: Teardown,
        timeout: float,
        ended: Ended,
    ) -> None:
        self._session, self._live, self._teardown, self._ended = session, live, teardown, ended
        self._until = time.monotonic() + timeout
        self._messages: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._instances: dict[str, _Instance] = {}
        self._owner_of_pod: dict[str, str] = {}
        for manifest in (step.manifest for step in teardown.instances):
            owner = owner_of(manifest["metadata"]["labels"])
            instance = self._instances.setdefault(owner, _Instance())
            policy = manifest["kind"] == "NetworkPolicy"
            (instance.policies if policy else instance.first).append(manifest)
            if manifest["kind"] == "Pod":
                instance.pods.add(manifest["metadata"]["name"])
                self._owner_of_pod[manifest["metadata"]["name"]] = owner
        self._left = len(self._instances)
        self._workers = Workers(CONNECTIONS, "delete")
        self._watcher = Watcher(session, "Pod", live.namespace, labels)

    def run(self) -> dict[str, Status]:
        self._watcher.start(
            self._live.all("Pod"),
            self._live.pod_version,
            lambda pod: None,
            lambda pod: self._messages.put(lambda: self._gone(pod)),
            failed=lambda error: self._messages.put(partial(_raise, error)),
        )
        try:
            for owner, instance in self._instances.items():
                self._delete(owner, instance, instance.first)
            with suppress(queue.Empty):
                while self._left:
                    self._messages.get(timeout=max(0.0, self._until - time.monotonic()))()
            self._give_up()
            if any(instance.pods for instance in self._instances.values()):
                # What isolates the Pods stays as long as one of them stands.
                return {}
            return self._delete_shared()
        finally:
            self._watcher.stop()
            self._workers.close()

    def _delete(self, owner: str, instance: _Instance, manifests: list[Manifest]) -> None:
        """Delete these in a worker, each of them tried; the first thing that goes wrong is the instance's own."""
        instance.busy = True

        def work() -> None:
            failure: ApiError | None = None
            for manifest in manifests:
                try:
                    self._session.delete(manifest)
                except ApiError as error:
                    failure = failure or error
                except Exception as error:
                    self._messages.put(partial(_raise, error))
                    return
            self._messages.put(lambda: self._deleted(owner, instance, failure))

        self._workers.submit(work)

    def _deleted(self, owner: str, instance: _Instance, failure: ApiError | None) -> None:
        instance.busy = False
        instance.error = instance.error or failure
        self._judge(owner, instance)

    def _gone(self, pod: Manifest) -> None:
        owner = self._owner_of_pod.get(pod["metadata"]["name"])
        if owner is not None:
            self._instances[owner].pods.discard(pod["metadata"]["name"])
            self._judge(owner, self._instances[owner])

    def _judge(self, owner: str, instance: _Instance) -> None:
        if instance.busy or instance.final:
            return
        if instance.error:
            self._finish(owner, instance, not_ended(instance.error, self._teardown.state))
        elif not instance.pods:
            policies, instance.policies = instance.policies, []
            if policies:
                self._delete(owner, instance, policies)
            else:
                self._finish(owner, instance, Status(self._teardown.state))

    def _finish(self, owner: str, instance: _Instance, status: Status) -> None:
        instance.final = status
        self._left -= 1
        self._ended(owner, status)

    def _give_up(self) -> None:
        """Say of what is not gone that it does not end, and why, if that is known."""
        late = {owner: instance for owner, instance in self._instances.items() if instance.final is None}
        pods = {name: self._live.find("Pod", name) for instance in late.values() for name in instance.pods}
        lost = lost_nodes(self._session, [pod for pod in pods.values() if pod])
        for owner, instance in late.items():
            nodes = [((pods[name] or {}).get("spec") or {}).get("nodeName", "") for name in instance.pods]
            told = next((lost[node] for node in nodes if node in lost), None)
            broken = self._watcher.broken
            status = Status(FAILED, f"the instance does not end: {told.reason}", told.detail) if told else STUCK
            self._finish(owner, instance, not_ended(broken, self._teardown.state) if broken and not told else status)

    def _delete_shared(self) -> dict[str, Status]:
        found = {}
        for step, error in self._workers.each(lambda step: self._session.delete(step.manifest), self._teardown.shared):
            if isinstance(error, ApiError):
                found[step.manifest["metadata"]["name"]] = not_ended(error, self._teardown.state)
            elif error:
                raise error
        return found


def _raise(error: Exception) -> None:
    raise error
