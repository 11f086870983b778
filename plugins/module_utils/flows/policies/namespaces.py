"""Renders the flows of a site as the NetworkPolicies of its own namespaces."""

from __future__ import annotations

import dataclasses
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.flows.flow import (
    Addresses,
    Endpoint,
    Flow,
    Host,
    Hosts,
    Pods,
)
from ansible_collections.autolabs.platform.plugins.module_utils.flows.policies.network_policy import network_policy
from ansible_collections.autolabs.platform.plugins.module_utils.flows.site import PODS, Site
from ansible_collections.autolabs.platform.plugins.module_utils.net.addresses import (
    Block,
    collapsed,
    within,
)

LABELS = {"app.kubernetes.io/managed-by": "autolabs", "autolabs.io/part": "flows"}
"""On every policy of a catalogue: by the second, those that it no longer has are found."""
DEFAULT_DENY = "default-deny"
EVERY_POD = "every-pod"

TUNNEL_ANNOTATIONS = ("projectcalico.org/IPv4VXLANTunnelAddr", "projectcalico.org/IPv6VXLANTunnelAddr")
"""By which Calico says on a Node what its VXLAN device has for an address; it is one of the pod network."""

LABEL_OF_A_NAME = "app"
NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")  # RFC 1123, as a policy's name has to be


def network_policies(
    flows: Iterable[Flow],
    site: Site,
    namespaces: Iterable[str],
    tunnels: Mapping[str, Sequence[str]] | None = None,
) -> list[dict[str, Any]]:
    """For each of `namespaces` the policy `default-deny`, then one for each endpoint there that flows begin or end at.

    flows: what the site lets through; those of pods in other namespaces than `namespaces` open nothing there.
    site: its network `pods` is no part of any address range: pods are reached as pods, or not at all.
    namespaces: those of the catalogue's pods but for the unguarded ones.
    tunnels: see `tunnels_of`; pods of the same machine are always open to it, as the kubelet's probes need.

    Who comes in by a published port is admitted by the own address. So Services behind such ports have
    `externalTrafficPolicy: Local`, or Pods have host ports: with `Cluster` a pod would see the address of the machine
    that the packet came to, and a rule for that would let through whoever reaches the machine.

    Policies of labs are made with each class, so their pods get none here.
    """
    closed = tuple(dict.fromkeys(namespaces))
    pod_networks = site.networks.get(PODS, ())
    known = [_as_pods_see_it(flow, pod_networks, tunnels or {}) for flow in flows]
    of_labs = {flow.per_lab for flow in known}
    ends = dict.fromkeys(pods for flow in known for pods in _pods_of(flow))
    policies = []
    for namespace in closed:
        policies.append(network_policy(DEFAULT_DENY, Pods(namespace), (), LABELS))
        policies += [
            network_policy(policy_name(pods), pods, [flow for flow in known if pods in _pods_of(flow)], LABELS)
            for pods in ends
            if pods.namespace == namespace and pods not in of_labs
        ]
    return policies


def tunnels_of(nodes: Iterable[Mapping[str, Any]]) -> dict[str, tuple[str, ...]]:
    """By the name of a cluster machine, the addresses that pods of the other machines see as the source of its packets.

    nodes: Node objects. With VXLAN the way to a pod of another machine begins at the tunnel's device, and so does the
    source address: never one that the inventory knows.
    """
    found = {}
    for node in nodes:
        annotations = node["metadata"].get("annotations") or {}
        addresses = tuple(annotations[key] for key in TUNNEL_ANNOTATIONS if annotations.get(key))
        if addresses:
            found[node["metadata"]["name"]] = addresses
    return found


def policy_name(pods: Pods) -> str:
    """The name of the policy of an endpoint, unique in its namespace: the value of its label `app` if it has no other
    label, `every-pod` if it has none, else the values with a digest."""
    if not pods.labels:
        return EVERY_POD
    words = "-".join(value for _key, value in pods.labels)
    keys = [key for key, _value in pods.labels]
    if keys == [LABEL_OF_A_NAME] and NAME.fullmatch(words) and words not in (DEFAULT_DENY, EVERY_POD):
        return words
    readable = re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")[:50].rstrip("-")
    digest = hashlib.sha256(repr(pods.labels).encode()).hexdigest()[:8]
    return f"{readable}-{digest}".lstrip("-")


def _pods_of(flow: Flow) -> list[Pods]:
    return [end for end in (flow.source, flow.destination) if isinstance(end, Pods)]


def _as_pods_see_it(flow: Flow, pod_networks: Sequence[str], tunnels: Mapping[str, Sequence[str]]) -> Flow:
    source, destination = (_without_pods(end, pod_networks) for end in (flow.source, flow.destination))
    if isinstance(source, Hosts):
        hosts = tuple(Host(host.name, (*host.addresses, *tunnels.get(host.name, ()))) for host in source.hosts)
        source = dataclasses.replace(source, hosts=hosts)
    return dataclasses.replace(flow, source=source, destination=destination)


def _without_pods(endpoint: Endpoint, pod_networks: Sequence[str]) -> Endpoint:
    """Addresses without those of pods: a peer that is a range of addresses matches pods, too."""
    if not isinstance(endpoint, Addresses):
        return endpoint
    return Addresses(tuple(_block_without(block, pod_networks) for block in endpoint.blocks))


def _block_without(block: Block, pod_networks: Sequence[str]) -> Block:
    inside = [pods for pods in pod_networks if within(pods, block.cidr) and not within(block.cidr, pods)]
    return Block(block.cidr, collapsed((*block.excepts, *inside)))
