"""A site as its inventory says it, read. Pure data; what could not be read is None or not there."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Union

from ansible_collections.autolabs.platform.plugins.module_utils.net.addresses import Network
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.vm import Vm

# Evaluated, and so in the form that ansible-test takes for the oldest Python it knows.
Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]  # noqa: UP007

NODES, GITLAB, DATABASE, CLUSTER = "proxmox", "gitlab", "database", "k8s"
CONTROL_PLANE, WORKER = "k8s_control_plane", "k8s_worker"
OF_MACHINES = (GITLAB, DATABASE, CLUSTER, CONTROL_PLANE, WORKER)
"""Groups of machines that run a part of the platform."""
PLANNED = "planned"
"""Machines that do not exist yet, in check mode."""
NO_GROUPS = ("all", "ungrouped", PLANNED)
"""Groups that say nothing about a machine."""


@dataclass(frozen=True)
class SiteNetwork:
    """A network that machines are in."""

    name: str
    range: Network
    gateway: Address | None = None
    vlan: int | None = None
    bridge: str | None = None


@dataclass(frozen=True)
class Node:
    """A Proxmox host, by its name in the inventory."""

    name: str
    proxmox_name: str
    address: Address | None = None
    cores: int | None = None
    memory: int | None = None
    """MiB."""
    disk: Mapping[str, int] | None = None
    """GiB by storage."""


@dataclass(frozen=True)
class Machine:
    """A machine of the site that is no node."""

    name: str
    groups: tuple[str, ...] = ()
    address: Address | None = None
    host: str | None = None
    """Its `ansible_host` as it is written, where that is no address."""
    is_vm: bool = False
    """Whether the inventory has it made on Proxmox."""
    vm: Vm | None = None
    """None as well for a VM that could not be read."""
    broken: frozenset[str] = frozenset()
    """Fields of the VM that could not be read."""
    inherited: frozenset[str] = frozenset()
    """Fields of the VM that are those of all VMs."""

    def within(self, group: str) -> bool:
        """Whether it is in a group."""
        return group in self.groups

    def field(self, name: str) -> str:
        """Where people write a field of its VM."""
        return f"proxmox_vms_defaults.{name}" if name in self.inherited else f"hosts.{self.name}.proxmox_vm.{name}"


@dataclass(frozen=True)
class Template:
    """The template that the site makes."""

    vmid: int
    name: str | None = None
    url: str | None = None
    checksum: str | None = None
    node: str | None = None
    storage: str | None = None


@dataclass(frozen=True)
class Cluster:
    """The Kubernetes cluster, by names of machines."""

    control_planes: tuple[str, ...] = ()
    workers: tuple[str, ...] = ()
    control_plane_group: str = CONTROL_PLANE
    worker_group: str = WORKER
    endpoint: str | None = None
    """Address or name and port, as kubeadm has it; None where the inventory gives none."""
    schedulable: bool = False
    """Whether control planes run ordinary pods."""
    pods: tuple[Network, ...] = ()
    services: tuple[Network, ...] = ()


@dataclass(frozen=True)
class Minimum:
    """What a machine of a group needs at least."""

    cores: int = 0
    memory: int = 0
    """MiB."""


@dataclass(frozen=True)
class SiteData:
    """One installation."""

    name: str
    phase: str | None = None
    domain: str | None = None
    networks: tuple[SiteNetwork, ...] = ()
    networks_broken: bool = False
    """Whether some of them could not be read."""
    ranges: Mapping[str, tuple[Network, ...]] = field(default_factory=dict)
    """`flows_networks`: who is who by address, for the flow catalogue."""
    nodes: tuple[Node, ...] = ()
    machines: tuple[Machine, ...] = ()
    cluster: Cluster = Cluster()
    template: Template | None = None
    minimums: Mapping[str, Minimum] = field(default_factory=dict)
    shared_storage: Mapping[str, int] = field(default_factory=dict)
    """GiB by storage that all nodes have together."""
    reserved_memory: int = 0
    """MiB of each node that are its own."""
    api_host: str | None = None
    api_credentials: tuple[str, ...] = ()
    """Kinds that are given: `token`, `token_file`, `password`; never what they are."""

    unreadable_ca: str | None = None
    """The path of the API's certificate authority, where nothing is there."""

    @property
    def on_proxmox(self) -> bool:
        """Whether the site makes its machines; without nodes they are there already."""
        return bool(self.nodes)

    def everybody(self) -> tuple[Node | Machine, ...]:
        """Nodes and machines."""
        return (*self.nodes, *self.machines)

    def vms(self) -> tuple[tuple[Machine, Vm], ...]:
        """The VMs that could be read and are to be there."""
        return tuple((m, m.vm) for m in self.machines if m.vm is not None and m.vm.state != "absent")

    def network_of(self, address: Address) -> SiteNetwork | None:
        """The network that an address is of."""
        return next((network for network in self.networks if address in network.range), None)
