"""Renders flows as the firewall of Proxmox VE, in the shapes of its API (8.4, below `/cluster/firewall`).

What PVE lets in by itself, and so no rule here does (pve-firewall, `PVE/Firewall.pm`): loopback; packets of connections
that are open, and ICMP errors about them; too-big and time-exceeded of ICMP; neighbour discovery where `ndp` is set;
IGMP. Ping is not among them, so it is added.

On a node it also lets its own network, which is that of the machines, reach SSH, the web interface and the consoles.
The catalogue does not: a last rule closes these ports, as rules of ours are read before PVE's own.

The hypervisor sees a packet before the machine rewrites it: published ports are those of the machine. Of the cluster's
own traffic it sees VXLAN between machines alone, and whatever a pod sends elsewhere comes from its machine's address
where the cluster masquerades. What the node forwards between networks (NAT for the machines) is not made here.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput, Problem
from ansible_collections.autolabs.platform.plugins.module_utils.documents.shapes import did_you_mean
from ansible_collections.autolabs.platform.plugins.module_utils.flows.flow import Flow, Hosts, Pods
from ansible_collections.autolabs.platform.plugins.module_utils.flows.proxmox.names import GROUP_LENGTH, short_name
from ansible_collections.autolabs.platform.plugins.module_utils.flows.proxmox.sources import Source, sources
from ansible_collections.autolabs.platform.plugins.module_utils.flows.site import Site
from ansible_collections.autolabs.platform.plugins.module_utils.net.ports import LAST, WITHOUT_PORTS, Ports

NODES = "proxmox"
"""The inventory group of the nodes themselves."""
DOORS = (22, 8006)
"""TCP ports of a node by which people work on it: SSH and the web interface."""
EVERY_PORT = (Ports(1, "TCP", LAST),)
PLACE = {"node": "pve", "vmid": "120"}
"""What has to be known of a VM, with an example."""

CLUSTER_OPTIONS = {"enable": 1, "policy_in": "DROP", "policy_out": "ACCEPT", "ebtables": 1}
NODE_OPTIONS = {"enable": 1, "ndp": 1, "nosmurfs": 1, "tcpflags": 1}
# Addresses are static: no DHCP, and no machine announces itself as a router. `ipfilter` stays off: for a VM it would
# let out no address but link-local ones, nor the virtual address of the control planes.
VM_OPTIONS = {
    "enable": 1,
    "policy_in": "DROP",
    "policy_out": "ACCEPT",
    "dhcp": 0,
    "ndp": 1,
    "radv": 0,
    "macfilter": 1,
    "ipfilter": 0,
}

FLOW_SEPARATOR = ", "
"""Between the names in the comment of a rule that several flows need."""
PING = "ping"
"""The comment of the rules that stand for no flow: ping, from whoever sees the machine."""
PVE_PORTS = "22,3128,5900:5999,8006,60000:60050"
"""What PVE opens to its own network, and nodes of one Proxmox cluster need from each other."""
CEPH_PORTS = "3300,6789,6800:7568"
"""Monitors, managers and disks of a Ceph that the nodes have themselves (PVE's macro `Ceph`)."""
PVE_CLUSTER = "nodes of the Proxmox cluster"
PVE_CLOSED = "closed to the rest of the nodes' network"

# iptables' multiport takes 15 numbers, of which a range is two.
PORT_NUMBERS = 15
PING_RULES = tuple(
    {"type": "in", "action": "ACCEPT", "enable": 1, "proto": proto, "icmp-type": "echo-request", "comment": PING}
    for proto in ("icmp", "icmpv6")
)


def proxmox_firewall(flows: Iterable[Flow], site: Site, machines: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The whole firewall of the Proxmox cluster.

    machines: by inventory name, the `node` and `vmid` of each VM; a node of group `proxmox` may have its `node`, where
    it is called otherwise there.

    Gives `options` (of the cluster), `rules` (of the cluster), `ipsets` (name, comment, cidrs), `groups` (group,
    comment, rules), `nodes` (by node: options, rules) and `vms` (by inventory name: node, vmid, options, rules). Rules
    are in the order in which they are read. Outgoing traffic is not restricted.

    The option `enable` of the cluster closes every node of it, those that the inventory does not name as well. For
    these, what comes in to nodes is in the rules of the cluster too: PVE asks them on each node, after its own.

    Raises InvalidInput with every mistake: a VM without its node or number, one that the site does not have, and a
    node at which no flow lets anybody in by SSH and the web interface.
    """
    entrances = list(_entrances(flows, site))
    nodes = {host.name: host for host in site.groups.get(NODES, ())}
    problems = [*_unplaced(site, machines, nodes), *_closed(nodes, entrances)]
    if problems:
        raise InvalidInput(problems)
    vms = {name: machine for name, machine in machines.items() if name not in nodes}

    used = {target.group: target for target, *_rest in entrances if {host.name for host in target.hosts} & set(vms)}
    groups = [_group(name, entrances) for name in sorted(used)]
    rendered_nodes = {
        str(machines.get(name, {}).get("node") or name): {
            "options": dict(NODE_OPTIONS),
            "rules": _node_rules(name, entrances, several=len(nodes) > 1),
        }
        for name in sorted(nodes)
    }
    rendered_vms = {name: _vm(name, vms[name], used) for name in sorted(vms)}

    everywhere = _rules([entrance for entrance in entrances if entrance[0].group == NODES])

    rules = [rule for part in (*groups, *rendered_nodes.values()) for rule in part["rules"]] + everywhere
    referenced = {rule["source"].removeprefix("+dc/") for rule in rules if "source" in rule}
    ipsets = {source.name: source for _target, source, *_rest in entrances}
    ipsets.update({source.name: source for source in _node_sources(site)})
    return {
        "options": dict(CLUSTER_OPTIONS),
        "rules": everywhere,
        "ipsets": [ipsets[name].ipset() for name in sorted(referenced)],
        "groups": groups,
        "nodes": rendered_nodes,
        "vms": rendered_vms,
    }


Entrance = tuple[Hosts, Source, tuple[Ports, ...], str]
"""Machines, who comes in there, by which ports, and the flow's name."""


def _unplaced(site: Site, machines: Mapping[str, Mapping[str, Any]], nodes: Iterable[str]) -> Iterator[Problem]:
    """What is not known of machines."""
    known = {host.name for host in site.machines()}
    for name in sorted(machines):
        if name not in known:
            yield Problem("", 0, name, f"no group of the inventory has this machine{did_you_mean(name, known)}")
        for field, example in () if name in nodes else PLACE.items():
            if machines[name].get(field) in (None, ""):
                message = "is not said; it is needed to find the VM on Proxmox"
                yield Problem("", 0, f"{name}.{field}", message, example)


def _closed(nodes: Iterable[str], entrances: Sequence[Entrance]) -> Iterator[Problem]:
    """Nodes that nobody could work on any more."""
    for name in nodes:
        own = [entry for entry in entrances if name in {host.name for host in entry[0].hosts}]
        doors = [port for _target, _source, ports, _flow in own for port in ports or EVERY_PORT]
        for port in DOORS:
            if not any(door.protocol == "TCP" and door.first <= port <= door.end for door in doors):
                message = f"no flow lets anybody in at port {port} of this node, so nobody could work on it any more"
                yield Problem("", 0, name, message, "flows_networks: {admin: [192.0.2.0/24]}")


def _entrances(flows: Iterable[Flow], site: Site) -> Iterator[Entrance]:
    for flow in flows:
        if flow.published:
            target, ports = flow.published.at, flow.published.ports
        elif isinstance(flow.destination, Hosts):
            target, ports = flow.destination, flow.ports
        else:
            continue
        # A pod reaches what is published within the cluster, never by a port of a machine.
        if flow.published and isinstance(flow.source, Pods):
            continue
        for source in sources(flow, site):
            yield target, source, ports, flow.name


def _group(group: str, entrances: Iterable[Entrance]) -> dict[str, Any]:
    return {
        "group": short_name(group, GROUP_LENGTH),
        "comment": f"autolabs: machines of {group}",
        "rules": _rules([entrance for entrance in entrances if entrance[0].group == group]),
    }


def _vm(name: str, machine: Mapping[str, Any], groups: Mapping[str, Hosts]) -> dict[str, Any]:
    own = [group for group, target in sorted(groups.items()) if name in {host.name for host in target.hosts}]
    rules: list[dict[str, Any]] = [
        {"type": "group", "action": short_name(group, GROUP_LENGTH), "enable": 1, "comment": group} for group in own
    ]
    rules.extend(dict(rule) for rule in PING_RULES)
    return {"node": machine["node"], "vmid": machine["vmid"], "options": dict(VM_OPTIONS), "rules": rules}


def _node_rules(name: str, entrances: Iterable[Entrance], *, several: bool) -> list[dict[str, Any]]:
    own = [entrance for entrance in entrances if name in {host.name for host in entrance[0].hosts}]
    rules = [*_rules(own), *(dict(rule) for rule in PING_RULES)]
    pve = {"type": "in", "enable": 1, "proto": "tcp", "dport": PVE_PORTS}
    if several:
        cluster = {**pve, "dport": f"{PVE_PORTS},{CEPH_PORTS}"}
        rules.append({**cluster, "action": "ACCEPT", "source": f"+dc/hosts-{NODES}", "comment": PVE_CLUSTER})
    rules.append({**pve, "action": "DROP", "comment": PVE_CLOSED})
    return rules


def _node_sources(site: Site) -> Iterator[Source]:
    nodes = site.groups.get(NODES, ())
    if nodes:
        yield Source.of_hosts(Hosts(NODES, nodes))


def _rules(entrances: Sequence[Entrance]) -> list[dict[str, Any]]:
    """For each source, every port in one rule, with all flows that need it; in the catalogue's order."""
    needed: dict[tuple[str, str], list[tuple[int, int, str]]] = {}
    for _target, source, ports, flow in entrances:
        for protocol, first, last in _ranges(ports):
            needed.setdefault((source.reference, protocol), []).append((first, last, flow))
    order = {flow: number for number, flow in enumerate(dict.fromkeys(entry[3] for entry in entrances))}
    rules = []
    for (reference, protocol), ranges in needed.items():
        for flows, joined in _by_flows(ranges).items():
            for dport in _dports(joined):
                rule: dict[str, Any] = {"type": "in", "action": "ACCEPT", "enable": 1}
                given = {"source": reference, "proto": protocol, "dport": dport, "comment": FLOW_SEPARATOR.join(flows)}
                rules.append((order[flows[0]], rule | {key: value for key, value in given.items() if value}))
    return [rule for _position, rule in sorted(rules, key=lambda entry: entry[0])]


def _ranges(ports: tuple[Ports, ...]) -> Iterator[tuple[str, int, int]]:
    """Protocol, first and last port, as rules have them; the protocol is empty for every one."""
    if not ports:
        yield "", 1, LAST
    for entry in ports:
        if entry.protocol in WITHOUT_PORTS:
            # ICMP is a protocol of its own in either family.
            names = ("icmp", "icmpv6") if entry.protocol == "ICMP" else (entry.protocol.lower(),)
            yield from ((name, 1, LAST) for name in names)
        else:
            yield entry.protocol.lower(), entry.first, entry.end


def _by_flows(ranges: list[tuple[int, int, str]]) -> dict[tuple[str, ...], list[tuple[int, int]]]:
    """The ports, apart by who needs them: neighbouring ports that the same flows need are one range."""
    borders = sorted({border for first, last, _flow in ranges for border in (first, last + 1)})
    found: dict[tuple[str, ...], list[tuple[int, int]]] = {}
    for first, after in itertools.pairwise(borders):
        flows = tuple(dict.fromkeys(flow for start, last, flow in ranges if start <= first <= last))
        if not flows:
            continue
        joined = found.setdefault(flows, [])
        if joined and joined[-1][1] == first - 1:
            joined[-1] = (joined[-1][0], after - 1)
        else:
            joined.append((first, after - 1))
    return found


def _dports(ranges: Iterable[tuple[int, int]]) -> Iterator[str]:
    entries: list[str] = []
    numbers = 0
    for first, last in ranges:
        if (first, last) == (1, LAST):
            yield ""
            return
        needed = 1 if first == last else 2
        if numbers + needed > PORT_NUMBERS:
            yield ",".join(entries)
            entries, numbers = [], 0
        entries.append(str(first) if first == last else f"{first}:{last}")
        numbers += needed
    yield ",".join(entries)
