"""The firewall of Proxmox from the answers of its API."""

from __future__ import annotations

from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.audit.hosts.proxmox_answers import (
    FIRST,
    firewall,
    paths,
)
from unit.plugins.module_utils.audit.small_site import audited, converged, proxmox


def answers() -> dict[str, Any]:
    """What Proxmox says on a site whose playbooks ran."""
    made = proxmox()
    vm = made["vms"]["database-vm"]
    others = [{"type": "lxc", "name": "database-vm", "node": "pve", "vmid": 9}, {"type": "qemu", "name": "else"}]
    found: dict[str, Any] = {
        "cluster/firewall/options": made["options"],
        "cluster/firewall/rules": [],
        "cluster/firewall/aliases": [],
        "cluster/firewall/groups": [{"group": one["group"]} for one in made["groups"]],
        "cluster/firewall/ipset": [{"name": one["name"]} for one in made["ipsets"]],
        "cluster/resources?type=vm": [{"type": "qemu", "name": "database-vm", "node": "pve", "vmid": 120}, *others],
        "nodes": [{"node": "pve"}],
        "nodes/pve/qemu/120/firewall/options": vm["options"],
        "nodes/pve/qemu/120/firewall/rules": vm["rules"],
        "nodes/pve/qemu/120/config": {"net0": "virtio=AA:BB:CC:00:11:22,bridge=vmbr1,firewall=1", "cores": 2},
    }
    found |= {f"cluster/firewall/groups/{one['group']}": one["rules"] for one in made["groups"]}
    return found | {f"cluster/firewall/ipset/{one['name']}": one["cidrs"] for one in made["ipsets"]}


def test_what_is_asked_next_follows_from_the_first_answers() -> None:
    found = paths({key: value for key, value in answers().items() if key in FIRST}, ["database-vm"])
    assert "cluster/firewall/groups/database" in found and "nodes/pve/qemu/120/firewall/rules" in found
    assert "nodes/pve/qemu/120/config" in found and not any("/9/" in path for path in found)


def test_the_answers_make_the_firewall_and_a_guarded_machine_is_as_written() -> None:
    live = converged()
    live["proxmox"] = {"answers": answers(), "hosts": ["database-vm", "k8s-1"]}
    assert firewall(**live["proxmox"])["vms"]["database-vm"]["nics"].keys() == {"net0"}
    assert audited(live).findings == ()


def test_a_machine_whose_card_has_no_firewall_is_open() -> None:
    live = converged()
    given = answers()
    given["nodes/pve/qemu/120/config"] = {"net0": "virtio=AA:BB:CC:00:11:22,bridge=vmbr1"}
    live["proxmox"] = {"answers": given, "hosts": ["database-vm"]}
    assert {one.kind for one in audited(live).findings} == {"extra"}
