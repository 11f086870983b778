"""The audit of a site: the catalogue, what is rendered of it, and what is in force, held against each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.audit.cluster.idle import idle_policies
from ansible_collections.autolabs.platform.plugins.module_utils.audit.cluster.objects import (
    differing_policies,
    differing_proxmox,
)
from ansible_collections.autolabs.platform.plugins.module_utils.audit.cluster.open import (
    open_namespaces,
    other_policies,
    pods_on_machines,
)
from ansible_collections.autolabs.platform.plugins.module_utils.audit.cluster.policies import policy_findings
from ansible_collections.autolabs.platform.plugins.module_utils.audit.cluster.stage import Stage, stage
from ansible_collections.autolabs.platform.plugins.module_utils.audit.finding import (
    EXTRA,
    MISSING,
    RENDERED,
    Finding,
    in_order,
)
from ansible_collections.autolabs.platform.plugins.module_utils.audit.hosts.findings import (
    NODES,
    host_findings,
    machines,
    proxmox_findings,
    unknown_to_proxmox,
    wanted_firewall,
)
from ansible_collections.autolabs.platform.plugins.module_utils.audit.live import Live, read_live
from ansible_collections.autolabs.platform.plugins.module_utils.audit.matrix.endpoints import endpoints
from ansible_collections.autolabs.platform.plugins.module_utils.audit.matrix.matrix import matrix
from ansible_collections.autolabs.platform.plugins.module_utils.audit.matrix.names import Names
from ansible_collections.autolabs.platform.plugins.module_utils.audit.matrix.way import Ways
from ansible_collections.autolabs.platform.plugins.module_utils.audit.result import DIFFERS, Audit, Cell, Named
from ansible_collections.autolabs.platform.plugins.module_utils.flows.catalogue.model import Catalogue
from ansible_collections.autolabs.platform.plugins.module_utils.flows.flow import Host
from ansible_collections.autolabs.platform.plugins.module_utils.flows.proxmox.rules import proxmox_firewall
from ansible_collections.autolabs.platform.plugins.module_utils.flows.resolve import Resolved, resolve
from ansible_collections.autolabs.platform.plugins.module_utils.flows.site import Site
from ansible_collections.autolabs.platform.plugins.module_utils.reach.hosts import proxmox
from ansible_collections.autolabs.platform.plugins.module_utils.reach.hosts.firewall import HostFirewall
from ansible_collections.autolabs.platform.plugins.module_utils.reach.verdict import ALLOWED

REPORT = "this is a mistake of the platform, not of the site: report it with flows.json"


@dataclass(frozen=True)
class _Proxmox:
    """The Proxmox firewall in the shapes of its API, and read, by the names of machines."""

    wanted: Mapping[str, Any]
    live: Mapping[str, Any]
    wanted_by_host: Mapping[str, HostFirewall]
    live_by_host: Mapping[str, HostFirewall]


def audit(catalogue: Catalogue, site: Site, gathered: Mapping[str, Any], *, time: int, title: str) -> Audit:
    """One audit.

    gathered: the live state, see `live.read_live`. time: now, in seconds since 1970. title: what people call the site.
    Raises InvalidInput for a live state that cannot be read.
    """
    resolved = resolve(catalogue, site)
    known = endpoints(catalogue, site)
    hosts = machines(known)
    live = read_live(gathered, hosts)
    names = Names(known, site)
    staged = stage(known, resolved, site, live.objects)
    pve = _proxmox(resolved, site, live)

    found: list[Finding] = []
    if live.objects is not None:
        found += policy_findings(staged, names)
        found += idle_policies(staged, resolved.namespaces)
        found += open_namespaces(staged, catalogue)
        found += pods_on_machines(staged, catalogue, resolved.namespaces)
        found += other_policies(live.other_policies)
    found += host_findings(resolved.flows, site, live.firewalls, hosts, names)
    if pve:
        shapes = (pve.wanted, pve.live)
        found += proxmox_findings(pve.wanted_by_host, pve.live_by_host, resolved.flows, names, shapes)
        found += unknown_to_proxmox(hosts, site.groups.get(NODES, ()), {*pve.live_by_host, *live.unanswered})

    wanted_ways = _wanted_ways(resolved, site, staged, hosts, pve)
    found += _rendered(matrix(known, resolved.flows, catalogue, wanted_ways, ()))
    findings = in_order(found)
    ways = Ways(site, staged, live.objects is not None, _firewalls(live.firewalls, pve.live_by_host if pve else {}))
    objects = list(differing_policies(staged.rendered, staged.live.policies, staged.gone)) if live.objects else []
    if pve:
        objects += differing_proxmox(pve.wanted, pve.live)
    return Audit(
        time,
        title,
        findings,
        tuple(sorted(objects, key=lambda one: one.name)),
        live.sources,
        (*((one.flow, one.why) for one in resolved.absent), *_gone(staged)),
        tuple(Named(zone.name, zone.title) for zone in catalogue.zones.values()),
        tuple(one.named() for one in known),
        matrix(known, resolved.flows, catalogue, ways, findings),
        {
            "flows": len({flow.name for flow in resolved.flows}),
            "policies": len(staged.live.policies) if live.objects is not None else 0,
            "pods": sum(one.get("kind") == "Pod" for one in live.objects or ()),
            "machines": len(live.firewalls),
            "pairs": len(known) ** 2,
        },
    )


def _proxmox(resolved: Resolved, site: Site, live: Live) -> _Proxmox | None:
    if live.proxmox is None:
        return None
    vms = live.proxmox.get("vms") or {}
    called = {host.name: host.name for host in site.groups.get(NODES, ())}
    places = {name: {"node": vm.get("node", ""), "vmid": vm.get("vmid", 0)} for name, vm in vms.items()}
    wanted = proxmox_firewall(resolved.flows, site, places)
    addresses = {host.name: host.addresses for host in site.machines()}
    return _Proxmox(
        wanted,
        live.proxmox,
        proxmox.read(wanted, addresses, called),
        proxmox.read(live.proxmox, addresses, called),
    )


def _firewalls(
    own: Mapping[str, HostFirewall], before: Mapping[str, HostFirewall]
) -> dict[str, tuple[HostFirewall, ...]]:
    """By machine, in the order in which a packet meets them."""
    return {name: tuple(part[name] for part in (before, own) if name in part) for name in (*own, *before) if name}


def _wanted_ways(resolved: Resolved, site: Site, staged: Stage, hosts: Sequence[Host], pve: _Proxmox | None) -> Ways:
    own = {host.name: wanted_firewall(resolved.flows, host, site) for host in hosts}
    before = pve.wanted_by_host if pve else {}
    return Ways(site, replace(staged, live=staged.wanted), True, _firewalls(own, before))


def _rendered(cells: Sequence[Cell]) -> Iterator[Finding]:
    """Where the rules that are made of the catalogue do not mean what it says."""
    for cell in (cell for cell in cells if cell.answer == DIFFERS):
        for line in (line for line in cell.lines if line.live not in ("", line.catalogue)):
            kind = MISSING if line.catalogue == ALLOWED else EXTRA
            step = line.steps[-1] if line.steps else None
            where = step.where if step else "rendered rules"
            ports = ", ".join(line.ports) or "other ports"
            what = f"{cell.source} to {cell.destination}, {ports}: the rendered rules say {line.live}"
            pair = ((cell.source, cell.destination),)
            flow = ", ".join(line.flows)
            yield Finding(
                kind, RENDERED, where, what, REPORT, flow, step.rule if step else "", *pair[0], line.ports, cells=pair
            )


def _gone(staged: Stage) -> Iterator[tuple[str, str]]:
    for name in staged.gone:
        yield f"namespace {name}", "the cluster has no such namespace, so there is nothing to close"
