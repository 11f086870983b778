"""Which changes a running VM takes at once, and which at its next start. Pure.

Source: vmconfig_hotplug_pending, vmconfig_update_net, vmconfig_update_disk and vmconfig_update_agent in
PVE/QemuServer.pm of qemu-server. What it cannot plug stays in the section `pending` of the config.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.values import (
    Raw,
    boolean,
    disk,
    network,
    properties,
    words,
)

AT_ONCE = frozenset({"name", "description", "tags", "onboot", "protection", "startup", "hookscript", "shares"})
CLOUD_INIT = frozenset({"ciuser", "sshkeys", "nameserver", "searchdomain", "ciupgrade", "cicustom"})
IPCONFIG = re.compile(r"ipconfig\d+")
NET = re.compile(r"net\d+")
DISK = re.compile(r"(?:ide|sata|scsi|virtio)\d+")
BY_DEFAULT = frozenset({"network", "disk", "usb"})

# A network card with another of these is another card for the guest.
CARD = ("model", "macaddr", "queues", "mtu")
# A disk is given these when it is attached.
ATTACHED = ("aio", "discard", "iothread", "queues", "product", "cache", "ssd", "vendor", "ro")


def features(config: Mapping[str, Raw]) -> frozenset[str]:
    """What of a VM may be plugged while it runs: its option `hotplug`."""
    text = str(config.get("hotplug", "1"))
    if text == "1":
        return BY_DEFAULT
    return frozenset() if text == "0" else frozenset(words(text))


def is_cloud_init(key: str) -> bool:
    """Whether cloud-init is told it. The config has it at once, but the guest reads its drive when it starts."""
    return key in CLOUD_INIT or IPCONFIG.fullmatch(key) is not None


def at_once(key: str, before: Raw | None, after: Raw | None, plug: frozenset[str]) -> bool:
    """Whether a running VM takes a change of `key` at once; None: the key is not there.

    before: what it runs with, without what is pending.
    plug: its `features`.
    """
    if key in AT_ONCE:
        return True
    if key == "memory":
        return "memory" in plug
    if key == "balloon":
        # The device itself is made at the start; its target may change.
        return (before is None or str(before) != "0") == (after is None or str(after) != "0")
    if key == "agent":
        return before is not None and after is not None and _guest(before) == _guest(after)
    if NET.fullmatch(key):
        return _network(before, after, plug)
    if DISK.fullmatch(key):
        return _disk(key, before, after, plug)
    return False


def _guest(text: Raw) -> dict[str, str | bool]:
    found: dict[str, str | bool] = dict(properties(text, "enabled"))
    found.pop("fstrim_cloned_disks", None)
    return {**found, "enabled": boolean(str(found.get("enabled", "0")))}


def _network(before: Raw | None, after: Raw | None, plug: frozenset[str]) -> bool:
    if before is None or after is None:
        return "network" in plug
    old, new = network(before), network(after)
    other = any(old.get(name) != new.get(name) for name in CARD) or not (old.get("bridge") and new.get("bridge"))
    return "network" in plug if other else True


def _disk(key: str, before: Raw | None, after: Raw | None, plug: frozenset[str]) -> bool:
    if before is None or after is None:
        return "disk" in plug and not key.startswith(("ide", "sata"))
    old, new = disk(before), disk(after)
    return all(old.get(name) == new.get(name) for name in ATTACHED)
