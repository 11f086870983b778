"""The catalogue's endpoints on one site: what stands for each, whether or not it runs now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ansible_collections.autolabs.platform.plugins.module_utils.audit.hosts.ranges import Span, cidrs, span, spans
from ansible_collections.autolabs.platform.plugins.module_utils.audit.result import Named
from ansible_collections.autolabs.platform.plugins.module_utils.flows.catalogue.model import (
    ADDRESSES,
    EVERYONE,
    HOSTS,
    INTERNET,
    PODS,
    Catalogue,
    EndpointEntry,
)
from ansible_collections.autolabs.platform.plugins.module_utils.flows.flow import Host
from ansible_collections.autolabs.platform.plugins.module_utils.flows.flow import Pods as PodsEnd
from ansible_collections.autolabs.platform.plugins.module_utils.flows.resolve import own_networks
from ansible_collections.autolabs.platform.plugins.module_utils.flows.site import PODS as PODS_NETWORK
from ansible_collections.autolabs.platform.plugins.module_utils.flows.site import Site
from ansible_collections.autolabs.platform.plugins.module_utils.net.addresses import EVERYWHERE, Block, internet
from ansible_collections.autolabs.platform.plugins.module_utils.reach.cluster import Pod

CLUSTER_MACHINES = "k8s"
MOST_SHOWN = 4
STAND_INS = ("any", "another")


@dataclass(frozen=True)
class Endpoint:
    """One endpoint; exactly one of `pods`, `hosts` and `spans` is not empty."""

    name: str
    title: str
    zone: str
    pods: tuple[PodsEnd, ...] = ()
    hosts: tuple[Host, ...] = ()
    spans: tuple[Span, ...] = ()
    per_lab: bool = False
    guarded: bool = False
    """Whether its pods are closed by policies of ours."""

    @property
    def stand_ins(self) -> tuple[Pod, ...]:
        """Two pods that stand for it in each of its namespaces; no pod of a cluster can have such a name."""
        return tuple(
            Pod(pods.namespace, f"{which} {self.name}", dict(pods.labels)) for which in STAND_INS for pods in self.pods
        )

    def has_pod(self, namespace: str, labels: Mapping[str, str]) -> bool:
        """Whether a pod belongs to it."""
        return any(
            pods.namespace == namespace and all(labels.get(key) == value for key, value in pods.labels)
            for pods in self.pods
        )

    def senders(self, site: Site) -> tuple[Span, ...]:
        """The addresses from which a machine outside of the cluster sees its packets come."""
        if self.spans:
            return self.spans
        hosts = self.hosts
        networks: Iterable[str] = ()
        if self.pods:
            networks = site.networks.get(PODS_NETWORK, ())
            hosts = site.groups.get(CLUSTER_MACHINES, ()) if site.masquerade else ()
        return tuple(map(span, (*networks, *(address for host in hosts for address in host.addresses))))

    def named(self) -> Named:
        """As reports show it."""
        return Named(self.name, self.title, self.zone, self._what())

    def _what(self) -> str:
        if self.pods:
            where = f"namespace {', '.join(dict.fromkeys(pods.namespace for pods in self.pods))}"
            return ", ".join([where, *(f"{key}={value}" for key, value in self.pods[0].labels)])
        if self.hosts:
            return ", ".join(f"{host.name} {' '.join(host.addresses)}" for host in self.hosts)
        if {span(cidr) for cidr in EVERYWHERE} <= set(self.spans):
            return "every address"
        ranges = cidrs(self.spans)
        hidden = len(ranges) - MOST_SHOWN
        return ", ".join(ranges[:MOST_SHOWN]) + (f" and {hidden} more ranges" if hidden > 0 else "")


def endpoints(catalogue: Catalogue, site: Site) -> tuple[Endpoint, ...]:
    """Those that this site has, by zone and in the catalogue's order."""
    zones = list(catalogue.zones)
    own = own_networks(catalogue, site)
    found = [_endpoint(entry, site, own) for entry in catalogue.endpoints.values()]
    return tuple(
        sorted((one for one in found if one.pods or one.hosts or one.spans), key=lambda one: zones.index(one.zone))
    )


def _endpoint(entry: EndpointEntry, site: Site, own: Iterable[str]) -> Endpoint:
    pods: tuple[PodsEnd, ...] = ()
    hosts: tuple[Host, ...] = ()
    blocks: tuple[Block, ...] = ()
    if entry.kind == PODS and not entry.host_network:
        pods = tuple(PodsEnd(namespace, entry.labels) for namespace in entry.namespaces)
    elif entry.kind in (PODS, HOSTS):
        hosts = site.hosts(entry.group).hosts
    elif entry.kind == INTERNET:
        blocks = internet(own)
    elif entry.kind == EVERYONE:
        blocks = tuple(map(Block, EVERYWHERE))
    elif entry.kind == ADDRESSES:
        blocks = entry.blocks
    else:
        blocks = tuple(map(Block, site.networks.get(entry.network, ())))
    return Endpoint(
        entry.name,
        entry.title,
        entry.zone,
        pods,
        hosts,
        spans(blocks),
        entry.per_lab,
        bool(pods) and not entry.unguarded and not entry.per_lab,
    )
