"""What runs the machines behind the API: the interface, and one that only remembers."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


class HypervisorFailed(Exception):
    """A machine could not be started; the text becomes the task's exit status."""


@dataclass(frozen=True)
class CloudInit:
    """The texts of a NoCloud drive, as Proxmox VE generates them; all empty without such a drive."""

    user_data: str = ""
    network_config: str = ""
    meta_data: str = ""
    vendor_data: str = ""


class Hypervisor(Protocol):
    """Runs machines by VMID. Calls for one VMID never overlap; calls for several do."""

    def start(self, vmid: int, config: Mapping[str, str], cloud_init: CloudInit) -> None:
        """Boot; returns when the machine runs, which is before it answers. Raises HypervisorFailed."""

    def shutdown(self, vmid: int, seconds: float) -> bool:
        """End it in order; False when it did not end in that time."""

    def stop(self, vmid: int) -> None:
        """End it at once."""

    def remove(self, vmid: int) -> None:
        """Forget it, disk and all."""

    def running(self, vmid: int) -> bool:
        """Whether it runs."""

    def interfaces(self, vmid: int) -> list[dict[str, Any]] | None:
        """What the guest agent says of the interfaces; None while no agent answers."""


class Nowhere:
    """In memory: a machine runs at once, and its agent tells the addresses of its cloud-init configuration."""

    def __init__(self) -> None:
        self.machines: dict[int, tuple[dict[str, str], CloudInit]] = {}
        """What the machines that run were started with."""
        self.starts: list[int] = []
        self._mutex = threading.Lock()

    def start(self, vmid: int, config: Mapping[str, str], cloud_init: CloudInit) -> None:
        with self._mutex:
            self.machines[vmid] = (dict(config), cloud_init)
            self.starts.append(vmid)

    def shutdown(self, vmid: int, seconds: float) -> bool:
        self.stop(vmid)
        return True

    def stop(self, vmid: int) -> None:
        with self._mutex:
            self.machines.pop(vmid, None)

    def remove(self, vmid: int) -> None:
        self.stop(vmid)

    def running(self, vmid: int) -> bool:
        return vmid in self.machines

    def interfaces(self, vmid: int) -> list[dict[str, Any]] | None:
        if vmid not in self.machines:
            return None
        config, _ = self.machines[vmid]
        found = [_interface("lo", "00:00:00:00:00:00", ["127.0.0.1/8", "::1/128"])]
        for key in sorted(key for key in config if key.startswith("net")):
            net = dict(part.split("=", 1) for part in config[key].split(",") if "=" in part)
            mac = next((value for value in net.values() if value.count(":") == 5), "").lower()
            asked = dict(part.split("=", 1) for part in config.get(f"ipconfig{key[3:]}", "").split(",") if "=" in part)
            addresses = [asked[word] for word in ("ip", "ip6") if "/" in asked.get(word, "")]
            link_local = f"fe80::be24:11ff:fe{mac[9:11]}:{mac[12:14]}{mac[15:17]}/64"
            found.append(_interface(f"eth{key[3:]}", mac, [*addresses, link_local]))
        return found


def _interface(name: str, mac: str, addresses: list[str]) -> dict[str, Any]:
    listed = []
    for address in addresses:
        ip, prefix = address.split("/")
        family = "ipv6" if ":" in ip else "ipv4"
        listed.append({"ip-address": ip, "ip-address-type": family, "prefix": int(prefix)})
    return {"name": name, "hardware-address": mac, "ip-addresses": listed, "statistics": {}}
