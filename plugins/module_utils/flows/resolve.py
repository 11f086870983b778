"""The flows of one site: the catalogue's names become machines, pods and addresses."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher

from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import Problem
from ansible_collections.autolabs.platform.plugins.module_utils.documents.shapes import did_you_mean
from ansible_collections.autolabs.platform.plugins.module_utils.flows.catalogue.model import (
    ADDRESSES,
    EVERYONE,
    HOSTS,
    INTERNET,
    NETWORK,
    PODS,
    Catalogue,
    EndpointEntry,
    FlowEntry,
)
from ansible_collections.autolabs.platform.plugins.module_utils.flows.catalogue.reading import BUILT_IN_NAME
from ansible_collections.autolabs.platform.plugins.module_utils.flows.flow import (
    Addresses,
    Endpoint,
    Flow,
    Hosts,
    Pods,
    Published,
)
from ansible_collections.autolabs.platform.plugins.module_utils.flows.site import CLUSTER_NETWORKS, HOST_ADDRESSES, Site
from ansible_collections.autolabs.platform.plugins.module_utils.net.addresses import (
    EVERYWHERE,
    Block,
    collapsed,
    internet,
)

ALIKE = 0.8
"""From which likeness on (difflib) the name of a group is a slip of another: one letter of seven, two of twenty."""


@dataclass(frozen=True)
class Absent:
    """A flow of the catalogue that this site does not have, or not between all of its endpoints, and why."""

    flow: str
    why: str


@dataclass(frozen=True)
class Resolved:
    """The flows of a site."""

    flows: tuple[Flow, ...]
    """In the order of the catalogue; a flow between several endpoints is several of the same name."""
    absent: tuple[Absent, ...]
    namespaces: tuple[str, ...]
    """Those that are closed but for the flows: where the catalogue's pods live, whether a flow of theirs is there or
    not; without those that are left open (`unguarded`)."""


class _Missing(Exception):
    """The site has nothing that an endpoint could be; the message says why."""


def resolve(catalogue: Catalogue, site: Site) -> Resolved:
    """What the catalogue says, in the site's own machines and addresses."""
    flows: list[Flow] = []
    absent: list[Absent] = []
    own = own_networks(catalogue, site)
    for entry in catalogue.flows.values():
        why = _off(entry, site)
        if why:
            absent.append(Absent(entry.name, why))
            continue
        for source, destination in itertools.product(entry.sources, entry.destinations):
            ends = (catalogue.endpoints[source], catalogue.endpoints[destination])
            try:
                flows += _flows(entry, *ends, site, own)
            except _Missing as missing:
                absent.append(Absent(entry.name, str(missing)))
    closed = (
        namespace
        for endpoint in catalogue.endpoints.values()
        if not endpoint.unguarded
        for namespace in endpoint.namespaces
    )
    return Resolved(tuple(flows), tuple(dict.fromkeys(absent)), tuple(dict.fromkeys(closed)))


def misfits(catalogue: Catalogue, site: Site) -> list[Problem]:
    """What the inventory says that cannot be meant with this catalogue, named by the variable to change."""
    return [*_nameless(catalogue, site), *_unused(catalogue, site), *_misspelt(catalogue, site)]


def own_networks(catalogue: Catalogue, site: Site) -> tuple[str, ...]:
    """The site's own addresses, which are never the internet: its zones, its cluster and its machines."""
    named = (*CLUSTER_NETWORKS, *(zone.network for zone in catalogue.zones.values()))
    ranges = [text for name in dict.fromkeys(named) for text in site.networks.get(name, ())]
    ranges += [text for zone in catalogue.zones.values() for text in zone.addresses]
    ranges += [address for host in site.machines() for address in host.addresses]
    return collapsed(ranges)


def _off(entry: FlowEntry, site: Site) -> str:
    if entry.feature and entry.feature not in site.features:
        return f"the feature {entry.feature} is off"
    if entry.phases and site.phase not in entry.phases:
        return f"only in the {'phase' if len(entry.phases) == 1 else 'phases'} {', '.join(entry.phases)}"
    return ""


def _flows(
    entry: FlowEntry, source: EndpointEntry, destination: EndpointEntry, site: Site, own: tuple[str, ...]
) -> Iterator[Flow]:
    """The flows of one pair. Raises _Missing."""
    published = None
    if entry.published_at:
        published = Published(_hosts(entry.published_at, site), entry.published_ports)
    starts, ends = (_endpoints(endpoint, site, own) for endpoint in (source, destination))
    for start, end in itertools.product(starts, ends):
        yield Flow(
            name=entry.name,
            source=start,
            destination=end,
            ports=entry.ports,
            why=entry.why,
            published=published,
            per_lab=_of_a_lab(start, source) or _of_a_lab(end, destination),
        )


def _of_a_lab(end: Endpoint, endpoint: EndpointEntry) -> Pods | None:
    return end if endpoint.per_lab and isinstance(end, Pods) else None


def _endpoints(endpoint: EndpointEntry, site: Site, own: tuple[str, ...]) -> tuple[Endpoint, ...]:
    return _RESOLVERS[endpoint.kind](endpoint, site, own)


def _machines(endpoint: EndpointEntry, site: Site, own: tuple[str, ...]) -> tuple[Endpoint, ...]:
    return (_hosts(endpoint.group, site),)


def _pods(endpoint: EndpointEntry, site: Site, own: tuple[str, ...]) -> tuple[Endpoint, ...]:
    if endpoint.host_network:
        return (_hosts(endpoint.group, site),)
    return tuple(Pods(namespace, endpoint.labels) for namespace in endpoint.namespaces)


def _named_network(endpoint: EndpointEntry, site: Site, own: tuple[str, ...]) -> tuple[Endpoint, ...]:
    ranges = site.networks.get(endpoint.network, ())
    if not ranges:
        raise _Missing(f"the site names no network {endpoint.network}")
    return (Addresses(tuple(Block(text) for text in ranges)),)


def _literal(endpoint: EndpointEntry, site: Site, own: tuple[str, ...]) -> tuple[Endpoint, ...]:
    return (Addresses(endpoint.blocks),)


def _internet(endpoint: EndpointEntry, site: Site, own: tuple[str, ...]) -> tuple[Endpoint, ...]:
    return (Addresses(internet(own)),)


def _everyone(endpoint: EndpointEntry, site: Site, own: tuple[str, ...]) -> tuple[Endpoint, ...]:
    return (Addresses(tuple(Block(text) for text in EVERYWHERE)),)


_RESOLVERS: dict[str, Callable[[EndpointEntry, Site, tuple[str, ...]], tuple[Endpoint, ...]]] = {
    HOSTS: _machines,
    PODS: _pods,
    NETWORK: _named_network,
    ADDRESSES: _literal,
    INTERNET: _internet,
    EVERYONE: _everyone,
}


def _hosts(group: str, site: Site) -> Hosts:
    hosts = site.hosts(group)
    if not hosts.hosts:
        raise _Missing(f"no machine is in the group {group}")
    return hosts


def _nameless(catalogue: Catalogue, site: Site) -> Iterator[Problem]:
    groups = {endpoint.group for endpoint in catalogue.endpoints.values()}
    groups |= {flow.published_at for flow in catalogue.flows.values()}
    hosts = {host.name for group in groups for host in site.groups.get(group, ()) if not host.addresses}
    for host in sorted(hosts):
        message = (
            "no address of this machine is known, so no rule can speak of it; give its ansible_host an address, or "
            "name its addresses with this variable"
        )
        yield Problem("", 0, f"{host}: {HOST_ADDRESSES}", message, "[192.168.100.20]")


def _unused(catalogue: Catalogue, site: Site) -> Iterator[Problem]:
    known = sorted({flow.feature for flow in catalogue.flows.values() if flow.feature})
    for index, feature in enumerate(site.features):
        if feature not in known:
            message = f"no flow of the catalogue has the feature {feature}{did_you_mean(feature, known)}"
            yield Problem("", 0, f"flows_features[{index}]", message)
    networks = {*CLUSTER_NETWORKS, *_networks(catalogue)}
    for name in site.networks:
        # Inventories may name networks for other purposes; only what looks like a slip is one.
        hint = did_you_mean(name, networks - site.networks.keys())
        if name not in networks and hint:
            yield Problem("", 0, f"flows_networks.{name}", f"no endpoint of the catalogue has this network{hint}")


def _misspelt(catalogue: Catalogue, site: Site) -> Iterator[Problem]:
    """Groups that the inventory does not have at all, and that look like a slip: in a site's file for any group that it
    has; in the inventory, where the built-in catalogue names them, for one that nothing else is meant by."""
    written = [
        *((entry.group, f"endpoints.{entry.name}.{entry.kind}", entry.place) for entry in catalogue.endpoints.values()),
        *((flow.published_at, f"flows.{flow.name}.published", flow.place) for flow in catalogue.flows.values()),
    ]
    used = {group for group, _field, _place in written}
    told: set[str] = set()
    for group, field, place in written:
        if not group or group in site.groups or group in told:
            continue
        others = site.groups.keys() - used if place.file == BUILT_IN_NAME else site.groups.keys()
        hint = did_you_mean(group, sorted(other for other in others if _like(group, other)))
        if hint:
            told.add(group)
            message = f"the inventory has no group {group}{hint} Else give the inventory an empty group of this name"
            yield Problem(place.file, place.line, field, message)


def _like(one: str, other: str) -> bool:
    """Whether one name may be a slip of the other; a word more, as `proxmox_nodes` has it, is a name of its own."""
    longer = any(first.startswith(f"{second}_") for first, second in ((one, other), (other, one)))
    return not longer and SequenceMatcher(None, one, other).ratio() >= ALIKE


def _networks(catalogue: Catalogue) -> Iterable[str]:
    found = {zone.network for zone in catalogue.zones.values()}
    return (found | {endpoint.network for endpoint in catalogue.endpoints.values()}) - {""}
