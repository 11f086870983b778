"""Which endpoints a selector or an ipBlock means, all at once."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import TypeVar

from ansible_collections.autolabs.platform.plugins.module_utils.reach.cluster import NAME_LABEL, Cluster
from ansible_collections.autolabs.platform.plugins.module_utils.reach.matrix.sets import bits, union
from ansible_collections.autolabs.platform.plugins.module_utils.reach.policies.lines import (
    IPV6_STARTS,
    Span,
    block_spans,
    families,
    span,
)
from ansible_collections.autolabs.platform.plugins.module_utils.reach.policies.parties import Party
from ansible_collections.autolabs.platform.plugins.module_utils.reach.policies.policy import DIRECTIONS, Peer, Policy
from ansible_collections.autolabs.platform.plugins.module_utils.reach.policies.selectors import (
    DOES_NOT_EXIST,
    EXISTS,
    IN,
    Requirement,
    Selector,
)

Key = TypeVar("Key")

WHOLE = {4: "0.0.0.0/0", 6: "::/0"}


class Index:
    """Sets of endpoints by label, namespace, named port, machine and address.

    Only labels that some selector asks for, and only addresses that some ipBlock can tell apart, are distinguished.
    """

    def __init__(self, cluster: Cluster, parties: Sequence[Party], policies: Sequence[Policy], *, calico: bool) -> None:
        self._cluster = cluster
        self._calico = calico
        self._parties = parties
        self.everyone = (1 << len(parties)) - 1
        keys = {key for selector in _pod_selectors(policies) for key in _keys(selector)}
        values: dict[tuple[str, str], list[int]] = {}
        with_key: dict[str, list[int]] = {}
        namespaces: dict[str, list[int]] = {}
        named: dict[tuple[str, str], dict[int, list[int]]] = {}
        on: dict[str, list[int]] = {}
        machines: dict[str, list[int]] = {}
        pods = []
        for position, party in enumerate(parties):
            pod = party.pod
            if pod is None:
                if party.node:
                    machines.setdefault(party.node, []).append(position)
                continue
            pods.append(position)
            namespaces.setdefault(pod.namespace, []).append(position)
            if pod.node:
                on.setdefault(pod.node, []).append(position)
            for key, value in pod.labels.items():
                if key in keys:
                    values.setdefault((key, value), []).append(position)
                    with_key.setdefault(key, []).append(position)
            for port in pod.ports:
                named.setdefault((port.name, port.protocol), {}).setdefault(port.number, []).append(position)
        self.pods = bits(pods)
        """Those that policies apply to."""
        self.namespaces = _sets(namespaces)
        self.pods_on = _sets(on)
        """Pods by machine."""
        self.machines = _sets(machines)
        """Machines, and the pods on their network, by machine."""
        self.named_ports: Mapping[tuple[str, str], Mapping[int, int]] = {
            key: _sets(numbers) for key, numbers in named.items()
        }
        """Pods by the number that they declare under a name and protocol."""
        self._values, self._keys = _sets(values), _sets(with_key)
        self._found: dict[Selector, int] = {}
        self._blocks: dict[tuple[str, frozenset[int], frozenset[Span]], tuple[int, int]] = {}
        self._edges = _edges(policies)

    def selected(self, selector: Selector) -> int:
        """The pods of all namespaces that a selector means."""
        found = self.pods
        for label in selector.labels:
            found &= self._values.get(label, 0)
        for expression in selector.expressions:
            found &= self._required(expression)
        return found

    def peers(self, peers: Iterable[Peer], namespace: str, direction: str, versions: frozenset[int]) -> tuple[int, int]:
        """The endpoints that peers of a rule in a policy of `namespace` mean: those that they do for certain, and those
        that they may mean; see `ruling.peers_fit`.

        versions: the families of addresses that the pods of the policy have.
        """
        found = 0
        spans: list[Span] = []
        for peer in peers:
            if peer.block:
                spans += block_spans(peer.block)
                continue
            if peer.namespaces is None:
                where = self.namespaces.get(namespace, 0)
            else:
                where = self._in_namespaces(peer.namespaces)
            found |= where & self.selected(peer.pods) if peer.pods else where
        if not spans:
            return found, found
        certain, possible = self._addressed(frozenset(spans), direction, versions)
        return found | certain, found | possible

    def _required(self, expression: Requirement) -> int:
        with_key = self._keys.get(expression.key, 0)
        if expression.operator == EXISTS:
            return with_key
        if expression.operator == DOES_NOT_EXIST:
            return self.pods & ~with_key
        with_value = union(self._values.get((expression.key, value), 0) for value in expression.values)
        return with_value if expression.operator == IN else self.pods & ~with_value

    def _in_namespaces(self, selector: Selector) -> int:
        if selector not in self._found:
            names: Iterable[str] = self.namespaces
            # Most selectors of namespaces name one; the others need not be asked.
            if name := dict(selector.labels).get(NAME_LABEL):
                names = [name] if name in self.namespaces else []
            labels = self._cluster.namespace_labels
            self._found[selector] = union(self.namespaces[name] for name in names if selector.matches(labels[name]))
        return self._found[selector]

    def _addressed(self, spans: frozenset[Span], direction: str, versions: frozenset[int]) -> tuple[int, int]:
        """Endpoints with all, and with any of their addresses in `spans`."""
        key = (direction, versions, spans)
        if key not in self._blocks:
            covered = union(self._segments(one) for one in spans)
            certain, possible = 0, self._unknown
            usable = union(self._segments(span(cidr)) for version, cidr in WHOLE.items() if version in versions)
            for touched, members in self._by_segments[direction].items():
                segments = touched & usable or touched
                if segments & covered:
                    possible |= members
                    if not segments & ~covered:
                        certain |= members
            if not self._calico:
                certain &= ~self.pods
            self._blocks[key] = (certain, possible)
        return self._blocks[key]

    def _segments(self, one: Span) -> int:
        """The stretches of the line of addresses, between the edges of all ipBlocks, that a range touches."""
        first, last = bisect_right(self._edges, one[0]), bisect_right(self._edges, one[1])
        return (1 << (last + 1)) - (1 << first)

    @cached_property
    def _by_segments(self) -> Mapping[str, Mapping[int, int]]:
        found: dict[str, dict[int, list[int]]] = {direction: {} for direction in DIRECTIONS}
        for position, party in enumerate(self._parties):
            for direction in DIRECTIONS if party.addresses else ():
                touched = union(self._segments(span(address)) for address in party.seen_by(direction))
                found[direction].setdefault(touched, []).append(position)
        return {direction: _sets(entries) for direction, entries in found.items()}

    @cached_property
    def by_versions(self) -> Mapping[frozenset[int], int]:
        """Pods by the families of their addresses: one entry in most clusters."""
        found: dict[frozenset[int], list[int]] = {}
        for position, party in enumerate(self._parties):
            if party.pod:
                found.setdefault(families(party.pod.addresses), []).append(position)
        return _sets(found)

    @cached_property
    def _unknown(self) -> int:
        return bits([position for position, party in enumerate(self._parties) if not party.addresses])


def _sets(found: Mapping[Key, list[int]]) -> dict[Key, int]:
    return {key: bits(members) for key, members in found.items()}


def _pod_selectors(policies: Iterable[Policy]) -> Iterable[Selector]:
    for policy in policies:
        yield policy.selector
        for rule in (*(policy.ingress or ()), *(policy.egress or ())):
            for peer in rule.peers or ():
                if peer.pods:
                    yield peer.pods


def _keys(selector: Selector) -> Iterable[str]:
    for key, _value in selector.labels:
        yield key
    for expression in selector.expressions:
        yield expression.key


def _edges(policies: Iterable[Policy]) -> list[int]:
    blocks = {
        peer.block
        for policy in policies
        for rule in (*(policy.ingress or ()), *(policy.egress or ()))
        for peer in rule.peers or ()
        if peer.block
    }
    # No stretch is of both families.
    return sorted(
        {IPV6_STARTS} | {edge for block in blocks for first, last in block_spans(block) for edge in (first, last + 1)}
    )
