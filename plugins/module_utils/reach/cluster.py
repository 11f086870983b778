"""A cluster as the prover sees it: what the API server's objects say about who may reach whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class ContainerPort:
    """A port that a pod declares; only its name matters, since policies may use it."""

    name: str
    number: int
    protocol: str = "TCP"


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


@dataclass(frozen=True)
class ServicePort:
    """One port of a Service; `target` is a number, or the name of a port of each pod."""

    number: int
    target: int | str
    protocol: str = "TCP"
    node_port: int = 0
    name: str = ""


@dataclass(frozen=True)
class Service:
    """A Service with a selector."""

    namespace: str
    name: str
    selector: Mapping[str, str]
    ports: tuple[ServicePort, ...]
    addresses: tuple[str, ...] = ()
    """Cluster addresses; none for a headless one."""
    local: bool = False
    """Whether node ports keep the source address and reach pods of the same node only
    (`externalTrafficPolicy: Local`)."""


@dataclass(frozen=True)
class Cluster:
    """What is in force; `policies` are NetworkPolicy objects (networking.k8s.io/v1) as the API server has them."""

    namespaces: Mapping[str, Mapping[str, str]]
    """Name to labels."""
    pods: tuple[Pod, ...] = ()
    policies: tuple[Mapping[str, Any], ...] = ()
    services: tuple[Service, ...] = ()
    nodes: tuple[Node, ...] = field(default=())
