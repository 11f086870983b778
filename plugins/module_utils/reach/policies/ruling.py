"""What the policies of one pod say about one connection in one direction, and by which rule."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ansible_collections.autolabs.platform.plugins.module_utils.reach.cluster import Cluster, Pod
from ansible_collections.autolabs.platform.plugins.module_utils.reach.policies.lines import (
    Span,
    block_spans,
    covered,
    families,
    overlaps,
    span,
)
from ansible_collections.autolabs.platform.plugins.module_utils.reach.policies.parties import Party
from ansible_collections.autolabs.platform.plugins.module_utils.reach.policies.policy import (
    INGRESS,
    Peer,
    Policy,
    PortRange,
    Rule,
)
from ansible_collections.autolabs.platform.plugins.module_utils.reach.verdict import (
    ALLOWED,
    DENIED,
    UNDECIDED,
    Step,
)

NO, MAYBE, YES = range(3)
NAMED_AT_MOST = 3
"""Policies that a sentence names before it only counts them."""


@dataclass(frozen=True)
class Ruling:
    """A step, and what it depends on where it is undecided."""

    step: Step
    assumptions: tuple[str, ...] = ()


def ruling(
    cluster: Cluster,
    direction: str,
    pod: Pod,
    other: Party,
    receiver: Pod | None,
    port: int,
    protocol: str,
    *,
    calico: bool,
) -> Ruling:
    """Ask the policies of `pod` about a connection with `other`, to `port` of `receiver`.

    direction: the side of the connection that `pod` is on: `ingress` where it is reached, `egress` where it reaches.
    receiver: the pod whose named ports count; None where the connection ends at no pod.
    calico: an ipBlock matches addresses of pods, too.
    """
    where = f"{direction} {'to' if direction == INGRESS else 'of'} {pod.key}"
    policies = selecting(cluster, direction, pod)
    if not policies:
        way = "in" if direction == INGRESS else "out"
        why = f"no policy selects the pod for {direction}, so everything is let {way}"
        return Ruling(Step(where, ALLOWED, why=why))
    # A connection is of a family that both have; where there is none, rules are asked all the same.
    every = other.seen_by(direction)
    shared = [one for one in every if families([one]) <= families(pod.addresses)]
    seen = [span(one) for one in shared or every]
    unsure: list[Rule] = []
    elsewhere: list[Rule] = []
    for policy in policies:
        for rule in policy.rules(direction) or ():
            fits = peers_fit(cluster, rule, policy.namespace, other, seen, calico=calico)
            if fits == NO:
                continue
            if not ports_fit(rule.ports, receiver, port, protocol):
                elsewhere.append(rule)
            elif fits == YES:
                return Ruling(Step(where, ALLOWED, rule.title, rule.flow, f"the rule names {other.name} and this port"))
            else:
                unsure.append(rule)
    if unsure:
        first = unsure[0]
        why = f"whether an ipBlock of the rule matches {other.name} is not certain"
        return Ruling(
            Step(where, UNDECIDED, first.title, first.flow, why),
            tuple(_assumption(rule, direction, other) for rule in unsure),
        )
    return Ruling(Step(where, DENIED, why=_denied(policies, direction, other, elsewhere)))


def selecting(cluster: Cluster, direction: str, pod: Pod) -> list[Policy]:
    """The policies that isolate a pod in a direction: those of its namespace that select it and are of that type."""
    return [
        policy
        for policy in cluster.rules_by_namespace.get(pod.namespace, ())
        if policy.rules(direction) is not None and policy.selector.matches(pod.labels)
    ]


def peers_fit(cluster: Cluster, rule: Rule, namespace: str, other: Party, seen: list[Span], *, calico: bool) -> int:
    """Whether the peers of a rule, which stands in `namespace`, mean `other` with these addresses: NO, MAYBE or YES.

    Addresses are taken together, for the rule as a whole: YES where its ipBlocks hold every address that `other` may
    have, MAYBE where they hold some. Of a pod the documentation leaves open whether an ipBlock means it ("these should
    be cluster-external IPs, since Pod IPs are ephemeral and unpredictable"), so that is MAYBE without `calico`.
    """
    if rule.peers is None or (other.pod and any(pod_fits(cluster, peer, namespace, other.pod) for peer in rule.peers)):
        return YES
    spans = [one for peer in rule.peers if peer.block for one in block_spans(peer.block)]
    if not spans:
        return NO
    if not other.addresses:
        return MAYBE
    if not any(overlaps(one, spans) for one in seen):
        return NO
    certain = (calico or other.pod is None) and all(covered(one, spans) for one in seen)
    return YES if certain else MAYBE


def pod_fits(cluster: Cluster, peer: Peer, namespace: str, pod: Pod) -> bool:
    """Whether a peer's selectors mean a pod. Without a namespaceSelector those of the policy's own namespace are meant,
    without a podSelector all pods of the namespaces (NetworkPolicyPeer)."""
    if peer.block:
        return False
    if peer.namespaces is None:
        if pod.namespace != namespace:
            return False
    elif not peer.namespaces.matches(cluster.namespace_labels[pod.namespace]):
        return False
    return peer.pods is None or peer.pods.matches(pod.labels)


def ports_fit(ports: tuple[PortRange, ...] | None, receiver: Pod | None, port: int, protocol: str) -> bool:
    """Whether a rule's ports hold this one; a name means what the receiving pod declares under it."""
    if ports is None:
        return True
    return any(
        entry.protocol == protocol
        and ((entry.name, port) in _named(receiver, protocol) if entry.name else entry.first <= port <= entry.last)
        for entry in ports
    )


def _named(pod: Pod | None, protocol: str) -> set[tuple[str, int]]:
    return {(entry.name, entry.number) for entry in pod.ports if entry.protocol == protocol} if pod else set()


def _assumption(rule: Rule, direction: str, other: Party) -> str:
    if not other.addresses:
        return f"{other.name} has no address yet, and {rule.title}, has an ipBlock that may hold it"
    if other.pod is None:
        some = " and ".join(other.seen_by(direction))
        return f"{rule.title}, holds some of the addresses of {other.name} only ({some}); it depends on which is used"
    return (
        f"it depends on the network plugin whether the ipBlock of {rule.title}, matches the address of the pod "
        f"{other.name}; with Calico it does"
    )


def _denied(policies: list[Policy], direction: str, other: Party, elsewhere: Iterable[Rule]) -> str:
    names = [f"{policy.namespace}/{policy.name}" for policy in policies]
    shown = ", ".join(names[:NAMED_AT_MOST])
    more = f" and {len(names) - NAMED_AT_MOST} more" if len(names) > NAMED_AT_MOST else ""
    sentence = (
        f"{shown}{more} {'selects' if len(names) == 1 else 'select'} the pod for {direction}, and no rule of "
        f"{'it' if len(names) == 1 else 'them'} fits"
    )
    near = next(iter(elsewhere), None)
    return f"{sentence}; {near.title}, lets {other.name} through on other ports only" if near else sentence
