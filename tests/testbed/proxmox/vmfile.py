"""A VM's configuration as PVE keeps it: values, pending changes, digest (pve-guest-common, PVE/AbstractConfig.pm)."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from . import options, properties
from .errors import ApiError

if TYPE_CHECKING:
    from .engine import Engine

Vm = dict[str, Any]
"""`node`, `config` and `pending` (option to text), `delete` (option to whether by force), `cloudinit` (option to what
the drive was made with; None: it had none)."""


def new(node: str, config: dict[str, str]) -> Vm:
    """A VM with nothing pending."""
    return {"node": node, "config": config, "pending": {}, "delete": {}, "cloudinit": {}, "started": 0}


def load(engine: Engine, vmid: int, node: str) -> Vm:
    """A VM that must be there, on this node."""
    known: Vm | None = engine.state["vms"].get(str(vmid))
    if known is None or known["node"] != node:
        raise ApiError(f"Configuration file 'nodes/{node}/qemu-server/{vmid}.conf' does not exist")
    return known


def check_lock(vm: Vm) -> None:
    """Refuse while an operation holds the VM (`check_lock`)."""
    if held := vm["config"].get("lock"):
        raise ApiError(f"VM is locked ({held})")


def check_protection(vm: Vm, what: str) -> None:
    """Refuse what protection forbids (`check_protection`)."""
    if vm["config"].get("protection") == "1":
        raise ApiError(f"{what} - protection mode enabled")


def is_template(vm: Vm) -> bool:
    """Whether it is a template."""
    return bool(vm["config"].get("template") == "1")


def digest(vm: Vm) -> str:
    """SHA1 of what the file would hold, pending changes included."""
    held = json.dumps([vm["config"], vm["pending"], vm["delete"], vm["cloudinit"]], sort_keys=True)
    return hashlib.sha1(held.encode()).hexdigest()


def wanted(vm: Vm) -> dict[str, str]:
    """The configuration with the pending changes in it."""
    merged = {**vm["config"], **vm["pending"]}
    return {name: value for name, value in merged.items() if name not in vm["delete"]}


def typed(option: str, text: str) -> Any:
    """A value as JSON answers it: whole numbers and booleans as numbers, all else as text."""
    if option in options.BOOLEANS | options.INTEGERS:
        return int(text)
    return text


def shown(config: dict[str, str]) -> dict[str, Any]:
    """A configuration as the API answers it, the password hidden."""
    found = {name: typed(name, value) for name, value in config.items()}
    if "cipassword" in found:
        found["cipassword"] = "**********"
    return found


def normal(option: str, value: str) -> str:
    """A value as it is written to the file; nets get their MAC address here."""
    if option in options.BOOLEANS:
        return "1" if value.lower() in ("1", "on", "yes", "true") else "0"
    if option in options.INTEGERS:
        return str(int(value))
    if option == "description":
        # Comment lines of the file; what is read of them has no white space at its end (`finish_description` of
        # qemu-server, PVE/QemuServer.pm).
        return value.rstrip()
    if option == "tags":
        # get_unique_tags of pve-guest-common, PVE/GuestHelpers.pm: lower case unless the data centre says otherwise.
        return ";".join(sorted({word for word in value.replace(",", ";").replace(" ", ";").lower().split(";") if word}))
    if option.startswith("net") and option[3:].isdigit():
        return properties.show_net(properties.parse_net(value))
    return value


def cleanup(vm: Vm) -> None:
    """Forget pending changes that change nothing (`cleanup_pending`)."""
    for option in [name for name, value in vm["pending"].items() if vm["config"].get(name) == value]:
        del vm["pending"][option]
    for option in [name for name in vm["delete"] if name not in vm["config"]]:
        del vm["delete"][option]


def record_cloud_init(vm: Vm, option: str, old: str | None, fresh: str | None) -> None:
    """Remember what the cloud-init drive was made with, where an option differs from it now."""
    is_part = option in options.CLOUD_INIT | {"name"} or option.startswith(("ipconfig", "net"))
    if not is_part or old == fresh:
        return
    recorded = vm["cloudinit"]
    if option not in recorded:
        recorded[option] = old
    elif recorded[option] == fresh:
        del recorded[option]


def set_now(vm: Vm, option: str, value: str | None) -> None:
    """Write a value, or none, to the configuration itself."""
    record_cloud_init(vm, option, vm["config"].get(option), value)
    if value is None or (option == "description" and not value):
        vm["config"].pop(option, None)
    else:
        vm["config"][option] = value
    vm["pending"].pop(option, None)
    vm["delete"].pop(option, None)
