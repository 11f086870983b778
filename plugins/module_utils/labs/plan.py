"""What a run will do: a class as it should be, held against what the cluster has. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ansible_collections.autolabs.platform.plugins.module_utils.kube.compare import Difference
from ansible_collections.autolabs.platform.plugins.module_utils.kube.resources import Manifest
from ansible_collections.autolabs.platform.plugins.module_utils.labs.changes import (
    cannot_start,
    changes,
    has_old_credentials,
    is_fixed,
)
from ansible_collections.autolabs.platform.plugins.module_utils.labs.credentials import Credentials
from ansible_collections.autolabs.platform.plugins.module_utils.labs.live import CLASS_KINDS, Live, key_of
from ansible_collections.autolabs.platform.plugins.module_utils.labs.model import Instance, LabClass
from ansible_collections.autolabs.platform.plugins.module_utils.labs.names import component_name
from ansible_collections.autolabs.platform.plugins.module_utils.labs.objects.manifests import (
    class_objects,
    instance_objects,
    pod_object,
)
from ansible_collections.autolabs.platform.plugins.module_utils.labs.objects.seats import (
    Seat,
    annotated,
    as_in,
    seats_access,
)
from ansible_collections.autolabs.platform.plugins.module_utils.labs.objects.seats import seats as seats_of
from ansible_collections.autolabs.platform.plugins.module_utils.labs.settings import Settings
from ansible_collections.autolabs.platform.plugins.module_utils.labs.status import is_over

CREATE, UPDATE, REPLACE, DELETE, UNCHANGED, OUTDATED = "create", "update", "replace", "delete", "unchanged", "outdated"

IMMUTABLE = ("Pod", "PersistentVolumeClaim")
"""Kinds whose changes need a new object: a Pod is replaced on request, a volume never."""


@dataclass(frozen=True)
class Step:
    """What happens to one object. OUTDATED differs from what we want but stays as it is."""

    verb: str
    manifest: Manifest
    """As it should be; for DELETE, as it is."""
    differences: tuple[Difference, ...] = ()
    stays: tuple[Difference, ...] = ()
    """What an UPDATE leaves as it is, though it differs from what we want."""

    @property
    def outdated(self) -> tuple[Difference, ...]:
        """What differs from what we want and stays so."""
        return self.differences if self.verb == OUTDATED else self.stays

    @property
    def changes(self) -> bool:
        """Whether the cluster will be other than before."""
        return self.verb not in (UNCHANGED, OUTDATED)


@dataclass(frozen=True)
class InstancePlan:
    """What happens to the objects of one instance, in order."""

    instance: Instance
    steps: tuple[Step, ...]

    @property
    def changes(self) -> bool:
        """Whether anything does."""
        return any(step.changes for step in self.steps)


@dataclass(frozen=True)
class ClassPlan:
    """What happens to a class: its own objects, its instances, and what is no longer wanted."""

    namespace: str
    shared: tuple[Step, ...]
    instances: tuple[InstancePlan, ...]
    pruned: tuple[Step, ...]

    @property
    def changes(self) -> bool:
        """Whether the cluster will be other than before."""
        return any(step.changes for step in (*self.shared, *self.pruned)) or any(e.changes for e in self.instances)


def credentials_of(lab_class: LabClass, live: Live) -> dict[str, Credentials]:
    """Credentials by instance name: those there are, new ones where there are none."""
    seated = seats_access(lab_class.lab) is not None
    kept = {}
    for instance in lab_class.instances:
        secret = live.find("Secret", instance.name)
        found = (Credentials.from_secret(secret) if secret else None) or Credentials.generate()
        kept[instance.name] = found.for_members(member.id for member in instance.members if seated)
    return kept


def plan_class(
    lab_class: LabClass, live: Live, credentials: dict[str, Credentials], settings: Settings, *, recreate: bool
) -> ClassPlan:
    """What makes the cluster hold exactly this class; volumes are never removed.

    recreate: replace Pods that run but differ from the lab config.
    """
    shared = [_step(manifest, live, recreate) for manifest in class_objects(lab_class, settings)]
    instances = [
        _instance_plan(lab_class, instance, credentials[instance.name], live, settings, recreate)
        for instance in lab_class.instances
    ]
    wanted = {key_of(step.manifest) for step in shared}
    wanted |= {key_of(step.manifest) for plan in instances for step in plan.steps}
    pruned = deletions(manifest for key, manifest in live.objects.items() if key not in wanted)
    return ClassPlan(live.namespace, tuple(shared), tuple(instances), pruned)


def _instance_plan(
    lab_class: LabClass,
    instance: Instance,
    credentials: Credentials,
    live: Live,
    settings: Settings,
    recreate: bool,
) -> InstancePlan:
    seats, pod = _seats_and_pod(lab_class, instance, live, settings)
    manifests = instance_objects(lab_class, instance, credentials, settings, seats)
    (secret,) = (manifest for manifest in manifests if manifest["kind"] == "Secret")
    steps = []
    for manifest in manifests:
        found = live.find(*key_of(manifest))
        standing = pod if pod and key_of(pod) == key_of(manifest) else None
        step = _step(manifest, live, recreate, standing)
        # A program that runs keeps the credentials that it was started with.
        old = manifest["kind"] == "Pod" and found and has_old_credentials(found, secret, live.find(*key_of(secret)))
        steps.append(Step(REPLACE, manifest, step.differences) if old else step)
    return InstancePlan(instance, tuple(steps))


def _seats_and_pod(
    lab_class: LabClass, instance: Instance, live: Live, settings: Settings
) -> tuple[tuple[Seat, ...], Manifest | None]:
    """The seats of a group, and the live Pod that has them, as it would be built again with the seats that it has."""
    lab = lab_class.lab
    access = seats_access(lab)
    if access is None:
        return (), None
    name = component_name(instance.name, access.component, len(lab.components))
    pod = live.find("Pod", name)
    found = seats_of(instance, access, live.find("Service", name), pod)
    if pod is None:
        return found, None
    (component,) = (component for component in lab.components if component.name == access.component)
    return found, pod_object(lab_class, instance, component, settings, as_in(pod, found))


def deletions(manifests: Iterable[Manifest], kinds: Iterable[str] = CLASS_KINDS) -> tuple[Step, ...]:
    """Delete those of `kinds`, Pods first and policies last; never a volume."""
    order = {kind: -index for index, kind in enumerate(CLASS_KINDS)}
    chosen = [entry for entry in manifests if entry["kind"] in kinds and entry["kind"] != "PersistentVolumeClaim"]
    return tuple(Step(DELETE, entry) for entry in sorted(chosen, key=lambda entry: order[entry["kind"]]))


def _step(wanted: Manifest, live: Live, recreate: bool, standing: Manifest | None = None) -> Step:
    """standing: for a Pod with seats, the same as it is wanted for as long as it stays; `wanted` is a new one."""
    found = live.find(*key_of(wanted))
    if found is None:
        return Step(CREATE, wanted)
    pod = wanted["kind"] == "Pod"
    if pod and (is_over(found) or found["metadata"].get("deletionTimestamp")):
        return Step(REPLACE, wanted)
    # What a Pod that stays has more than a new one would have is no reason for a new one; what it has less is.
    enough = standing is not None and annotated(standing) == annotated(wanted)
    staying = standing if standing and enough else wanted
    changed = changes(staying, found)
    if not changed:
        return Step(UNCHANGED, staying)
    if wanted["kind"] not in IMMUTABLE or not any(map(is_fixed, changed)):
        return Step(UPDATE, staying, changed)
    if pod and (recreate or cannot_start(found)):
        return Step(REPLACE, wanted, changed)
    possible = changes(standing, found) if standing else ()
    if standing and possible and not any(map(is_fixed, possible)):
        return Step(UPDATE, standing, possible, stays=tuple(filter(is_fixed, changed)))
    return Step(OUTDATED, wanted, changed)
