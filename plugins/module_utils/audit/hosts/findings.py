"""Findings of the firewalls of machines, and of the one that Proxmox has before them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

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
    never_deciding,
)
from ansible_collections.autolabs.platform.plugins.module_utils.audit.hosts.port_sets import NO_PORT, PortSet
from ansible_collections.autolabs.platform.plugins.module_utils.audit.matrix.endpoints import Endpoint
from ansible_collections.autolabs.platform.plugins.module_utils.audit.matrix.names import Names
from ansible_collections.autolabs.platform.plugins.module_utils.flows.flow import Flow, Host, Hosts
from ansible_collections.autolabs.platform.plugins.module_utils.flows.site import Site
from ansible_collections.autolabs.platform.plugins.module_utils.flows.ufw.published import NODE_PORTS
from ansible_collections.autolabs.platform.plugins.module_utils.flows.ufw.rules import ufw_rules
from ansible_collections.autolabs.platform.plugins.module_utils.net.rules import DENY, PUBLISHED
from ansible_collections.autolabs.platform.plugins.module_utils.reach.host_rules import HostFirewall

NODES = "proxmox"
"""The inventory group whose machines have the firewall of Proxmox, and none of ours within."""


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


def proxmox_findings(
    wanted: Mapping[str, HostFirewall], live: Mapping[str, HostFirewall], flows: Sequence[Flow], names: Names
) -> Iterator[Finding]:
    """What the Proxmox firewall lets in otherwise than the catalogue says. Both by the names of machines."""
    advice = "run playbooks/site.yml --tags proxmox_firewall"
    for name in sorted(wanted.keys() & live.keys()):
        for one in compare(wanted[name], live[name]):
            yield _finding(PROXMOX, live[name].where, name, one, advice, names, flows)
        yield from _shadowed(PROXMOX, live[name].where, live[name], wanted[name], advice)
    for name in sorted(wanted.keys() - live.keys()):
        what = f"Proxmox has no firewall before {name}, so everything gets through to the machine"
        yield Finding(EXTRA, PROXMOX, f"Proxmox, {name}", what, advice, destination=name)


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
    behind = [flow for flow in flows if flow.published and PortSet.of(flow.published.ports) & one.ports]
    return list(dict.fromkeys(name for flow in behind for name in names.of_end(flow.destination)))


def _shadowed(layer: str, where: str, firewall: HostFirewall, wanted: HostFirewall, advice: str) -> Iterator[Finding]:
    for rule, instead in never_deciding(firewall, wanted):
        what = f"the rule {rule} never decides: {instead} is asked before it"
        yield Finding(SHADOWED, layer, where, what, advice, rule=rule, destination=firewall.host)
