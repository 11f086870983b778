"""Sets of endpoints as Python integers: bit i stands for the i-th endpoint, and `&` and `|` treat thousands at once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

FEW = 8


def bits(positions: Collection[int]) -> int:
    """The set of these positions, in time linear in the largest."""
    if len(positions) <= FEW:
        found = 0
        for position in positions:
            found |= 1 << position
        return found
    octets = bytearray(max(positions) // 8 + 1)
    for position in positions:
        octets[position >> 3] |= 1 << (position & 7)
    return int.from_bytes(octets, "little")


def positions(members: int) -> Iterator[int]:
    """The members of a set, in ascending order."""
    text = bin(members)
    last = len(text) - 1
    place = text.rfind("1", 2)
    while place >= 0:
        yield last - place
        place = text.rfind("1", 2, place)


def union(sets: Iterable[int]) -> int:
    """All that is in any of the sets."""
    found = 0
    for one in sets:
        found |= one
    return found


def pairs(sources: int, destinations: int) -> int:
    """How many pairs of different endpoints two sets make."""
    return sources.bit_count() * destinations.bit_count() - (sources & destinations).bit_count()


@dataclass(frozen=True, repr=False)
class Endpoints:
    """Some of the endpoints of a matrix, by name; sorted as the matrix has them."""

    names: Sequence[str]
    """Those of the whole matrix."""
    members: int

    def __iter__(self) -> Iterator[str]:
        return (self.names[position] for position in positions(self.members))

    def __len__(self) -> int:
        return self.members.bit_count()

    def __contains__(self, name: object) -> bool:
        return any(name == one for one in self)

    def __repr__(self) -> str:
        return f"Endpoints({', '.join(self)})"
