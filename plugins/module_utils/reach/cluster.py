"""A cluster as the prover sees it: what the API server's objects say about who may reach whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.reach.policies.policy import Policy, read_policies

NAME_LABEL = "kubernetes.io/metadata.name"
"""Every namespace carries its name under this label, whatever its manifest says (KEP-2161)."""


@dataclass(frozen=True)
class ContainerPort:
    """A port that a pod declares. Its name matters, since policies may use it, and the port of the machine that leads
    to it."""

    name: str
    """Empty where it has none."""
    number: int
    protocol: str = "TCP"
    host_port: int = 0
    """The machine's port that leads here (`hostPort`); 0 for none. A pod on the host network has none."""
    host_address: str = ""
    """The only address of the machine at which that is so (`hostIP`); empty for all."""


@dataclass(frozen=True)
class Pod:
    """A pod that runs, or is about to; one that has ended has no address and is left out."""

    namespace: str
    name: str
    labels: Mapping[str, str]
    addresses: tuple[str, ...] = ()
    ports: tuple[ContainerPort, ...] = ()
    node: str = ""
    host_network: bool = False

    @property
    def key(self) -> str:
        """`labs/lab-1-student-anna`."""
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True)
class Node:
    """A machine of the cluster."""

    name: str
    addresses: tuple[str, ...]
    tunnel_addresses: tuple[str, ...] = ()
    """Those of Calico's tunnel devices, which packets of the node itself carry to pods of other nodes."""


@dataclass(frozen=True)
class ServicePort:
    """One port of a Service; `target` is a number, or the name of a port of each pod."""

    number: int
    target: int | str
    protocol: str = "TCP"
    node_port: int = 0
    name: str = ""


@dataclass(frozen=True)
class Endpoint:
    """Where one port of a Service leads, as somebody wrote it into an EndpointSlice."""

    address: str
    number: int
    protocol: str = "TCP"
    port: str = ""
    """The name of the Service's port."""


@dataclass(frozen=True)
class Service:
    """A Service."""

    namespace: str
    name: str
    selector: Mapping[str, str]
    """Empty where somebody else writes its endpoints, as the API server does those of its own Service."""
    ports: tuple[ServicePort, ...]
    addresses: tuple[str, ...] = ()
    """Cluster addresses; none for a headless one."""
    local: bool = False
    """Whether node ports keep the source address and reach pods of the same node only
    (`externalTrafficPolicy: Local`)."""
    internal_local: bool = False
    """Whether the cluster address leads to pods of the client's own node only (`internalTrafficPolicy: Local`)."""
    endpoints: tuple[Endpoint, ...] | None = None
    """Of a Service without a selector; None where they are not known."""
    external: tuple[str, ...] = ()
    """Further addresses that machines take for the Service's own, at its ports: `externalIPs`, and those of its load
    balancer."""

    @property
    def key(self) -> str:
        """`labs/lab-1-student-anna`."""
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True)
class Cluster:
    """What is in force; `policies` are NetworkPolicy objects (networking.k8s.io/v1) as the API server has them."""

    namespaces: Mapping[str, Mapping[str, str]]
    """Name to labels."""
    pods: tuple[Pod, ...] = ()
    policies: tuple[Mapping[str, Any], ...] = ()
    services: tuple[Service, ...] = ()
    nodes: tuple[Node, ...] = field(default=())

    @cached_property
    def rules(self) -> tuple[Policy, ...]:
        """The policies, read. Raises InvalidInput with every mistake in them."""
        return read_policies(self.policies)

    @cached_property
    def rules_by_namespace(self) -> Mapping[str, tuple[Policy, ...]]:
        """The policies that a namespace holds, in their order."""
        found: dict[str, list[Policy]] = {}
        for policy in self.rules:
            found.setdefault(policy.namespace, []).append(policy)
        return {namespace: tuple(policies) for namespace, policies in found.items()}

    @cached_property
    def namespace_labels(self) -> Mapping[str, Mapping[str, str]]:
        """The labels of every namespace, with the one of its name; also of those that only their pods tell of."""
        names = {*self.namespaces, *(pod.namespace for pod in self.pods)}
        return {name: {**self.namespaces.get(name, {}), NAME_LABEL: name} for name in names}

    @cached_property
    def pod_by_key(self) -> Mapping[str, Pod]:
        """Pods by `namespace/name`."""
        return {pod.key: pod for pod in self.pods}

    @cached_property
    def node_by_name(self) -> Mapping[str, Node]:
        """Machines by name."""
        return {node.name: node for node in self.nodes}
