"""The firewall of Proxmox VE, put together from the answers of its API (8.4), by path.

What was not answered is never taken for empty: a machine whose rules nobody told is not one that has none.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

CLUSTER = "cluster/firewall"
MACHINES = "cluster/resources?type=vm"
NODES = "nodes"
FIRST = (
    *(f"{CLUSTER}/{part}" for part in ("options", "rules", "aliases", "groups", "ipset")),
    MACHINES,
    NODES,
)
"""What is asked first; the answers tell what else there is."""
AGENT = "agent/network-get-interfaces"
AGENT_ON = re.compile(r"(?:enabled=)?1(?:,|$)|.*,enabled=1(?:,|$)")
NO_ANSWER = "no answer"
STATIC = re.compile(r"(?:^|,)ip6?=([^,/]+)")
"""The address of a field `ipconfig0` (PVE API: /nodes/{node}/qemu/{vmid}/config): `ip=192.168.100.20/24,gw=...`."""

Answers = Mapping[str, Any]
Hosts = Mapping[str, Collection[str]]
"""The addresses of each machine of the inventory."""


@dataclass(frozen=True)
class Answered:
    """What Proxmox told of its firewall."""

    firewall: Mapping[str, Any] | None
    """In the shapes that are rendered and read; None where what holds for all machines is not known."""
    why: str = ""
    """Why it is None."""
    silent: Mapping[str, str] = field(default_factory=dict)
    """Machines and nodes that Proxmox has, and why their firewall is not known."""


def paths(answers: Answers, hosts: Hosts, unanswered: Collection[str] = ()) -> list[str]:
    """What to ask next: nothing once all is asked.

    First the rules of groups and nodes, the members of sets, and the configuration of each VM; then, where VMs have
    other names than the inventory's machines, their guest agents; then the rules of the VMs that are machines of ours.
    hosts: a VM that is none of them is none of this site.
    """
    found = _common(answers)
    found += [f"{_place(one)}/config" for one in _vms(answers)]
    found += [path for one in _nodes(answers) for path in _rules(f"nodes/{one}")]
    asked = {*answers, *unanswered}
    if not set(found) <= asked:
        return [path for path in found if path not in asked]
    found += _agents(answers, hosts)
    if set(found) <= asked:
        found += [path for one in _ours(answers, hosts).values() for path in _rules(_place(one))]
    return [path for path in found if path not in asked]


def read(answers: Answers, hosts: Hosts, unanswered: Mapping[str, str] | None = None) -> Answered:
    """All of it: options, rules, groups, ipsets, aliases, nodes, vms (by the inventory's names).

    unanswered: paths that brought no answer, with the reason (`HTTP 403`).
    """
    reasons = unanswered or {}
    lost = next((path for path in (*FIRST, *_common(answers)) if path not in answers), "")
    if lost:
        return Answered(None, _why(lost, reasons))
    silent: dict[str, str] = {}
    nodes: dict[str, Any] = {}
    for name in _nodes(answers):
        if lost := _lost(answers, _rules(f"nodes/{name}")):
            silent[name] = _why(lost, reasons)
        else:
            nodes[name] = _part(answers, f"nodes/{name}")
    vms: dict[str, Any] = {}
    for name, one in _ours(answers, hosts).items():
        if lost := _lost(answers, [*_rules(_place(one)), f"{_place(one)}/config"]):
            silent[name] = _why(lost, reasons)
        else:
            place = {"node": one["node"], "vmid": one["vmid"]}
            vms[name] = {**place, **_part(answers, _place(one)), **_nics(answers, one)}
    groups, sets = answers[f"{CLUSTER}/groups"] or (), answers[f"{CLUSTER}/ipset"] or ()
    return Answered(
        {
            "options": answers[f"{CLUSTER}/options"] or {},
            "rules": answers[f"{CLUSTER}/rules"] or [],
            "aliases": answers[f"{CLUSTER}/aliases"] or [],
            "groups": [{**one, "rules": answers[f"{CLUSTER}/groups/{one['group']}"] or []} for one in groups],
            "ipsets": [{**one, "cidrs": answers[f"{CLUSTER}/ipset/{one['name']}"] or []} for one in sets],
            "nodes": nodes,
            "vms": vms,
        },
        silent=silent,
    )


def _common(answers: Answers) -> list[str]:
    """What holds for every machine."""
    found = [f"{CLUSTER}/groups/{one['group']}" for one in answers.get(f"{CLUSTER}/groups") or ()]
    return found + [f"{CLUSTER}/ipset/{one['name']}" for one in answers.get(f"{CLUSTER}/ipset") or ()]


def _rules(place: str) -> list[str]:
    return [f"{place}/firewall/{part}" for part in ("options", "rules")]


def _nodes(answers: Answers) -> list[str]:
    return [str(one["node"]) for one in answers.get(NODES) or ()]


def _vms(answers: Answers) -> list[Mapping[str, Any]]:
    return [one for one in answers.get(MACHINES) or () if one.get("type") == "qemu" and "vmid" in one]


def _place(machine: Mapping[str, Any]) -> str:
    return f"nodes/{machine['node']}/qemu/{machine['vmid']}"


def _agents(answers: Answers, hosts: Hosts) -> list[str]:
    """The agents of VMs that neither name nor configuration tells, where machines are left to be found."""
    ours = _ours(answers, hosts)
    if ours.keys() >= hosts.keys():
        return []
    known = [_place(one) for one in ours.values()]
    return [
        f"{_place(one)}/{AGENT}"
        for one in _vms(answers)
        if _place(one) not in known and AGENT_ON.match(str((answers.get(f"{_place(one)}/config") or {}).get("agent")))
    ]


def _ours(answers: Answers, hosts: Hosts) -> dict[str, Mapping[str, Any]]:
    """The VM of each machine of the inventory: the one of its name, else the only one that has an address of it."""
    vms = _vms(answers)
    found = {name: one for name in hosts for one in vms if one.get("name") == name}
    left = [one for one in vms if one.get("name") not in hosts]
    addresses = {_place(one): set(_addresses(answers, one)) for one in left}
    for name in (name for name in hosts if name not in found):
        same = [one for one in left if addresses[_place(one)] & set(hosts[name])]
        if len(same) == 1:
            found[name] = same[0]
    return found


def _addresses(answers: Answers, machine: Mapping[str, Any]) -> Iterator[str]:
    config = answers.get(f"{_place(machine)}/config") or {}
    for name, value in config.items():
        if name.startswith("ipconfig"):
            yield from STATIC.findall(str(value))
    told = answers.get(f"{_place(machine)}/{AGENT}") or {}
    for card in told.get("result") or ():
        for one in card.get("ip-addresses") or ():
            yield str(one.get("ip-address"))


def _lost(answers: Answers, wanted: Collection[str]) -> str:
    return next((path for path in wanted if path not in answers), "")


def _why(path: str, reasons: Mapping[str, str]) -> str:
    return f"Proxmox does not tell {path}: {reasons.get(path) or NO_ANSWER}"


def _part(answers: Answers, place: str) -> dict[str, Any]:
    options, rules = (answers[path] for path in _rules(place))
    return {"options": options or {}, "rules": rules or []}


def _nics(answers: Answers, machine: Mapping[str, Any]) -> dict[str, Any]:
    config = answers[f"{_place(machine)}/config"] or {}
    nics = {name: value for name, value in config.items() if name.startswith("net") and name[3:].isdigit()}
    return {"nics": nics} if nics else {}
