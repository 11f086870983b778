"""Builds the Pod of a component."""

from __future__ import annotations

import hashlib
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.kube.quantity import format_bytes, format_millicores
from ansible_collections.autolabs.platform.plugins.module_utils.labs.labels import OWNER_LABELS
from ansible_collections.autolabs.platform.plugins.module_utils.labs.model import (
    Access,
    Component,
    Healthcheck,
    Instance,
    Lab,
    Resources,
)
from ansible_collections.autolabs.platform.plugins.module_utils.labs.settings import PRIVILEGED_NODES, Settings

STUDENT_UID = 1000
CREDENTIALS_PATH = "/run/autolabs"
TMPFS_BYTES = 64 << 20
STOP_SECONDS = 5
"""sshd and the labs' servers end at SIGTERM; what does not is not worth a longer wait."""
START_SECONDS = 120
"""How long a component may take until its access port answers before it is restarted."""


def pod_spec(lab: Lab, component: Component, instance: Instance, shared: str, settings: Settings) -> dict[str, Any]:
    """The `spec` of the Pod that runs `component` for `instance`.

    shared: the name of the class's ConfigMap and Secret of inline files.
    """
    access = next((entry for entry in lab.access if entry.component == component.name), None)
    volumes, mounts = _volumes(component, instance, shared, with_credentials=access is not None)
    container: dict[str, Any] = {
        "name": component.name,
        "image": component.image,
        "imagePullPolicy": "IfNotPresent",
        "env": _environment(lab, component, instance),
        "ports": _ports(component, access),
        "resources": _resources(component.resources),
        "securityContext": _container_security(lab.security_level, component),
        "volumeMounts": mounts,
    }
    if component.entrypoint is not None:
        container["command"] = [_literal(word) for word in component.entrypoint]
    if component.command is not None:
        container["args"] = [_literal(word) for word in component.command]
    if component.working_dir:
        container["workingDir"] = component.working_dir
    container |= _probes(component.healthcheck, access)
    spec: dict[str, Any] = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": STOP_SECONDS,
        "securityContext": _pod_security(lab.security_level, component),
        "containers": [container],
        "volumes": volumes,
    }
    if lab.lifetime:
        spec["activeDeadlineSeconds"] = lab.lifetime
    if settings.image_pull_secret:
        spec["imagePullSecrets"] = [{"name": settings.image_pull_secret}]
    if lab.security_level == "privileged":
        spec["nodeSelector"] = {PRIVILEGED_NODES: "true"}
        spec["tolerations"] = [{"key": PRIVILEGED_NODES, "operator": "Equal", "value": "true", "effect": "NoSchedule"}]
    return spec


def _environment(lab: Lab, component: Component, instance: Instance) -> list[dict[str, str]]:
    owner = "AUTOLABS_" + OWNER_LABELS[lab.deployment_mode].upper()
    ours = {"AUTOLABS_LAB_ID": lab.id, owner: instance.owner, "AUTOLABS_CREDENTIALS": CREDENTIALS_PATH}
    theirs = {name: _literal(value) for name, value in component.environment.items()}
    return [{"name": name, "value": value} for name, value in (theirs | ours).items()]


def _literal(text: str) -> str:
    """Text in which the kubelet expands no $(NAME), as Compose knows none; it reads `$$` as one dollar."""
    return text.replace("$", "$$")


def _ports(component: Component, access: Access | None) -> list[dict[str, Any]]:
    wanted = {(port.number, port.protocol) for port in component.ports}
    if access:
        wanted.add((access.port, "TCP"))
    return [{"containerPort": number, "protocol": protocol} for number, protocol in sorted(wanted)]


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


def _pod_security(level: str, component: Component) -> dict[str, Any]:
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


def _container_security(level: str, component: Component) -> dict[str, Any]:
    context: dict[str, Any] = {"readOnlyRootFilesystem": True} if component.read_only else {}
    if level == "restricted":
        # Kubernetes' Pod Security Standard "restricted".
        context |= {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    elif level == "privileged":
        context["privileged"] = True
    return context


def _probes(healthcheck: Healthcheck | None, access: Access | None) -> dict[str, Any]:
    """A Compose healthcheck decides readiness; without one, the access port must answer."""
    if healthcheck:
        return {
            "readinessProbe": {
                "exec": {"command": [_literal(word) for word in healthcheck.command]},
                "periodSeconds": max(1, healthcheck.interval),
                "timeoutSeconds": max(1, healthcheck.timeout),
                "failureThreshold": max(1, healthcheck.retries),
                "initialDelaySeconds": healthcheck.start_period,
            }
        }
    if access:
        return {
            "startupProbe": {"tcpSocket": {"port": access.port}, "periodSeconds": 1, "failureThreshold": START_SECONDS},
            "readinessProbe": {"tcpSocket": {"port": access.port}, "periodSeconds": 10},
        }
    return {}


def _volumes(
    component: Component, instance: Instance, shared: str, *, with_credentials: bool
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    volumes: list[dict[str, Any]] = []
    mounts: list[dict[str, Any]] = []
    if with_credentials:
        volumes.append({"name": "credentials", "secret": {"secretName": instance.name, "defaultMode": 0o440}})
        mounts.append({"name": "credentials", "mountPath": CREDENTIALS_PATH, "readOnly": True})
    if component.mounts:
        volumes.append({"name": "volume", "persistentVolumeClaim": {"claimName": instance.name}})
    for mount in component.mounts:
        entry: dict[str, Any] = {"name": "volume", "mountPath": mount.path, "subPath": mount.volume}
        mounts.append(entry | ({"readOnly": True} if mount.read_only else {}))
    for path in component.tmpfs:
        name = "tmpfs-" + hashlib.sha256(path.encode()).hexdigest()[:8]
        volumes.append({"name": name, "emptyDir": {"medium": "Memory", "sizeLimit": format_bytes(TMPFS_BYTES)}})
        mounts.append({"name": name, "mountPath": path})
    for name, source, files in (
        ("configs", {"configMap": {"name": shared}}, component.configs),
        ("secrets", {"secret": {"secretName": shared}}, component.secrets),
    ):
        if files:
            kind, reference = next(iter(source.items()))
            items = [{"key": file.name, "path": file.name, "mode": file.mode} for file in files]
            volumes.append({"name": name, kind: {**reference, "items": items}})
            mounts += [{"name": name, "mountPath": file.path, "subPath": file.name, "readOnly": True} for file in files]
    return volumes, mounts
