"""Who reaches whom on which port, for all endpoints at once.

Pairs are never asked one by one. A rule becomes two sets of endpoints and one of port intervals (`relation`); endpoints
to which the same is opened share their rows (`rows`), and a row is a handful of sets. So the work grows with the
endpoints and with the rules, and not with the pairs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

from ansible_collections.autolabs.platform.plugins.module_utils.net.ports import Ports
from ansible_collections.autolabs.platform.plugins.module_utils.reach.cluster import Cluster
from ansible_collections.autolabs.platform.plugins.module_utils.reach.matrix.index import Index
from ansible_collections.autolabs.platform.plugins.module_utils.reach.matrix.intervals import Intervals
from ansible_collections.autolabs.platform.plugins.module_utils.reach.matrix.relation import relation
from ansible_collections.autolabs.platform.plugins.module_utils.reach.matrix.rows import SourceClass, source_classes
from ansible_collections.autolabs.platform.plugins.module_utils.reach.matrix.sets import Endpoints, pairs, positions
from ansible_collections.autolabs.platform.plugins.module_utils.reach.policies.parties import (
    Party,
    UnknownEndpoint,
    address_party,
    node_party,
    owner,
    pod_party,
)
from ansible_collections.autolabs.platform.plugins.module_utils.reach.verdict import ALLOWED, DENIED, UNDECIDED


@dataclass(frozen=True)
class Cell:
    """Every one of the sources to every one of the destinations on every one of the ports, but none to itself."""

    sources: Endpoints
    destinations: Endpoints
    ports: tuple[Ports, ...]
    answer: str

    def pairs(self) -> int:
        """How many pairs of endpoints these are."""
        return pairs(self.sources.members, self.destinations.members)


class Counts(NamedTuple):
    """Pairs of endpoints times ports."""

    allowed: int
    denied: int
    undecided: int


@dataclass(frozen=True, eq=False)
class Matrix:
    """The answers for all pairs of some endpoints, and all ports.

    A pair of which neither end is a pod with an address of its own is no business of policies: it is allowed, and cells
    and counts leave it out.
    """

    endpoints: tuple[str, ...]
    """Names: of pods (`namespace/name`), then of machines, then addresses; each sorted, but for the last."""
    port_intervals: Intervals
    classes: tuple[SourceClass, ...]
    guarded: int
    """The set of those endpoints that are pods to which policies apply."""
    calico: bool
    aliases: dict[str, str]
    """Addresses of pods, and the names of these."""

    @property
    def intervals(self) -> tuple[Ports, ...]:
        """All ports, cut where some rule begins or ends; within one interval, all answers are the same."""
        return self.port_intervals.every

    @cached_property
    def position_of(self) -> dict[str, int]:
        """Where an endpoint is in `endpoints`, which is its bit in every set."""
        return {name: position for position, name in enumerate(self.endpoints)}

    def answer(self, source: str, destination: str, port: int, protocol: str = "TCP") -> str:
        """`allowed`, `denied` or `undecided`. Raises UnknownEndpoint, and ValueError for a port that does not exist."""
        sender, receiver = self._position(source), self._position(destination)
        wanted = 1 << self.port_intervals.position(port, protocol)
        one = self._class_of[sender]
        row = next(row for row in one.rows if row.ports & wanted)
        if (row.allowed >> receiver) & 1:
            return ALLOWED
        if sender == receiver and one.guarded:
            return ALLOWED if self.calico else UNDECIDED
        return UNDECIDED if (row.possible >> receiver) & 1 else DENIED

    def cells(self) -> Iterator[Cell]:
        """All pairs and ports, each once, in as few cells as the classes of sources allow."""
        for one in self.classes:
            yield from self._cells(one, one.sources)

    def reachable(self, source: str) -> Iterator[Cell]:
        """The cells of one source. Raises UnknownEndpoint."""
        position = self._position(source)
        yield from self._cells(self._class_of[position], 1 << position)

    def counts(self) -> Counts:
        """How many pairs and ports are allowed, denied and undecided; a protocol has 65,535 ports."""
        found = dict.fromkeys((ALLOWED, DENIED, UNDECIDED), 0)
        widths: dict[int, int] = {}
        for one in self.classes:
            for ports, answer, destinations in self._sets(one):
                if ports not in widths:
                    widths[ports] = self.port_intervals.width(ports)
                found[answer] += pairs(one.sources, destinations) * widths[ports]
        return Counts(found[ALLOWED], found[DENIED], found[UNDECIDED])

    def _cells(self, one: SourceClass, sources: int) -> Iterator[Cell]:
        for ports, answer, destinations in self._sets(one):
            if pairs(sources, destinations):
                yield Cell(
                    Endpoints(self.endpoints, sources),
                    Endpoints(self.endpoints, destinations),
                    self.port_intervals.ports(ports),
                    answer,
                )

    def _sets(self, one: SourceClass) -> Iterator[tuple[int, str, int]]:
        every = (1 << len(self.endpoints)) - 1 if one.guarded else self.guarded
        for row in one.rows:
            yield row.ports, ALLOWED, row.allowed & every
            if row.possible != row.allowed:
                yield row.ports, UNDECIDED, row.possible & ~row.allowed & every
            yield row.ports, DENIED, every & ~row.possible

    @cached_property
    def _class_of(self) -> dict[int, SourceClass]:
        return {position: one for one in self.classes for position in positions(one.sources)}

    def _position(self, name: str) -> int:
        try:
            return self.position_of[self.aliases.get(name, name)]
        except KeyError:
            raise UnknownEndpoint(f"{name!r} is no endpoint of this matrix") from None


def reach_matrix(
    cluster: Cluster, *, addresses: Iterable[str] = (), nodes: bool = False, calico: bool = False
) -> Matrix:
    """Everything that NetworkPolicies let through between pods, and to and from machines and addresses.

    addresses: endpoints that are no pod or machine: single ones, or ranges, which are undecided where their addresses
        differ. An address of a pod means the pod; one of a machine is an endpoint of its own: this machine by it.
    nodes: whether the machines of the cluster are endpoints, too.
    calico: decide as Calico does what the documentation leaves to the network plugin.

    Destinations are meant themselves: Services and node ports are resolved by `explain.verdict` only.
    Raises InvalidInput for mistakes in policies, UnknownEndpoint for what is no address.
    """
    parties, aliases = _parties(cluster, addresses, nodes=nodes)
    index = Index(cluster, parties, cluster.rules, calico=calico)
    intervals = _intervals(cluster, index)
    found = relation(cluster.rules, index, intervals)
    return Matrix(
        tuple(party.name for party in parties),
        intervals,
        tuple(source_classes(parties, found, index, intervals, calico=calico)),
        index.pods,
        calico,
        aliases,
    )


def _parties(cluster: Cluster, addresses: Iterable[str], *, nodes: bool) -> tuple[tuple[Party, ...], dict[str, str]]:
    """All endpoints in a stable order, and the names by which some of them are asked for as well."""
    found = [pod_party(cluster, pod) for pod in sorted(cluster.pods, key=lambda pod: (pod.namespace, pod.name))]
    if nodes:
        found += [node_party(node) for node in sorted(cluster.nodes, key=lambda node: node.name)]
    names = {party.name for party in found}
    aliases: dict[str, str] = {}
    for text in dict.fromkeys(addresses):
        party = owner(cluster, text) or address_party(text)
        if party.pod and party.name in names:
            aliases[text] = party.name
        else:
            found.append(replace(party, name=text))
    return tuple(found), aliases


def _intervals(cluster: Cluster, index: Index) -> Intervals:
    ranges = {
        entry
        for policy in cluster.rules
        for rule in (*(policy.ingress or ()), *(policy.egress or ()))
        for entry in rule.ports or ()
    }
    names = {(entry.name, entry.protocol) for entry in ranges if entry.name}
    return Intervals.of(ranges, {(name[1], number) for name in names for number in index.named_ports.get(name, ())})
