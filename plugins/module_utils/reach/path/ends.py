"""The two ends of a way through all firewalls: a machine of the site, a pod, or an address that is neither."""

from __future__ import annotations

import difflib
import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ansible_collections.autolabs.platform.plugins.module_utils.net.rules import CHAINS
from ansible_collections.autolabs.platform.plugins.module_utils.reach.cluster import Cluster, Node, Pod
from ansible_collections.autolabs.platform.plugins.module_utils.reach.hosts.firewall import HostFirewall, as_network
from ansible_collections.autolabs.platform.plugins.module_utils.reach.policies.parties import UnknownEndpoint

INTERNET = "internet"
"""In place of an address: one of the internet that no rule is for in particular."""
NOBODYS = ("203.0.113.7", "198.51.100.7", "192.0.2.7", "198.18.0.7")
"""Addresses that belong to nobody (RFC 5737, RFC 2544)."""
PARTICULAR = 8
"""Rules for ranges of at least this prefix length are for somebody in particular."""
SERVICE = "service/"


@dataclass(frozen=True)
class Filters:
    """Every packet filter that is known, and the cluster behind some of them."""

    cluster: Cluster = field(default_factory=lambda: Cluster({}))
    hosts: Mapping[str, HostFirewall] | None = None
    """By machine; None where no machine's own firewall is part of the question."""
    proxmox: Mapping[str, HostFirewall] | None = None
    """By machine; None where Proxmox is not part of the question. Machines that are not here are no VM of its."""


@dataclass(frozen=True)
class Machine:
    """A machine of the site, in the cluster or not."""

    name: str
    addresses: tuple[str, ...]
    node: Node | None = None

    def address_like(self, other: str) -> str:
        """The first address of the family that another has; empty where there is none."""
        version = ipaddress.ip_address(other).version
        return next((one for one in self.addresses if ipaddress.ip_address(one).version == version), "")


@dataclass(frozen=True)
class End:
    """One end of a question."""

    text: str
    """As `reach.explain` takes it."""
    pod: Pod | None = None
    machine: Machine | None = None
    service: bool = False

    @property
    def outside(self) -> bool:
        """Whether it is neither a machine of the site nor in the cluster."""
        return not (self.pod or self.machine or self.service)

    @property
    def addresses(self) -> tuple[str, ...]:
        """Its own addresses, as far as they are known."""
        if self.machine:
            return self.machine.addresses
        return self.pod.addresses if self.pod else () if self.service else (self.text,)


def machines(filters: Filters) -> dict[str, Machine]:
    """All machines by name: those of the cluster, and those whose firewall is known."""
    found = {node.name: Machine(node.name, node.addresses, node) for node in filters.cluster.nodes}
    for firewalls in (filters.hosts, filters.proxmox):
        for name, firewall in (firewalls or {}).items():
            same = next((one for one in found.values() if set(one.addresses) & set(firewall.addresses)), None)
            if same is None and name not in found:
                found[name] = Machine(name, firewall.addresses)
            elif same is not None and same.name != name:
                # Inventory and cluster may call one machine by two names.
                found[name] = same
    return found


def find(filters: Filters, text: str) -> End:
    """What a question means: `namespace/name` of a pod, a machine, `service/namespace/name`, an address, `internet`.

    An address of a pod or machine means that one, and a pod on the host network its machine. Raises UnknownEndpoint.
    """
    known = machines(filters)
    if text == INTERNET:
        return End(somebody(filters))
    if text.startswith(SERVICE):
        return End(text, service=True)
    if machine := known.get(text):
        return _machine(machine)
    pod = filters.cluster.pod_by_key.get(text)
    if pod is None:
        pod = next((one for one in filters.cluster.pods if text in one.addresses and not one.host_network), None)
    if pod is not None:
        node = known.get(pod.node) if pod.host_network else None
        return _machine(node) if node else End(pod.key, pod=pod)
    if machine := next((one for one in known.values() if text in one.addresses), None):
        return _machine(machine)
    try:
        address = str(ipaddress.ip_address(text))
    except ValueError:
        near = difflib.get_close_matches(text, (*known, *filters.cluster.pod_by_key), n=3)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise UnknownEndpoint(
            f"{text!r} is no pod (namespace/name), machine, Service (service/namespace/name) or address here{hint}"
        ) from None
    return End(address, service=any(address in (*one.addresses, *one.external) for one in filters.cluster.services))


def somebody(filters: Filters) -> str:
    """An address of the internet for which no rule of any machine is in particular."""
    ranges = list(_particular(filters))
    free = (one for one in NOBODYS if not any(ipaddress.ip_address(one) in as_network(entry) for entry in ranges))
    return next(free, NOBODYS[-1])


def _particular(filters: Filters) -> Iterator[str]:
    for firewalls in (filters.hosts, filters.proxmox):
        for firewall in (firewalls or {}).values():
            for chain in CHAINS:
                sources = {entry.rule.source for entry in firewall.entries(chain)} - {""}
                yield from (one for one in sources if as_network(one).prefixlen >= PARTICULAR)
    for policy in filters.cluster.rules:
        for rule in (*(policy.ingress or ()), *(policy.egress or ())):
            cidrs = {peer.block.cidr for peer in rule.peers or () if peer.block}
            yield from (one for one in cidrs if as_network(one).prefixlen >= PARTICULAR)


def _machine(machine: Machine) -> End:
    text = machine.name if machine.node else (machine.addresses or (machine.name,))[0]
    return End(text, machine=machine)
