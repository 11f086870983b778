"""What a lab will be on a cluster, before anybody starts it: objects, flows and price of an instance. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.kube.resources import Manifest
from ansible_collections.autolabs.platform.plugins.module_utils.labs.classes import make_class
from ansible_collections.autolabs.platform.plugins.module_utils.labs.model import Lab, LabClass, Student
from ansible_collections.autolabs.platform.plugins.module_utils.labs.objects.manifests import (
    class_objects,
    instance_objects,
)
from ansible_collections.autolabs.platform.plugins.module_utils.labs.objects.seats import seats_access
from ansible_collections.autolabs.platform.plugins.module_utils.labs.preview.flow_rows import FlowRow, flow_rows
from ansible_collections.autolabs.platform.plugins.module_utils.labs.preview.limits import breaches
from ansible_collections.autolabs.platform.plugins.module_utils.labs.preview.manifests import NO_CREDENTIALS
from ansible_collections.autolabs.platform.plugins.module_utils.labs.preview.price import Price, defaults_of, price_of
from ansible_collections.autolabs.platform.plugins.module_utils.labs.settings import Settings

MEMBERS = (Student("anna", group="1"), Student("bob", group="1"))
"""Who stands for everybody: what an instance takes does not depend on who uses it."""


@dataclass(frozen=True)
class Estimate:
    """A lab as it would be on a cluster, whoever is in the class."""

    objects: Mapping[str, int]
    """Of one instance, by kind."""
    class_objects: Mapping[str, int]
    """What the class has once, by kind."""
    flows: tuple[FlowRow, ...]
    refused: tuple[tuple[str, str], ...]
    """What the site's limits do not allow: component (empty for the volume) and reason."""
    price: Price
    """Of one instance: one student's, or that of a group of one."""
    per_further_member: Price
    """What each further member adds to a group's instance; nothing where they share what is there."""

    def price_for(self, sizes: Iterable[int]) -> Price:
        """The price of a class that has one instance for each number, which is that of its members."""
        sizes = list(sizes)
        return self.price * len(sizes) + self.per_further_member * sum(size - 1 for size in sizes)

    def objects_for(self, instances: int) -> dict[str, int]:
        """The objects of a class of so many instances, by kind."""
        return dict(Counter(self.class_objects) + Counter({kind: n * instances for kind, n in self.objects.items()}))


def estimate(lab: Lab, settings: Settings = Settings(), limits: Sequence[Mapping[str, Any]] = ()) -> Estimate:
    """What an instance of `lab` is and takes at a site.

    limits: the list of the lab namespaces' LimitRange. Raises InvalidInput where it is none.
    """
    defaults = defaults_of(limits, settings.storage_class)
    alone = make_class(lab, MEMBERS[:1])
    one = _objects(alone, settings)
    price = price_of(one, defaults)
    further = Price()
    if seats_access(lab):
        further = price_of(_objects(make_class(lab, MEMBERS), settings), defaults) - price
    return Estimate(
        objects=_counted(one),
        class_objects=_counted(class_objects(alone, settings)),
        flows=flow_rows(alone, settings),
        refused=tuple(breaches(one, limits, defaults)),
        price=price,
        per_further_member=further,
    )


def _objects(lab_class: LabClass, settings: Settings) -> list[Manifest]:
    (instance,) = lab_class.instances
    members = {student.id: "" for student in instance.members} if seats_access(lab_class.lab) else {}
    return instance_objects(lab_class, instance, replace(NO_CREDENTIALS, members=members), settings)


def _counted(manifests: Iterable[Manifest]) -> dict[str, int]:
    return dict(Counter(str(manifest["kind"]) for manifest in manifests))
