"""The firewall of Proxmox VE, put together from the answers of its API (8.4), by path."""

from __future__ import annotations

from collections.abc import Collection, Mapping
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

Answers = Mapping[str, Any]


def paths(answers: Answers, hosts: Collection[str]) -> list[str]:
    """What to ask next: the rules of each group, node and machine, and the members of each set.

    hosts: names of the inventory; a machine of another name is none of this site.
    """
    found = [f"{CLUSTER}/groups/{one['group']}" for one in answers.get(f"{CLUSTER}/groups") or ()]
    found += [f"{CLUSTER}/ipset/{one['name']}" for one in answers.get(f"{CLUSTER}/ipset") or ()]
    places = [f"nodes/{one['node']}" for one in answers.get(NODES) or ()]
    machines = [_place(one) for one in _machines(answers, hosts)]
    found += [f"{place}/firewall/{part}" for place in (*places, *machines) for part in ("options", "rules")]
    return found + [f"{place}/config" for place in machines]


def firewall(answers: Answers, hosts: Collection[str]) -> dict[str, Any]:
    """All of it in the shapes that are rendered and read: options, rules, groups, ipsets, aliases, nodes, vms."""
    groups = answers.get(f"{CLUSTER}/groups") or ()
    sets = answers.get(f"{CLUSTER}/ipset") or ()
    return {
        "options": answers.get(f"{CLUSTER}/options") or {},
        "rules": answers.get(f"{CLUSTER}/rules") or [],
        "aliases": answers.get(f"{CLUSTER}/aliases") or [],
        "groups": [{**one, "rules": answers.get(f"{CLUSTER}/groups/{one['group']}") or []} for one in groups],
        "ipsets": [{**one, "cidrs": answers.get(f"{CLUSTER}/ipset/{one['name']}") or []} for one in sets],
        "nodes": {one["node"]: _part(answers, f"nodes/{one['node']}") for one in answers.get(NODES) or ()},
        "vms": {
            one["name"]: {
                "node": one["node"],
                "vmid": one["vmid"],
                **_part(answers, _place(one)),
                **_nics(answers, one),
            }
            for one in _machines(answers, hosts)
        },
    }


def _machines(answers: Answers, hosts: Collection[str]) -> list[Mapping[str, Any]]:
    return [one for one in answers.get(MACHINES) or () if one.get("type") == "qemu" and one.get("name") in hosts]


def _place(machine: Mapping[str, Any]) -> str:
    return f"nodes/{machine['node']}/qemu/{machine['vmid']}"


def _part(answers: Answers, place: str) -> dict[str, Any]:
    return {
        "options": answers.get(f"{place}/firewall/options") or {},
        "rules": answers.get(f"{place}/firewall/rules") or [],
    }


def _nics(answers: Answers, machine: Mapping[str, Any]) -> dict[str, Any]:
    config = answers.get(f"{_place(machine)}/config") or {}
    nics = {name: value for name, value in config.items() if name.startswith("net") and name[3:].isdigit()}
    return {"nics": nics} if nics else {}
