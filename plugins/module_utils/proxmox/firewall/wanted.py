"""The firewall as it is rendered, checked for its shape, and by the paths of the API. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput, Problem
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.firewall.rules import Rule, canon

CLUSTER = "cluster/firewall"
MARK = "autolabs: "
"""What the comment of every group and set of ours begins with; others are nobody's but their owner's."""
PARTS = {"options": Mapping, "rules": list, "ipsets": list, "groups": list, "nodes": Mapping, "vms": Mapping}


@dataclass(frozen=True)
class Member:
    """An address or range of a set."""

    cidr: str
    nomatch: bool = False


@dataclass(frozen=True)
class Machine:
    """A VM, to look at its network cards."""

    name: str
    node: str
    vmid: int

    @property
    def path(self) -> str:
        """The VM in the API."""
        return f"nodes/{self.node}/qemu/{self.vmid}"


@dataclass(frozen=True)
class Wanted:
    """All of it, by path."""

    options: Mapping[str, Mapping[str, str]]
    """By level (`cluster/firewall`, `nodes/pve-1/firewall`, ...); others of the level's options stay as they are."""
    rules: Mapping[str, tuple[Rule, ...]]
    """By the path of the list; each list is whole."""
    sets: Mapping[str, tuple[str, frozenset[Member]]]
    """By name, the comment and the members."""
    groups: Mapping[str, str]
    """By name, the comment."""
    machines: tuple[Machine, ...]

    @property
    def on(self) -> bool:
        """Whether the firewall is to be in force at all."""
        return self.options[CLUSTER].get("enable") == "1"


def read(value: Any) -> Wanted:
    """What filter proxmox_firewall gives. Raises InvalidInput."""
    if problems := list(_problems(value)):
        raise InvalidInput(problems)
    options = {CLUSTER: _options(value["options"])}
    rules = {group_path(str(one["group"])): _rules(one["rules"]) for one in value["groups"]}
    rules[f"{CLUSTER}/rules"] = _rules(value["rules"])
    machines = [Machine(str(name), str(one["node"]), int(one["vmid"])) for name, one in sorted(value["vms"].items())]
    parts = [(f"nodes/{name}", one) for name, one in sorted(value["nodes"].items())]
    parts += [(machine.path, value["vms"][machine.name]) for machine in machines]
    for place, part in parts:
        options[f"{place}/firewall"] = _options(part["options"])
        rules[f"{place}/firewall/rules"] = _rules(part["rules"])
    sets = {
        str(one["name"]): (
            str(one.get("comment") or ""),
            frozenset(Member(str(entry["cidr"]), bool(entry.get("nomatch"))) for entry in one["cidrs"]),
        )
        for one in value["ipsets"]
    }
    groups = {str(one["group"]): str(one.get("comment") or "") for one in value["groups"]}
    return Wanted(options, rules, sets, groups, tuple(machines))


def group_path(name: str) -> str:
    """Where the rules of a group are."""
    return f"{CLUSTER}/groups/{name}"


def _problems(value: Any) -> Iterator[Problem]:
    if not isinstance(value, Mapping):
        yield Problem("", 0, "firewall", "must be what the filter proxmox_firewall gives")
        return
    for name, kind in PARTS.items():
        if not isinstance(value.get(name), kind):
            word = "a list" if kind is list else "a map"
            yield Problem("", 0, f"firewall.{name}", f"must be {word}, as the filter proxmox_firewall gives it")
    vms = value.get("vms")
    for name, one in vms.items() if isinstance(vms, Mapping) else ():
        if not str(one.get("vmid", "")).isdigit() or not one.get("node"):
            yield Problem("", 0, f"firewall.vms.{name}", "has no node, or no vmid that is a number")


def _options(value: Mapping[str, Any]) -> dict[str, str]:
    return {str(name): text(entry) for name, entry in value.items()}


def _rules(value: Sequence[Mapping[str, Any]]) -> tuple[Rule, ...]:
    return tuple(canon(rule) for rule in value)


def text(value: Any) -> str:
    """An option as the API writes it."""
    return str(int(value) if isinstance(value, bool) else value)
