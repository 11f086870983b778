"""Small clusters for the tests of the prover."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.reach.cluster import (
    Cluster,
    ContainerPort,
    Node,
    Pod,
    Service,
)

Spec = dict[str, Any]

WEB = {"podSelector": {"matchLabels": {"app": "web"}}}
DATABASE = {"podSelector": {"matchLabels": {"app": "database"}}}

# Two machines, two namespaces; on the first machine runs everything but shop/web and the pod on the host network.
NODES = (
    Node("node-1", ("192.168.100.31",), ("10.244.1.0",)),
    Node("node-2", ("192.168.100.32",), ("10.244.2.0",)),
)
NAMESPACES = {"shop": {"team": "sales"}, "bank": {"team": "money"}}
HTTP = ContainerPort("http", 8080)
PODS = (
    Pod("shop", "web", {"app": "web", "tier": "front"}, ("10.244.2.1",), (HTTP,), "node-2"),
    Pod("shop", "database", {"app": "database"}, ("10.244.1.2",), (ContainerPort("sql", 5432),), "node-1"),
    Pod("bank", "web", {"app": "web"}, ("10.244.1.3",), (ContainerPort("http", 80),), "node-1"),
    Pod("bank", "vault", {"app": "vault"}, ("10.244.1.4",), (), "node-1"),
    Pod("shop", "agent", {"app": "web"}, ("192.168.100.32",), (), "node-2", host_network=True),
)


def policy(spec: Spec, name: str = "policy", namespace: str = "shop", **annotations: str) -> dict[str, Any]:
    """A NetworkPolicy; it selects every pod of its namespace where `spec` does not say which."""
    metadata = {"name": name, "namespace": namespace, "annotations": annotations}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata,
        "spec": {"podSelector": {}, **spec},
    }


def ingress(*rules: Any, **more: Any) -> Spec:
    """What a policy for ingress only says."""
    return {"policyTypes": ["Ingress"], "ingress": list(rules), **more}


def egress(*rules: Any, **more: Any) -> Spec:
    """What a policy for egress only says."""
    return {"policyTypes": ["Egress"], "egress": list(rules), **more}


def cluster_of(*specs: Spec, services: Iterable[Service] = (), pods: Iterable[Pod] = PODS) -> Cluster:
    """The cluster above with policies in namespace shop (or whole policies, for others)."""
    policies = [spec if "kind" in spec else policy(spec, f"policy-{number}") for number, spec in enumerate(specs, 1)]
    return Cluster(NAMESPACES, tuple(pods), tuple(policies), tuple(services), NODES)
