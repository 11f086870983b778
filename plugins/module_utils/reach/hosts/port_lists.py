"""Protocols and lists of ports as firewalls write them."""

from __future__ import annotations

import re

from ansible_collections.autolabs.platform.plugins.module_utils.net.ports import Ports

# Names and numbers of /etc/protocols.
PROTOCOLS = {
    "tcp": "TCP",
    "6": "TCP",
    "udp": "UDP",
    "17": "UDP",
    "sctp": "SCTP",
    "132": "SCTP",
    "icmp": "ICMP",
    "1": "ICMP",
    "icmpv6": "ICMP",
    "ipv6-icmp": "ICMP",
    "58": "ICMP",
    "esp": "ESP",
    "50": "ESP",
    "vrrp": "VRRP",
    "112": "VRRP",
}
WITH_PORTS = ("TCP", "UDP", "SCTP")
EVERY = ("", "any", "all", "0", "ip")
RANGE = re.compile(r"(\d+)(?:[:-](\d+))?")


def ports_of(protocol: str, numbers: str = "") -> tuple[Ports | None, ...]:
    """`tcp` and `80,443,8000:8010` in our words: one entry for each range, None for every protocol and port.

    A port without a protocol is one of TCP and of UDP, as ufw means it. Nothing comes of a protocol that no flow
    has, such as IGMP. Raises ValueError for numbers that are no ports, and for ports of a protocol that has none.
    """
    name = protocol.lower()
    if name in EVERY and not numbers:
        return (None,)
    names = WITH_PORTS[:2] if name in EVERY else tuple(filter(None, (PROTOCOLS.get(name, ""),)))
    found: list[Ports | None] = []
    for known in names:
        if not numbers:
            found.append(Ports(1, known, 65535) if known in WITH_PORTS else Ports(0, known))
        for item in numbers.split(",") if numbers else ():
            parts = RANGE.fullmatch(item.strip())
            if not parts:
                raise ValueError(f"{item.strip()!r} is no port")
            last = int(parts[2] or parts[1])
            found.append(Ports(int(parts[1]), known, last if last > int(parts[1]) else 0))
    return tuple(found)
