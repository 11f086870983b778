"""Renders flows as Kubernetes NetworkPolicies (networking.k8s.io/v1)."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.flows.flow import Endpoint, Flow, Hosts, Pods
from ansible_collections.autolabs.platform.plugins.module_utils.net.addresses import Block
from ansible_collections.autolabs.platform.plugins.module_utils.net.ports import WITHOUT_PORTS, Ports

INGRESS_FLOWS_ANNOTATION = "autolabs.io/ingress-flows"
EGRESS_FLOWS_ANNOTATION = "autolabs.io/egress-flows"
"""The names of the flows, joined by commas: the i-th is that of the i-th rule of the direction; empty for no rule."""
NAMESPACE_LABEL = "kubernetes.io/metadata.name"

Peer = dict[str, Any]


def network_policy(name: str, subject: Pods, flows: Iterable[Flow], labels: Mapping[str, str]) -> dict[str, Any]:
    """The one policy that closes `subject` in both directions but for the `flows` that begin or end there.

    Rules are in the order of the flows. Flows of one name and the same ports are one rule, and a peer that an earlier
    rule lets through on the same ports is not repeated. The flows' names stand in annotations, so that a dropped packet
    can be traced.
    Raises ValueError for a flow that neither begins nor ends at `subject`, and for one that no policy can express.
    """
    ingress, egress = _Rules(subject.namespace), _Rules(subject.namespace)
    for flow in flows:
        if subject not in (flow.source, flow.destination):
            raise ValueError(f"flow {flow.name!r} neither begins nor ends at the pods of {name!r}")
        if any(port.protocol in WITHOUT_PORTS for port in flow.ports):
            raise ValueError(f"flow {flow.name!r} has a protocol without ports, which no NetworkPolicy knows")
        if flow.destination == subject:
            ingress.add(flow, flow.source)
        if flow.source == subject:
            egress.add(flow, flow.destination)
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {
            "name": name,
            "namespace": subject.namespace,
            "labels": dict(labels),
            "annotations": {
                INGRESS_FLOWS_ANNOTATION: ",".join(ingress.names()),
                EGRESS_FLOWS_ANNOTATION: ",".join(egress.names()),
            },
        },
        "spec": {
            "podSelector": _selector(subject),
            "policyTypes": ["Ingress", "Egress"],
            # Set also where they are empty: a rule that somebody adds is then a change, and applying takes it back.
            "ingress": ingress.rendered("from"),
            "egress": egress.rendered("to"),
        },
    }


class _Rules:
    """The rules of one direction."""

    def __init__(self, own_namespace: str) -> None:
        self._own_namespace = own_namespace
        self._peers: dict[tuple[str, tuple[Ports, ...]], list[Peer]] = {}

    def add(self, flow: Flow, other: Endpoint) -> None:
        ports = tuple(dict.fromkeys(flow.ports))
        known = [peer for (_name, others), peers in self._peers.items() if _within(ports, others) for peer in peers]
        new = [peer for peer in _peers(other, self._own_namespace) if peer not in known]
        # A rule without a peer would let everybody through.
        if new:
            self._peers.setdefault((flow.name, ports), []).extend(_once(new))

    def names(self) -> list[str]:
        return [name for name, _ports in self._peers]

    def rendered(self, side: str) -> list[dict[str, Any]]:
        # A rule without `ports` is for every port of every protocol.
        return [
            {side: peers, **({"ports": [_port(port) for port in ports]} if ports else {})}
            for (_name, ports), peers in self._peers.items()
        ]


def _within(ports: tuple[Ports, ...], others: tuple[Ports, ...]) -> bool:
    return not others or (bool(ports) and set(ports) <= set(others))


def _once(peers: list[Peer]) -> list[Peer]:
    return [peer for number, peer in enumerate(peers) if peer not in peers[:number]]


def _peers(endpoint: Endpoint, own_namespace: str) -> list[Peer]:
    if isinstance(endpoint, Pods):
        peer: Peer = {"podSelector": _selector(endpoint)}
        if endpoint.namespace != own_namespace:
            # Both selectors in one peer mean AND; as two peers they would mean OR.
            peer["namespaceSelector"] = {"matchLabels": {NAMESPACE_LABEL: endpoint.namespace}}
        return [peer]
    if isinstance(endpoint, Hosts):
        addresses = {ipaddress.ip_address(address) for host in endpoint.hosts for address in host.addresses}
        # In an order of their own: that of an inventory changes without a change of the policy.
        ordered = sorted(addresses, key=lambda address: (address.version, int(address)))
        return [{"ipBlock": {"cidr": f"{address}/{address.max_prefixlen}"}} for address in ordered]
    return [{"ipBlock": _ip_block(block)} for block in endpoint.blocks]


def _selector(pods: Pods) -> dict[str, Any]:
    return {"matchLabels": dict(pods.labels)} if pods.labels else {}


def _ip_block(block: Block) -> dict[str, Any]:
    return {"cidr": block.cidr, "except": list(block.excepts)} if block.excepts else {"cidr": block.cidr}


def _port(ports: Ports) -> dict[str, Any]:
    rendered: dict[str, Any] = {"protocol": ports.protocol, "port": ports.first}
    if ports.last > ports.first:
        rendered["endPort"] = ports.last
    return rendered
