"""What each source reaches, as rows of sets; sources to which the same is opened share them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ansible_collections.autolabs.platform.plugins.module_utils.reach.matrix.index import Index
from ansible_collections.autolabs.platform.plugins.module_utils.reach.matrix.intervals import Intervals, split
from ansible_collections.autolabs.platform.plugins.module_utils.reach.matrix.relation import Opened, Relation
from ansible_collections.autolabs.platform.plugins.module_utils.reach.matrix.sets import bits
from ansible_collections.autolabs.platform.plugins.module_utils.reach.policies.parties import Party


class Row(NamedTuple):
    """What the sources of a class reach on some ports."""

    ports: int
    """Intervals."""
    allowed: int
    possible: int
    """Endpoints that are allowed or undecided."""


@dataclass(frozen=True)
class SourceClass:
    """Endpoints that reach the same, on the same ports."""

    sources: int
    rows: tuple[Row, ...]
    """Together of all ports, each once."""
    guarded: bool
    """Whether they are pods to which policies apply."""


class _Kind(NamedTuple):
    """What tells sources apart: the entries of the tables that they are among, and where they are."""

    egress: tuple[int, ...]
    ingress: tuple[int, ...]
    most_egress: tuple[int, ...]
    most_ingress: tuple[int, ...]
    isolated: bool
    guarded: bool
    node: str


def source_classes(
    parties: Sequence[Party], found: Relation, index: Index, intervals: Intervals, *, calico: bool
) -> Iterator[SourceClass]:
    """The classes of sources, each with its rows.

    index: of the same parties. calico: an egress rule applies to a pod's own machine, too.
    """
    let_in = index.everyone & ~found.isolated_ingress
    everything = {intervals.everything: index.everyone}
    cut: dict[tuple[int, ...], tuple[int, ...]] = {}
    for kind, members in _kinds(parties, found, index, calico=calico).items():
        egress = found.egress[0].merged(kind.egress) if kind.isolated else everything
        ingress = found.ingress[0].merged(kind.ingress)
        most_egress = found.egress[1].merged(kind.most_egress) if kind.isolated and found.unsure_egress else egress
        most_ingress = found.ingress[1].merged(kind.most_ingress) if found.unsure_ingress else ingress
        certain = most_egress is egress and most_ingress is ingress
        masks = (*egress, *ingress) if certain else (*egress, *ingress, *most_egress, *most_ingress)
        if masks not in cut:
            cut[masks] = split(intervals.everything, masks)
        # A machine reaches its own pods always. Whether a pod reaches its own machine so, plugins do not agree.
        own_pods = 0 if kind.guarded else index.pods_on.get(kind.node, 0)
        own_machine = index.machines.get(kind.node, 0) if kind.guarded else 0
        rows: dict[tuple[int, int], int] = {}
        for part in cut[masks]:
            allowed = possible = _opened(egress, part) & (let_in | _opened(ingress, part)) | own_pods
            if not certain:
                possible = _opened(most_egress, part) & (let_in | _opened(most_ingress, part)) | own_pods
            row = (allowed, possible | own_machine)
            rows[row] = rows.get(row, 0) | part
        yield SourceClass(bits(members), tuple(Row(ports, *row) for row, ports in rows.items()), kind.guarded)


def _kinds(parties: Sequence[Party], found: Relation, index: Index, *, calico: bool) -> dict[_Kind, list[int]]:
    nothing: list[tuple[int, ...]] = [()] * len(parties)
    egress, ingress = (grants[0].by_source(len(parties)) for grants in (found.egress, found.ingress))
    most_egress = found.egress[1].by_source(len(parties)) if found.unsure_egress else nothing
    most_ingress = found.ingress[1].by_source(len(parties)) if found.unsure_ingress else nothing
    kinds: dict[_Kind, list[int]] = {}
    for position, party in enumerate(parties):
        kind = _Kind(
            egress[position],
            ingress[position],
            most_egress[position],
            most_ingress[position],
            bool((found.isolated_egress >> position) & 1),
            party.pod is not None,
            party.node if party.machine or (not calico and party.node in index.machines) else "",
        )
        kinds.setdefault(kind, []).append(position)
    return kinds


def _opened(opened: Opened, part: int) -> int:
    """Endpoints that are opened on a part of the ports, which no set of ports cuts."""
    found = 0
    for ports, destinations in opened.items():
        if ports & part:
            found |= destinations
    return found
