"""The flow type: who may reach whom, on which port, and why."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.autolabs.platform.plugins.module_utils.net.addresses import Block
from ansible_collections.autolabs.platform.plugins.module_utils.net.ports import Ports


@dataclass(frozen=True)
class Pods:
    """The pods of a namespace that carry all of `labels`, and have addresses of their own (no host network)."""

    namespace: str
    labels: tuple[tuple[str, str], ...] = ()

    @classmethod
    def labelled(cls, namespace: str, labels: dict[str, str]) -> Pods:
        """Pods by a dictionary of labels, in a stable order."""
        return cls(namespace, tuple(sorted(labels.items())))


@dataclass(frozen=True)
class Host:
    """A machine of the site, and its addresses (without prefix length)."""

    name: str
    addresses: tuple[str, ...]


@dataclass(frozen=True)
class Hosts:
    """The machines of an inventory group; pods on the host network are the machines that they may run on."""

    group: str
    hosts: tuple[Host, ...]


@dataclass(frozen=True)
class Addresses:
    """Endpoints that are no machine of ours and no pod, by address."""

    blocks: tuple[Block, ...]


Endpoint = Pods | Hosts | Addresses


@dataclass(frozen=True)
class Published:
    """The ports of machines by which endpoints outside of the cluster come in to its pods, or to containers.

    Node ports, host ports, and ports published by Docker: the machine rewrites and forwards what comes to them.
    """

    at: Hosts
    ports: tuple[Ports, ...]


@dataclass(frozen=True)
class Flow:
    """One line of the catalogue between two endpoints. `ports` are those the destination listens on (a pod port, not a
    Service's); where none is named, every port is meant."""

    name: str
    source: Endpoint
    destination: Endpoint
    ports: tuple[Ports, ...]
    why: str
    published: Published | None = None
    """None where the source reaches the destination itself."""
    per_lab: Pods | None = None
    """The end that is a lab's, which asks for the flow or does not: the policies of these pods come with each class,
    and never let through more than this. None where no end is a lab's; both never are."""
