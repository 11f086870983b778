"""Address ranges, and what of the address space is the internet."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

EVERYWHERE = ("0.0.0.0/0", "::/0")
MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")
"""IPv4 addresses as IPv6 sockets show them, RFC 4291; no packet carries one."""

# MAPPED is not here: the API server refuses such addresses, and no packet carries one.
NOT_INTERNET = (
    "0.0.0.0/8",  # this network, RFC 1122
    "10.0.0.0/8",  # private, RFC 1918
    "100.64.0.0/10",  # carrier-grade NAT, RFC 6598
    "127.0.0.0/8",  # loopback, RFC 1122
    "169.254.0.0/16",  # link-local and cloud metadata, RFC 3927
    "172.16.0.0/12",  # private, RFC 1918
    "192.168.0.0/16",  # private, RFC 1918
    "224.0.0.0/4",  # multicast, RFC 5771
    "240.0.0.0/4",  # reserved and broadcast, RFC 1112
    "::/127",  # unspecified and loopback, RFC 4291
    "64:ff9b::/96",  # IPv4 by NAT64, RFC 6052
    "fc00::/7",  # unique local, RFC 4193
    "fe80::/10",  # link-local, RFC 4291
    "ff00::/8",  # multicast, RFC 4291
)


class AddressError(ValueError):
    """A range that is not one; the message says what is wrong and what would be right."""


@dataclass(frozen=True)
class Block:
    """All addresses of `cidr` but those of `excepts`, as an ipBlock of a NetworkPolicy has it."""

    cidr: str
    excepts: tuple[str, ...] = ()


def network(text: str) -> Network:
    """Read a range such as `10.244.0.0/16`.

    Raises AddressError when it is no address range, or when its host bits are set.
    """
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        pass
    try:
        meant = ipaddress.ip_interface(text).network
    except ValueError as error:
        raise AddressError(f"{text!r} is not an address range such as 10.0.0.0/24 or fd00::/64") from error
    raise AddressError(f"{text!r} names a host within a network; the network is {meant}")


def written_range(text: str) -> str:
    """Read a range that a person wrote, and write it as the standards do.

    Raises AddressError as `network` does, and for ranges that no packet's address is in.
    """
    found = network(text)
    _check_carried(text, found)
    return str(found)


def address(text: str) -> str:
    """Read a single address such as `192.168.100.20`, and write it as the standards do.

    Raises AddressError when it is none, or none that a packet carries.
    """
    try:
        found = ipaddress.ip_address(text)
    except ValueError as error:
        raise AddressError(f"{text!r} is not an address such as 192.168.100.20 or fd00::20") from error
    _check_carried(text, ipaddress.ip_network(found))
    return str(found)


def collapsed(ranges: Iterable[str]) -> tuple[str, ...]:
    """The same addresses in as few ranges as possible: IPv4 before IPv6, in ascending order."""
    return tuple(map(str, collapsed_networks(map(network, ranges))))


def collapsed_networks(ranges: Iterable[Network]) -> list[Network]:
    """The same for ranges that have been read."""
    read = list(ranges)
    families = ([entry for entry in read if entry.version == version] for version in (4, 6))
    return [entry for family in families for entry in ipaddress.collapse_addresses(family)]  # type: ignore[type-var]


def ranges(block: Block) -> tuple[str, ...]:
    """The addresses of a block as plain ranges, for firewalls that know no exceptions; as few as possible."""
    left = [network(block.cidr)]
    for text in block.excepts:
        left = [part for entry in left for part in without(entry, network(text))]
    return collapsed(str(entry) for entry in left)


def without(whole: Network, part: Network) -> list[Network]:
    """The addresses of one range that are not in another one."""
    if whole.version != part.version or not whole.overlaps(part):
        return [whole]
    if whole.subnet_of(part):  # type: ignore[arg-type]
        return []
    return list(whole.address_exclude(part))  # type: ignore[arg-type]


def within(inner: str, outer: str) -> bool:
    """Whether every address of the range `inner` is one of `outer`."""
    one, other = network(inner), network(outer)
    return one.version == other.version and one.subnet_of(other)  # type: ignore[arg-type]


def overlaps(some: Iterable[str], others: Iterable[str]) -> list[tuple[str, str]]:
    """Each range of `some` with each of `others` that it shares an address with."""
    right = [network(text) for text in others]
    pairs = ((one, other) for one in map(network, some) for other in right)
    return [(str(one), str(other)) for one, other in pairs if one.version == other.version and one.overlaps(other)]


def everywhere_but(excepted: Iterable[str]) -> tuple[Block, ...]:
    """The whole address space of both families without `excepted`, as few and as large ranges as possible."""
    ranges = collapsed_networks(map(network, excepted))
    return tuple(
        Block(cidr, tuple(str(entry) for entry in ranges if entry.version == network(cidr).version))
        for cidr in EVERYWHERE
    )


def internet(cluster_networks: Iterable[str]) -> tuple[Block, ...]:
    """The internet: every public address that is not one of the site's own.

    `cluster_networks` are the pod, service and node ranges, which may be public addresses too.
    """
    return everywhere_but((*NOT_INTERNET, *cluster_networks))


def _check_carried(text: str, found: Network) -> None:
    if "%" in text:
        raise AddressError(f"{text!r} names a network card after %, and addresses of packets have none; take it out")
    if isinstance(found, ipaddress.IPv6Network) and found.subnet_of(MAPPED):
        meant = ipaddress.IPv4Address(int(found.network_address) & (2**32 - 1))
        bits = f"/{found.prefixlen - MAPPED.prefixlen}" if "/" in text else ""
        raise AddressError(f"{text!r} is IPv4 in the writing of IPv6, which no packet carries; write {meant}{bits}")
