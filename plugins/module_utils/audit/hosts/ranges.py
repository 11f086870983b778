"""Pieces of the address space: what two sets of rules treat alike, and how people read it."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from ansible_collections.autolabs.platform.plugins.module_utils.net.addresses import EVERYWHERE, Block, network

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
WIDTH = {4: 32, 6: 128}
MOST_SHOWN = 3
SOMEBODY = ("203.0.113.7", "2001:db8::7")
"""Addresses of the internet that are nobody's (RFC 5737, RFC 3849)."""


@dataclass(frozen=True, order=True)
class Span:
    """Addresses `first` to `last` (both included) of one family, as numbers."""

    version: int
    first: int
    last: int

    @property
    def example(self) -> str:
        """An address in it that stands for all: an ordinary one of the internet, where it holds one."""
        for somebody in SOMEBODY:
            if span(somebody).within(self):
                return somebody
        return str(_address(self.version, self.first))

    def within(self, other: Span) -> bool:
        """Whether all of it lies in `other`."""
        return self.version == other.version and other.first <= self.first and self.last <= other.last


@lru_cache(maxsize=65536)
def span(cidr: str) -> Span:
    """The addresses of a range such as `10.0.0.0/24`, or of one address."""
    found = network(cidr)
    return Span(found.version, int(found.network_address), int(found.broadcast_address))


def spans(blocks: Iterable[Block]) -> tuple[Span, ...]:
    """The addresses of blocks, without those that they except."""
    found: list[Span] = []
    for block in blocks:
        left = [span(block.cidr)]
        for taken in map(span, block.excepts):
            left = [piece for one in left for piece in _without(one, taken)]
        found += left
    return tuple(sorted(found))


def pieces(cuts: Iterable[Span], of: Sequence[Span] | None = None) -> list[Span]:
    """`of` (by default every address of both families), cut wherever one of `cuts` begins or ends."""
    whole = list(of) if of is not None else [span(cidr) for cidr in EVERYWHERE]
    starts: dict[int, set[int]] = {4: set(), 6: set()}
    for one in cuts:
        starts[one.version] |= {one.first, one.last + 1}
    found = []
    for one in whole:
        begins = [one.first, *sorted(start for start in starts[one.version] if one.first < start <= one.last)]
        ends = [start - 1 for start in begins[1:]] + [one.last]
        found += [Span(one.version, begin, end) for begin, end in zip(begins, ends, strict=True)]
    return found


def merged(found: Iterable[Span]) -> list[Span]:
    """The same addresses, as few spans as possible."""
    left: list[Span] = []
    for one in sorted(found):
        if left and left[-1].version == one.version and one.first <= left[-1].last + 1:
            left[-1] = Span(one.version, left[-1].first, max(one.last, left[-1].last))
        else:
            left.append(one)
    return left


def cidrs(found: Iterable[Span]) -> list[str]:
    """The same addresses as ranges: `10.0.0.0/24`; one address without its prefix length."""
    written = []
    for one in merged(found):
        for piece in ipaddress.summarize_address_range(
            _address(one.version, one.first), _address(one.version, one.last)
        ):
            single = piece.prefixlen == WIDTH[piece.version]
            written.append(str(piece.network_address) if single else str(piece))
    return written


def words(found: Iterable[Span]) -> str:
    """The same addresses for people: few ranges, or where they begin and end."""
    left = merged(found)
    for family, cidr in ((4, EVERYWHERE[0]), (6, EVERYWHERE[1])):
        if span(cidr) in left and all(one.version == family for one in left):
            return f"every IPv{family} address"
    if all(span(cidr) in left for cidr in EVERYWHERE):
        return "every address"
    texts = []
    for one in left:
        short = cidrs([one])
        ends = (_address(one.version, one.first), _address(one.version, one.last))
        texts.append(short[0] if len(short) == 1 else f"{ends[0]}-{ends[1]}")
    hidden = len(texts) - MOST_SHOWN
    return ", ".join(texts[:MOST_SHOWN]) + (f" and {hidden} more ranges" if hidden > 0 else "")


def _address(version: int, number: int) -> Address:
    return ipaddress.IPv4Address(number) if version == 4 else ipaddress.IPv6Address(number)


def _without(one: Span, taken: Span) -> list[Span]:
    if one.version != taken.version or taken.last < one.first or one.last < taken.first:
        return [one]
    left = []
    if one.first < taken.first:
        left.append(Span(one.version, one.first, taken.first - 1))
    if taken.last < one.last:
        left.append(Span(one.version, taken.last + 1, one.last))
    return left
