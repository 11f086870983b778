"""What all rules together let through, as sets: who is isolated, and who may reach whom on which ports."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from ansible_collections.autolabs.platform.plugins.module_utils.reach.matrix.index import Index
from ansible_collections.autolabs.platform.plugins.module_utils.reach.matrix.intervals import Intervals
from ansible_collections.autolabs.platform.plugins.module_utils.reach.matrix.sets import positions, union
from ansible_collections.autolabs.platform.plugins.module_utils.reach.policies.policy import (
    EGRESS,
    INGRESS,
    Policy,
    PortRange,
    Rule,
)

Opened = dict[int, int]
"""Sets of ports to the endpoints that are opened on them."""


@dataclass
class Grants:
    """What is opened to sources; those that are opened the same share one entry, so that the table stays small.

    First all is added, then it is read.
    """

    table: dict[int, Opened] = field(default_factory=dict)
    """Sets of sources to what is opened to all of them."""

    def add(self, sources: int, ports: int, destinations: int) -> None:
        """Open destinations to sources."""
        if sources and destinations and ports:
            opened = self.table.setdefault(sources, {})
            opened[ports] = opened.get(ports, 0) | destinations

    def by_source(self, count: int) -> list[tuple[int, ...]]:
        """For each of `count` endpoints the entries of the table, by number, whose sources it is among."""
        found: list[list[int]] = [[] for _position in range(count)]
        for number, sources in enumerate(self.table):
            for position in positions(sources):
                found[position].append(number)
        return [tuple(numbers) for numbers in found]

    def merged(self, numbers: Iterable[int]) -> Opened:
        """Several entries as one."""
        found: Opened = {}
        for number in numbers:
            for ports, destinations in self._entries[number].items():
                found[ports] = found.get(ports, 0) | destinations
        return found

    @cached_property
    def _entries(self) -> list[Opened]:
        return list(self.table.values())


@dataclass
class Relation:
    """Both directions, by the source of a connection: for certain, and at most."""

    isolated_egress: int = 0
    isolated_ingress: int = 0
    egress: tuple[Grants, Grants] = field(default_factory=lambda: (Grants(), Grants()))
    ingress: tuple[Grants, Grants] = field(default_factory=lambda: (Grants(), Grants()))

    @cached_property
    def unsure_egress(self) -> bool:
        """Whether an egress rule is uncertain; where none is, both tables are the same."""
        return self.egress[0].table != self.egress[1].table

    @cached_property
    def unsure_ingress(self) -> bool:
        """The same of ingress rules."""
        return self.ingress[0].table != self.ingress[1].table


def relation(policies: Sequence[Policy], index: Index, intervals: Intervals) -> Relation:
    """Read all rules into sets."""
    found = Relation()
    for policy in policies:
        every = index.namespaces.get(policy.namespace, 0) & index.selected(policy.selector)
        for versions, members in index.by_versions.items():
            if subjects := every & members:
                _add(found, policy, subjects, versions, index, intervals)
    return found


def _add(
    found: Relation, policy: Policy, subjects: int, versions: frozenset[int], index: Index, intervals: Intervals
) -> None:
    """What a policy says about some of the pods that it selects, whose addresses are of the same families."""

    def peers(rule: Rule, direction: str) -> tuple[int, int]:
        if rule.peers is None:
            return index.everyone, index.everyone
        return index.peers(rule.peers, policy.namespace, direction, versions)

    if policy.ingress is not None:
        found.isolated_ingress |= subjects
        for rule in policy.ingress:
            both = peers(rule, INGRESS)
            for ports, receivers in _ports(rule.ports, subjects, index, intervals):
                for grants, sources in zip(found.ingress, both, strict=True):
                    grants.add(sources, ports, receivers)
    if policy.egress is not None:
        found.isolated_egress |= subjects
        for rule in policy.egress:
            both = peers(rule, EGRESS)
            for ports, receivers in _ports(rule.ports, index.everyone, index, intervals):
                for grants, destinations in zip(found.egress, both, strict=True):
                    grants.add(subjects, ports, destinations & receivers)


def _ports(
    ports: tuple[PortRange, ...] | None, receivers: int, index: Index, intervals: Intervals
) -> Iterator[tuple[int, int]]:
    """Sets of ports, each with those of the receivers that it is meant for: a named port is each pod's own."""
    if ports is None:
        yield intervals.everything, receivers
        return
    numbers = union(intervals.within(one.first, one.last, one.protocol) for one in ports if not one.name)
    if numbers:
        yield numbers, receivers
    for one in ports:
        for number, pods in index.named_ports.get((one.name, one.protocol), {}).items() if one.name else ():
            yield intervals.within(number, number, one.protocol), receivers & pods
