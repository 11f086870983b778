"""The cluster that questions are asked about: the pods there are, and those that stand for what does not run now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.audit.hosts.ranges import Span, pieces, span, spans
from ansible_collections.autolabs.platform.plugins.module_utils.audit.matrix.endpoints import Endpoint
from ansible_collections.autolabs.platform.plugins.module_utils.flows.flow import Addresses, Flow, Host, Hosts
from ansible_collections.autolabs.platform.plugins.module_utils.flows.flow import Pods as PodsEnd
from ansible_collections.autolabs.platform.plugins.module_utils.flows.policies.namespaces import (
    network_policies,
    tunnels_of,
)
from ansible_collections.autolabs.platform.plugins.module_utils.flows.policies.network_policy import network_policy
from ansible_collections.autolabs.platform.plugins.module_utils.flows.resolve import Resolved
from ansible_collections.autolabs.platform.plugins.module_utils.flows.site import CLUSTER_NETWORKS, Site
from ansible_collections.autolabs.platform.plugins.module_utils.flows.site import PODS as PODS_NETWORK
from ansible_collections.autolabs.platform.plugins.module_utils.net.addresses import network
from ansible_collections.autolabs.platform.plugins.module_utils.reach.cluster import Cluster, Pod
from ansible_collections.autolabs.platform.plugins.module_utils.reach.manifests import cluster
from ansible_collections.autolabs.platform.plugins.module_utils.reach.policies.policy import Peer, Policy
from ansible_collections.autolabs.platform.plugins.module_utils.reach.policies.selectors import EXISTS, IN, Selector

INSTANCE = ("lab_id", "class_id", "student_id", "group_id")
"""The labels that tell instances of labs apart (document 001, 4.5.1); what one does within itself is its own."""
STRANGER = "any-namespace"
ANY = "some pod"


@dataclass(frozen=True)
class Stage:
    """The same pods under two sets of policies."""

    wanted: Cluster
    """Under what the catalogue says; for labs, at most."""
    live: Cluster
    """Under what is in force."""
    addresses: Mapping[str, Span]
    """An address that stands for each piece of the address space outside of the cluster."""
    rendered: tuple[Mapping[str, Any], ...]
    """The policies that should be there, without those of labs."""
    labs: tuple[str, ...]
    """The namespaces of labs."""
    gone: tuple[str, ...]
    """Namespaces of the catalogue that the cluster has not."""
    running: tuple[Pod, ...] = ()
    """The pods that there are, without those that stand for others."""


def stage(
    endpoints: Sequence[Endpoint], resolved: Resolved, site: Site, objects: Iterable[Mapping[str, Any]] | None
) -> Stage:
    """objects: what the API server listed; None where it could not be asked, and then live is as wanted.

    Raises InvalidInput for objects that are none.
    """
    listed = list(objects or ())
    found = cluster(listed)
    nodes = [one for one in listed if one.get("kind") == "Node"]
    labs = tuple(dict.fromkeys(pods.namespace for one in endpoints if one.per_lab for pods in one.pods))
    tunnels = tunnels_of(nodes)
    rendered = network_policies(resolved.flows, site, resolved.namespaces, tunnels)
    # What a lab may ask for at most; each lab's own policies let through no more than this.
    most = network_policies(
        [replace(flow, per_lab=None) for flow in resolved.flows], site, resolved.namespaces, tunnels
    )
    most += _within_instances([pod for pod in found.pods if pod.namespace in labs])
    theirs = [one for one in found.policies if one["metadata"].get("namespace") not in resolved.namespaces]
    # Where there is no namespace, nothing runs; it is closed before anything can.
    gone = [name for name in resolved.namespaces if objects is None or name not in found.namespaces]
    coming = [one for one in rendered if one["metadata"]["namespace"] in gone]
    live = (*(one for one in found.policies if one["metadata"].get("namespace") not in gone), *coming)
    stand_ins = [pod for one in endpoints for pod in one.stand_ins]
    names = dict.fromkeys((*(pod.namespace for pod in stand_ins), *resolved.namespaces, STRANGER))
    namespaces: dict[str, Mapping[str, str]] = {name: {} for name in names}
    stand_ins += [Pod(name, ANY, {}) for name in namespaces]
    base = replace(found, namespaces={**namespaces, **found.namespaces}, pods=(*found.pods, *stand_ins))
    stand_ins += _witnesses(replace(base, policies=tuple(live)), labs, rendered)
    pods = (*found.pods, *_with_addresses(_once(stand_ins), site, found))
    blocks = [block for policy in (*most, *live) for block in _blocks(policy)]
    return Stage(
        replace(base, pods=pods, policies=(*most, *theirs)),
        replace(base, pods=pods, policies=tuple(live)),
        _outside(blocks, resolved.flows, site, found),
        tuple(rendered),
        labs,
        () if objects is None else tuple(gone),
        found.pods,
    )


def _once(pods: Iterable[Pod]) -> Iterator[Pod]:
    seen: set[str] = set()
    for pod in pods:
        if pod.key not in seen:
            seen.add(pod.key)
            yield pod


def _with_addresses(pods: Iterable[Pod], site: Site, found: Cluster) -> Iterator[Pod]:
    """Addresses of the pod network that no pod has: a rule for a range may mean pods, too."""
    taken = {address for pod in found.pods for address in pod.addresses}
    taken |= {address for node in found.nodes for address in (*node.addresses, *node.tunnel_addresses)}
    networks = [network(text) for text in site.networks.get(PODS_NETWORK, ())]
    last = {one: one.num_addresses - 2 for one in networks}
    for pod in pods:
        addresses = []
        for one in networks:
            while last[one] > 0 and str(one[last[one]]) in taken:
                last[one] -= 1
            addresses.append(str(one[max(last[one], 0)]))
            last[one] -= 1
        yield replace(pod, addresses=tuple(addresses))


def _within_instances(pods: Iterable[Pod]) -> Iterator[dict[str, Any]]:
    """For each instance of several pods, a policy by which they reach each other on every port."""
    instances: dict[tuple[str, tuple[tuple[str, str], ...]], int] = {}
    for pod in pods:
        labels = tuple((key, pod.labels[key]) for key in INSTANCE if key in pod.labels)
        if len(labels) >= len(INSTANCE) - 1:
            instances[pod.namespace, labels] = instances.get((pod.namespace, labels), 0) + 1
    for number, ((namespace, labels), count) in enumerate(instances.items()):
        if count > 1:
            subject = PodsEnd(namespace, tuple(sorted(labels)))
            within = Flow("lab-components", subject, subject, (), "the components of an instance")
            yield network_policy(f"instance-{number}", subject, [within], {})


def _blocks(policy: Mapping[str, Any]) -> Iterator[Span]:
    spec = policy.get("spec") or {}
    for side, peers in (("ingress", "from"), ("egress", "to")):
        for rule in spec.get(side) or ():
            for peer in rule.get(peers) or ():
                block = peer.get("ipBlock")
                for text in (block["cidr"], *(block.get("except") or ())) if block else ():
                    yield span(text)


def _outside(blocks: Iterable[Span], flows: Iterable[Flow], site: Site, found: Cluster) -> dict[str, Span]:
    """Pieces of the address space that no rule and no flow tells apart, without those of the cluster's own networks
    and of its nodes, which are asked as what they are."""
    cuts = [*blocks]
    for flow in flows:
        for end in (flow.source, flow.destination):
            if isinstance(end, Addresses):
                cuts += spans(end.blocks)
            elif isinstance(end, Hosts):
                cuts += _of_hosts(end.hosts)
    networks = [span(text) for name in CLUSTER_NETWORKS for text in site.networks.get(name, ())]
    nodes = [span(address) for node in found.nodes for address in (*node.addresses, *node.tunnel_addresses)]
    taken = [*networks, *nodes]
    return {piece.example: piece for piece in pieces([*cuts, *taken]) if not any(piece.within(one) for one in taken)}


def _of_hosts(hosts: Iterable[Host]) -> list[Span]:
    return [span(address) for host in hosts for address in host.addresses]


def _witnesses(live: Cluster, labs: Sequence[str], rendered: Sequence[Mapping[str, Any]]) -> list[Pod]:
    """Pods that rules of others speak of, whether or not such pods are there: `app: old` in a forgotten policy."""
    ours = {(one["metadata"]["namespace"], one["metadata"]["name"]) for one in rendered}
    found: dict[tuple[str, tuple[tuple[str, str], ...]], None] = {}
    for policy in live.rules:
        if (policy.namespace, policy.name) in ours:
            continue
        if policy.namespace not in labs:
            _note(found, policy.namespace, policy.selector)
        for peer in _peers(policy):
            for namespace in _namespaces(live, policy, peer):
                if namespace not in labs:
                    _note(found, namespace, peer.pods or Selector())
    return [Pod(namespace, f"{ANY} {number}", dict(labels)) for number, (namespace, labels) in enumerate(found)]


def _note(found: dict[tuple[str, tuple[tuple[str, str], ...]], None], namespace: str, selector: Selector) -> None:
    labels = dict(selector.labels)
    for one in selector.expressions:
        if one.operator == IN and one.values:
            labels.setdefault(one.key, one.values[0])
        elif one.operator == EXISTS:
            labels.setdefault(one.key, "any")
    if labels and selector.matches(labels):
        found[namespace, tuple(sorted(labels.items()))] = None


def _peers(policy: Policy) -> Iterator[Peer]:
    for rules in (policy.ingress, policy.egress):
        for rule in rules or ():
            yield from (peer for peer in rule.peers or () if peer.block is None)


def _namespaces(live: Cluster, policy: Policy, peer: Peer) -> list[str]:
    if peer.namespaces is None:
        return [policy.namespace]
    return [name for name, labels in live.namespace_labels.items() if peer.namespaces.matches(labels)]
