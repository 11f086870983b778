"""All ports, cut into the intervals that rules can tell apart; a set of them is an integer, as one of endpoints is."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence

from ansible_collections.autolabs.platform.plugins.module_utils.net.ports import LAST, PROTOCOLS, Ports
from ansible_collections.autolabs.platform.plugins.module_utils.reach.matrix.sets import positions
from ansible_collections.autolabs.platform.plugins.module_utils.reach.policies.policy import PortRange


class Intervals:
    """Ports 1 to 65535 of every protocol that policies know, in ascending order."""

    def __init__(self, starts: Iterable[tuple[str, int]]) -> None:
        """starts: protocol and first port of intervals; the first ports of all need not be there."""
        found = {protocol: {1} for protocol in PROTOCOLS}
        for protocol, port in starts:
            if port <= LAST:
                found[protocol].add(port)
        self._starts = {protocol: sorted(ports) for protocol, ports in found.items()}
        self._offsets: dict[str, int] = {}
        every: list[Ports] = []
        for protocol, ports in self._starts.items():
            self._offsets[protocol] = len(every)
            ends = [*(port - 1 for port in ports[1:]), LAST]
            every += [Ports(first, protocol, last) for first, last in zip(ports, ends, strict=True)]
        self.every: tuple[Ports, ...] = tuple(every)
        self.everything = (1 << len(every)) - 1

    @classmethod
    def of(cls, ranges: Iterable[PortRange], named: Iterable[tuple[str, int]]) -> Intervals:
        """The intervals that ranges and named ports (protocol, number) tell apart."""
        edges = {(one.protocol, edge) for one in ranges if not one.name for edge in (one.first, one.last + 1)}
        return cls(edges | {(protocol, edge) for protocol, port in named for edge in (port, port + 1)})

    def joined(self, other: Intervals) -> Intervals:
        """The intervals that either tells apart."""
        return Intervals((one.protocol, one.first) for one in (*self.every, *other.every))

    def position(self, port: int, protocol: str) -> int:
        """The interval of a port. Raises ValueError when there is no such port or protocol."""
        if protocol not in self._starts or not 1 <= port <= LAST:
            raise ValueError(f"{protocol}/{port} is no port of {', '.join(PROTOCOLS)}")
        return self._offsets[protocol] + bisect_right(self._starts[protocol], port) - 1

    def within(self, first: int, last: int, protocol: str) -> int:
        """The intervals from a port to another, which begin and end where intervals do."""
        return (2 << self.position(last, protocol)) - (1 << self.position(first, protocol))

    def ports(self, members: int) -> tuple[Ports, ...]:
        """Some of the intervals, neighbours joined."""
        found: list[Ports] = []
        for position in positions(members):
            one = self.every[position]
            if found and found[-1].protocol == one.protocol and found[-1].end + 1 == one.first:
                found[-1] = Ports(found[-1].first, one.protocol, one.end)
            else:
                found.append(one)
        return tuple(found)

    def width(self, members: int) -> int:
        """How many ports there are in some of the intervals."""
        return sum(self.every[position].end - self.every[position].first + 1 for position in positions(members))


def split(everything: int, sets: Sequence[int]) -> tuple[int, ...]:
    """The largest parts of `everything` that lie wholly inside or outside of each set."""
    parts = [everything]
    for one in sets:
        cut = []
        for part in parts:
            inside, outside = part & one, part & ~one
            cut += [half for half in (inside, outside) if half]
        parts = cut
    return tuple(parts)
