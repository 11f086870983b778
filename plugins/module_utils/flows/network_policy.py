"""Renders flows as Kubernetes NetworkPolicies (networking.k8s.io/v1)."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.flows.flow import Endpoint, Flow, Hosts, Pods
from ansible_collections.autolabs.platform.plugins.module_utils.net.addresses import Block
from ansible_collections.autolabs.platform.plugins.module_utils.net.ports import Ports

FLOWS_ANNOTATION = "autolabs.io/flows"
NAMESPACE_LABEL = "kubernetes.io/metadata.name"


def network_policy(name: str, subject: Pods, flows: Iterable[Flow], labels: dict[str, str]) -> dict[str, Any]:
    """The one policy that closes `subject` in both directions but for the `flows` that begin or end there.

    The flows' names stand in an annotation, in the order of the rules, so that a dropped packet can be traced.
    Raises ValueError for a flow that neither begins nor ends at `subject`.
    """
    ingress, egress, names = [], [], []
    for flow in flows:
        if subject not in (flow.source, flow.destination):
            raise ValueError(f"flow {flow.name!r} neither begins nor ends at the pods of {name!r}")
        names.append(flow.name)
        # A rule without `ports` is for every port of every protocol.
        ports: dict[str, Any] = {"ports": [_port(port) for port in flow.ports]} if flow.ports else {}
        if flow.destination == subject:
            ingress.append({"from": _peers(flow.source, subject.namespace), **ports})
        if flow.source == subject:
            egress.append({"to": _peers(flow.destination, subject.namespace), **ports})
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {
            "name": name,
            "namespace": subject.namespace,
            "labels": labels,
            "annotations": {FLOWS_ANNOTATION: ",".join(names)},
        },
        "spec": {
            "podSelector": {"matchLabels": dict(subject.labels)},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": ingress,
            "egress": egress,
        },
    }


def _peers(endpoint: Endpoint, own_namespace: str) -> list[dict[str, Any]]:
    if isinstance(endpoint, Pods):
        peer: dict[str, Any] = {"podSelector": {"matchLabels": dict(endpoint.labels)}}
        if endpoint.namespace != own_namespace:
            # Both selectors in one peer mean AND; as two peers they would mean OR.
            peer["namespaceSelector"] = {"matchLabels": {NAMESPACE_LABEL: endpoint.namespace}}
        return [peer]
    if isinstance(endpoint, Hosts):
        addresses = [ipaddress.ip_address(address) for host in endpoint.hosts for address in host.addresses]
        return [{"ipBlock": {"cidr": f"{address}/{address.max_prefixlen}"}} for address in addresses]
    return [{"ipBlock": _ip_block(block)} for block in endpoint.blocks]


def _ip_block(block: Block) -> dict[str, Any]:
    return {"cidr": block.cidr, "except": list(block.excepts)} if block.excepts else {"cidr": block.cidr}


def _port(ports: Ports) -> dict[str, Any]:
    rendered: dict[str, Any] = {"protocol": ports.protocol, "port": ports.first}
    if ports.last > ports.first:
        rendered["endPort"] = ports.last
    return rendered
