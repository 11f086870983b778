"""Disks of a VM: made when a value asks for one, put aside when taken out, freed (`$create_disks` and others)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from . import properties, vmfile, volumes
from .errors import ApiError, no_permission, wrong_parameter

if TYPE_CHECKING:
    from .engine import Engine
    from .identity import Identity

NEW_DISK = re.compile(r"(?:([^/:\s]+):)?(\d+(?:\.\d+)?)")


def check_access(engine: Engine, who: Identity, vmid: int, option: str, value: str) -> None:
    """Refuse whoever may not use the storage, or the image, that a drive's value names (`$check_storage_access`)."""
    drive = properties.parse_drive(value)
    file = drive.get("file", "")
    name = file.partition(":")[0] if ":" in file else ""
    if not file or file == "none" or properties.is_cloudinit(drive):
        return
    if file == "cdrom":
        engine.access.check(who, "/", ["Sys.Console"])
    elif NEW_DISK.fullmatch(file) and drive.get("media") != "cdrom":
        if not name:
            raise ApiError("no storage ID specified (and no default storage)")
        engine.access.check(who, f"/storage/{name}", ["Datastore.AllocateSpace"])
    else:
        _check_volume(engine, who, vmid, file)
    if source := drive.get("import-from"):
        if source.startswith("/"):
            if not who.root:
                raise wrong_parameter(option, "Only root can pass arbitrary filesystem paths.")
        else:
            _check_volume(engine, who, vmid, source)


def _check_volume(engine: Engine, who: Identity, vmid: int, volid: str) -> None:
    """`check_volume_access` of pve-storage, PVE/Storage.pm."""
    if ":" not in volid:
        if not who.root:
            raise ApiError("Only root can pass arbitrary filesystem paths.")
        return
    name, _, volume = volid.partition(":")
    path = f"/storage/{name}"
    if re.match(r"(iso|vztmpl|import)/", volume):
        if not engine.access.allows(who, path, ["Datastore.AllocateSpace", "Datastore.Audit"], any_of=True):
            raise no_permission(f"{path}, Datastore.AllocateSpace|Datastore.Audit")
        return
    owner = re.search(r"(?:vm|base)-(\d+)-", volume)
    if owner and int(owner[1]) == vmid and engine.access.allows(who, f"/vms/{vmid}", ["VM.Config.Disk"]):
        return
    engine.access.check(who, path, ["Datastore.Allocate"])


def create(engine: Engine, node: str, vmid: int, option: str, value: str, before: str | None) -> str:
    """The value as it is written back, after its disk was made or found."""
    drive = properties.parse_drive(value)
    file = drive.get("file", "")
    name, _, volume = file.partition(":")
    form = drive.get("format")
    source = drive.pop("import-from", None)
    if file in ("none", "cdrom") or not file:
        drive.pop("size", None)
    elif volume == "cloudinit" and ":" in file:
        drive.pop("format", None)
        drive["file"] = volumes.allocate(
            engine, node, name, vmid, volumes.CLOUD_INIT_BYTES, kind="cloudinit", form=form
        )
        drive["media"] = "cdrom"
    elif NEW_DISK.fullmatch(file) and drive.get("media") != "cdrom":
        size = int(float(volume) * (1 << 30))
        if source is not None:
            if float(volume) != 0:
                raise wrong_parameter(
                    option, "'import-from' requires special syntax - use <storage ID>:0,import-from=<source>"
                )
            size = _source_size(engine, node, source)
        elif size == 0 and option not in ("efidisk0", "tpmstate0"):
            size = 1 << 22
        drive.pop("format", None)
        drive["file"] = volumes.allocate(engine, node, name, vmid, size, form=form)
        drive["size"] = properties.size_text(size)
    else:
        known = volumes.need(engine, node, file)
        old = properties.parse_drive(before).get("file") if before else None
        if old != file or "size" not in drive:
            drive["size"] = properties.size_text(known["size"])
    return properties.show_drive(drive)


def _source_size(engine: Engine, node: str, source: str) -> int:
    if source.startswith("/"):
        raise ApiError(f"unable to import from '{source}': no such file")
    known = volumes.need(engine, node, source)
    return int(known.get("virtual", known["size"]))


def set_aside(vm: vmfile.Vm, value: str) -> None:
    """Let a disk that is taken out become `unusedN` (`vmconfig_register_unused_drive`)."""
    drive = properties.parse_drive(value)
    file = drive.get("file", "")
    if ":" not in file or properties.is_cdrom(drive):
        return
    taken = {option for option in vm["config"] if option.startswith("unused")}
    if file in [properties.parse_drive(vm["config"][option])["file"] for option in taken]:
        return
    number = next(number for number in range(256) if f"unused{number}" not in taken)
    vm["config"][f"unused{number}"] = file


def drop(engine: Engine, vm: vmfile.Vm, vmid: int, option: str, force: bool) -> None:
    """Take a drive out: a cloud-init drive is freed, a disk put aside or, by force, freed."""
    value = vm["config"].get(option)
    if value is None:
        return
    drive = properties.parse_drive(value)
    if properties.is_cloudinit(drive) or (force and not properties.is_cdrom(drive)):
        volumes.free(engine, vm["node"], drive["file"])
    else:
        set_aside(vm, value)


def used(config: dict[str, str]) -> list[str]:
    """The volumes of a configuration's drives, unused ones included."""
    found = []
    for option, value in config.items():
        if properties.DRIVES.fullmatch(option) or re.fullmatch(r"unused\d+", option):
            file = properties.parse_drive(value).get("file", "")
            if ":" in file:
                found.append(file)
    return found
