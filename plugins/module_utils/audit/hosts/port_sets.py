"""Sets of ports, to tell what two sets of rules let through apart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from ansible_collections.autolabs.platform.plugins.module_utils.net.ports import (
    LAST,
    PROTOCOLS,
    WITHOUT_PORTS,
    Ports,
    joined,
)

Interval = tuple[int, int]


@dataclass(frozen=True)
class PortSet:
    """Ports of every protocol, as few and as long ranges as possible."""

    _ranges: Mapping[str, tuple[Interval, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, ports: Iterable[Ports]) -> PortSet:
        """The union of `ports`."""
        found: dict[str, tuple[Interval, ...]] = {}
        for one in joined(ports):
            found[one.protocol] = (*found.get(one.protocol, ()), (one.first, one.end))
        return cls(found)

    @classmethod
    def of_flow(cls, ports: Iterable[Ports]) -> PortSet:
        """The ports of a flow or a rule; where none is named, every port is meant."""
        return cls.of(tuple(ports) or EVERY)

    def __bool__(self) -> bool:
        return any(self._ranges.values())

    def __iter__(self) -> Iterator[Ports]:
        """The ranges, in the order of protocol and number."""
        for protocol in (*PROTOCOLS, *WITHOUT_PORTS):
            for first, last in self._ranges.get(protocol, ()):
                yield Ports(first, protocol, last if last > first else 0)

    def __or__(self, other: PortSet) -> PortSet:
        return PortSet.of((*self, *other))

    def __sub__(self, other: PortSet) -> PortSet:
        left = {protocol: _without(own, other._ranges.get(protocol, ())) for protocol, own in self._ranges.items()}
        return PortSet({protocol: ranges for protocol, ranges in left.items() if ranges})

    def __and__(self, other: PortSet) -> PortSet:
        return self - (self - other)

    def words(self) -> tuple[str, ...]:
        """Such as `tcp/5432`; nothing for every port of every protocol that has ports."""
        if not EVERY_PORT - self:
            return ()
        return tuple(str(one) for one in self)


def _without(ranges: Iterable[Interval], taken: Iterable[Interval]) -> tuple[Interval, ...]:
    left = list(ranges)
    for first, last in taken:
        left = [
            piece
            for begin, end in left
            for piece in ((begin, min(end, first - 1)), (max(begin, last + 1), end))
            if piece[0] <= piece[1] and (piece[1] < first or piece[0] > last)
        ]
    return tuple(left)


EVERY = tuple(Ports(1, protocol, LAST) for protocol in PROTOCOLS)
EVERY_PORT = PortSet.of(EVERY)
EVERYTHING = PortSet.of((*EVERY, *(Ports(0, protocol) for protocol in WITHOUT_PORTS)))
NO_PORT = PortSet()
