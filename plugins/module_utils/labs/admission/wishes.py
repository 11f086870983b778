"""What a plan needs of a cluster: from its steps to what is counted. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from ansible_collections.autolabs.platform.plugins.module_utils.kube.resources import Manifest
from ansible_collections.autolabs.platform.plugins.module_utils.labs.admission.capacity import Item, Wish
from ansible_collections.autolabs.platform.plugins.module_utils.labs.admission.demand import (
    Defaults,
    demand_of,
    is_done,
    is_terminal,
    total,
)
from ansible_collections.autolabs.platform.plugins.module_utils.labs.admission.nodes import Need, Terms
from ansible_collections.autolabs.platform.plugins.module_utils.labs.admission.promises import (
    ClassKey,
    Entry,
    PromisedPods,
    alike,
)
from ansible_collections.autolabs.platform.plugins.module_utils.labs.admission.shortage import Admission, Shortage
from ansible_collections.autolabs.platform.plugins.module_utils.labs.admission.survey import Question, Survey
from ansible_collections.autolabs.platform.plugins.module_utils.labs.live import Key, Live, key_of
from ansible_collections.autolabs.platform.plugins.module_utils.labs.plan import (
    CREATE,
    OUTDATED,
    REPLACE,
    UNCHANGED,
    UPDATE,
    ClassPlan,
    InstancePlan,
    Step,
)


@dataclass(frozen=True)
class Wishes:
    """What a plan asks for: the class once, and its new instances in the order of the roster."""

    plan: ClassPlan
    live: Live
    new: tuple[InstancePlan, ...]

    @classmethod
    def of(cls, plan: ClassPlan, live: Live) -> Wishes:
        """Of a plan, and the live objects that it was made from."""
        new = (entry for entry in plan.instances if any(_takes_more(step, live) for step in entry.steps))
        return cls(plan, live, tuple(new))

    @property
    def any(self) -> bool:
        """Whether anything is to be created at all."""
        return bool(self.new) or any(_takes_more(step, self.live) for step in self.plan.shared)

    @property
    def everything(self) -> Admission:
        """The answer where nothing is to be created, or all of it fits."""
        names = frozenset(entry.instance.name for entry in self.plan.instances)
        return Admission(names, len(self.plan.instances))

    @cached_property
    def key(self) -> ClassKey:
        """Which class it is."""
        steps = [*self.plan.shared, *(step for entry in self.plan.instances for step in entry.steps)]
        labels = steps[0].manifest["metadata"]["labels"]
        return self.plan.namespace, labels["lab_id"], labels["class_id"]

    def question(self, *, promised: bool) -> Question:
        """What must be read to answer. promised: another class of the namespace is being started."""
        steps = [step for entry in self.new for step in entry.steps]
        claims = {
            volume["persistentVolumeClaim"]["claimName"]
            for step in steps
            if _is_new_pod(step)
            for volume in step.manifest["spec"].get("volumes") or ()
            if "persistentVolumeClaim" in volume
        }
        return Question(
            self.plan.namespace,
            _pod_names(self.plan.pruned),
            _pod_names(step for step in steps if step.verb == REPLACE),
            frozenset(name for name in claims if self.live.find("PersistentVolumeClaim", name)),
            any(step.verb == CREATE and step.manifest["kind"] == "PersistentVolumeClaim" for step in steps),
            promised,
        )

    def shared(self, defaults: Defaults) -> list[Item]:
        """What the class takes once, less what its objects that are pruned give back."""
        items = [item for step in self.plan.shared for item in _taken(step, defaults)]
        given = [_given(step, self.live, defaults) for step in self.plan.shared]
        given += [Item.of(step.manifest, defaults) for step in self.plan.pruned]
        return items + [Item(item.takes * -1, item.scopes) for item in given if item]

    def wishes(self, found: Survey) -> list[Wish]:
        """What each new instance needs, as far as the cluster's defaults decide it."""
        return [self._wish(entry, found) for entry in self.new]

    def admission(self, number: int, shortages: tuple[Shortage, ...]) -> Admission:
        """The answer where the first `number` of the new instances fit."""
        refused = {entry.instance.name for entry in self.new[number:]}
        whole = self.everything
        return Admission(whole.admitted - refused, whole.of, shortages)

    def entry(self, admission: Admission, defaults: Defaults, run: str, until: float) -> Entry:
        """What the class will have when what was admitted is there."""
        after = dict(self._after(admission))
        counts = Counter(alike(pod, defaults) for pod in after.values() if pod["kind"] == "Pod" and _stands(pod))
        objects = total(demand_of(entry, defaults) for entry in after.values() if entry["kind"] != "Pod")
        new = {
            alike(step.manifest, defaults): step.manifest
            for entry in self.new
            if entry.instance.name in admission.admitted
            for step in entry.steps
            if _is_new_pod(step)
        }
        pods = {
            name: PromisedPods(counts[name], Item.of(pod, defaults), Need.of(pod["spec"], defaults))
            for name, pod in new.items()
        }
        return Entry(self.key, run, until, pods, objects)

    def _after(self, admission: Admission) -> Iterator[tuple[Key, Manifest]]:
        gone = {key_of(step.manifest) for step in self.plan.pruned}
        yield from ((key, found) for key, found in self.live.objects.items() if key not in gone)
        admitted = [entry for entry in self.plan.instances if entry.instance.name in admission.admitted]
        for step in (*self.plan.shared, *(step for entry in admitted for step in entry.steps)):
            # What stays takes what it takes now.
            if step.verb not in (UNCHANGED, OUTDATED):
                yield key_of(step.manifest), step.manifest

    def _wish(self, entry: InstancePlan, found: Survey) -> Wish:
        pods = [step.manifest for step in entry.steps if _is_new_pod(step)]
        stay = [step for step in entry.steps if step.manifest["kind"] == "Pod" and not _is_new_pod(step)]
        given = [_given(step, self.live, found.defaults) for step in entry.steps]
        leaves = [
            (found.places[name], found.taken[name])
            for name in (pod["metadata"]["name"] for pod in pods)
            if name in found.taken
        ]
        nodes = [
            found.places[name]
            for step in stay
            if Need.of(step.manifest["spec"]).together and (name := step.manifest["metadata"]["name"]) in found.places
        ]
        return Wish(
            entry.instance.name,
            tuple(item for step in entry.steps for item in _taken(step, found.defaults)),
            tuple(item for item in given if item),
            tuple(Need.of(pod["spec"], found.defaults, _volumes(pod, found)) for pod in pods),
            tuple(leaves),
            next(iter(nodes), ""),
            _lacking(entry, found),
        )


def _takes_more(step: Step, live: Live) -> bool:
    """Whether a step makes an object, or one larger."""
    if step.verb in (CREATE, REPLACE):
        return True
    found = live.find(*key_of(step.manifest)) if step.verb == UPDATE and step.manifest["kind"] == "Service" else None
    return found is not None and demand_of(step.manifest).node_ports > demand_of(found).node_ports


def _taken(step: Step, defaults: Defaults) -> list[Item]:
    counts = step.verb in (CREATE, REPLACE) or (step.verb == UPDATE and step.manifest["kind"] == "Service")
    return [Item.of(step.manifest, defaults)] if counts else []


def _given(step: Step, live: Live, defaults: Defaults) -> Item | None:
    """What the object that a step replaces or changes takes now."""
    found = live.find(*key_of(step.manifest)) if step.verb != CREATE and _taken(step, defaults) else None
    return Item.of(found, defaults) if found else None


def _lacking(entry: InstancePlan, found: Survey) -> str:
    for step in entry.steps:
        if step.verb != CREATE or step.manifest["kind"] != "PersistentVolumeClaim":
            continue
        wanted = step.manifest["spec"].get("storageClassName", found.defaults.storage_class)
        there = ", ".join(sorted(found.storage_classes)) or "none"
        if not wanted:
            return f"the cluster has no default storage class for volumes (it has: {there}); name one (storage_class)"
        if wanted not in found.storage_classes:
            return f"the storage class {wanted} does not exist (the cluster has: {there})"
    return ""


def _volumes(pod: Manifest, found: Survey) -> tuple[Terms, ...]:
    names = [
        volume["persistentVolumeClaim"]["claimName"]
        for volume in pod["spec"].get("volumes") or ()
        if "persistentVolumeClaim" in volume
    ]
    return tuple(terms for name in names for terms in found.volumes.get(name, ()))


def _is_new_pod(step: Step) -> bool:
    return step.manifest["kind"] == "Pod" and step.verb in (CREATE, REPLACE)


def _pod_names(steps: Iterator[Step] | tuple[Step, ...]) -> frozenset[str]:
    return frozenset(step.manifest["metadata"]["name"] for step in steps if step.manifest["kind"] == "Pod")


def _stands(pod: Manifest) -> bool:
    """Whether a Pod counts as there: it runs or will, or did its work and stays."""
    return not is_terminal(pod) or is_done(pod)
