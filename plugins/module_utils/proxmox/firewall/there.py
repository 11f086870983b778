"""What there is of the firewall, as the API tells it. At the edge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.firewall.rules import Rule, canon
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.firewall.wanted import (
    CLUSTER,
    MARK,
    Member,
    Wanted,
    group_path,
)


class Reader(Protocol):
    """Who can ask the API."""

    def get(self, path: str, /, **parameters: Any) -> Any:
        """What is at `path`."""


@dataclass(frozen=True)
class There:
    """All that is there at the places that are wanted, and every group and set of the cluster."""

    options: Mapping[str, Mapping[str, Any]]
    rules: Mapping[str, tuple[Rule, ...]]
    sets: Mapping[str, str]
    """By name, the comment: all of them."""
    members: Mapping[str, frozenset[Member]]
    """Of the sets that are wanted or ours."""
    groups: Mapping[str, str]
    unguarded: Mapping[str, tuple[str, ...]]
    """Network cards without the firewall flag, by the name of the VM: no rule counts for them."""


def read(session: Reader, wanted: Wanted) -> There:
    """Ask for it. Raises ProxmoxError."""
    sets = {str(one["name"]): str(one.get("comment") or "") for one in session.get(f"{CLUSTER}/ipset") or ()}
    groups = {str(one["group"]): str(one.get("comment") or "") for one in session.get(f"{CLUSTER}/groups") or ()}
    lists = [group_path(name) for name, comment in groups.items() if name in wanted.groups or comment.startswith(MARK)]
    lists += [path for path in wanted.rules if not path.startswith(f"{CLUSTER}/groups/")]
    return There(
        options={level: session.get(f"{level}/options") or {} for level in wanted.options},
        rules={path: tuple(canon(rule) for rule in session.get(path) or ()) for path in lists},
        sets=sets,
        members={
            name: members(session.get(f"{CLUSTER}/ipset/{name}"))
            for name, comment in sets.items()
            if name in wanted.sets or comment.startswith(MARK)
        },
        groups=groups,
        unguarded=_unguarded(session, wanted),
    )


def members(answer: Any) -> frozenset[Member]:
    """The members of a set as the API lists them."""
    return frozenset(Member(str(one["cidr"]), str(one.get("nomatch") or 0) == "1") for one in answer or ())


def _unguarded(session: Reader, wanted: Wanted) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for machine in wanted.machines:
        config = session.get(f"{machine.path}/config") or {}
        cards = sorted(name for name in config if name.startswith("net") and name[3:].isdigit())
        without = tuple(card for card in cards if "firewall=1" not in str(config[card]).split(","))
        if without:
            found[machine.name] = without
    return found
