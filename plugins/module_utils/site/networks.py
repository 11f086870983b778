"""What the address ranges of a site cannot be together."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import Problem
from ansible_collections.autolabs.platform.plugins.module_utils.net.addresses import EVERYWHERE, Network
from ansible_collections.autolabs.platform.plugins.module_utils.site.model import Address, SiteData, SiteNetwork

ADMIN = "admin"
PODS, SERVICES = "kubeadm_pod_subnet", "kubeadm_service_subnet"
OWN_RANGES = "pods, services and machines need ranges of their own"
FREE_PODS = "10.244.0.0/16"
ADMIN_EXAMPLE = "flows_networks: {admin: [192.0.2.10/32]}"


def check(site: SiteData) -> Iterator[Problem]:
    """Ranges that overlap, gateways that are elsewhere, and a site that lets no administrator in."""
    for network in site.networks:
        yield from _gateway(network)
    for one, other in itertools.combinations(site.networks, 2):
        yield from _apart(one, other)
    if not site.ranges.get(ADMIN):
        message = "does not say where administrators and Ansible come from, so nobody could come in by ssh any more"
        yield Problem("", 0, f"flows_networks.{ADMIN}", message, ADMIN_EXAMPLE)
    yield from _cluster(site)


def unusable(address: Address, network: Network) -> str:
    """What an address of a range is that no machine can have: its first or its last; empty for any other."""
    if network.version == 4 and network.prefixlen < 31:
        if address == network.network_address:
            return "the first address"
        if address == network.broadcast_address:
            return "the broadcast address"
    return ""


def overlap(one: Network, other: Network) -> bool:
    """Whether two ranges share an address."""
    return one.version == other.version and one.overlaps(other)


def _gateway(network: SiteNetwork) -> Iterator[Problem]:
    if network.gateway is None:
        return
    field = f"site_networks.{network.name}.gateway"
    if network.gateway not in network.range:
        message = f"{network.gateway} is not an address of {network.range}; give the router's address within it"
        yield Problem("", 0, field, message, str(network.range[1]) if network.range.num_addresses > 2 else "")
    elif unusable(network.gateway, network.range):
        message = (
            f"{network.gateway} is {unusable(network.gateway, network.range)} of {network.range}; give another one"
        )
        yield Problem("", 0, field, message, str(network.range[1]))


def _apart(one: SiteNetwork, other: SiteNetwork) -> Iterator[Problem]:
    field = f"site_networks.{other.name}"
    if overlap(one.range, other.range):
        message = (
            f"{other.range} overlaps {one.range} of {one.name}, so a packet could be for either; give one of them "
            "another range"
        )
        yield Problem("", 0, f"{field}.cidr", message)
    if one.vlan is not None and (one.vlan, one.bridge) == (other.vlan, other.bridge):
        message = f"{other.vlan} is the tag of {one.name} too, which makes them one network; give one another tag"
        yield Problem("", 0, f"{field}.vlan", message)


def _cluster(site: SiteData) -> Iterator[Problem]:
    pods, services = site.cluster.pods, site.cluster.services
    for one, other in itertools.product(pods, services):
        if overlap(one, other):
            message = f"{other} (network services) overlaps {one} (network pods); {OWN_RANGES}"
            yield Problem("", 0, SERVICES, message)
    for variable, what, ranges in ((PODS, "pods", pods), (SERVICES, "services", services)):
        for found in ranges:
            yield from _against_networks(site, variable, what, found)


def _against_networks(site: SiteData, variable: str, what: str, found: Network) -> Iterator[Problem]:
    taken: list[Network] = []
    for network in site.networks:
        if not overlap(found, network.range):
            continue
        taken.append(network.range)
        if what == "pods" and network.vlan is not None:
            message = (
                f"{found} (network pods) overlaps {network.range} of VLAN {network.vlan} "
                f"(site_networks.{network.name}). A VLAN never carries the pod network, since pods talk "
                "through tunnels of the machines; give pods a range of their own"
            )
            yield Problem("", 0, variable, message, FREE_PODS)
        else:
            message = f"{found} (network {what}) overlaps {network.range} of site_networks.{network.name}; {OWN_RANGES}"
            yield Problem("", 0, variable, message)
    for name, ranges in site.ranges.items():
        for entry in ranges:
            known = any(overlap(entry, network) for network in taken)
            if str(entry) not in EVERYWHERE and overlap(found, entry) and not known:
                taken.append(entry)
                message = f"{found} (network {what}) overlaps {entry} of flows_networks.{name}; {OWN_RANGES}"
                yield Problem("", 0, variable, message)
    for machine in site.everybody():
        inside = machine.address is not None and machine.address in found
        if inside and not any(machine.address in network for network in taken):
            message = f"{found} (network {what}) has {machine.address} in it, which is {machine.name}'s; {OWN_RANGES}"
            yield Problem("", 0, variable, message)
