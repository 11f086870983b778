"""Findings of the firewalls of machines, and of the one that Proxmox has before them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.audit.finding import (
    EXTRA,
    HOSTS,
    MISSING,
    PROXMOX,
    SHADOWED,
    UNDECIDED,
    Finding,
)
from ansible_collections.autolabs.platform.plugins.module_utils.audit.hosts.filters import (
    Difference,
    compare,
    keeping_in,
    never_deciding,
    unjudged,
)
from ansible_collections.autolabs.platform.plugins.module_utils.audit.hosts.port_sets import (
    EVERYTHING,
    NO_PORT,
    PortSet,
)
from ansible_collections.autolabs.platform.plugins.module_utils.audit.hosts.proxmox_advice import advice
from ansible_collections.autolabs.platform.plugins.module_utils.audit.matrix.endpoints import (
    CLUSTER_MACHINES,
    Endpoint,
)
from ansible_collections.autolabs.platform.plugins.module_utils.audit.matrix.names import Names, shown
from ansible_collections.autolabs.platform.plugins.module_utils.flows.flow import Flow, Host, Hosts, Pods
from ansible_collections.autolabs.platform.plugins.module_utils.flows.site import Site
from ansible_collections.autolabs.platform.plugins.module_utils.flows.ufw.published import NODE_PORTS
from ansible_collections.autolabs.platform.plugins.module_utils.flows.ufw.rules import ufw_rules
from ansible_collections.autolabs.platform.plugins.module_utils.net.rules import DENY, PUBLISHED
from ansible_collections.autolabs.platform.plugins.module_utils.reach.hosts.firewall import HostFirewall

NODES = "proxmox"
"""The inventory group whose machines have the firewall of Proxmox, and none of ours within."""
BY_HAND = "remove the rule by hand where it is not needed; no rule of ours is for what leaves a machine or passes it"


def machines(endpoints: Sequence[Endpoint]) -> tuple[Host, ...]:
    """The machines of the catalogue with a firewall of their own, by name."""
    found = {host.name: host for one in endpoints if one.name != NODES for host in one.hosts}
    return tuple(found[name] for name in sorted(found))


def wanted_firewall(flows: Sequence[Flow], host: Host, site: Site) -> HostFirewall:
    """What the catalogue makes of the firewall of a machine."""
    return HostFirewall(host.name, host.addresses, ufw_rules(flows, host.name, site), DENY, published=DENY)


def published_ports(flows: Sequence[Flow], host: Host) -> PortSet:
    """The ports of a machine behind which pods or containers may be; none where no flow is published there."""
    here = [flow.published for flow in flows if flow.published and host in flow.published.at.hosts]
    if not here:
        return NO_PORT
    return PortSet.of([*NODE_PORTS, *(port for one in here for port in one.ports)])


def host_findings(
    flows: Sequence[Flow], site: Site, live: Mapping[str, HostFirewall], hosts: Sequence[Host], names: Names
) -> Iterator[Finding]:
    """What the firewalls of machines let in otherwise than the catalogue says; and rules that never decide."""
    for host in hosts:
        if host.name not in live:
            continue
        firewall = live[host.name]
        wanted = wanted_firewall(flows, host, site)
        title = f"firewall of {host.name}"
        for one in compare(wanted, firewall, published_ports(flows, host)):
            advice = f"run playbooks/site.yml --tags firewall -l {host.name}"
            if one.kind == EXTRA:
                advice += ", or add the flow to a file of flows_files"
            yield _finding(HOSTS, title, host.name, one, advice, names, flows)
        yield from _shadowed(HOSTS, title, firewall, wanted, f"run playbooks/site.yml --tags firewall -l {host.name}")
        yield from _beyond(HOSTS, title, firewall, wanted, _starting(flows, host.name), names, BY_HAND)


def proxmox_findings(
    wanted: Mapping[str, HostFirewall],
    live: Mapping[str, HostFirewall],
    flows: Sequence[Flow],
    names: Names,
    shapes: tuple[Mapping[str, Any], Mapping[str, Any]],
) -> Iterator[Finding]:
    """What the Proxmox firewall lets in otherwise than the catalogue says. All by the names of machines.

    shapes: wanted and live as the API has them, for what people have to set there by hand.
    """
    for name in sorted(wanted.keys() & live.keys()):
        firewall, where = live[name], live[name].where
        for one in compare(wanted[name], firewall):
            do = advice(name, one.kind, one.flow, one.rule, *shapes)
            yield _finding(PROXMOX, where, name, one, do, names, flows)
        for rule, instead in never_deciding(firewall, wanted[name]):
            do = advice(name, SHADOWED, "", rule, *shapes)
            yield _never(PROXMOX, where, firewall, rule, instead, do)
        yield from _beyond(PROXMOX, where, firewall, wanted[name], _leaving(flows, name), names, BY_HAND)


def unknown_to_proxmox(hosts: Sequence[Host], nodes: Sequence[Host], known: Collection[str]) -> Iterator[Finding]:
    """Machines of the catalogue that are none of the VMs and nodes that Proxmox tells of."""
    for host in (host for host in (*hosts, *nodes) if host.name not in known):
        if host in nodes:
            what = f"Proxmox has no node {host.name}"
            do = "give the node and the machine of the inventory one name"
        else:
            what = f"Proxmox has no VM for {host.name}"
            do = (
                "give the VM the name that the inventory has, or one of its addresses (ipconfig0, or its guest agent); "
                "a machine that is no VM of this Proxmox needs nothing"
            )
        what += ", so nobody knows what stands before it"
        depends = f"which firewall is before {host.name}"
        yield Finding(UNDECIDED, PROXMOX, f"Proxmox, {host.name}", what, do, destination=host.name, assumption=depends)


def _finding(
    layer: str, where: str, host: str, one: Difference, advice: str, names: Names, flows: Sequence[Flow]
) -> Finding:
    source = names.of_addresses(one.spans)
    ports = one.ports.words()
    at = f"{', '.join(ports) or 'every port'}{' (published)' if one.chain == PUBLISHED else ''}"
    what = {
        EXTRA: f"{source} can reach {host} at {at}; no flow of the catalogue says so",
        MISSING: f"{source} cannot reach {host} at {at}, though the catalogue says so",
        UNDECIDED: f"nobody can tell whether {source} reaches {host} at {at}",
    }[one.kind]
    rule = "" if one.kind == MISSING else one.rule
    senders = _senders(one, host, names, flows)
    cells = [(name, target) for name in senders for target in _targets(one, host, names, flows)]
    return Finding(
        one.kind, layer, where, what, advice, one.flow, rule, source, host, ports, one.assumption, tuple(cells)
    )


def _senders(one: Difference, host: str, names: Names, flows: Sequence[Flow]) -> list[str]:
    """The endpoints whose packets it concerns; of pods that policies close only those that a flow lets out to there."""
    ports = one.ports
    meant = [
        flow
        for flow in flows
        if isinstance(flow.destination, Hosts)
        and host in [each.name for each in flow.destination.hosts]
        and PortSet.of_flow(flow.ports) & ports
    ]
    let_out = {name for flow in meant for name in names.of_end(flow.source)}
    closed = names.closed_pods() - let_out
    return [name for name in names.concerned(one.spans) if name not in closed]


def _targets(one: Difference, host: str, names: Names, flows: Sequence[Flow]) -> list[str]:
    """The endpoints that packets get to: the machine, or what is behind the published ports that differ."""
    if one.chain != PUBLISHED:
        return names.endpoints_of_host(host)
    behind = [
        flow
        for flow in flows
        if flow.published
        and host in [each.name for each in flow.published.at.hosts]
        and PortSet.of(flow.published.ports) & one.ports
    ]
    return list(dict.fromkeys(name for flow in behind for name in names.of_end(flow.destination)))


def _shadowed(layer: str, where: str, firewall: HostFirewall, wanted: HostFirewall, do: str) -> Iterator[Finding]:
    for rule, instead in never_deciding(firewall, wanted):
        yield _never(layer, where, firewall, rule, instead, do)


def _never(layer: str, where: str, firewall: HostFirewall, rule: str, instead: str, do: str) -> Finding:
    what = f"the rule {rule} never decides: {instead} is asked before it"
    return Finding(SHADOWED, layer, where, what, do, rule=rule, destination=firewall.host)


def _starting(flows: Sequence[Flow], host: str) -> list[Flow]:
    """The flows whose packets a machine sends."""
    return [
        flow
        for flow in flows
        if isinstance(flow.source, Hosts)
        and host in [one.name for one in flow.source.hosts]
        # What a machine asks of itself does not leave it.
        and not (isinstance(flow.destination, Hosts) and [one.name for one in flow.destination.hosts] == [host])
    ]


def _leaving(flows: Sequence[Flow], host: str) -> list[Flow]:
    """The flows whose packets leave a VM: those of its pods, too."""
    pods = [
        flow
        for flow in flows
        if isinstance(flow.source, Pods) and not isinstance(flow.destination, Pods) and not flow.published
    ]
    on_it = [host] if any(host == one.name for flow in flows for one in _cluster(flow)) else []
    return _starting(flows, host) + (pods if on_it else [])


def _cluster(flow: Flow) -> tuple[Host, ...]:
    ends = [flow.source, flow.destination, *((flow.published.at,) if flow.published else ())]
    return tuple(host for end in ends if isinstance(end, Hosts) and end.group == CLUSTER_MACHINES for host in end.hosts)


def _beyond(
    layer: str,
    where: str,
    firewall: HostFirewall,
    wanted: HostFirewall,
    leaving: Sequence[Flow],
    names: Names,
    do: str,
) -> Iterator[Finding]:
    """Rules for what leaves the machine, or passes through it: the catalogue makes none, and nobody can judge them."""
    host = firewall.host
    if rules := keeping_in(firewall, wanted):
        for name in dict.fromkeys(flow.name for flow in leaving):
            meant = [flow for flow in leaving if flow.name == name]
            ports = PortSet.of([port for flow in meant for port in flow.ports or EVERYTHING]).words()
            cells = [
                (source, target)
                for flow in meant
                for source in names.of_end(flow.source)
                for target in names.of_end(flow.destination)
            ]
            what = f"nobody can tell whether the flow {name} leaves {host}, where rules keep in what goes out"
            rule = shown(rules)
            yield Finding(
                UNDECIDED,
                layer,
                where,
                what,
                do,
                name,
                rule,
                host,
                "",
                ports,
                f"whether it is kept in by {rule}",
                tuple(dict.fromkeys(cells)),
            )
    for rule in unjudged(firewall, wanted):
        what = f"nobody can tell what the rule {rule} opens or closes; the catalogue makes none of its kind"
        yield Finding(
            UNDECIDED, layer, where, what, do, rule=rule, destination=host, assumption=f"what {rule} is about"
        )
