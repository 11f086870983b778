"""Builds the Kubernetes objects of a class: pure functions from a class to manifests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.kube.quantity import format_bytes
from ansible_collections.autolabs.platform.plugins.module_utils.kube.resources import Manifest
from ansible_collections.autolabs.platform.plugins.module_utils.labs.credentials import Credentials, encoded
from ansible_collections.autolabs.platform.plugins.module_utils.labs.labels import (
    COMPONENT,
    class_labels,
    instance_labels,
)
from ansible_collections.autolabs.platform.plugins.module_utils.labs.model import Component, Instance, LabClass
from ansible_collections.autolabs.platform.plugins.module_utils.labs.names import class_name, component_name
from ansible_collections.autolabs.platform.plugins.module_utils.labs.objects.frame import framed
from ansible_collections.autolabs.platform.plugins.module_utils.labs.objects.networking import (
    class_policies,
    instance_policies,
    instance_services,
)
from ansible_collections.autolabs.platform.plugins.module_utils.labs.objects.pod import pod_spec
from ansible_collections.autolabs.platform.plugins.module_utils.labs.objects.seats import (
    Seat,
    annotation,
    component_has,
    seats_access,
    without_closed,
)
from ansible_collections.autolabs.platform.plugins.module_utils.labs.objects.seats import seats as seats_of
from ansible_collections.autolabs.platform.plugins.module_utils.labs.settings import Settings


def class_objects(lab_class: LabClass, settings: Settings) -> list[Manifest]:
    """What the class has once: its policies first, so that no instance ever runs without them, then inline files."""
    lab = lab_class.lab
    name = class_name(lab.id, lab_class.id)
    labels = class_labels(lab_class)
    objects = class_policies(lab_class, settings)
    if lab.configs:
        objects.append(framed(lab_class, "ConfigMap", name, labels, data=dict(lab.configs)))
    if lab.secrets:
        objects.append(framed(lab_class, "Secret", name, labels, data=encoded(lab.secrets)))
    return objects


def instance_objects(
    lab_class: LabClass,
    instance: Instance,
    credentials: Credentials,
    settings: Settings,
    seats: Sequence[Seat] | None = None,
) -> list[Manifest]:
    """What one student or group has, in the order in which it must come to be.

    seats: those of a group, of which the new Pod gets the open ones; by default as in a new class.
    """
    lab = lab_class.lab
    labels = instance_labels(lab_class, instance)
    access = seats_access(lab)
    if seats is None:
        seats = seats_of(instance, access) if access else ()
    objects = instance_policies(lab_class, instance)
    objects.append(framed(lab_class, "Secret", instance.name, labels, data=credentials.secret_data))
    if lab.volume_size is not None:
        objects.append(_volume_claim(lab_class, instance, labels, lab.volume_size, settings))
    objects += instance_services(lab_class, instance, seats)
    objects += [
        pod_object(lab_class, instance, component, settings, without_closed(seats)) for component in lab.components
    ]
    return objects


def pod_object(
    lab_class: LabClass, instance: Instance, component: Component, settings: Settings, seats: Sequence[Seat]
) -> Manifest:
    """The Pod of a component; `seats` are those that it has containers for, if it is the component with seats."""
    lab = lab_class.lab
    name = component_name(instance.name, component.name, len(lab.components))
    labels = instance_labels(lab_class, instance) | {COMPONENT: component.name}
    spec = pod_spec(lab_class, component, instance, settings, seats)
    files = [lab.configs[file.name] for file in component.configs] + [
        lab.secrets[file.name] for file in component.secrets
    ]
    open_seats = annotation(seats) if component_has(lab, component) else None
    return framed(lab_class, "Pod", name, labels, [spec, files], annotations=open_seats, spec=spec)


def _volume_claim(
    lab_class: LabClass, instance: Instance, labels: dict[str, str], size: int, settings: Settings
) -> Manifest:
    spec: dict[str, Any] = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": format_bytes(size)}},
    }
    if settings.storage_class:
        spec["storageClassName"] = settings.storage_class
    return framed(lab_class, "PersistentVolumeClaim", instance.name, labels, spec=spec)
