"""The address plan of a network of test hosts: everything follows from one number from 1 to 254."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

POOL = IPv4Network("10.77.0.0/16")
OUTSIDE_POOL = IPv4Network("198.51.100.0/24")  # TEST-NET-2 of RFC 5737: public-looking, routed nowhere
FIRST_HOST, LAST_HOST = 11, 126


class NoFreeAddress(Exception):
    """Every subnet, or every host address of a subnet, is taken."""


@dataclass(frozen=True)
class Plan:
    """Addresses and interface names of network number `index` (1 to 254).

    The lower half of its /24 is the hosts' bridge, the last /30 the way to the root namespace.
    """

    index: int

    @property
    def subnet(self) -> IPv4Network:
        return IPv4Network((int(POOL.network_address) + 256 * self.index, 24))

    @property
    def segment(self) -> IPv4Network:
        """What the hosts see as their own link."""
        return IPv4Network((int(self.subnet.network_address), 25))

    @property
    def bridge(self) -> IPv4Address:
        """The hosts' gateway; file mirror and registry listen here."""
        return self.subnet[1]

    @property
    def uplink(self) -> IPv4Network:
        return IPv4Network((int(self.subnet[252]), 30))

    @property
    def uplink_inside(self) -> IPv4Address:
        return self.subnet[253]

    @property
    def uplink_root(self) -> IPv4Address:
        """The address that the user's shell has, as the hosts see it."""
        return self.subnet[254]

    @property
    def outside(self) -> IPv4Address:
        """The host that stands for the internet."""
        return OUTSIDE_POOL[self.index]

    @property
    def root_link(self) -> str:
        """The interface in the root namespace."""
        return f"atb{self.index}"

    def host(self, number: int) -> IPv4Address:
        return self.subnet[number]

    def machine(self, number: int) -> str:
        """The machine's name: short, so that systemd-nspawn's `vb-NAME` fits into 15 characters."""
        return f"atb{self.index}-{number}"


def free_index(taken: Collection[int], routes: Iterable[IPv4Network]) -> int:
    """The lowest network number that no record uses and no route of this machine overlaps.

    A default route overlaps everything and says nothing, so it is left out.
    """
    known = [route for route in routes if route.prefixlen > 0]
    for index in range(1, 255):
        subnet = Plan(index).subnet
        if index not in taken and not any(route.overlaps(subnet) for route in known):
            return index
    raise NoFreeAddress(f"no free subnet in {POOL}: `python -m testbed list` shows who uses them")


def free_host_number(taken: Collection[int]) -> int:
    """The lowest free last octet for a host."""
    for number in range(FIRST_HOST, LAST_HOST + 1):
        if number not in taken:
            return number
    raise NoFreeAddress(f"a network holds at most {LAST_HOST - FIRST_HOST + 1} hosts")
