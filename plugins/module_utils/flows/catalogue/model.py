"""The flow catalogue as it is written: zones, endpoints and flows by name, each with its place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ansible_collections.autolabs.platform.plugins.module_utils.net.addresses import Block
from ansible_collections.autolabs.platform.plugins.module_utils.net.ports import Ports

HOSTS, PODS, NETWORK, ADDRESSES, INTERNET, EVERYONE = KINDS = (
    "hosts",
    "pods",
    "network",
    "addresses",
    "internet",
    "everyone",
)
"""What an endpoint can be; each has exactly one of these."""


@dataclass(frozen=True)
class Place:
    """Where something is written; the line counts from 1."""

    file: str
    line: int


@dataclass(frozen=True)
class Zone:
    """Where endpoints live: a part of the site, or what is around it."""

    name: str
    title: str
    network: str = ""
    """The network of the site that is this zone; empty where it has none, or where `addresses` says it."""
    addresses: tuple[str, ...] = ()
    place: Place = Place("", 0)


@dataclass(frozen=True)
class EndpointEntry:
    """Who talks or is talked to. Which of the fields count is a matter of `kind`, one of KINDS."""

    name: str
    title: str
    zone: str
    kind: str
    group: str = ""
    """The inventory group of the machines; for pods on the host network, of those that they run on."""
    namespaces: tuple[str, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    """Sorted; none where every pod of the namespaces is meant."""
    host_network: bool = False
    per_lab: bool = False
    """The policies of these pods come with each class of labs, and never let through more than the flows say."""
    unguarded: bool = False
    """The namespaces are not closed by us: no policy is rendered for these pods."""
    network: str = ""
    """The network that the site names."""
    blocks: tuple[Block, ...] = ()
    """The addresses that the catalogue names."""
    place: Place = Place("", 0)


@dataclass(frozen=True)
class FlowEntry:
    """Who may reach whom, on which ports, and why: every one of `sources` every one of `destinations`."""

    name: str
    sources: tuple[str, ...]
    destinations: tuple[str, ...]
    ports: tuple[Ports, ...]
    why: str
    reference: tuple[str, ...] = ()
    """The documents and their sections that ask for it."""
    feature: str = ""
    """The feature of a site without which the flow is absent; empty where there is none."""
    phases: tuple[str, ...] = ()
    """The only phases of a site that have the flow; empty for all."""
    published_at: str = ""
    """The inventory group of the machines by whose ports sources outside of the cluster come in; empty for none."""
    published_ports: tuple[Ports, ...] = ()
    place: Place = Place("", 0)


@dataclass(frozen=True)
class Catalogue:
    """Everything that is written, by name, in the order of the files."""

    zones: Mapping[str, Zone]
    endpoints: Mapping[str, EndpointEntry]
    flows: Mapping[str, FlowEntry]
