"""Reads the firewall of Proxmox VE (8.4) in the shapes of its API, as one firewall for each node and each VM.

What PVE itself lets in (pve-firewall(8), `PVE/Firewall.pm`): replies; on a node, from its own network and the ipset
`management`, SSH, the web interface and consoles, and what nodes need of each other; answers of DHCP servers where a
VM's option `dhcp` is on. Ping is not among it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import product
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput, Problem
from ansible_collections.autolabs.platform.plugins.module_utils.net.ports import Ports
from ansible_collections.autolabs.platform.plugins.module_utils.net.rules import ALLOW, DENY, INPUT, HostRule
from ansible_collections.autolabs.platform.plugins.module_utils.reach.hosts.firewall import (
    PROXMOX,
    Entry,
    HostFirewall,
    Note,
    as_network,
)
from ansible_collections.autolabs.platform.plugins.module_utils.reach.hosts.proxmox_values import (
    LeftOut,
    Names,
    NotAsked,
    anywhere,
    is_on,
    packets,
)

ACTIONS = {"ACCEPT": ALLOW, "DROP": DENY, "REJECT": DENY}
REFUSED = "it is refused with an answer"
MANAGEMENT = (Ports(22), Ports(3128), Ports(5900, "TCP", 5999), Ports(8006))
BETWEEN_NODES = (Ports(5405, "UDP", 5412), Ports(60000, "TCP", 60050))
"""Corosync and migration (pve-firewall(8), "Ports used by Proxmox VE")."""
DHCP = (("0.0.0.0/0", 67, 68), ("fe80::/10", 547, 546))


def read(
    data: Mapping[str, Any],
    addresses: Mapping[str, tuple[str, ...]] | None = None,
    names: Mapping[str, str] | None = None,
) -> dict[str, HostFirewall]:
    """The firewall before each node and each VM, by the names of hosts.

    data: `options`, `rules`, `groups` (group, rules), `ipsets` (name, cidrs) and `aliases` (name, cidr) of the cluster;
    `nodes`, by name, each with `options` and `rules`; `vms`, by the name of the host, each with `vmid`, `options` and
    `rules`, and `ipsets`, `aliases` and `nics` where it has them. `nics` are the fields `net0`, `net1`, ... of the
    VM's configuration; without it, every NIC is taken to have its firewall flag.
    addresses: those of the hosts.
    names: which node is which host, where they are called otherwise.
    Raises InvalidInput.
    """
    if problems := list(_problems(data)):
        raise InvalidInput(problems)
    known, called = addresses or {}, names or {}
    found: dict[str, HostFirewall] = {}
    for node, part in (data.get("nodes") or {}).items():
        host = called.get(node, node)
        found[host] = replace(_node(data, node, part), host=host, addresses=tuple(known.get(host, ())))
    for host, part in (data.get("vms") or {}).items():
        found[host] = replace(_vm(data, part), host=host, addresses=tuple(known.get(host, ())))
    return found


def _problems(data: Mapping[str, Any]) -> Iterator[Problem]:
    wanted = {"nodes": Mapping, "vms": Mapping, "options": Mapping, "groups": (list, Mapping), "rules": list}
    for field, kind in wanted.items():
        if data.get(field) is not None and not isinstance(data[field], kind):  # type: ignore[arg-type]
            word = "a list" if kind is list else "a map"
            yield Problem("proxmox", 0, field, f"{word} is expected, as the API gives it")
    for field in ("nodes", "vms"):
        parts = data.get(field)
        for name, part in parts.items() if isinstance(parts, Mapping) else ():
            if not isinstance(part, Mapping):
                yield Problem("proxmox", 0, f"{field}.{name}", "a map with options and rules is expected")


def _node(data: Mapping[str, Any], node: str, part: Mapping[str, Any]) -> HostFirewall:
    names = Names(data)
    cluster, own = data.get("options") or {}, part.get("options") or {}
    read_rules = _Rules(data, names)
    entries = list(read_rules.all(part.get("rules") or (), "rule"))
    entries += read_rules.all(data.get("rules") or (), "rule of the cluster")
    return HostFirewall(
        node,
        (),
        tuple(entry.rule for entry in entries),
        default=_policy(cluster, "policy_in", "DROP"),
        enabled=is_on(cluster.get("enable")) and is_on(own.get("enable"), True),
        program=PROXMOX,
        notes=tuple(entry.note for entry in entries),
        before=(),
        after=tuple(_management(names)),
        outgoing=(*read_rules.outgoing, *_policy_out(cluster)),
        unread=tuple(read_rules.unread),
        title=f"Proxmox, node {node}",
    )


def _vm(data: Mapping[str, Any], part: Mapping[str, Any]) -> HostFirewall:
    cluster, own = data.get("options") or {}, part.get("options") or {}
    guarded = {name: _guarded(nic) for name, nic in (part.get("nics") or {}).items()}
    only = next(iter(guarded)) if len(guarded) == 1 else ""
    read_rules = _Rules(data, Names(data, part), only)
    entries = list(read_rules.all(part.get("rules") or (), "rule"))
    return HostFirewall(
        "",
        (),
        tuple(entry.rule for entry in entries),
        default=_policy(own, "policy_in", "DROP"),
        enabled=is_on(cluster.get("enable")) and is_on(own.get("enable")) and (not guarded or any(guarded.values())),
        program=PROXMOX,
        notes=tuple(entry.note for entry in entries),
        before=(*_unguarded(guarded), *(_dhcp() if is_on(own.get("dhcp")) else ())),
        outgoing=(*read_rules.outgoing, *_policy_out(own)),
        unread=tuple(read_rules.unread),
        title=f"Proxmox, VM {part.get('vmid', '')}".rstrip(),
    )


class _Rules:
    """The rules of one machine, with those of its security groups in their places."""

    def __init__(self, data: Mapping[str, Any], names: Names, only_nic: str = "") -> None:
        groups = data.get("groups") or ()
        pairs = (
            groups.items() if isinstance(groups, Mapping) else ((entry["group"], entry["rules"]) for entry in groups)
        )
        self._groups = {str(name).lower(): rules for name, rules in pairs}
        self._names, self._only = names, only_nic
        self.outgoing: list[str] = []
        self.unread: list[str] = []

    def all(self, rules: Any, word: str, interface: str = "") -> Iterator[Entry]:
        """The entries of a list of rules, in order."""
        for position, rule in enumerate(rules):
            if not is_on(rule.get("enable")):
                continue
            place = f"{word} {rule.get('pos', position)}"
            iface = str(rule.get("iface") or interface)
            if rule.get("type") == "group":
                name = str(rule.get("action"))
                if name.lower() in self._groups:
                    yield from self.all(self._groups[name.lower()], f"group {name} rule", iface)
                else:
                    self.unread.append(f"{place} ({text_of(rule)}): there is no security group {name}")
            elif rule.get("type") == "out":
                self.outgoing += [f"{place}: {text_of(rule)}"] * (rule.get("action") != "ACCEPT")
            elif rule.get("type") == "in" and rule.get("action") in ACTIONS:
                yield from self._entries(rule, place, "" if iface == self._only else iface)
            else:
                self.unread.append(f"{place} ({text_of(rule)}): it is not for what comes in")

    def _entries(self, rule: Mapping[str, Any], place: str, interface: str) -> Iterator[Entry]:
        try:
            wanted, condition = packets(rule)
            sources = self._names.ranges(str(rule.get("source") or ""))
            targets = self._names.ranges(str(rule.get("dest") or ""))
        except (LeftOut, NotAsked) as error:
            self.unread.append(f"{place} ({text_of(rule)}): {error}")
            return
        action = str(rule.get("action"))
        note = Note(place, text_of(rule), condition, REFUSED if action == "REJECT" else "")
        flow = str(rule.get("comment") or "")
        for (version, ports), source, target in product(wanted, sources, targets):
            if len({version, _family(source), _family(target)} - {0}) < 2:
                start = source or anywhere(version)
                rule_read = HostRule(start, ports, ACTIONS[action], INPUT, target, interface, flow)
                yield Entry(rule_read, note)


def _family(cidr: str) -> int:
    return as_network(cidr).version if cidr else 0


def text_of(rule: Mapping[str, Any]) -> str:
    """A rule as a line of Proxmox's own files: `IN SSH(ACCEPT) -source +dc/admins`."""
    if rule.get("type") == "group":
        words = [f"GROUP {rule.get('action')}"]
    else:
        action = f"{rule['macro']}({rule.get('action')})" if rule.get("macro") else str(rule.get("action"))
        words = [str(rule.get("type", "")).upper(), action]
    fields = ("iface", "source", "dest", "proto", "sport", "dport", "icmp-type")
    words += [f"-{name} {rule[name]}" for name in fields if rule.get(name)]
    return " ".join(words) + (f" # {rule['comment']}" if rule.get("comment") else "")


def _policy(options: Mapping[str, Any], name: str, default: str) -> str:
    return ACTIONS.get(str(options.get(name) or default).upper(), DENY)


def _policy_out(options: Mapping[str, Any]) -> Iterator[str]:
    if _policy(options, "policy_out", "ACCEPT") == DENY:
        yield f"policy_out is {options['policy_out']}"


def _guarded(nic: Any) -> bool:
    """Whether a NIC (`virtio=...,bridge=vmbr0,firewall=1`, or its fields as a map) has the firewall flag."""
    if isinstance(nic, Mapping):
        return is_on(nic.get("firewall"))
    return "firewall=1" in str(nic).split(",")


def _unguarded(guarded: Mapping[str, bool]) -> Iterator[Entry]:
    if any(guarded.values()):
        for name in (name for name, flag in guarded.items() if not flag):
            note = Note(name, f"{name} has no firewall flag", f"it comes in by {name}, which has no firewall flag")
            yield Entry(HostRule("", None), note)


def _dhcp() -> Iterator[Entry]:
    for source, server, client in DHCP:
        note = Note("option dhcp", condition=f"it comes from port {server}")
        yield Entry(HostRule(source, Ports(client, "UDP")), note)


def _management(names: Names) -> Iterator[Entry]:
    """What PVE adds behind a node's rules. Its own network is the alias local_network, or else what the node has."""
    network = names.find("aliases", "local_network")
    condition = "" if network else "it comes from the node's own network, to which Proxmox opens this"
    note = Note("Proxmox's own rules", "its own network reaches SSH, web interface and consoles", condition)
    for ports in (*MANAGEMENT, *BETWEEN_NODES):
        yield Entry(HostRule(str(network or ""), ports), note)
    if names.find("ipsets", "management"):
        named = Note("Proxmox's own rules", "the ipset management reaches SSH, web interface and consoles")
        for source in names.ranges("+management"):
            yield from (Entry(HostRule(source, ports), named) for ports in MANAGEMENT)
