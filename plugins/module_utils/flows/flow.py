"""The flow type: who may reach whom, on which port, and why."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.autolabs.platform.plugins.module_utils.net.addresses import Block
from ansible_collections.autolabs.platform.plugins.module_utils.net.ports import Ports


@dataclass(frozen=True)
class Pods:
    """The pods of a namespace that carry all of `labels`."""

    namespace: str
    labels: tuple[tuple[str, str], ...] = ()

    @classmethod
    def labelled(cls, namespace: str, labels: dict[str, str]) -> Pods:
        """Pods by a dictionary of labels, in a stable order."""
        return cls(namespace, tuple(sorted(labels.items())))


@dataclass(frozen=True)
class Addresses:
    """Endpoints outside the cluster, by address."""

    blocks: tuple[Block, ...]


Endpoint = Pods | Addresses


@dataclass(frozen=True)
class Flow:
    """One line of the catalogue. `ports` are those the destination listens on (a pod port, not a Service's); where
    none is named, every port is meant."""

    name: str
    source: Endpoint
    destination: Endpoint
    ports: tuple[Ports, ...]
    why: str
