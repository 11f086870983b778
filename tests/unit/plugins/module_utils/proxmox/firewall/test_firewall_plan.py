"""All of the firewall: the calls, their order, and the diff that people read."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.firewall.diff import diff
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.firewall.plan import Call, ListStep, plan
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.firewall.there import There
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.firewall.wanted import (
    Member,
    Wanted,
    read,
)


def accept(source: str, dport: str) -> dict[str, Any]:
    return {"type": "in", "action": "ACCEPT", "enable": 1, "source": f"+dc/{source}", "proto": "tcp", "dport": dport}


FIREWALL: dict[str, Any] = {
    "options": {"enable": 1, "policy_in": "DROP"},
    "rules": [accept("network-admin", "8006")],
    "ipsets": [
        {
            "name": "network-admin",
            "comment": "autolabs: network admin",
            "cidrs": [{"cidr": "192.0.2.0/24"}, {"cidr": "192.0.2.7", "nomatch": 1}],
        }
    ],
    "groups": [{"group": "database", "comment": "autolabs: machines of database", "rules": [accept("k8s", "5432")]}],
    "nodes": {"pve-1": {"options": {"enable": 1}, "rules": [accept("network-admin", "22,8006")]}},
    "vms": {
        "database-vm": {
            "node": "pve-1",
            "vmid": 120,
            "options": {"enable": 1, "dhcp": 0},
            "rules": [{"type": "group", "action": "database", "enable": 1}],
        }
    },
}


def nothing(wanted: Wanted) -> There:
    empty = {path: () for path in wanted.rules if "/groups/" not in path}
    return There({level: {} for level in wanted.options}, empty, {}, {}, {}, {})


def as_wanted(wanted: Wanted) -> There:
    return There(
        wanted.options,
        wanted.rules,
        {name: comment for name, (comment, _members) in wanted.sets.items()},
        {name: members for name, (_comment, members) in wanted.sets.items()},
        wanted.groups,
        {},
    )


def words(calls: Any) -> list[str]:
    return [
        f"{call.method} {call.path}" if isinstance(call, Call) else f"{type(call.step).__name__} {call.path}"
        for call in calls
    ]


def test_what_is_as_it_should_be_needs_nothing() -> None:
    wanted = read(FIREWALL)
    found = plan(wanted, as_wanted(wanted))
    assert found.empty and not found.enables and not found.common
    assert diff(wanted, as_wanted(wanted)) == []


def test_sets_and_groups_come_before_the_rules_that_name_them_and_the_cluster_is_enabled_last() -> None:
    wanted = read(FIREWALL)
    found = plan(wanted, nothing(wanted))
    order = words(found.calls)
    assert order[:3] == [
        "post cluster/firewall/ipset",
        "post cluster/firewall/ipset/network-admin",
        "post cluster/firewall/ipset/network-admin",
    ]
    assert order.index("post cluster/firewall/groups") < order.index("Add cluster/firewall/groups/database")
    assert order.index("Add cluster/firewall/groups/database") < order.index("put nodes/pve-1/firewall/options")
    assert words(found.last) == ["put cluster/firewall/options"]
    assert found.enables and found.common


def test_members_are_added_before_and_removed_after_the_rules() -> None:
    wanted = read(FIREWALL)
    there = as_wanted(wanted)
    there = replace(
        there,
        members={"network-admin": frozenset({Member("192.0.2.0/24"), Member("192.0.2.7"), Member("10.0.0.0/8")})},
        rules={**there.rules, "cluster/firewall/rules": ()},
    )
    order = words(plan(wanted, there).calls)
    assert order == [
        "Add cluster/firewall/rules",
        "Set cluster/firewall/rules",
        "put cluster/firewall/ipset/network-admin/192.0.2.7",
        "delete cluster/firewall/ipset/network-admin/10.0.0.0%2F8",
    ]


def test_groups_and_sets_of_ours_that_nothing_needs_go_at_the_end_and_others_stay() -> None:
    wanted = read(FIREWALL)
    there = as_wanted(wanted)
    old = "cluster/firewall/groups/old"
    there = replace(
        there,
        groups={**there.groups, "old": "autolabs: machines of old", "hand": "made by hand"},
        sets={**there.sets, "gone": "autolabs: gone", "blocked": ""},
        members={**there.members, "gone": frozenset()},
        rules={**there.rules, old: wanted.rules["cluster/firewall/rules"]},
    )
    found = plan(wanted, there)
    assert words(found.calls) == [f"Drop {old}", f"delete {old}", "delete cluster/firewall/ipset/gone"]
    assert found.left == ("group hand", "set blocked")
    headers = [entry["before_header"] for entry in diff(wanted, there)]
    assert headers == [
        "set gone (as it is)",
        "rules of security group old (as it is)",
        "security group old (as it is)",
    ]


def test_a_rule_made_by_hand_is_removed_and_shown() -> None:
    wanted = read(FIREWALL)
    there = as_wanted(wanted)
    path = "nodes/pve-1/qemu/120/firewall/rules"
    by_hand = {"type": "in", "action": "ACCEPT", "enable": "1", "comment": "by hand"}
    there = replace(there, rules={**there.rules, path: (by_hand, *wanted.rules[path])})
    found = plan(wanted, there)
    assert words(found.calls) == [f"Drop {path}"] and isinstance(found.calls[0], ListStep)
    assert not found.common
    (entry,) = diff(wanted, there)
    assert entry["before_header"] == "rules of VM 120 (database-vm) (as it is)"
    assert entry["before"] == "IN ACCEPT # by hand\nGROUP database\n"
    assert entry["after"] == "GROUP database\n"


def test_options_that_the_catalogue_does_not_name_stay_and_the_digest_is_held() -> None:
    wanted = read(FIREWALL)
    there = as_wanted(wanted)
    options = {"enable": 1, "dhcp": 1, "log_level_in": "info", "digest": "abc"}
    there = replace(there, options={**there.options, "nodes/pve-1/qemu/120/firewall": options})
    (call,) = plan(wanted, there).calls
    assert isinstance(call, Call)
    assert call.parameters == {"dhcp": "0", "digest": "abc"}


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ([], "must be what the filter"),
        ({**FIREWALL, "rules": {}}, "firewall.rules: must be a list"),
        ({**FIREWALL, "vms": {"db": {"vmid": "", "node": "pve-1"}}}, "firewall.vms.db: has no node, or no vmid"),
    ],
)
def test_what_is_no_firewall_is_refused(value: Any, told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        read(value)
