"""Volumes: what is on the storages, in numbers only."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

from .errors import ApiError, wrong_parameters

if TYPE_CHECKING:
    from .engine import Engine

FILES = ("dir", "nfs", "cifs", "cephfs", "glusterfs", "btrfs")
CLOUD_INIT_BYTES = 4 << 20


def storage(engine: Engine, name: str, node: str | None = None) -> dict[str, Any]:
    """A storage that is there, enabled, and on the node (`storage_check_enabled` of pve-storage, PVE/Storage.pm)."""
    known: dict[str, Any] | None = engine.state["storages"].get(name)
    if known is None:
        raise ApiError(f"storage '{name}' does not exist")
    if str(known.get("disable", 0)) == "1":
        raise ApiError(f"storage '{name}' is disabled")
    if node and known.get("nodes") and node not in known["nodes"].split(","):
        raise ApiError(f"storage '{name}' is not available on node '{node}'")
    return known


def holds_images(engine: Engine, name: str, node: str) -> dict[str, Any]:
    """A storage for disks of VMs."""
    known = storage(engine, name, node)
    if "images" not in known["content"].split(","):
        raise wrong_parameters(storage=f"storage '{name}' does not support vm images")
    return known


def is_shared(known: dict[str, Any]) -> bool:
    """Whether all nodes see the same volumes."""
    return str(known.get("shared", 0)) == "1" or known["type"] in ("nfs", "cifs", "cephfs", "rbd", "iscsi", "pbs")


def _key(engine: Engine, node: str, volid: str) -> str:
    known = engine.state["storages"].get(volid.split(":")[0], {"type": "dir"})
    return f"{'*' if is_shared(known) else node}|{volid}"


def find(engine: Engine, node: str, volid: str) -> dict[str, Any] | None:
    """What is known of a volume, seen from a node."""
    found: dict[str, Any] | None = engine.state["volumes"].get(_key(engine, node, volid))
    return found


def need(engine: Engine, node: str, volid: str) -> dict[str, Any]:
    """A volume that must be there."""
    storage(engine, volid.split(":")[0], node)
    found = find(engine, node, volid)
    if found is None:
        raise ApiError(f"volume {volid} does not exist")
    return found


def of_storage(engine: Engine, node: str, name: str) -> dict[str, dict[str, Any]]:
    """The volumes of a storage on a node, by volume ID."""
    wanted = _key(engine, node, f"{name}:")
    volumes = engine.state["volumes"].items()
    return {key.partition("|")[2]: entry for key, entry in volumes if key.startswith(wanted)}


def of_vm(engine: Engine, node: str, vmid: int) -> dict[str, dict[str, Any]]:
    """All disks that belong to a VM."""
    found = {}
    for name in engine.state["storages"]:
        found.update(
            {volid: entry for volid, entry in of_storage(engine, node, name).items() if entry.get("vmid") == vmid}
        )
    return found


def allocate(
    engine: Engine,
    node: str,
    name: str,
    vmid: int,
    size: int,
    *,
    kind: str = "disk",
    form: str | None = None,
    parent: str | None = None,
) -> str:
    """Make a disk (`kind` disk, base or cloudinit); returns its volume ID. Refused when the storage is full."""
    known = holds_images(engine, name, node)
    used = sum(entry["size"] for entry in of_storage(engine, node, name).values())
    if known["type"] not in ("lvmthin", "zfspool", "rbd") and used + size > known.get("total", 1 << 60):
        raise ApiError("unable to create image: not enough free space")
    files = known["type"] in FILES
    form = (form or "qcow2") if files else "raw"
    suffix = f".{form}" if files else ""
    number = 0
    while True:
        plain = (
            f"vm-{vmid}-cloudinit"
            if kind == "cloudinit"
            else f"{'base' if kind == 'base' else 'vm'}-{vmid}-disk-{number}"
        )
        above = f"{parent.partition(':')[2]}/" if parent and files else ""
        volid = f"{name}:{above}{vmid}/{plain}{suffix}" if files else f"{name}:{plain}"
        taken = any(re.search(rf"-{vmid}-disk-{number}(\.|$)", other) for other in of_storage(engine, node, name))
        if kind == "cloudinit" or not taken:
            break
        number += 1
    if find(engine, node, volid):
        raise ApiError(f"disk image '{volid}' already exists")
    engine.state["volumes"][_key(engine, node, volid)] = {
        "size": size,
        "format": form,
        "vmid": vmid,
        "content": "images",
        "ctime": int(time.time()),
        **({"parent": parent} if parent else {}),
    }
    return volid


def keep(engine: Engine, node: str, volid: str, entry: dict[str, Any]) -> None:
    """Note a volume that came otherwise: a downloaded file."""
    engine.state["volumes"][_key(engine, node, volid)] = entry


def free(engine: Engine, node: str, volid: str) -> None:
    """Remove a volume; one that linked clones are based on stays (`vdisk_free`)."""
    key = _key(engine, node, volid)
    children = [other for other, entry in engine.state["volumes"].items() if entry.get("parent") == volid]
    if children:
        raise ApiError(f"base volume '{volid.partition(':')[2]}' is still in use by linked clones")
    engine.state["volumes"].pop(key, None)


def rename(engine: Engine, node: str, volid: str, fresh: str) -> None:
    """Give a volume another name: a disk that becomes a base."""
    volumes = engine.state["volumes"]
    volumes[_key(engine, node, fresh)] = volumes.pop(_key(engine, node, volid))
