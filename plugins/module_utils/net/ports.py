"""Ports and protocols."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

PROTOCOLS = ("TCP", "UDP", "SCTP")
WITHOUT_PORTS = ("ICMP", "ESP", "VRRP")
"""Protocols of IP that know no ports; a firewall of a host lets them through as a whole."""
LAST = 65535
NUMBERS = re.compile("(?P<first>[0-9]{1,9})(-(?P<last>[0-9]{1,9}))?")


@dataclass(frozen=True, order=True)
class Ports:
    """Ports `first` to `last` (both included) of one protocol; of a protocol without ports, both are 0.

    Raises ValueError for what no packet can have.
    """

    first: int
    protocol: str = "TCP"
    last: int = 0
    """0 where `first` is the only one."""

    def __post_init__(self) -> None:
        if self.protocol in WITHOUT_PORTS:
            if self.first or self.last:
                raise ValueError(f"protocol {self.protocol} has no ports")
            return
        if self.protocol not in PROTOCOLS:
            raise ValueError(f"protocol {self.protocol!r} is none of {', '.join(PROTOCOLS + WITHOUT_PORTS)}")
        if not 1 <= self.first <= LAST or (self.last and not self.first <= self.last <= LAST):
            raise ValueError(f"ports {self.first} to {self.last or self.first} are not within 1 to {LAST}")

    def __str__(self) -> str:
        """As `parse` reads it: `tcp/5432`, `tcp/30000-32767`, `vrrp`."""
        if self.protocol in WITHOUT_PORTS:
            return self.protocol.lower()
        return f"{self.protocol.lower()}/{self.first}" + (f"-{self.last}" if self.last > self.first else "")

    @classmethod
    def parse(cls, text: str) -> Ports:
        """Read `tcp/5432`, `udp/30000-32767`, or a protocol without ports such as `vrrp`. Raises ValueError."""
        protocol, _slash, numbers = text.strip().upper().partition("/")
        if protocol in WITHOUT_PORTS and not numbers:
            return cls(0, protocol)
        found = NUMBERS.fullmatch(numbers)
        if not found:
            raise ValueError(f"{text!r} is not a port such as tcp/5432, udp/53 or tcp/30000-32767")
        first, last = int(found["first"]), found["last"]
        if last and not int(last):
            raise ValueError(f"ports {first} to 0 are not within 1 to {LAST}")
        return cls(first, protocol, int(last or 0))

    def overlaps(self, other: Ports) -> bool:
        """Whether a packet can be for both."""
        return self.protocol == other.protocol and self.first <= other.end and other.first <= self.end

    @property
    def end(self) -> int:
        """The last port, also where there is one only."""
        return self.last or self.first


def joined(ports: Iterable[Ports]) -> list[Ports]:
    """The same ports in as few ranges as possible: by protocol, those without ports last, and by number."""
    found: list[Ports] = []
    for one in sorted(ports, key=lambda entry: (_rank(entry.protocol), entry.first, entry.end)):
        before = found[-1] if found else None
        if before and before.protocol == one.protocol and one.first <= before.end + 1:
            found.pop()
            found.append(_range(before.first, one.protocol, max(before.end, one.end)))
        else:
            found.append(_range(one.first, one.protocol, one.end))
    return found


def _range(first: int, protocol: str, end: int) -> Ports:
    return Ports(first, protocol, end if end > first else 0)


def _rank(protocol: str) -> tuple[int, str]:
    return (PROTOCOLS.index(protocol) if protocol in PROTOCOLS else len(PROTOCOLS), protocol)
