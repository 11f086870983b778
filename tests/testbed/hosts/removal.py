"""Removing networks: the one that is named, and those that a crashed run left."""

from __future__ import annotations

import importlib
from types import ModuleType

from testbed import progress
from testbed.hosts import firewall, machine, network, registry
from testbed.hosts.registry import Network
from testbed.shell import CommandFailed, run


def down(name: str) -> bool:
    """Remove a network with everything it had; False when there is none of this name."""
    with registry.lock(registry.checked_name("network", name)):
        place = registry.load(name)
        if place is None:
            return False
        with progress.step(f"network {name}: removing {len(place.hosts)} hosts"):
            _remove(place)
    return True


def sweep() -> list[str]:
    """Remove the networks whose owner is gone; returns their names. One that is being changed now is left alone."""
    removed = []
    for found in registry.every():
        if not found.abandoned:
            continue
        try:
            with registry.lock(found.name, wait=False):
                place = registry.load(found.name)
                if place and place.abandoned:
                    progress.say(f"network {place.name}: its owner (process {found.owner and found.owner.pid}) is gone")
                    _remove(place)
                    removed.append(place.name)
        except registry.Busy:
            continue
    return removed


def mirror_server() -> ModuleType:
    """The mirror's server: imported late, since hosts without a mirror need none of what it needs."""
    return importlib.import_module("testbed.mirror.serve")


def proxmox_service() -> ModuleType:
    """The stand-in for Proxmox: imported late, for the same reason."""
    return importlib.import_module("testbed.proxmox.service")


def _remove(place: Network) -> None:
    if (place.folder / "proxmox").exists():
        # First, or it would make hosts again.
        proxmox_service().stop(place.folder / "proxmox")
    if (place.folder / "mirror").exists():
        mirror_server().stop(place.folder / "mirror")
    for socket in place.runtime.glob("*"):
        try:
            run(["ssh", "-o", f"ControlPath={socket}", "-O", "exit", "any"], timeout=10)
        except CommandFailed:
            continue  # its master is gone already
    for host in place.hosts.values():
        machine.kill(place, host)
    network.remove(place)
    with registry.lock(registry.ALLOCATION):
        registry.forget(place)
        if not registry.every():
            firewall.restore_forwarding()
