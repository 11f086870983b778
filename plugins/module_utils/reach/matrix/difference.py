"""What changes between two matrices: which pairs and ports open or close, with an example of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ansible_collections.autolabs.platform.plugins.module_utils.net.ports import Ports
from ansible_collections.autolabs.platform.plugins.module_utils.reach.matrix.intervals import Intervals
from ansible_collections.autolabs.platform.plugins.module_utils.reach.matrix.matrix import Matrix
from ansible_collections.autolabs.platform.plugins.module_utils.reach.matrix.rows import Row
from ansible_collections.autolabs.platform.plugins.module_utils.reach.matrix.sets import (
    Endpoints,
    bits,
    pairs,
    positions,
)
from ansible_collections.autolabs.platform.plugins.module_utils.reach.verdict import ALLOWED, ANSWERS, DENIED, UNDECIDED

Translate = Callable[[int], int]


@dataclass(frozen=True)
class Change:
    """Every one of the sources to every one of the destinations on all of the ports, but none to itself."""

    sources: Endpoints
    destinations: Endpoints
    ports: tuple[Ports, ...]
    before: str
    after: str

    @property
    def kind(self) -> str:
        """`opens`, `closes`, or `unsure` where one of both is undecided."""
        return {(DENIED, ALLOWED): "opens", (ALLOWED, DENIED): "closes"}.get((self.before, self.after), "unsure")

    @property
    def example(self) -> tuple[str, str, Ports]:
        """A source, a destination, and one port."""
        for source in self.sources:
            for destination in self.destinations:
                if source != destination:
                    return source, destination, Ports(self.ports[0].first, self.ports[0].protocol)
        raise ValueError("a change of nothing")

    def pairs(self) -> int:
        """How many pairs of endpoints these are."""
        return pairs(self.sources.members, self.destinations.members)


def differences(before: Matrix, after: Matrix) -> tuple[Change, ...]:
    """What changes for the endpoints that both have; nothing where both say the same.

    Sources are grouped that see the same change; what opens comes first, then what closes.
    """
    intervals = before.port_intervals.joined(after.port_intervals)
    old_ports, new_ports = (_ports(one.port_intervals, intervals) for one in (before, after))
    translate = _translation(after, before)
    common = translate((1 << len(after.endpoints)) - 1)
    guarded_once = common & (before.guarded | translate(after.guarded))
    grouped: dict[tuple[str, str, int, int], int] = {}
    for sources, guarded, old_rows, new_rows in _joint(before, after, translate):
        every = common if guarded else guarded_once
        changed: dict[tuple[str, str, int], int] = {}
        new = [(new_ports(row.ports), _answers(row, translate)) for row in new_rows]
        for row in old_rows:
            of_row, old = old_ports(row.ports), _answers(row, int)
            for of_other, others in new:
                ports = of_row & of_other
                if not ports or not (old[ALLOWED] ^ others[ALLOWED] | old[UNDECIDED] ^ others[UNDECIDED]) & every:
                    continue
                for was, will, destinations in _moved(old, others):
                    if destinations & every:
                        key = (was, will, destinations & every)
                        changed[key] = changed.get(key, 0) | ports
        for (was, will, destinations), ports in changed.items():
            grouping = (was, will, destinations, ports)
            grouped[grouping] = grouped.get(grouping, 0) | sources
    found = [
        Change(
            Endpoints(before.endpoints, sources),
            Endpoints(before.endpoints, destinations),
            intervals.ports(ports),
            was,
            will,
        )
        for (was, will, destinations, ports), sources in grouped.items()
        if pairs(sources, destinations)
    ]
    kinds = ("opens", "closes", "unsure")
    return tuple(sorted(found, key=lambda one: (kinds.index(one.kind), one.example[:2], one.ports)))


def _joint(
    before: Matrix, after: Matrix, translate: Translate
) -> Iterator[tuple[int, bool, tuple[Row, ...], tuple[Row, ...]]]:
    """Sources that are of one class in each of both, with the rows of these."""
    new_class = {position: one for one in after.classes for position in positions(translate(one.sources))}
    for old in before.classes:
        found: dict[int, list[int]] = {}
        for position in positions(old.sources):
            if position in new_class:
                found.setdefault(id(new_class[position]), []).append(position)
        for sources in found.values():
            new = new_class[sources[0]]
            yield bits(sources), old.guarded or new.guarded, old.rows, new.rows


def _answers(row: Row, translate: Translate) -> dict[str, int]:
    """The destinations of a row by what is known of them; those that are denied are all others."""
    allowed, possible = translate(row.allowed), translate(row.possible)
    return {ALLOWED: allowed, UNDECIDED: possible & ~allowed, DENIED: ~possible}


def _moved(old: dict[str, int], new: dict[str, int]) -> Iterator[tuple[str, str, int]]:
    for was in ANSWERS:
        for will in ANSWERS:
            if was != will:
                yield was, will, old[was] & new[will]


def _ports(own: Intervals, joined: Intervals) -> Translate:
    """From sets of own intervals to sets of joined ones."""
    each = [joined.within(one.first, one.end, one.protocol) for one in own.every]
    known: dict[int, int] = {}

    def translate(members: int) -> int:
        if members not in known:
            found = 0
            for position in positions(members):
                found |= each[position]
            known[members] = found
        return known[members]

    return translate


def _translation(own: Matrix, other: Matrix) -> Translate:
    """From sets of endpoints of one matrix to those of another; endpoints that are not there are left out.

    Both are sorted, so that stretches of neighbours stay neighbours, and are moved as a whole.
    """
    if own.endpoints == other.endpoints:
        return int
    moves: list[tuple[int, int, int]] = []
    for position, name in enumerate(own.endpoints):
        there = other.position_of.get(name)
        if there is None:
            continue
        here, start, count = moves[-1] if moves else (0, 0, 0)
        if count and (position, there) == (here + count, start + count):
            moves[-1] = (here, start, count + 1)
        else:
            moves.append((position, there, 1))

    def translate(members: int) -> int:
        found = 0
        for here, start, count in moves:
            found |= ((members >> here) & ((1 << count) - 1)) << start
        return found

    return translate
