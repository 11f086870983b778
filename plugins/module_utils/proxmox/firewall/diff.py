"""What a plan changes, by level, in lines that people know from Proxmox's own files. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.firewall.plan import lists_after
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.firewall.rules import text_of
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.firewall.there import There
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.firewall.wanted import (
    CLUSTER,
    MARK,
    Member,
    Wanted,
    text,
)

PLACE = re.compile(r"nodes/(?P<node>[^/]+)(?:/qemu/(?P<vmid>\d+))?/firewall")


def diff(wanted: Wanted, there: There) -> list[dict[str, str]]:
    """An entry for every level that changes: sets, groups and lists of rules, options; in the order of the work."""
    names = {str(machine.vmid): machine.name for machine in wanted.machines}
    found = [*_sets(wanted, there)]
    found += [_entry(_rules_title(path, names), *pair) for path, pair in _rules(wanted, there).items()]
    for name in sorted({*wanted.groups, *there.groups}):
        before, after = there.groups.get(name), wanted.groups.get(name)
        if before != after and (after is not None or (before or "").startswith(MARK)):
            found.append(_entry(f"security group {name}", _comment(before), _comment(after)))
    for level in (*(one for one in wanted.options if one != CLUSTER), CLUSTER):
        options = {name: text(there.options[level].get(name, "")) for name in wanted.options[level]}
        found.append(_entry(f"options of {_level(level, names)}", _lines(options), _lines(wanted.options[level])))
    return [entry for entry in found if entry["before"] != entry["after"]]


def _rules(wanted: Wanted, there: There) -> dict[str, tuple[list[str], list[str]]]:
    pairs = lists_after(wanted, there)
    return {path: ([*map(text_of, before)], [*map(text_of, after)]) for path, (before, after) in pairs.items()}


def _sets(wanted: Wanted, there: There) -> Iterator[dict[str, str]]:
    for name in sorted({*wanted.sets, *there.members}):
        before = _members(there.sets[name], there.members[name]) if name in there.sets else []
        after = _members(*wanted.sets[name]) if name in wanted.sets else []
        yield _entry(f"set {name}", before, after)


def _members(comment: str, members: Iterable[Member]) -> list[str]:
    lines = sorted(f"{'not ' if member.nomatch else ''}{member.cidr}" for member in members)
    return [*_comment(comment), *lines]


def _comment(comment: str | None) -> list[str]:
    return [] if comment is None else [f"# {comment}".rstrip()]


def _rules_title(path: str, names: Mapping[str, str]) -> str:
    if path.startswith(f"{CLUSTER}/groups/"):
        return f"rules of security group {path.rpartition('/')[2]}"
    return f"rules of {_level(path.removesuffix('/rules'), names)}"


def _level(level: str, names: Mapping[str, str]) -> str:
    found = PLACE.fullmatch(level)
    if not found:
        return "the cluster"
    if found["vmid"]:
        return f"VM {found['vmid']} ({names.get(found['vmid'], '')})"
    return f"node {found['node']}"


def _lines(options: Mapping[str, Any]) -> list[str]:
    return [f"{name}: {value}" for name, value in options.items() if value != ""]


def _entry(title: str, before: list[str], after: list[str]) -> dict[str, str]:
    return {
        "before": "".join(f"{line}\n" for line in before),
        "after": "".join(f"{line}\n" for line in after),
        "before_header": f"{title} (as it is)",
        "after_header": f"{title} (as it will be)",
    }
