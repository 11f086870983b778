"""Builds what the Pods of a class reach and are reached by: policies and Services."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.flows.flow import Flow, Pods
from ansible_collections.autolabs.platform.plugins.module_utils.flows.labs import (
    access_flows,
    instance_flows,
    lab_flows,
)
from ansible_collections.autolabs.platform.plugins.module_utils.flows.policies.network_policy import network_policy
from ansible_collections.autolabs.platform.plugins.module_utils.kube.resources import Manifest
from ansible_collections.autolabs.platform.plugins.module_utils.labs.labels import (
    COMPONENT,
    class_labels,
    class_selector,
    component_selector,
    instance_labels,
    instance_selector,
)
from ansible_collections.autolabs.platform.plugins.module_utils.labs.model import Access, Instance, Lab, LabClass
from ansible_collections.autolabs.platform.plugins.module_utils.labs.names import (
    access_name,
    class_name,
    component_name,
    internal_name,
)
from ansible_collections.autolabs.platform.plugins.module_utils.labs.objects.frame import framed
from ansible_collections.autolabs.platform.plugins.module_utils.labs.objects.seats import (
    MOST_SEATS,
    Seat,
    annotation,
    seats_access,
)
from ansible_collections.autolabs.platform.plugins.module_utils.labs.settings import NAMESPACES, Settings
from ansible_collections.autolabs.platform.plugins.module_utils.net.ports import Ports

SERVICE_PORTS = {"ssh": 22, "http": 80, "vnc": 5900}
COMPONENTS_ANNOTATION = "autolabs.io/components"
"""The components of an instance that has several, such as `db,web`: what is there tells nothing of what is not."""


@dataclass(frozen=True)
class Guarded:
    """Pods that one policy closes but for these flows, which begin or end there."""

    policy: str
    """Its name."""
    pods: Pods
    flows: tuple[Flow, ...]
    component: str = ""
    """The component that is meant; empty for all."""


def class_flows(lab_class: LabClass, settings: Settings) -> list[Guarded]:
    """What closes the Pods of a class, and what opens each component that students enter."""
    lab = lab_class.lab
    name = class_name(lab.id, lab_class.id)
    several = len(lab.components) > 1
    namespace = NAMESPACES[lab.security_level]
    everyone = Pods.labelled(namespace, class_selector(lab.id, lab_class.id))
    flows = lab_flows(
        everyone,
        # In a lab of several components only those are open to students that they enter.
        access=() if several else _ports(lab, lab.access),
        with_internet=lab.internet,
        pod_networks=settings.pod_networks,
        cluster_networks=settings.cluster_networks,
    )
    found = [Guarded(name, everyone, tuple(flows))]
    for component, accesses in entered(lab).items() if several else ():
        pods = Pods.labelled(namespace, component_selector(lab_class, component))
        flows = access_flows(pods, _ports(lab, accesses), settings.pod_networks)
        found.append(Guarded(access_name(name, component), pods, tuple(flows), component))
    return found


def flows_of_instance(lab_class: LabClass, instance: Instance) -> list[Guarded]:
    """What lets the components of an instance reach each other; nothing where there is but one."""
    lab = lab_class.lab
    if len(lab.components) == 1:
        return []
    pods = Pods.labelled(NAMESPACES[lab.security_level], instance_selector(lab_class, instance))
    return [Guarded(instance.name, pods, tuple(instance_flows(pods)))]


def class_policies(lab_class: LabClass, settings: Settings) -> list[Manifest]:
    """The policies that a class has once: see `class_flows`."""
    labels = class_labels(lab_class)
    return [network_policy(one.policy, one.pods, one.flows, labels) for one in class_flows(lab_class, settings)]


def instance_policies(lab_class: LabClass, instance: Instance) -> list[Manifest]:
    """The policy of an instance of several components: see `flows_of_instance`."""
    labels = instance_labels(lab_class, instance)
    return [network_policy(one.policy, one.pods, one.flows, labels) for one in flows_of_instance(lab_class, instance)]


def instance_services(lab_class: LabClass, instance: Instance, seats: Sequence[Seat]) -> list[Manifest]:
    """The Services of an instance: one by which its components find each other, and the ways in."""
    lab = lab_class.lab
    internal = [_internal(lab_class, instance)] if len(lab.components) > 1 else []
    ways_in = [_way_in(lab_class, instance, component, accesses, seats) for component, accesses in entered(lab).items()]
    return [*internal, *ways_in]


def entered(lab: Lab) -> dict[str, list[Access]]:
    """The components that students enter, with the ways in, in the order in which the lab file names them."""
    found: dict[str, list[Access]] = {}
    for access in lab.access:
        found.setdefault(access.component, []).append(access)
    return found


def _ports(lab: Lab, accesses: Sequence[Access]) -> list[Ports]:
    """The container ports that are open to students: for seats those of the largest group that can be."""
    seated = seats_access(lab)
    return [
        Ports(access.port, last=access.port + MOST_SEATS - 1) if access == seated else Ports(access.port)
        for access in accesses
    ]


def _internal(lab_class: LabClass, instance: Instance) -> Manifest:
    spec = {
        # Without an address of its own and without ports, it gives each component a name, and every port is meant.
        "clusterIP": "None",
        # Components that wait for each other look each other up before they are ready.
        "publishNotReadyAddresses": True,
        "selector": instance_selector(lab_class, instance),
    }
    components = ",".join(component.name for component in lab_class.lab.components)
    return framed(
        lab_class,
        "Service",
        internal_name(instance.name),
        instance_labels(lab_class, instance),
        annotations={COMPONENTS_ANNOTATION: components},
        spec=spec,
    )


def _way_in(
    lab_class: LabClass, instance: Instance, component: str, accesses: list[Access], seats: Sequence[Seat]
) -> Manifest:
    lab = lab_class.lab
    several = len(lab.components) > 1
    spec: dict[str, Any] = {
        "type": "NodePort",
        # Keeps the student's own address, so that the policy can tell students from pods.
        "externalTrafficPolicy": "Local",
        "selector": instance_selector(lab_class, instance) | ({COMPONENT: component} if several else {}),
        "ports": [
            {"name": access.kind, "port": SERVICE_PORTS[access.kind], "protocol": "TCP", "targetPort": access.port}
            for access in accesses
        ],
    }
    seated = seats_access(lab) in accesses
    if seated:
        # One member's sshd that is not ready closes no other member's port.
        spec["publishNotReadyAddresses"] = True
        spec["ports"] = [
            {"name": f"ssh-{seat.port}", "port": seat.port, "protocol": "TCP", "targetPort": seat.port}
            for seat in seats
            if seat.open
        ]
    return framed(
        lab_class,
        "Service",
        component_name(instance.name, component, len(lab.components)),
        instance_labels(lab_class, instance),
        annotations=annotation(seats) if seated else None,
        spec=spec,
    )
