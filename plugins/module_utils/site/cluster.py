"""What a Kubernetes cluster cannot be made of."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import Problem
from ansible_collections.autolabs.platform.plugins.module_utils.net.addresses import Network
from ansible_collections.autolabs.platform.plugins.module_utils.site.model import (
    CLUSTER,
    Address,
    Cluster,
    SiteData,
)
from ansible_collections.autolabs.platform.plugins.module_utils.site.networks import PODS, SERVICES, unusable
from ansible_collections.autolabs.platform.plugins.module_utils.site.values import address_or_none

ENDPOINT = "kubeadm_control_plane_endpoint"
NODE_PREFIX = {4: 24, 6: 64}
"""The range of pods that each node gets (kube-controller-manager --node-cidr-mask-size-ipv4 and -ipv6)."""
MOST_NODE_BITS = 16
"""A pod range may be larger than a node's by so many bits (k8s.io/kubernetes, pkg/controller/nodeipam)."""
LEAST_SERVICES = 256
MOST_SERVICE_BITS = 20
"""The API server refuses larger ranges (--service-cluster-ip-range: /12, or /108 of IPv6)."""


def check(site: SiteData) -> Iterator[Problem]:
    """Numbers of control planes, the address of the API, and the sizes of ranges."""
    cluster = site.cluster
    if not cluster.control_planes and not any(machine.within(CLUSTER) for machine in site.machines):
        return
    yield from _members(cluster)
    yield from _endpoint(site)
    machines = {*cluster.control_planes, *cluster.workers}
    for found in cluster.pods:
        yield from _pods(found, len(machines))
    for found in cluster.services:
        yield from _services(found)


def _members(cluster: Cluster) -> Iterator[Problem]:
    planes = cluster.control_planes
    if len(planes) % 2 == 0:
        message = (
            f"has {len(planes)} machines. etcd needs an odd number, or it is no safer than with one less: put one "
            "machine there, or three"
        )
        yield Problem("", 0, f"groups.{cluster.control_plane_group}", message)
    if planes and not set(cluster.workers) - set(planes) and not cluster.schedulable:
        message = (
            f"no machine is in the group {cluster.worker_group}, and control planes run no ordinary pods; add a "
            "worker, or set this to true"
        )
        yield Problem("", 0, "kubeadm_control_plane_schedulable", message)


def _endpoint(site: SiteData) -> Iterator[Problem]:
    cluster = site.cluster
    if cluster.endpoint is None:
        if len(cluster.control_planes) > 1:
            message = (
                f"is missing, and there are {len(cluster.control_planes)} control planes: name a virtual address, or a "
                "balancer, or the cluster ends with the first of them"
            )
            yield Problem("", 0, ENDPOINT, message, "192.168.100.40:6443")
        return
    match = re.fullmatch(r"(?P<host>[^/\s:]+|\[[0-9a-fA-F:]+\]):(?P<port>[0-9]{1,5})", cluster.endpoint)
    if not match or not 1 <= int(match["port"]) <= 65535:
        message = f"is {cluster.endpoint!r}; give address and port"
        yield Problem("", 0, ENDPOINT, message, "192.168.100.40:6443")
        return
    host = match["host"].strip("[]")
    address = address_or_none(host)
    if address is None and re.fullmatch("[0-9.]+", host):
        yield Problem("", 0, ENDPOINT, f"{host} is no address", "192.168.100.40:6443")
    elif address is not None:
        yield from _address(site, address)


def _address(site: SiteData, address: Address) -> Iterator[Problem]:
    owners = [machine for machine in site.everybody() if machine.address == address]
    planes = site.cluster.control_planes
    for owner in owners:
        if owner.name not in planes:
            message = f"{address} is the address of {owner.name}, which is no control plane; give another one"
            yield Problem("", 0, ENDPOINT, message)
        elif len(planes) > 1:
            message = (
                f"{address} is the address of {owner.name} alone, with which the cluster would end; give a virtual "
                "address that no machine has, or a balancer"
            )
            yield Problem("", 0, ENDPOINT, message)
    if owners or not site.networks or site.networks_broken:
        return
    network = site.network_of(address)
    if network is None:
        ranges = ", ".join(str(entry.range) for entry in site.networks)
        message = f"{address} is in no network of the site ({ranges}), so no control plane could take it over"
        yield Problem("", 0, ENDPOINT, message)
    elif address == network.gateway:
        yield Problem("", 0, ENDPOINT, f"{address} is the gateway of {network.name}; give another one")
    elif unusable(address, network.range):
        message = f"{address} is {unusable(address, network.range)} of {network.range}; give another one"
        yield Problem("", 0, ENDPOINT, message)


def _pods(found: Network, machines: int) -> Iterator[Problem]:
    prefix = NODE_PREFIX[found.version]
    room = 1 << (prefix - found.prefixlen) if found.prefixlen <= prefix else 0
    if room < machines:
        message = (
            f"{found} has room for {room} machines, and the cluster has {machines}: each gets a /{prefix} of it; "
            "give a larger range"
        )
        yield Problem("", 0, PODS, message, "10.244.0.0/16")
    if prefix - found.prefixlen > MOST_NODE_BITS:
        message = f"{found} is larger than Kubernetes takes; the largest is a /{prefix - MOST_NODE_BITS}"
        yield Problem("", 0, PODS, message, "10.244.0.0/16")


def _services(found: Network) -> Iterator[Problem]:
    if found.num_addresses < LEAST_SERVICES:
        message = (
            f"{found} has {found.num_addresses} addresses, which is too few: each instance of a lab takes one or more; "
            f"give {LEAST_SERVICES} at least"
        )
        yield Problem("", 0, SERVICES, message, "10.96.0.0/12")
    if found.max_prefixlen - found.prefixlen > MOST_SERVICE_BITS:
        largest = found.max_prefixlen - MOST_SERVICE_BITS
        message = f"{found} is larger than the API server takes; the largest is a /{largest}"
        yield Problem("", 0, SERVICES, message, "10.96.0.0/12")
