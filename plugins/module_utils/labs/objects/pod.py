"""Builds the Pod of a component."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.labs.labels import COMPONENT, instance_selector
from ansible_collections.autolabs.platform.plugins.module_utils.labs.model import Component, Instance, Lab, LabClass
from ansible_collections.autolabs.platform.plugins.module_utils.labs.names import class_name, internal_name
from ansible_collections.autolabs.platform.plugins.module_utils.labs.objects.container import (
    component_container,
    seat_container,
)
from ansible_collections.autolabs.platform.plugins.module_utils.labs.objects.seats import (
    Seat,
    component_has,
    seats_access,
)
from ansible_collections.autolabs.platform.plugins.module_utils.labs.objects.volumes import (
    component_volumes,
    credentials_volume,
    seat_mounts,
    seat_volumes,
)
from ansible_collections.autolabs.platform.plugins.module_utils.labs.settings import (
    NAMESPACES,
    PRIVILEGED_NODES,
    Settings,
)

STUDENT_UID = 1000
STOP_SECONDS = 5
"""sshd and the labs' servers end at SIGTERM; what does not is not worth a longer wait."""


def pod_spec(
    lab_class: LabClass, component: Component, instance: Instance, settings: Settings, seats: Sequence[Seat] = ()
) -> dict[str, Any]:
    """The `spec` of the Pod that runs `component` for `instance`.

    seats: those of the Pod, where the component is the one that has them.
    """
    lab = lab_class.lab
    volumes, mounts = component_volumes(component, instance.name, class_name(lab.id, lab_class.id))
    if component_has(lab, component):
        volumes = [*seat_volumes(instance.name, seats), *volumes]
        containers = [seat_container(lab, component, instance, seat, [*seat_mounts(seat), *mounts]) for seat in seats]
    else:
        if any(access.component == component.name for access in lab.access):
            own = credentials_volume(instance.name, has_members=seats_access(lab) is not None)
            volumes, mounts = [*own[0], *volumes], [*own[1], *mounts]
        containers = [component_container(lab, component, instance, mounts)]
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "restartPolicy": _restarts(lab, component),
        "terminationGracePeriodSeconds": STOP_SECONDS,
        "securityContext": _security(lab.security_level, component),
        "containers": containers,
        "volumes": volumes,
        **_names(lab, component, instance, settings),
        **_nodes(lab_class, component, instance),
        **({"activeDeadlineSeconds": lab.lifetime} if lab.lifetime else {}),
        **({"imagePullSecrets": [{"name": settings.image_pull_secret}]} if settings.image_pull_secret else {}),
    }


def _restarts(lab: Lab, component: Component) -> str:
    if lab.runs_once(component.name):
        return "OnFailure" if component.retried else "Never"
    return "Always"


def _security(level: str, component: Component) -> dict[str, Any]:
    context: dict[str, Any] = {"seccompProfile": {"type": "RuntimeDefault"}}
    user, group = component.user, component.group
    if level == "restricted":
        user = STUDENT_UID if user is None else user
        context["runAsNonRoot"] = True
    if user is not None:
        group = user if group is None else group
        context |= {"runAsUser": user, "runAsGroup": group}
    # Credentials and volume are for this group, also where the image says which user runs.
    context["fsGroup"] = STUDENT_UID if group is None else group
    return context


def _names(lab: Lab, component: Component, instance: Instance, settings: Settings) -> dict[str, Any]:
    """The component's name in the DNS of its instance, and how it looks up the others by theirs alone."""
    if len(lab.components) == 1:
        return {}
    service = internal_name(instance.name)
    domain = f"{service}.{NAMESPACES[lab.security_level]}.svc.{settings.cluster_domain}"
    # Only a name without a dot is one of these: with the cluster's five dots every other one is looked up six times.
    options = [{"name": "ndots", "value": "1"}]
    return {
        "hostname": component.name,
        "subdomain": service,
        "dnsConfig": {"searches": [domain], "options": options},
    }


def _nodes(lab_class: LabClass, component: Component, instance: Instance) -> dict[str, Any]:
    """On which nodes the Pod may be."""
    lab = lab_class.lab
    found: dict[str, Any] = {}
    if lab.security_level == "privileged":
        found["nodeSelector"] = {PRIVILEGED_NODES: "true"}
        found["tolerations"] = [{"key": PRIVILEGED_NODES, "operator": "Equal", "value": "true", "effect": "NoSchedule"}]
    sharing = sorted(other.name for other in lab.components if other.mounts)
    if component.mounts and len(sharing) > 1:
        # One node alone may have the volume. Components without it may be anywhere, so they do not count.
        labels = {
            "matchLabels": instance_selector(lab_class, instance),
            "matchExpressions": [{"key": COMPONENT, "operator": "In", "values": sharing}],
        }
        term = {"labelSelector": labels, "topologyKey": "kubernetes.io/hostname"}
        found["affinity"] = {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    return found
