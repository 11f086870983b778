"""What entries of the catalogue say together, and cannot mean."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence

from ansible_collections.autolabs.platform.plugins.module_utils.flows.catalogue import fields
from ansible_collections.autolabs.platform.plugins.module_utils.flows.catalogue.layers import Entry, Layers, Spot
from ansible_collections.autolabs.platform.plugins.module_utils.flows.catalogue.model import (
    HOSTS,
    PODS,
    Catalogue,
    EndpointEntry,
    FlowEntry,
    Zone,
)
from ansible_collections.autolabs.platform.plugins.module_utils.net.addresses import EVERYWHERE, overlaps
from ansible_collections.autolabs.platform.plugins.module_utils.net.ports import WITHOUT_PORTS, Ports

_MACHINES, _PODS, _ADDRESSES = range(3)
SSH_FLOW, SSH = "admin-ssh", (Ports(22),)
"""The flow by which administrators and Ansible come in to machines, and its ports where the catalogue has none."""


def removed(layers: Layers) -> None:
    """Zones and endpoints that a file removes while others still refer to them."""
    references = (
        (fields.ZONES, fields.ENDPOINTS, ("zone",), "endpoint"),
        (fields.ENDPOINTS, fields.FLOWS, ("from", "to"), "flow"),
    )
    for kind, users, keys, word in references:
        for name, spot in layers.removed[kind].items():
            using = [entry for entry in layers.maps[users].values() if name in _names(entry, keys)]
            if using:
                list_of = ", ".join(f"{entry.name} ({entry.spot_of(_key(entry, keys, name))})" for entry in using)
                plural = word if len(using) == 1 else f"{word}s"
                message = f"is removed here, and the {plural} {list_of} still use it; remove or change them too"
                layers.mistakes.add(spot, message, f"{users}: {{{using[0].name}: null}}")


def zones_apart(catalogue: Catalogue, layers: Layers, networks: Mapping[str, Sequence[str]]) -> None:
    """Zones that share addresses, literal ones or those of the site's networks."""
    found = [(zone, zone.addresses or tuple(networks.get(zone.network, ()))) for zone in catalogue.zones.values()]
    for zone, ranges in found:
        if zone.network and set(ranges) & {*EVERYWHERE}:
            message = f"the network {zone.network} of this site is every address there is; a zone is a part of them"
            layers.mistakes.add(_spot_of_addresses(layers, zone), message)
    for (first, ranges), (second, others) in itertools.combinations(found, 2):
        for one, other in overlaps(ranges, others):
            message = f"{_range(second, other)} overlaps {_range(first, one)} of the zone {first.name}"
            layers.mistakes.add(_spot_of_addresses(layers, second), message)


def expressible(catalogue: Catalogue, layers: Layers) -> None:
    """Flows that no firewall of the site can let through, or that would not be what is meant."""
    for flow in catalogue.flows.values():
        entry = layers.maps[fields.FLOWS][flow.name]
        if _broken(entry, layers):
            continue
        ends = [[catalogue.endpoints[name] for name in names if name in catalogue.endpoints] for names in _ends(flow)]
        told = dict.fromkeys(
            found for source in ends[0] for destination in ends[1] for found in _impossible(flow, source, destination)
        )
        for key, message in told:
            layers.mistakes.add(entry.spot_of(key), message)
        for port, ssh in itertools.product(flow.published_ports, _ssh(catalogue)):
            if port.overlaps(ssh):
                message = f"{port} is how administrators come in to the machines by ssh ({ssh}), which would be cut off"
                layers.mistakes.add(entry.spot_of("published"), message)
        if flow.published_ports and _protocols(flow.published_ports) != _protocols(flow.ports):
            layers.mistakes.add(
                entry.spot_of("published"),
                f"the machines' ports are of {_listed(flow.published_ports)} and the flow's own of "
                f"{_listed(flow.ports)}; a port is passed on in its own protocol",
            )


def _broken(entry: Entry, layers: Layers) -> bool:
    """Whether a field of the flow has a mistake that is told already; what is left of it says nothing."""
    return bool(entry.broken) or any(layers.mistakes.inside(given.spot) for given in entry.fields.values())


def _ssh(catalogue: Catalogue) -> tuple[Ports, ...]:
    flow = catalogue.flows.get(SSH_FLOW)
    return flow.ports if flow and flow.ports else SSH


def _impossible(flow: FlowEntry, source: EndpointEntry, destination: EndpointEntry) -> Iterator[tuple[str, str]]:
    """The field that is wrong, and why, for one pair of a flow."""
    start, end = _sort(source), _sort(destination)
    if start == end == _ADDRESSES:
        yield "to", f"neither {source.name} nor {destination.name} is ours, so no firewall of the site is between them"
    if source.per_lab and destination.per_lab:
        yield "to", "labs never reach other labs; the components of an instance reach each other without a flow"
    for port in flow.ports:
        if port.protocol in WITHOUT_PORTS and _PODS in (start, end):
            pods = source if start == _PODS else destination
            yield (
                "ports",
                f"{port} is for machines only; {pods.name} is pods, and NetworkPolicy knows TCP, UDP and SCTP",
            )
        if port.protocol == "SCTP" and end == _MACHINES:
            yield "ports", f"{port} cannot be let in to the machines of {destination.name}: ufw knows no SCTP"
    if flow.published_at:
        yield from _impossible_publication(flow, source, destination)


def _impossible_publication(
    flow: FlowEntry, source: EndpointEntry, destination: EndpointEntry
) -> Iterator[tuple[str, str]]:
    if _sort(source) == _PODS:
        yield (
            "published",
            f"is for sources outside of the cluster, and {source.name} is pods: they reach pods themselves",
        )
    if destination.host_network:
        yield "published", f"{destination.name} is on the host network, so its ports are the machines' own; take it out"
    elif destination.kind == HOSTS and destination.group != flow.published_at:
        yield (
            "published",
            f"the machines of {flow.published_at} pass on to their own containers or to pods, not to the machines of "
            f"{destination.name}; write `at: {destination.group}` for containers there, or take it out",
        )
    elif _sort(destination) == _ADDRESSES:
        yield "published", f"is for pods and containers, and {destination.name} is addresses"
    for port in flow.published_ports:
        if port.protocol in WITHOUT_PORTS or port.protocol == "SCTP":
            yield "published", f"{port} cannot be passed on by a machine; TCP and UDP can"


def _sort(endpoint: EndpointEntry) -> int:
    if endpoint.kind == HOSTS or endpoint.host_network:
        return _MACHINES
    return _PODS if endpoint.kind == PODS else _ADDRESSES


def _ends(flow: FlowEntry) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return flow.sources, flow.destinations


def _protocols(ports: Sequence[Ports]) -> set[str]:
    return {port.protocol for port in ports}


def _listed(ports: Sequence[Ports]) -> str:
    return " and ".join(sorted(_protocols(ports)))


def _names(entry: Entry, keys: Sequence[str]) -> list[str]:
    return [given.value for key in keys for given in entry.several(key)]


def _key(entry: Entry, keys: Sequence[str], name: str) -> str:
    return next(key for key in keys if name in _names(entry, (key,)))


def _spot_of_addresses(layers: Layers, zone: Zone) -> Spot:
    return layers.maps[fields.ZONES][zone.name].spot_of("network" if zone.network else "addresses")


def _range(zone: Zone, text: str) -> str:
    return f"{text} (network {zone.network})" if zone.network else text
