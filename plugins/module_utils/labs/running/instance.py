"""One instance under way: which of its objects may come now, and how it is."""

from __future__ import annotations

from dataclasses import dataclass, field

from ansible_collections.autolabs.platform.plugins.module_utils.kube.resources import Manifest
from ansible_collections.autolabs.platform.plugins.module_utils.labs.labels import COMPONENT
from ansible_collections.autolabs.platform.plugins.module_utils.labs.model import Lab
from ansible_collections.autolabs.platform.plugins.module_utils.labs.overview import worst
from ansible_collections.autolabs.platform.plugins.module_utils.labs.plan import (
    CREATE,
    REPLACE,
    InstancePlan,
    Step,
)
from ansible_collections.autolabs.platform.plugins.module_utils.labs.running.depends import holds
from ansible_collections.autolabs.platform.plugins.module_utils.labs.status import STARTING, Status, pod_status

WAITING = Status(STARTING, "the cluster has not begun yet")
ENDING = Status(STARTING, "the old instance is ending")


@dataclass
class InstanceRun:
    """What became of the steps of one instance so far. Only the deciding thread changes it."""

    plan: InstancePlan
    lab: Lab
    held: bool = False
    """Whether its Pods wait until others have shown that the lab works."""
    busy: bool = False
    """Whether a worker has steps of it in hand."""
    pods: dict[str, Manifest] = field(default_factory=dict)
    """Its Pods as last seen, by name."""
    stopping: Status | None = None
    """What it will be when its Pods are taken away again."""
    failing: Status | None = None
    """Why it failed, while the cluster is asked for more."""
    final: Status | None = None

    def __post_init__(self) -> None:
        steps = self.plan.steps
        pods = [step for step in steps if step.manifest["kind"] == "Pod"]
        self.pod_names = [_name(step) for step in pods]
        self._coming = [step for step in pods if step.verb in (CREATE, REPLACE)]
        coming = {_name(step) for step in self._coming}
        self._quiet = [
            step for step in steps if step.changes and not (step.manifest["kind"] == "Pod" and _name(step) in coming)
        ]
        self._made = coming
        self._done = set(self.pod_names) - coming
        self._pod_of = {step.manifest["metadata"]["labels"].get(COMPONENT, ""): _name(step) for step in pods}
        self.replaced = [step for step in self._coming if step.verb == REPLACE]
        self.leaving = {_name(step) for step in self.replaced}
        """Names of old Pods that must be gone before the new ones come."""
        self.is_new = bool(self._coming)
        self.shows_the_lab = not any(step.outdated for step in pods)
        """Whether its Pods are what the lab config says now, so that their fate tells of it."""

    @property
    def status(self) -> Status:
        """What its Pods say together; one that was not seen yet is awaited."""
        if self.leaving:
            return ENDING
        return worst([self._pod_status(name) for name in self.pod_names])

    @property
    def is_applied(self) -> bool:
        """Whether all that was to be done for it is done."""
        return not (self.busy or self._quiet or self.leaving) and self._done.issuperset(self.pod_names)

    @property
    def is_under_way(self) -> bool:
        """Whether nothing has been decided about it."""
        return self.final is None and self.failing is None and self.stopping is None

    def take(self) -> list[Step]:
        """The steps that may be done now, which are then the caller's to do, in order."""
        if self.busy or self.leaving or (self.held and self.replaced):
            # A Secret must not change under an old Pod that is not known to go: it would keep the old credentials.
            return []
        steps, self._quiet = self._quiet, []
        if self.held or not self._coming:
            return steps
        due = {_name(step) for step in self._coming if self._may_come(step)}
        steps += [step for step in self._coming if _name(step) in due]
        self._coming = [step for step in self._coming if _name(step) not in due]
        return steps

    def did(self, steps: list[Step]) -> None:
        """Take down that a worker has done these."""
        self._done |= {_name(step) for step in steps if step.manifest["kind"] == "Pod"}

    def standing_pods(self) -> list[Manifest]:
        """Its Pods that this run made, as far as they were seen or applied, and that do not end already."""
        unseen = [
            step.manifest for step in self.plan.steps if step.manifest["kind"] == "Pod" and _name(step) in self._done
        ]
        known = {manifest["metadata"]["name"]: manifest for manifest in unseen} | self.pods
        return [
            pod for name, pod in known.items() if name in self._made and not pod["metadata"].get("deletionTimestamp")
        ]

    def _pod_status(self, name: str) -> Status:
        return pod_status(self.pods[name]) if name in self.pods else WAITING

    def _may_come(self, step: Step) -> bool:
        wanted = step.manifest["metadata"]["labels"].get(COMPONENT, "")
        component = next((entry for entry in self.lab.components if entry.name == wanted), None)
        needed = component.depends_on if component else {}
        return all(holds(condition, self.pods.get(self._pod_of.get(name, ""))) for name, condition in needed.items())


def _name(step: Step) -> str:
    name: str = step.manifest["metadata"]["name"]
    return name
