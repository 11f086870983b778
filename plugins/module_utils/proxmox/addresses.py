"""The address by which a VM is reached: what its guest agent tells of its first network, or what it was given. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from typing import Any

MAC = re.compile(r"[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){5}")


def agent_address(interfaces: Iterable[Mapping[str, Any]], config: Mapping[str, Any]) -> str:
    """The address of the interface that has the MAC of `net0`: IPv4 before IPv6; "" where it has none yet.

    interfaces: `result` of GET /nodes/{node}/qemu/{vmid}/agent/network-get-interfaces. config: the VM's. Loopback and
    link-local addresses reach nobody, and bridges and pods of the guest have other MACs.
    """
    mac = MAC.search(str(config.get("net0", "")))
    if not mac:
        return ""
    found = [
        address
        for interface in interfaces
        if str(interface.get("hardware-address", "")).lower() == mac[0].lower()
        for entry in interface.get("ip-addresses") or ()
        if (address := _usable(str(entry.get("ip-address", ""))))
    ]
    return str(min(found, key=lambda address: address.version)) if found else ""


def static_address(config: Mapping[str, Any]) -> str:
    """The address that cloud-init gives the first network; "" where it asks a server for it."""
    parts = dict(part.partition("=")[::2] for part in str(config.get("ipconfig0", "")).split(","))
    for key in ("ip", "ip6"):
        text = parts.get(key, "").partition("/")[0]
        if _usable(text):
            return text
    return ""


def agent_enabled(config: Mapping[str, Any]) -> bool:
    """Whether the VM has the channel by which its agent is asked (`agent: 1` or `agent: enabled=1,...`)."""
    first = str(config.get("agent", "0")).partition(",")[0]
    return first.removeprefix("enabled=") in ("1", "yes", "on", "true")


def _usable(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return None if address.is_loopback or address.is_link_local or address.is_unspecified else address
