"""Addresses of both families as numbers on one line, so that ranges are compared without objects."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from functools import lru_cache

from ansible_collections.autolabs.platform.plugins.module_utils.net.addresses import AddressError, Block

Span = tuple[int, int]
"""First and last address of a range, both included."""

IPV6_STARTS = 1 << 32
"""IPv4 comes first on the line, IPv6 after it."""


@lru_cache(maxsize=65536)
def span(text: str) -> Span:
    """Read an address or a range such as `10.244.0.0/16` or `fd00::7`.

    Host bits may be set: the API server takes `192.168.1.1/24` for its network (NetworkPolicy v1, IPBlock).
    Raises AddressError.
    """
    try:
        read = ipaddress.ip_network(text, strict=False)
    except ValueError as error:
        raise AddressError(f"{text!r} is not an address such as 10.0.0.7, or a range such as 10.0.0.0/24") from error
    start = 0 if read.version == 4 else IPV6_STARTS
    return start + int(read.network_address), start + int(read.broadcast_address)


@lru_cache(maxsize=16384)
def block_spans(block: Block) -> tuple[Span, ...]:
    """What a block covers: its range without its exceptions, in ascending order. Raises AddressError."""
    first, last = span(block.cidr)
    found = []
    for start, end in sorted(span(entry) for entry in block.excepts):
        if start > first:
            found.append((first, min(start - 1, last)))
        first = max(first, end + 1)
    if first <= last:
        found.append((first, last))
    return tuple(found)


def families(addresses: Iterable[str]) -> frozenset[int]:
    """The versions of IP that addresses are of; both where there are none, since then nothing is known."""
    found = frozenset(4 if span(address)[0] < IPV6_STARTS else 6 for address in addresses)
    return found or frozenset((4, 6))


def covered(one: Span, spans: list[Span]) -> bool:
    """Whether every address of `one` is in some of `spans`."""
    first, last = one
    for start, end in sorted(spans):
        if start <= first <= end:
            first = end + 1
            if first > last:
                return True
    return False


def overlaps(one: Span, spans: list[Span]) -> bool:
    """Whether any address of `one` is in some of `spans`."""
    return any(start <= one[1] and one[0] <= end for start, end in spans)
