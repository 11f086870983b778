"""The firewall of Proxmox from the answers of its API: which VM is which machine, and what was not answered."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.audit.hosts.proxmox_answers import (
    FIRST,
    paths,
    read,
)
from ansible_collections.autolabs.platform.plugins.module_utils.audit.result import Audit
from unit.plugins.module_utils.audit.small_site import MACHINES, SITE, audited, converged, proxmox

HOSTS = {name: SITE["groups"]["database" if name == "database-vm" else "k8s"][name] for name in MACHINES}
CARD = "virtio=AA:BB:CC:00:11:22,bridge=vmbr1,firewall=1"


def answers() -> dict[str, Any]:
    """What Proxmox says on a site whose playbooks ran."""
    made = proxmox()
    others = [{"type": "lxc", "name": "database-vm", "node": "pve", "vmid": 9}]
    others.append({"type": "qemu", "name": "else", "node": "pve", "vmid": 10})
    vms = [{"type": "qemu", "name": name, **place} for name, place in MACHINES.items()]
    found: dict[str, Any] = {
        "cluster/firewall/options": made["options"],
        "cluster/firewall/rules": [],
        "cluster/firewall/aliases": [],
        "cluster/firewall/groups": [{"group": one["group"]} for one in made["groups"]],
        "cluster/firewall/ipset": [{"name": one["name"]} for one in made["ipsets"]],
        "cluster/resources?type=vm": [*vms, *others],
        "nodes": [{"node": "pve"}],
        "nodes/pve/firewall/options": {},
        "nodes/pve/firewall/rules": [],
        "nodes/pve/qemu/10/config": {"net0": "virtio=AA:BB:CC:00:11:33,bridge=vmbr1"},
    }
    for name, place in MACHINES.items():
        at = f"nodes/pve/qemu/{place['vmid']}"
        found[f"{at}/config"] = {"net0": CARD, "cores": 2}
        found |= {f"{at}/firewall/{part}": made["vms"][name][part] for part in ("options", "rules")}
    found |= {f"cluster/firewall/groups/{one['group']}": one["rules"] for one in made["groups"]}
    return found | {f"cluster/firewall/ipset/{one['name']}": one["cidrs"] for one in made["ipsets"]}


def asked(given: dict[str, Any], **more: Any) -> Audit:
    """An audit with these answers."""
    return audited(converged() | {"proxmox": {"answers": given, "hosts": HOSTS, **more}})


def renamed(**config: str) -> dict[str, Any]:
    """The answers where the VM of the database has another name, and this in its configuration."""
    given = answers()
    given["cluster/resources?type=vm"][0]["name"] = "db01.example"
    given["nodes/pve/qemu/120/config"] |= config
    return given


def test_each_round_of_answers_tells_what_to_ask_next() -> None:
    every = answers()
    told = {path: every[path] for path in FIRST}
    rounds = []
    while following := paths(told, HOSTS):
        rounds.append(following)
        told |= {path: every[path] for path in following}
    assert told == every and len(rounds) == 2
    assert "cluster/firewall/groups/database" in rounds[0] and "nodes/pve/qemu/120/config" in rounds[0]
    assert not any("/9/" in path or "/10/firewall" in path for path in told)


def test_a_guest_agent_is_asked_only_where_a_machine_is_not_found_otherwise() -> None:
    given = {path: answer for path, answer in renamed(agent="enabled=1").items() if "/120/firewall/" not in path}
    agent = "nodes/pve/qemu/120/agent/network-get-interfaces"
    assert paths(given, HOSTS) == [agent]
    assert paths(given, HOSTS, [agent]) == []
    given[agent] = {"result": [{"ip-addresses": [{"ip-address": "192.168.100.20"}]}]}
    assert set(paths(given, HOSTS)) == {f"nodes/pve/qemu/120/firewall/{part}" for part in ("options", "rules")}


def test_the_answers_make_the_firewall_and_a_guarded_machine_is_as_written() -> None:
    found = read(answers(), HOSTS)
    assert found.firewall and found.firewall["vms"]["database-vm"]["nics"].keys() == {"net0"}
    assert (asked(answers()).findings, found.silent) == ((), {})


def test_a_vm_of_another_name_is_found_by_its_address_and_audited() -> None:
    given = renamed(ipconfig0="ip=192.168.100.20/24,gw=192.168.100.1")
    assert asked(given).findings == ()
    given["nodes/pve/qemu/120/firewall/options"] = {"enable": 0}
    assert {(one.kind, one.where) for one in asked(given).findings} == {("extra", "Proxmox, VM 120")}


def test_a_machine_that_proxmox_does_not_have_is_said() -> None:
    (found,) = asked(renamed()).findings
    assert (found.kind, found.layer) == ("undecided", "proxmox")
    assert found.what == "Proxmox has no VM for database-vm, so nobody knows what stands before it"
    assert "ipconfig0" in found.do


def test_a_machine_whose_card_has_no_firewall_is_open() -> None:
    given = answers()
    given["nodes/pve/qemu/120/config"] = {"net0": "virtio=AA:BB:CC:00:11:22,bridge=vmbr1"}
    found = asked(given).findings
    assert {one.kind for one in found} == {"extra"}
    assert f"PUT /nodes/pve/qemu/120/config net0={CARD}" in found[0].do


@pytest.mark.parametrize("part", ["firewall/options", "firewall/rules", "config"])
def test_a_machine_whose_firewall_was_not_told_is_not_open_but_not_asked(part: str) -> None:
    given = answers()
    path = f"nodes/pve/qemu/120/{part}"
    del given[path]
    found = asked(given, unanswered={path: "HTTP 403"})
    assert found.findings == ()
    why = {one.name: one.why for one in found.unasked}["Proxmox, database-vm"]
    assert why == f"Proxmox does not tell {path}: HTTP 403"


def test_without_what_holds_for_all_machines_none_is_asked() -> None:
    given = answers()
    del given["cluster/firewall/options"]
    found = asked(given, unanswered={"cluster/firewall/options": "HTTP 401"})
    assert found.findings == ()
    assert {one.name: one.why for one in found.unasked}["Proxmox"].endswith("cluster/firewall/options: HTTP 401")
    assert read({}, HOSTS).why.endswith("no answer")
