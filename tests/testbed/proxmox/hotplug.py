"""What of the pending changes a running VM takes at once (`vmconfig_hotplug_pending` of qemu-server)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import cloudinit, drives, options, properties, vmfile

if TYPE_CHECKING:
    from .engine import Engine

FIXED_DISK = "aio discard iothread queues product cache ssd vendor ro"
DEFAULT = "network,disk,usb"


def apply_running(engine: Engine, vm: vmfile.Vm, vmid: int, selection: set[str]) -> dict[str, str]:
    """Write what can be written; returns errors by option. The rest stays pending until the VM starts anew."""
    for option in [name for name in vm["pending"] if options.is_live(name)]:
        vmfile.set_now(vm, option, vm["pending"][option])
    features = _features(vm["config"].get("hotplug", "1"))
    for option in [name for name in sorted(vm["delete"]) if name in selection]:
        if _deletes_live(vm, option, features):
            if properties.DRIVES.fullmatch(option):
                drives.drop(engine, vm, vmid, option, vm["delete"][option])
            vmfile.set_now(vm, option, None)
    errors: dict[str, str] = {}
    for option in [name for name in vm["pending"] if name in selection]:
        value = vm["pending"][option]
        if (
            option in vm["config"]
            and properties.DRIVES.fullmatch(option)
            and not _same_media(vm["config"][option], value)
        ):
            errors[option] = "hotplug problem - unable to change media type\n"
        elif _changes_live(vm, option, value, features):
            old = vm["config"].get(option)
            if old and properties.DRIVES.fullmatch(option):
                before, after = properties.parse_drive(old), properties.parse_drive(value)
                if before.get("file") != after.get("file"):
                    drives.set_aside(vm, old)
            vmfile.set_now(vm, option, value)
    if "cloudinit" in features and cloudinit.drive(vm["config"]):
        vm["cloudinit"] = {}
    return errors


def apply_stopped(engine: Engine, vm: vmfile.Vm, vmid: int) -> None:
    """Write all pending changes (`vmconfig_apply_pending`)."""
    for option in sorted(vm["delete"]):
        if properties.DRIVES.fullmatch(option):
            drives.drop(engine, vm, vmid, option, vm["delete"][option])
        vmfile.set_now(vm, option, None)
    vmfile.cleanup(vm)
    for option, value in list(vm["pending"].items()):
        if properties.DRIVES.fullmatch(option) and option in vm["config"]:
            before, after = properties.parse_drive(vm["config"][option]), properties.parse_drive(value)
            if before.get("file") != after.get("file"):
                drives.drop(engine, vm, vmid, option, False)
        vm["config"][option] = value
        del vm["pending"][option]
    vm["config"] = {name: value for name, value in vm["config"].items() if name != "description" or value}
    if cloudinit.drive(vm["config"]):
        vm["cloudinit"] = {}


def _features(text: str) -> set[str]:
    """`parse_hotplug_features`: 1 stands for the default, 0 for none."""
    words = set((DEFAULT if text == "1" else text).replace(";", ",").split(","))
    return words - {"0", ""}


def _same_media(before: str, after: str) -> bool:
    return properties.is_cdrom(properties.parse_drive(before)) == properties.is_cdrom(properties.parse_drive(after))


def _deletes_live(vm: vmfile.Vm, option: str, features: set[str]) -> bool:
    if options.is_live(option) or option in ("cpuunits", "cpulimit"):
        return True
    if option == "hotplug":
        return not {"cpu", "memory"} & _features(vm["config"].get("hotplug", "1"))
    if option == "tablet" or option.startswith("usb"):
        return "usb" in features
    if option == "vcpus":
        return "cpu" in features
    if option == "balloon":
        return bool(vm["config"].get("balloon") != "0")
    if option.startswith("net") and option[3:].isdigit():
        return "network" in features
    if properties.DRIVES.fullmatch(option):
        return "disk" in features and not option.startswith(("efidisk", "ide", "sata", "tpmstate"))
    return option == "memory" and "memory" in features


def _changes_live(vm: vmfile.Vm, option: str, value: str, features: set[str]) -> bool:
    config = vm["config"]
    if option in ("cpuunits", "cpulimit"):
        return True
    if option == "hotplug":
        either = _features(value) | _features(config.get("hotplug", "1"))
        return not {"memory", "cpu"} & either
    if option == "tablet" or option.startswith("usb"):
        return "usb" in features
    if option == "vcpus":
        return "cpu" in features
    if option == "balloon":
        return bool((config.get("balloon", "1") != "0") == (value != "0"))
    if option.startswith("net") and option[3:].isdigit():
        return _net_live(config.get(option), value, "network" in features)
    if properties.DRIVES.fullmatch(option):
        return _disk_live(config.get(option), value, option, "disk" in features)
    if option == "memory":
        return "memory" in features
    if option == "agent":
        return _agent_live(config.get("agent"), value)
    return False


def _net_live(before: str | None, after: str, hotplug: bool) -> bool:
    """`vmconfig_update_net`: another device needs hotplug; bridge, VLAN, firewall, rate and link do not."""
    if before is None:
        return hotplug
    old, new = properties.parse_net(before), properties.parse_net(after)
    another = any(old.get(key) != new.get(key) for key in ("model", "macaddr", "queues", "mtu"))
    if another or not (old.get("bridge") and new.get("bridge")):
        return hotplug
    return True


def _disk_live(before: str | None, after: str, option: str, hotplug: bool) -> bool:
    """`vmconfig_update_disk`: a new disk needs hotplug and a bus that can; limits change at once, the rest does not."""
    if option in ("efidisk0", "tpmstate0"):
        return False
    can = hotplug and not option.startswith(("ide", "sata"))
    if before is None:
        return can
    old, new = properties.parse_drive(before), properties.parse_drive(after)
    if properties.is_cdrom(old):
        return True  # another medium
    if old.get("file") != new.get("file"):
        return can
    changed = {key for key in set(old) | set(new) if old.get(key) != new.get(key)}
    return not changed & set(FIXED_DISK.split())


def _agent_live(before: str | None, after: str) -> bool:
    """`vmconfig_update_agent`: nothing but fstrim_cloned_disks changes at once."""
    if not before:
        return False
    old, new = properties.parse(before, "enabled"), properties.parse(after, "enabled")
    return all(old.get(key) == new.get(key) for key in (set(old) | set(new)) - {"fstrim_cloned_disks"})
