"""What the cluster holds of a class: one list a kind, found by label."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ansible_collections.autolabs.platform.plugins.module_utils.kube.resources import Manifest
from ansible_collections.autolabs.platform.plugins.module_utils.kube.session import Session
from ansible_collections.autolabs.platform.plugins.module_utils.labs.labels import class_selector, owner_of

CLASS_KINDS = ("NetworkPolicy", "ConfigMap", "Secret", "PersistentVolumeClaim", "Service", "Pod")
"""In the order in which they come to be; they go in the reverse order."""

Key = tuple[str, str]
"""Kind and name."""

Owners = frozenset[tuple[str, str]]
"""Students and groups as labels have them: `("student_id", "456")`."""


def key_of(manifest: Manifest) -> Key:
    """What tells the objects of a class apart."""
    return manifest["kind"], manifest["metadata"]["name"]


def _owners(manifest: Manifest) -> Owners:
    return frozenset(manifest["metadata"]["labels"].items())


@dataclass
class Live:
    """The objects of one class in one namespace, and the version from which its pods can be watched."""

    namespace: str
    pod_version: str = ""
    objects: dict[Key, Manifest] = field(default_factory=dict)

    def keep(self, manifest: Manifest) -> None:
        """Remember an object as the server now has it."""
        self.objects[key_of(manifest)] = manifest

    def find(self, kind: str, name: str) -> Manifest | None:
        """One object, or None where there is none."""
        return self.objects.get((kind, name))

    def all(self, kind: str) -> list[Manifest]:
        """All objects of a kind."""
        return [manifest for (found, _name), manifest in self.objects.items() if found == kind]

    def limited_to(self, owners: Owners) -> Live:
        """The same with the instances of `owners` alone, without what belongs to the class."""
        mine = {key: found for key, found in self.objects.items() if not owners.isdisjoint(_owners(found))}
        return Live(self.namespace, self.pod_version, mine)

    def by_owner(self) -> Iterator[tuple[str, list[Manifest]]]:
        """The objects of each student or group; those of the class itself have the owner ''."""
        owners: dict[str, list[Manifest]] = {}
        for manifest in self.objects.values():
            owners.setdefault(owner_of(manifest["metadata"]["labels"]), []).append(manifest)
        yield from sorted(owners.items())


def read(session: Session, namespace: str, lab_id: str, class_id: str) -> Live:
    """List the class. Raises ApiError."""
    live = Live(namespace)
    for kind in CLASS_KINDS:
        found, version = session.list(kind, namespace, class_selector(lab_id, class_id))
        if kind == "Pod":
            live.pod_version = version
        for manifest in found:
            live.keep(manifest)
    return live
