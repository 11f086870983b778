"""Disks as they should be, held against those that are there: they are made, they grow, and their options change. Pure.

A disk is never made smaller and never moved: both could cost what is on it, and the server does the first not at all
(PUT /nodes/{node}/qemu/{vmid}/resize, "shrinking disks is not supported").
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.proxmox import values
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.fields import DISK, Wanted, given
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.values import Raw
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.vm import Disk, Vm

ROUNDING = 4 << 20
"""Bytes that a storage may have added to a disk that was asked for: LVM rounds up to its extents."""


@dataclass(frozen=True)
class Growth:
    """A disk that becomes larger."""

    slot: str
    before: str
    text: str
    """Its whole size, as the API takes it."""


@dataclass
class Found:
    """What becomes of a VM's disks."""

    rows: list[Wanted] = field(default_factory=list)
    """Options of disks that are there."""
    grow: tuple[Growth, ...] = ()
    add: dict[str, str] = field(default_factory=dict)
    """What is given to POST .../config for disks that are to be made, by slot."""
    said: dict[str, dict[str, Any]] = field(default_factory=dict)
    """The same in the words of who wrote the VM."""
    refusals: list[tuple[str, str]] = field(default_factory=list)
    """Paths and messages."""


def differences(vm: Vm, config: Mapping[str, Raw]) -> Found:
    """What becomes of the disks of `vm`, whose config will be `config` after its next start.

    The sizes in it are those that the disks have now.
    """
    found = Found()
    for disk in vm.disks:
        if disk.slot not in config:
            _add(vm, disk, found)
        else:
            _keep(disk, values.disk(config[disk.slot]), found)
    return found


def storage_of(config: Mapping[str, Raw], slot: str) -> str:
    """Where a disk is; "" for one that is no volume of a storage."""
    storage, colon, _volume = values.disk(config.get(slot, "")).get("file", "").partition(":")
    return storage if colon else ""


def has_cloud_init_drive(config: Mapping[str, Raw]) -> bool:
    """Whether there is a drive that cloud-init is told by."""
    return any("cloudinit" in str(value) for key, value in config.items() if key.startswith(("ide", "sata", "scsi")))


def described(disk: Disk, storage: str | None) -> dict[str, Any]:
    """A disk that is to be made, as a person would write it."""
    known: dict[str, Any] = {
        "size": None if disk.size is None else values.size_text(disk.size),
        "storage": disk.storage or storage,
    }
    known |= {row.name: getattr(disk, row.name) for row in DISK}
    return {name: value for name, value in known.items() if value is not None}


def _add(vm: Vm, disk: Disk, found: Found) -> None:
    storage = disk.storage or vm.storage
    path = f"disks.{disk.slot}"
    if disk.size is None:
        found.refusals.append((f"{path}.size", "is missing: there is no such disk yet, and a new one needs its size"))
    if not storage:
        found.refusals.append(
            (f"{path}.storage", "is missing: there is no such disk yet, and a new one goes somewhere")
        )
    if disk.size is None or not storage:
        return
    config: dict[str, Raw] = {disk.slot: values.new_disk(storage, disk.size)}
    for row in given(disk, DISK, f"{path}.", disk.slot):
        row.into(config)
    found.add[disk.slot] = str(config[disk.slot])
    found.said[disk.slot] = described(disk, storage)


def _keep(disk: Disk, there: Mapping[str, str], found: Found) -> None:
    path = f"disks.{disk.slot}"
    if there.get("media") == "cdrom":
        what = "the cloud-init drive" if "cloudinit" in there.get("file", "") else "a CD-ROM drive"
        found.refusals.append((path, f"is {what}, not a disk; take another slot"))
        return
    found.refusals += _moved(disk, there.get("file", ""))
    found.rows += given(disk, DISK, f"{path}.", disk.slot)
    if disk.size is None:
        return
    size = values.size_of(there["size"]) if "size" in there else 0
    if disk.size > size:
        before = values.size_text(size) if size else "unknown"
        found.grow = (*found.grow, Growth(disk.slot, before, values.size_text(disk.size)))
    elif size - disk.size >= ROUNDING:
        message = (
            f"is {values.size_text(disk.size)}, and the disk has {values.size_text(size)}: a disk is never made "
            f"smaller. Write at least {values.size_text(size)}, or make the VM anew"
        )
        found.refusals.append((f"{path}.size", message))


def _moved(disk: Disk, volume: str) -> Iterator[tuple[str, str]]:
    storage = volume.partition(":")[0]
    # Of a disk that is not there yet, nobody knows where it will be.
    if disk.storage and volume and disk.storage != storage:
        message = (
            f"is {disk.storage}, and the disk is on {storage}: disks are not moved. Move it by hand "
            f"(qm disk move VMID {disk.slot} {disk.storage}), or write {storage}"
        )
        yield f"disks.{disk.slot}.storage", message
