"""The parts of the API together: importing them fills the table of routes; and what a new installation holds."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

from . import (  # noqa: F401
    accounts,
    acl,
    agent,
    cloning,
    cluster,
    downloads,
    firewall,
    firewall_rules,
    firewall_sets,
    locks,
    nodes,
    permissions,
    pools,
    power,
    resizing,
    storages,
    vmconfig,
    vms,
    vmviews,
    volumes,
)


def fresh(names: Sequence[str]) -> dict[str, Any]:
    """The state of a new installation with these nodes."""
    return {
        "secret": secrets.token_hex(16),
        "counter": 0,
        "users": {"root@pam": {**accounts.NEW_USER, "tokens": {}}},
        "groups": {},
        "roles": {},
        "acl": [],
        "pools": {},
        "nodes": {name: nodes.fresh(number) for number, name in enumerate(names)},
        "storages": storages.fresh(),
        "volumes": {},
        "vms": {},
        "tasks": {},
        "jobs": {},
        "options": {"keyboard": "en-us"},
        "firewall": {"cluster": firewall.fresh(), "nodes": {}, "vms": {}},
    }
