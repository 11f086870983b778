"""Builds the Kubernetes objects of a class: pure functions from a class to manifests."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.flows.flow import Pods
from ansible_collections.autolabs.platform.plugins.module_utils.flows.labs import lab_flows
from ansible_collections.autolabs.platform.plugins.module_utils.flows.network_policy import network_policy
from ansible_collections.autolabs.platform.plugins.module_utils.kube.quantity import format_bytes
from ansible_collections.autolabs.platform.plugins.module_utils.kube.resources import KINDS, Manifest
from ansible_collections.autolabs.platform.plugins.module_utils.labs.credentials import Credentials, encoded
from ansible_collections.autolabs.platform.plugins.module_utils.labs.labels import (
    COMPONENT,
    class_labels,
    class_selector,
    instance_labels,
    instance_selector,
)
from ansible_collections.autolabs.platform.plugins.module_utils.labs.model import Component, Instance, LabClass
from ansible_collections.autolabs.platform.plugins.module_utils.labs.names import class_name, component_name
from ansible_collections.autolabs.platform.plugins.module_utils.labs.pod import pod_spec
from ansible_collections.autolabs.platform.plugins.module_utils.labs.settings import NAMESPACES, Settings

RECIPE_ANNOTATION = "autolabs.io/recipe"
"""A digest of what we set: it differs when something was taken out of the lab config, which a look at the fields
that are wanted cannot tell, and when a file changed that a running Pod does not read again."""

SERVICE_PORTS = {"ssh": 22, "http": 80, "vnc": 5900}


def class_objects(lab_class: LabClass, settings: Settings) -> list[Manifest]:
    """What the class has once: its policy first, so that no instance ever runs without it, then inline files."""
    lab = lab_class.lab
    name = class_name(lab.id, lab_class.id)
    labels = class_labels(lab_class)
    subject = Pods.labelled(NAMESPACES[lab.security_level], class_selector(lab.id, lab_class.id))
    flows = lab_flows(
        subject,
        access_ports=[access.port for access in lab.access],
        with_internet=lab.internet,
        pod_networks=settings.pod_networks,
        cluster_networks=settings.cluster_networks,
    )
    objects = [network_policy(name, subject, flows, labels)]
    if lab.configs:
        objects.append(_object(lab_class, "ConfigMap", name, labels, data=dict(lab.configs)))
    if lab.secrets:
        objects.append(_object(lab_class, "Secret", name, labels, data=encoded(lab.secrets)))
    return objects


def instance_objects(
    lab_class: LabClass, instance: Instance, credentials: Credentials, settings: Settings
) -> list[Manifest]:
    """What one student or group has, in the order in which it must come to be."""
    lab = lab_class.lab
    labels = instance_labels(lab_class, instance)
    objects = [_object(lab_class, "Secret", instance.name, labels, data=credentials.secret_data)]
    if lab.volume_size is not None:
        objects.append(_volume_claim(lab_class, instance, labels, lab.volume_size, settings))
    if lab.access:
        objects.append(_service(lab_class, instance, labels))
    objects += [_pod(lab_class, instance, component, labels, settings) for component in lab.components]
    return objects


def _volume_claim(
    lab_class: LabClass, instance: Instance, labels: dict[str, str], size: int, settings: Settings
) -> Manifest:
    spec: dict[str, Any] = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": format_bytes(size)}},
    }
    if settings.storage_class:
        spec["storageClassName"] = settings.storage_class
    return _object(lab_class, "PersistentVolumeClaim", instance.name, labels, spec=spec)


def _service(lab_class: LabClass, instance: Instance, labels: dict[str, str]) -> Manifest:
    ports = [
        {"name": access.kind, "port": SERVICE_PORTS[access.kind], "protocol": "TCP", "targetPort": access.port}
        for access in lab_class.lab.access
    ]
    spec = {
        "type": "NodePort",
        # Keeps the student's own address, so that the policy can tell students from pods.
        "externalTrafficPolicy": "Local",
        "selector": instance_selector(lab_class, instance),
        "ports": ports,
    }
    return _object(lab_class, "Service", instance.name, labels, spec=spec)


def _pod(
    lab_class: LabClass, instance: Instance, component: Component, labels: dict[str, str], settings: Settings
) -> Manifest:
    lab = lab_class.lab
    name = component_name(instance.name, component.name, len(lab.components))
    spec = pod_spec(lab, component, instance, class_name(lab.id, lab_class.id), settings)
    files = [lab.configs[file.name] for file in component.configs] + [
        lab.secrets[file.name] for file in component.secrets
    ]
    return _object(lab_class, "Pod", name, labels | {COMPONENT: component.name}, [spec, files], spec=spec)


def _object(
    lab_class: LabClass, kind: str, name: str, labels: dict[str, str], recipe: Any = None, **content: Any
) -> Manifest:
    """recipe: what the digest is made of; by default the names of the entries, or the whole content."""
    if recipe is None:
        recipe = sorted(content["data"]) if "data" in content else content
    digest = hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:16]
    return {
        "apiVersion": KINDS[kind].api_version,
        "kind": kind,
        "metadata": {
            "name": name,
            "namespace": NAMESPACES[lab_class.lab.security_level],
            "labels": labels,
            "annotations": {RECIPE_ANNOTATION: digest},
        },
        **content,
    }
