"""What the fields of a Proxmox firewall rule stand for: sets of addresses by name, macros, protocols and ports.

Proxmox VE 8.4: `PVE/Firewall.pm`, and GET /cluster/firewall/macros for the names of macros.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.net.addresses import (
    Network,
    collapsed_networks,
    without,
)
from ansible_collections.autolabs.platform.plugins.module_utils.net.ports import Ports
from ansible_collections.autolabs.platform.plugins.module_utils.reach.hosts.firewall import FAMILIES
from ansible_collections.autolabs.platform.plugins.module_utils.reach.hosts.port_lists import ports_of

MACROS: dict[str, tuple[tuple[str, str], ...]] = {
    "BGP": (("tcp", "179"),),
    "Ceph": (("tcp", "6789"), ("tcp", "3300"), ("tcp", "6800:7300")),
    "DNS": (("udp", "53"), ("tcp", "53")),
    "FTP": (("tcp", "21"),),
    "Git": (("tcp", "9418"),),
    "HTTP": (("tcp", "80"),),
    "HTTP/3": (("udp", "443"),),
    "HTTPS": (("tcp", "443"),),
    "IMAP": (("tcp", "143"),),
    "IMAPS": (("tcp", "993"),),
    "LDAP": (("tcp", "389"),),
    "LDAPS": (("tcp", "636"),),
    "MySQL": (("tcp", "3306"),),
    "NTP": (("udp", "123"),),
    "OpenVPN": (("udp", "1194"),),
    "Ping": (("icmp", ""), ("icmpv6", "")),
    "PostgreSQL": (("tcp", "5432"),),
    "RDP": (("tcp", "3389"),),
    "Redis": (("tcp", "6379"),),
    "Rsync": (("tcp", "873"),),
    "SMTP": (("tcp", "25"),),
    "SMTPS": (("tcp", "465"),),
    "SPICEproxy": (("tcp", "3128"),),
    "SSH": (("tcp", "22"),),
    "Squid": (("tcp", "3128"),),
    "Syslog": (("udp", "514"), ("tcp", "514")),
    "VNC": (("tcp", "5900:5999"),),
    "Web": (("tcp", "80"), ("tcp", "443")),
    "Webcache": (("tcp", "8080"),),
}
"""Protocol and ports of the macros that a site such as ours may use; others leave a verdict undecided."""
PING_TYPES = ("", "echo-request", "8", "128", "any")
VERSIONS = {"icmp": 4, "icmpv6": 6, "ipv6-icmp": 6}
# The command `pve-firewall` reads names of /etc/services.
SERVICES = {"ssh": "22", "http": "80", "https": "443", "domain": "53", "postgresql": "5432", "ntp": "123"}


class LeftOut(ValueError):
    """A rule that Proxmox leaves out, since it names what is not there; the message says what."""


class NotAsked(ValueError):
    """A rule that no question is about; the message says why."""


def packets(rule: Mapping[str, Any]) -> tuple[list[tuple[int, Ports | None]], str]:
    """The ports that a rule is for, each with the family (0 for both), and the condition that no question tells.

    Raises LeftOut and NotAsked.
    """
    macro = str(rule.get("macro") or "")
    known = next((name for name in MACROS if name.lower() == macro.lower()), "")
    conditions = [f"the packet is one of the macro {macro}"] if macro and not known else []
    if rule.get("sport"):
        conditions.append(f"it comes from port {rule['sport']}")
    proto = str(rule.get("proto") or "").lower()
    wanted = MACROS[known] if known else ((proto, _numbers(rule, proto)),)
    found: list[tuple[int, Ports | None]] = []
    for protocol, numbers in wanted:
        try:
            found += [(VERSIONS.get(protocol, 0), ports) for ports in ports_of(protocol, numbers)]
        except ValueError as error:
            raise LeftOut(str(error)) from None
    if not found:
        raise NotAsked(f"no flow is of protocol {proto}")
    return found, " and ".join(conditions)


def _numbers(rule: Mapping[str, Any], proto: str) -> str:
    dport = str(rule.get("dport") or "")
    if proto in VERSIONS:
        kind = str(rule.get("icmp-type") or dport)
        if kind not in PING_TYPES:
            raise NotAsked(f"ICMP {kind} is no ping")
        return ""
    return ",".join(SERVICES.get(item.strip(), item.strip()) for item in dport.split(",")) if dport else ""


class Names:
    """Sets and aliases that rules name: those of the cluster, and those of one machine, which come first."""

    def __init__(self, cluster: Mapping[str, Any], guest: Mapping[str, Any] | None = None) -> None:
        """Both hold `ipsets` and `aliases`, as `read` of `reach.proxmox` takes them."""
        self._scopes = {"dc": _named(cluster), "guest": _named(guest or {})}

    def ranges(self, text: str) -> tuple[str, ...]:
        """The ranges that `source` or `dest` of a rule stands for; one empty text for everywhere. Raises LeftOut."""
        if not text:
            return ("",)
        ranges: list[Network] = []
        for item in text.split(","):
            ranges += self._item(item.strip())
        return tuple(str(entry) for entry in collapsed_networks(ranges))

    def find(self, kind: str, reference: str) -> Any:
        """What `dc/NAME`, `guest/NAME` or NAME stands for among `ipsets` or `aliases`; None where it is not there."""
        scope, _slash, name = reference.rpartition("/")
        scopes = [scope] if scope else ["guest", "dc"]
        return next((found for one in scopes if (found := self._scopes.get(one, {}).get((kind, name.lower())))), None)

    def _item(self, item: str) -> list[Network]:
        if item.startswith("+"):
            members = self.find("ipsets", item[1:])
            if members is None:
                raise LeftOut(f"there is no ipset {item[1:]}")
            return self._members(members)
        if "-" in item and "/" not in item and item[0].isdigit() | (":" in item):
            first, _dash, last = item.partition("-")
            try:
                ends = ipaddress.ip_address(first.strip()), ipaddress.ip_address(last.strip())
                return list(ipaddress.summarize_address_range(*ends))
            except (ValueError, TypeError):
                raise LeftOut(f"{item!r} is no range of addresses") from None
        return [self._range(item)]

    def _range(self, item: str) -> Network:
        alias = self.find("aliases", item)
        try:
            return ipaddress.ip_network(str(alias or item), strict=False)
        except ValueError:
            raise LeftOut(f"{item!r} is neither an address nor an alias that is there") from None

    def _members(self, members: Iterable[Any]) -> list[Network]:
        """In a set of the kernel the longest prefix decides, so `nomatch` may stand within a range, and the reverse."""
        entries = [entry if isinstance(entry, Mapping) else {"cidr": entry} for entry in members]
        read = [(self._range(str(entry.get("cidr"))), is_on(entry.get("nomatch"))) for entry in entries]
        found: list[Network] = []
        for entry, out in sorted(read, key=lambda pair: pair[0].prefixlen):
            found = [part for known in found for part in without(known, entry)] if out else [*found, entry]
        return found


def is_on(value: Any, default: bool = False) -> bool:
    """A flag of the API: 1, `1`, true."""
    return default if value is None else str(value).lower() in ("1", "true", "yes", "on")


def anywhere(version: int) -> str:
    """Every address of a family; empty where both (0) are meant."""
    return FAMILIES.get(version, "")


def _named(scope: Mapping[str, Any]) -> dict[tuple[str, str], Any]:
    found: dict[tuple[str, str], Any] = {}
    for kind, value in (("ipsets", "cidrs"), ("aliases", "cidr")):
        given = scope.get(kind) or ()
        pairs = given.items() if isinstance(given, Mapping) else ((entry["name"], entry[value]) for entry in given)
        found.update({(kind, str(name).lower()): content for name, content in pairs})
    return found
