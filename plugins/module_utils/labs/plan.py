"""What a run will do: a class as it should be, held against what the cluster has. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ansible_collections.autolabs.platform.plugins.module_utils.kube.compare import Difference, differences
from ansible_collections.autolabs.platform.plugins.module_utils.kube.resources import Manifest
from ansible_collections.autolabs.platform.plugins.module_utils.labs.credentials import Credentials
from ansible_collections.autolabs.platform.plugins.module_utils.labs.live import CLASS_KINDS, Live, key_of
from ansible_collections.autolabs.platform.plugins.module_utils.labs.model import Instance, LabClass
from ansible_collections.autolabs.platform.plugins.module_utils.labs.objects import (
    RECIPE_ANNOTATION,
    class_objects,
    instance_objects,
)
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
    kept = {}
    for instance in lab_class.instances:
        secret = live.find("Secret", instance.name)
        kept[instance.name] = (Credentials.from_secret(secret) if secret else None) or Credentials.generate()
    return kept


def plan_class(
    lab_class: LabClass, live: Live, credentials: dict[str, Credentials], settings: Settings, *, recreate: bool
) -> ClassPlan:
    """What makes the cluster hold exactly this class; volumes are never removed.

    recreate: replace Pods that run but differ from the lab config.
    """
    shared = [_step(manifest, live, recreate) for manifest in class_objects(lab_class, settings)]
    instances = [
        _instance_plan(
            instance, instance_objects(lab_class, instance, credentials[instance.name], settings), live, recreate
        )
        for instance in lab_class.instances
    ]
    wanted = {key_of(step.manifest) for step in shared}
    wanted |= {key_of(step.manifest) for plan in instances for step in plan.steps}
    pruned = deletions(manifest for key, manifest in live.objects.items() if key not in wanted)
    return ClassPlan(live.namespace, tuple(shared), tuple(instances), pruned)


def _instance_plan(instance: Instance, manifests: list[Manifest], live: Live, recreate: bool) -> InstancePlan:
    steps = [_step(manifest, live, recreate) for manifest in manifests]
    if any(_brings_credentials(step) for step in steps):
        # A program that runs keeps the credentials that it was started with.
        steps = [
            Step(REPLACE, step.manifest, step.differences)
            if step.manifest["kind"] == "Pod" and step.verb != CREATE
            else step
            for step in steps
        ]
    return InstancePlan(instance, tuple(steps))


def _brings_credentials(step: Step) -> bool:
    new = any(difference.path.startswith("data") for difference in step.differences)
    return step.manifest["kind"] == "Secret" and (step.verb == CREATE or (step.verb == UPDATE and new))


def deletions(manifests: Iterable[Manifest], kinds: Iterable[str] = CLASS_KINDS) -> tuple[Step, ...]:
    """Delete those of `kinds`, Pods first and policies last; never a volume."""
    order = {kind: -index for index, kind in enumerate(CLASS_KINDS)}
    chosen = [entry for entry in manifests if entry["kind"] in kinds and entry["kind"] != "PersistentVolumeClaim"]
    return tuple(Step(DELETE, entry) for entry in sorted(chosen, key=lambda entry: order[entry["kind"]]))


def _step(wanted: Manifest, live: Live, recreate: bool) -> Step:
    found = live.find(*key_of(wanted))
    if found is None:
        return Step(CREATE, wanted)
    if wanted["kind"] == "Pod" and (is_over(found) or found["metadata"].get("deletionTimestamp")):
        return Step(REPLACE, wanted)
    changed = tuple(differences(wanted, found))
    if not changed:
        return Step(UNCHANGED, wanted)
    if wanted["kind"] not in IMMUTABLE or not any(_is_fixed(difference.path) for difference in changed):
        return Step(UPDATE, wanted, changed)
    return Step(REPLACE if wanted["kind"] == "Pod" and recreate else OUTDATED, wanted, changed)


def _is_fixed(path: str) -> bool:
    """Whether a field of an immutable kind cannot change: its spec, and the digest that stands for it."""
    return path.startswith("spec") or path.endswith(RECIPE_ANNOTATION)
