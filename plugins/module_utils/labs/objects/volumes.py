"""The volumes of a Pod, and where its containers have them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.kube.quantity import format_bytes
from ansible_collections.autolabs.platform.plugins.module_utils.labs.credentials import (
    HOST_KEY_ENTRY,
    MEMBER_ENTRY,
    PASSWORD_ENTRY,
)
from ansible_collections.autolabs.platform.plugins.module_utils.labs.model import Component, FileMount
from ansible_collections.autolabs.platform.plugins.module_utils.labs.objects.seats import Seat

CREDENTIALS_PATH = "/run/autolabs"
CREDENTIALS_MODE = 0o440
TMPFS_BYTES = 64 << 20

Volumes = list[dict[str, Any]]
Mounts = list[dict[str, Any]]


def credentials_volume(instance: str, *, has_members: bool) -> tuple[Volumes, Mounts]:
    """The instance's own credentials, for a component that students enter.

    has_members: whether its Secret also holds the passwords of a group's members, which are not for this component.
    """
    source: dict[str, Any] = {"secretName": instance, "defaultMode": CREDENTIALS_MODE}
    if has_members:
        source["items"] = _items({PASSWORD_ENTRY: PASSWORD_ENTRY, HOST_KEY_ENTRY: HOST_KEY_ENTRY})
    return [{"name": "credentials", "secret": source}], [_credentials_mount("credentials")]


def seat_volumes(instance: str, seats: Iterable[Seat]) -> Volumes:
    """A volume of credentials for each seat; the password of a closed one is not there, and the rest goes on."""
    return [
        {
            "name": _seat_volume(seat),
            "secret": {
                "secretName": instance,
                "defaultMode": CREDENTIALS_MODE,
                "optional": True,
                "items": _items({MEMBER_ENTRY + seat.student: PASSWORD_ENTRY, HOST_KEY_ENTRY: HOST_KEY_ENTRY}),
            },
        }
        for seat in seats
    ]


def seat_mounts(seat: Seat) -> Mounts:
    """The credentials of one seat where the image looks for them."""
    return [_credentials_mount(_seat_volume(seat))]


def component_volumes(component: Component, instance: str, shared: str) -> tuple[Volumes, Mounts]:
    """What the lab file asks for: named volumes, memory, and inline files.

    shared: the name of the class's ConfigMap and Secret of inline files.
    """
    volumes: Volumes = []
    mounts: Mounts = []
    if component.mounts:
        volumes.append({"name": "volume", "persistentVolumeClaim": {"claimName": instance}})
    for mount in component.mounts:
        entry: dict[str, Any] = {"name": "volume", "mountPath": mount.path, "subPath": mount.volume}
        mounts.append(entry | ({"readOnly": True} if mount.read_only else {}))
    for path in component.tmpfs:
        name = "tmpfs-" + hashlib.sha256(path.encode()).hexdigest()[:8]
        volumes.append({"name": name, "emptyDir": {"medium": "Memory", "sizeLimit": format_bytes(TMPFS_BYTES)}})
        mounts.append({"name": name, "mountPath": path})
    for name, kind, reference, files in (
        ("configs", "configMap", {"name": shared}, component.configs),
        ("secrets", "secret", {"secretName": shared}, component.secrets),
    ):
        if files:
            volumes.append({"name": name, kind: {**reference, "items": _files(files)}})
            mounts += [{"name": name, "mountPath": file.path, "subPath": file.name, "readOnly": True} for file in files]
    return volumes, mounts


def _files(files: Sequence[FileMount]) -> list[dict[str, Any]]:
    return [{"key": file.name, "path": file.name, "mode": file.mode} for file in files]


def _items(paths: dict[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "path": path} for key, path in paths.items()]


def _seat_volume(seat: Seat) -> str:
    return f"credentials-{seat.port}"


def _credentials_mount(volume: str) -> dict[str, Any]:
    return {"name": volume, "mountPath": CREDENTIALS_PATH, "readOnly": True}
