"""One VM as a resource of the Terraform provider bpg/proxmox.

Names and defaults are those of `proxmox_virtual_environment_vm` (docs/resources/virtual_environment_vm.md there). What
is not given of a VM is left as it is: such an attribute is named in `ignore_changes`, since the provider would
otherwise set its default.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import Problem
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.vm import (
    FULL,
    PRESENT,
    STARTED,
    CloudInit,
    Disk,
    Network,
    Vm,
)

RESOURCE = "proxmox_virtual_environment_vm"
GIB = 1 << 30
INTERFACES = ("scsi", "sata", "virtio")
"""Where the provider can attach disks."""
TEMPLATE_DECIDES = (
    "bios",
    "boot_order",
    "cdrom",
    "keyboard_layout",
    "machine",
    "operating_system",
    "scsi_hardware",
    "serial_device",
    "tablet_device",
    "vga",
)
"""Attributes that a VM has from its template, and that our VMs say nothing of."""


INTERFACE = (
    "bridge",
    "disconnected",
    "enabled",
    "firewall",
    "mac_address",
    "model",
    "mtu",
    "queues",
    "rate_limit",
    "trunks",
    "vlan_id",
)
"""All that an interface has. In JSON it is an object that is given whole (`tofu validate` says so), not a block."""


class Expression(str):
    """Text that Terraform evaluates; all other text stands for itself."""

    __slots__ = ()


class _Default:
    """Stands for a value that the provider has by itself, and must not leave alone: it is not written."""


DEFAULT = _Default()


def resource_name(vm: Vm) -> str:
    """The name of a VM's resource: unique, since names of VMs have no underscores. Begins with no digit."""
    name = vm.name.replace("-", "_").replace(".", "__").lower()
    return f"_{name}" if name[:1].isdigit() else name


def machine_problems(vm: Vm) -> Iterator[Problem]:
    """Why a VM cannot be written for the provider."""
    if not vm.node:
        yield _problem(vm, "node", "is needed, since the provider names the node of each VM", "pve-1")
    for disk in vm.disks:
        at = f"disks.{disk.slot}"
        if not disk.slot.startswith(INTERFACES):
            kinds = ", ".join(INTERFACES)
            yield _problem(vm, at, f"the provider attaches disks to {kinds} only; move it there, or leave it out")
        if disk.size is None:
            yield _problem(vm, f"{at}.size", "is needed, since the provider would make it 8 GiB", "32G")
        elif disk.size % GIB or not disk.size:
            yield _problem(vm, f"{at}.size", "the provider counts whole GiB; grow the disk to the next one", "32G")
    if vm.networks is not None and not vm.networks:
        yield _problem(vm, "networks", "the provider does not take all interfaces away; leave the field out")
    for index, block in enumerate(_addressed(vm)):
        if all(value in (None, DEFAULT) for value in block.values()):
            message = "an interface without address comes last, since the provider cannot skip one; give it an address"
            yield _problem(vm, f"networks[{index}].ip", message, "dhcp")


def _problem(vm: Vm, field: str, message: str, example: str = "") -> Problem:
    return Problem("", 0, f"{vm.name}.{field}", message, example)


def machine(vm: Vm, source: dict[str, Any] | None, *, there: bool = False) -> dict[str, Any]:
    """The body of a VM's resource.

    vm: without machine_problems.
    source: its `clone` block's vm_id and node_name, or None where nothing says what it is made of.
    there: whether it is imported. The provider reads no block that is all defaults, so none is written then.
    """
    wanted: dict[str, Any] = {
        "name": vm.name,
        "node_name": vm.node,
        "vm_id": DEFAULT if vm.vmid is None else vm.vmid,
        "description": vm.description,
        "tags": None if vm.tags is None else sorted({tag.lower() for tag in vm.tags}),
        "pool_id": vm.pool,
        "on_boot": vm.onboot,
        "protection": vm.protection,
        "started": None if vm.state == PRESENT else vm.state == STARTED,
        "cpu": {"cores": vm.cores, "sockets": vm.sockets, "type": vm.cpu},
        "memory": DEFAULT if there and (vm.memory, vm.balloon) == (512, 0) else _memory(vm),
        "agent": DEFAULT if there and vm.agent is False else {"enabled": vm.agent},
        "startup": _startup(vm),
        "disk": tuple(_disk(disk, vm) for disk in vm.disks) or None,
        "network_device": None if vm.networks is None else tuple(_network(network) for network in vm.networks),
        "initialization": _initialization(vm),
    }
    body, silent = _given("", wanted)
    if "network_device" in body:
        body["network_device"] = [dict.fromkeys(INTERFACE) | given for given in body["network_device"]]
    if vm.onboot is None:
        # The provider's default starts VMs with their node; that of Proxmox does not.
        body["on_boot"] = False
    if vm.state == PRESENT:
        body["started"] = False
    if source is not None:
        body["clone"] = [_clone(vm, source)]
    told = {"//": [f"Nothing is said of {', '.join(silent)}: left alone where it is there."]} if silent else {}
    return {**told, **body, "lifecycle": {"ignore_changes": sorted({"clone", *TEMPLATE_DECIDES, *silent})}}


def _clone(vm: Vm, source: dict[str, Any]) -> dict[str, Any]:
    full = vm.clone == FULL
    where = {"datastore_id": vm.storage} if full and vm.storage else {}
    other = {key: value for key, value in source.items() if key != "node_name" or value != vm.node}
    return {**other, "full": full, **where}


def _memory(vm: Vm) -> dict[str, Any]:
    return {"dedicated": vm.memory, "floating": vm.balloon}


def _startup(vm: Vm) -> dict[str, Any] | None:
    if vm.startup is None:
        return None
    given = {"order": vm.startup.order, "up_delay": vm.startup.up, "down_delay": vm.startup.down}
    # All three are one field of Proxmox, so what is not among them is not there.
    return {name: DEFAULT if value is None else value for name, value in given.items()}


def _disk(disk: Disk, vm: Vm) -> dict[str, Any]:
    discard = None if disk.discard is None else "on" if disk.discard else "ignore"
    return {
        "interface": disk.slot,
        "size": None if disk.size is None else disk.size // GIB,
        "datastore_id": disk.storage or (vm.storage if vm.clone == FULL else None),
        "ssd": disk.ssd,
        "discard": discard,
        "iothread": disk.iothread,
        "backup": disk.backup,
    }


def _network(network: Network) -> dict[str, Any]:
    return {
        "bridge": network.bridge,
        "model": network.model,
        "vlan_id": network.tag,
        "firewall": network.firewall,
        # Without one, the provider keeps what is there, as we do.
        "mac_address": network.mac or DEFAULT,
        "mtu": network.mtu,
    }


def _initialization(vm: Vm) -> dict[str, Any]:
    given: CloudInit = vm.cloud_init
    return {
        "datastore_id": vm.storage,
        "user_account": {"username": given.user, "keys": None if given.ssh_keys is None else list(given.ssh_keys)},
        "dns": {
            "domain": given.searchdomain,
            "servers": None if given.nameservers is None else list(given.nameservers),
        },
        "upgrade": given.upgrade,
        "vendor_data_file_id": DEFAULT if given.vendor == "" else given.vendor,
        "ip_config": _addressed(vm) or None,
    }


def _addressed(vm: Vm) -> tuple[dict[str, Any], ...]:
    """The addresses of the interfaces, up to the last one that has any: the provider fails over empty blocks."""
    found = [_addresses(network) for network in vm.networks or ()]
    while found and all(value in (None, DEFAULT) for value in found[-1].values()):
        found.pop()
    return tuple(found)


def _addresses(network: Network) -> dict[str, Any]:
    families = {"ipv4": (network.ip, network.gateway), "ipv6": (network.ip6, network.gateway6)}
    return {
        family: DEFAULT if ip == "" else None if ip is None else {"address": ip, "gateway": gateway or DEFAULT}
        for family, (ip, gateway) in families.items()
    }


def _given(path: str, wanted: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """What of a block is given, and the paths of what is not. Maps are blocks, tuples are lists of blocks."""
    given: dict[str, Any] = {}
    silent: list[str] = []
    for name, value in wanted.items():
        at = f"{path}.{name}" if path else name
        if value is None:
            silent.append(at)
        elif isinstance(value, dict | tuple):
            blocks = [_given(f"{at}[{index}]", block) for index, block in enumerate(_several(value))]
            if any(block for block, left in blocks):
                given[name] = [block for block, left in blocks]
                silent += [place for block, left in blocks for place in left]
            elif any(left for block, left in blocks):
                silent.append(at)
        elif value is not DEFAULT:
            given[name] = value
    return given, silent


def _several(value: dict[str, Any] | tuple[dict[str, Any], ...]) -> tuple[dict[str, Any], ...]:
    return value if isinstance(value, tuple) else (value,)
