"""What is proved: the platform of a whole site and one class of labs of any size, as the API server lists them."""

from __future__ import annotations

from typing import Any

from _workload import NAMESPACE, lab_class
from ansible_collections.autolabs.platform.plugins.module_utils.flows.catalogue.reading import read_catalogue
from ansible_collections.autolabs.platform.plugins.module_utils.flows.flow import Pods
from ansible_collections.autolabs.platform.plugins.module_utils.flows.labs import instance_flows
from ansible_collections.autolabs.platform.plugins.module_utils.flows.policies.namespaces import network_policies
from ansible_collections.autolabs.platform.plugins.module_utils.flows.policies.network_policy import network_policy
from ansible_collections.autolabs.platform.plugins.module_utils.flows.resolve import resolve
from ansible_collections.autolabs.platform.plugins.module_utils.flows.site import Site
from ansible_collections.autolabs.platform.plugins.module_utils.labs.labels import instance_labels, instance_selector
from ansible_collections.autolabs.platform.plugins.module_utils.labs.objects.networking import class_policies
from ansible_collections.autolabs.platform.plugins.module_utils.labs.settings import Settings

Manifest = dict[str, Any]

NODES = 20
SITE = {
    "files": [],
    "groups": {
        "proxmox": {"pve": ["192.168.100.1"]},
        "gitlab": {"gitlab-vm": ["192.168.100.10"]},
        "database": {"database-vm": ["192.168.100.20"]},
        "k8s": {f"worker-{number}": [f"192.168.100.{30 + number}"] for number in range(NODES)},
        "k8s_control_plane": {"worker-0": ["192.168.100.30"]},
    },
    "networks": {
        "admin": ["203.0.113.0/28"],
        "infrastructure": ["192.168.100.0/24"],
        "pods": ["10.244.0.0/16"],
        "services": ["10.96.0.0/12"],
    },
    "phase": "prod",
    "features": ["monitoring"],
    "masquerade": True,
}


def site_objects(count: int, *, policy_each: bool) -> list[Manifest]:
    """The platform's Pods and policies, and `count` instances of one Pod each, with the policies of their class.

    policy_each: whether each instance has a policy of its own too, as those of several components have.
    """
    platform = _platform()
    found = [_namespace(name) for name in {NAMESPACE: 1, **{pods.namespace: 1 for pods in platform[1]}}]
    found += platform[0]
    for number, pods in enumerate(platform[1]):
        found.append(_pod(pods.namespace, f"platform-{number}", dict(pods.labels), number))
    wanted = lab_class(count)
    found += class_policies(wanted, Settings())
    for number, instance in enumerate(wanted.instances):
        labels = instance_labels(wanted, instance)
        found.append(_pod(NAMESPACE, instance.name, labels, len(platform[1]) + number))
        if policy_each:
            own = Pods.labelled(NAMESPACE, instance_selector(wanted, instance))
            found.append(network_policy(instance.name, own, instance_flows(own), labels))
    return found


def _platform() -> tuple[list[Manifest], list[Pods]]:
    """The policies of the built-in catalogue on a site that has everything, and the endpoints that are Pods."""
    site = Site.from_dict(SITE)
    resolved = resolve(read_catalogue(), site)
    endpoints = {end: 1 for flow in resolved.flows for end in (flow.source, flow.destination) if isinstance(end, Pods)}
    of_platform = [pods for pods in endpoints if not pods.namespace.startswith(NAMESPACE)]
    return network_policies(resolved.flows, site, resolved.namespaces), of_platform


def _namespace(name: str) -> Manifest:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def _pod(namespace: str, name: str, labels: dict[str, str], number: int) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {
            "nodeName": f"worker-{number % NODES}",
            "containers": [{"name": "lab", "ports": [{"name": "ssh", "containerPort": 2222}]}],
        },
        "status": {"phase": "Running", "podIPs": [{"ip": f"10.244.{number // 250}.{number % 250 + 1}"}]},
    }
