"""All of the firewall as it should be against all that is there: the calls, in a safe order. Pure.

First what lets packets in: sets and their members, groups, rules; then what lets them in no more, and the options of
nodes and VMs; then groups and sets that nothing needs; at the very end the options of the cluster, with which the
firewall comes into force. Where it is to be in force no longer, they come at the very beginning.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.firewall.rules import (
    Rule,
    Step,
    emptied,
    steps,
)
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.firewall.there import There
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.firewall.wanted import (
    CLUSTER,
    MARK,
    Member,
    Wanted,
    group_path,
    text,
)

DIGEST = "digest"


@dataclass(frozen=True)
class Call:
    """One request that needs to know nothing of the others."""

    method: str
    path: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ListStep:
    """One step of a list of rules."""

    path: str
    step: Step


@dataclass(frozen=True)
class Plan:
    """What a run does."""

    calls: tuple[Call | ListStep, ...]
    last: tuple[Call, ...]
    """The options of the cluster."""
    common: bool
    """Whether anything changes that decides who reaches a node."""
    enables: bool
    """Whether the firewall comes into force with it."""
    left: tuple[str, ...] = ()
    """Groups and sets that are not ours, in words; they stay."""

    @property
    def empty(self) -> bool:
        """Whether everything is as it should be."""
        return not self.calls and not self.last


def plan(wanted: Wanted, there: There) -> Plan:
    """The calls that bring one to the other."""
    lists = {path: steps(there.rules.get(path, ()), rules) for path, rules in wanted.rules.items()}
    ours = {name for name, comment in there.groups.items() if comment.startswith(MARK)}
    old_groups = sorted(ours - wanted.groups.keys())
    emptying = {group_path(name): emptied(len(there.rules.get(group_path(name), ()))) for name in old_groups}
    old_sets = sorted(
        name for name, comment in there.sets.items() if comment.startswith(MARK) and name not in wanted.sets
    )
    new, late = _sets(wanted, there)
    calls: tuple[Call | ListStep, ...] = (
        *new,
        *_groups(wanted, there),
        *(ListStep(path, step) for path, found in lists.items() for step in found.adding),
        *(ListStep(path, step) for path, found in lists.items() for step in found.dropping),
        *late,
        *(call for level in wanted.options if level != CLUSTER for call in _options(level, wanted, there)),
        *(ListStep(path, step) for path, found in emptying.items() for step in found.dropping),
        *(Call("delete", group_path(name)) for name in old_groups),
        *(Call("delete", f"{CLUSTER}/ipset/{name}", {"force": 1}) for name in old_sets),
    )
    last = tuple(_options(CLUSTER, wanted, there))
    off = text(there.options[CLUSTER].get("enable") or 0) == "0"
    if not wanted.on:
        calls, last = (*last, *calls), ()
    return Plan(
        calls,
        last,
        common=any("/qemu/" not in call.path for call in (*calls, *last)),
        enables=wanted.on and off,
        left=tuple(_left(wanted, there)),
    )


def _sets(wanted: Wanted, there: There) -> tuple[list[Call], list[Call]]:
    """What makes sets and widens them, and what narrows them."""
    new: list[Call] = []
    late: list[Call] = []
    for name, (comment, members) in wanted.sets.items():
        path = f"{CLUSTER}/ipset/{name}"
        if name not in there.sets:
            new.append(Call("post", f"{CLUSTER}/ipset", _named("name", name, comment)))
        elif there.sets[name] != comment:
            # PVE changes a comment by renaming to the same name (PVE/API2/Firewall/IPSet.pm).
            new.append(Call("post", f"{CLUSTER}/ipset", {"name": name, "rename": name, "comment": comment}))
        before = {member.cidr: member for member in there.members.get(name, ())}
        for member in sorted(members, key=lambda one: one.cidr):
            if member.cidr not in before:
                part = late if member.nomatch and name in there.sets else new
                part.append(Call("post", path, _member(member)))
            elif before[member.cidr] != member:
                part = late if member.nomatch else new
                part.append(Call("put", _member_path(path, member.cidr), {"nomatch": int(member.nomatch)}))
        for cidr in sorted(before.keys() - {member.cidr for member in members}):
            part = new if before[cidr].nomatch else late
            part.append(Call("delete", _member_path(path, cidr)))
    return new, late


def _member(member: Member) -> dict[str, Any]:
    return {"cidr": member.cidr} | ({"nomatch": 1} if member.nomatch else {})


def _member_path(path: str, cidr: str) -> str:
    # The slash of a range is part of the name.
    return f"{path}/{quote(cidr, safe='')}"


def _named(word: str, name: str, comment: str) -> dict[str, Any]:
    return {word: name} | ({"comment": comment} if comment else {})


def _groups(wanted: Wanted, there: There) -> Iterator[Call]:
    for name, comment in wanted.groups.items():
        if name not in there.groups:
            yield Call("post", f"{CLUSTER}/groups", _named("group", name, comment))
        elif there.groups[name] != comment:
            yield Call("post", f"{CLUSTER}/groups", {"group": name, "rename": name, "comment": comment})


def _options(level: str, wanted: Wanted, there: There) -> Iterator[Call]:
    found = there.options[level]
    changed = {name: value for name, value in wanted.options[level].items() if text(found.get(name, "")) != value}
    if changed:
        digest = {DIGEST: found[DIGEST]} if found.get(DIGEST) else {}
        yield Call("put", f"{level}/options", changed | digest)


def _left(wanted: Wanted, there: There) -> Iterator[str]:
    parts = (("group", there.groups, wanted.groups), ("set", there.sets, wanted.sets))
    for word, found, known in parts:
        for name, comment in sorted(found.items()):
            if name not in known and not comment.startswith(MARK):
                yield f"{word} {name}"


def lists_after(wanted: Wanted, there: There) -> dict[str, tuple[tuple[Rule, ...], tuple[Rule, ...]]]:
    """By path, the rules before and after, of lists that change or go."""
    ours = {group_path(name) for name, comment in there.groups.items() if comment.startswith(MARK)}
    found = {path: (there.rules.get(path, ()), rules) for path, rules in wanted.rules.items()}
    found |= {path: (there.rules.get(path, ()), ()) for path in ours if path not in wanted.rules}
    return {path: pair for path, pair in found.items() if pair[0] != pair[1]}
