"""Builds the containers of a component's Pod: one, or one for each seat."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.kube.quantity import format_bytes, format_millicores
from ansible_collections.autolabs.platform.plugins.module_utils.labs.labels import OWNER_LABELS
from ansible_collections.autolabs.platform.plugins.module_utils.labs.model import (
    Access,
    Component,
    Instance,
    Lab,
    Port,
    Resources,
)
from ansible_collections.autolabs.platform.plugins.module_utils.labs.names import seat_name
from ansible_collections.autolabs.platform.plugins.module_utils.labs.objects.probes import (
    answers,
    healthy,
    opens,
    ready_if,
)
from ansible_collections.autolabs.platform.plugins.module_utils.labs.objects.seats import (
    PORT_VARIABLE,
    STUDENT_VARIABLE,
    Seat,
)
from ansible_collections.autolabs.platform.plugins.module_utils.labs.objects.volumes import CREDENTIALS_PATH, Mounts


def component_container(lab: Lab, component: Component, instance: Instance, mounts: Mounts) -> dict[str, Any]:
    """The one container of a component."""
    access = next((access for access in lab.access if access.component == component.name), None)
    ports = {*component.ports, *([Port(access.port)] if access else [])}
    return {
        "name": component.name,
        **_common(lab, component, instance, {}),
        "ports": _ports(ports),
        "volumeMounts": mounts,
        **_probes(lab, component, access),
    }


def seat_container(lab: Lab, component: Component, instance: Instance, seat: Seat, mounts: Mounts) -> dict[str, Any]:
    """The container of one member of a group.

    It is told the port, and shows that it has started; nothing watches it later, since one whose member has left the
    group would otherwise make the Pod of all the others look broken.
    """
    return {
        "name": seat_name(component.name, seat.port),
        **_common(lab, component, instance, {STUDENT_VARIABLE: seat.student, PORT_VARIABLE: str(seat.port)}),
        "ports": _ports([Port(seat.port)]),
        "volumeMounts": mounts,
        **opens(seat.port),
    }


def _common(lab: Lab, component: Component, instance: Instance, variables: dict[str, str]) -> dict[str, Any]:
    owner = "AUTOLABS_" + OWNER_LABELS[lab.deployment_mode].upper()
    ours = {"AUTOLABS_LAB_ID": lab.id, owner: instance.owner, "AUTOLABS_CREDENTIALS": CREDENTIALS_PATH}
    theirs = {name: _verbatim(value) for name, value in component.environment.items()}
    environment = theirs | ours | variables
    container: dict[str, Any] = {
        "image": component.image,
        "imagePullPolicy": "IfNotPresent",
        # The API server keeps no empty value, so one that is set would look like a change for ever.
        "env": [{"name": name} | ({"value": value} if value else {}) for name, value in environment.items()],
        "resources": _resources(component.resources),
        "securityContext": _security(lab.security_level, component),
    }
    if component.entrypoint is not None:
        container["command"] = [_verbatim(word) for word in component.entrypoint]
    if component.command is not None:
        container["args"] = [_verbatim(word) for word in component.command]
    if component.working_dir:
        container["workingDir"] = component.working_dir
    return container


def _verbatim(text: str) -> str:
    """Text in which the kubelet expands no $(NAME), as Compose knows none; it reads `$$` as one dollar."""
    return text.replace("$", "$$")


def _ports(ports: Iterable[Port]) -> list[dict[str, Any]]:
    wanted = sorted((port.number, port.protocol) for port in ports)
    return [{"containerPort": number, "protocol": protocol} for number, protocol in wanted]


def _probes(lab: Lab, component: Component, access: Access | None) -> dict[str, Any]:
    """A Compose healthcheck decides; without one, the access port must answer."""
    check = component.healthcheck
    if check:
        check = replace(check, command=tuple(_verbatim(word) for word in check.command))
        # A failed startup probe ends the container, and one that runs once is not started again.
        return ready_if(check) if lab.runs_once(component.name) else healthy(check)
    return answers(access.port) if access else {}


def _resources(resources: Resources) -> dict[str, dict[str, str]]:
    requests = _amounts(resources.cpu_request, resources.memory_request)
    limits = _amounts(resources.cpu_limit, resources.memory_limit)
    return {name: amounts for name, amounts in (("requests", requests), ("limits", limits)) if amounts}


def _amounts(cpu: int | None, memory: int | None) -> dict[str, str]:
    amounts = {}
    if cpu is not None:
        amounts["cpu"] = format_millicores(cpu)
    if memory is not None:
        amounts["memory"] = format_bytes(memory)
    return amounts


def _security(level: str, component: Component) -> dict[str, Any]:
    context: dict[str, Any] = {"readOnlyRootFilesystem": True} if component.read_only else {}
    if level == "restricted":
        # Kubernetes' Pod Security Standard "restricted".
        context |= {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    elif level == "privileged":
        context["privileged"] = True
    return context
