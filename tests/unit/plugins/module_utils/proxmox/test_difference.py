"""What waits for a restart is told as long as it waits, and what goes back to what runs does not wait."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.difference import (
    LIVE,
    PENDING,
    RESTART,
    difference,
)
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.vm import LiveVm, read_vms
from unit.plugins.module_utils.proxmox.vm_cases import BASE, DISK, KEY, NAME

THERE = LiveVm(130, NAME, "pve-1", "running", BASE)
SECOND = "virtio=BC:24:11:00:00:02,bridge=vmbr1"

# What is given, what of the VM is otherwise than in BASE, and each change: field, before, after, when.
CHANGES: list[tuple[dict[str, Any], dict[str, Any], list[tuple[str, Any, Any, str]]]] = [
    ({"memory": 4096}, {}, [("memory", 2048, 4096, RESTART)]),
    ({"memory": 4096}, {"pending": {"memory": "4096"}}, [("memory", 2048, 4096, PENDING)]),
    ({"memory": 8192}, {"pending": {"memory": "4096"}}, [("memory", 4096, 8192, RESTART)]),
    ({"memory": 2048}, {"pending": {"memory": "4096"}}, [("memory", 4096, 2048, LIVE)]),
    ({"memory": 2048}, {"pending": {"memory": None}}, [("memory", 512, 2048, LIVE)]),
    ({"memory": 4096}, {"pending": {"memory": "4096"}, "status": "stopped"}, []),
    (
        {"networks": [{}]},
        {"pending": {"net1": SECOND}},
        [("networks[1]", {"model": "virtio", "mac": "BC:24:11:00:00:02", "bridge": "vmbr1"}, None, LIVE)],
    ),
    (
        {"networks": [{}]},
        {"config": {**BASE, "net1": SECOND}, "pending": {"net1": None}},
        [("networks[1]", {"model": "virtio", "mac": "BC:24:11:00:00:02", "bridge": "vmbr1"}, None, PENDING)],
    ),
    ({"networks": [{}]}, {"on_drive": {"ipconfig1": None}}, [("networks[1]", {}, None, PENDING)]),
    (
        {"networks": [{}, {"bridge": "vmbr1"}]},
        {"pending": {"net1": SECOND}},
        [("networks[1].bridge", "", "vmbr1", PENDING)],
    ),
    (
        {"disks": {"ide0": {"size": "10G"}}},
        {"pending": {"ide0": "local-lvm:vm-130-disk-1,size=10G"}},
        [("disks.ide0", None, {"size": "10G", "storage": "local-lvm"}, PENDING)],
    ),
    (
        {"disks": {"scsi0": {"ssd": True}}},
        {"pending": {"scsi0": f"{DISK},size=32G,ssd=1"}},
        [("disks.scsi0.ssd", False, True, PENDING)],
    ),
    (
        {"cloud_init": {"user": "new"}},
        {"config": {**BASE, "ciuser": "new"}, "on_drive": {"ciuser": "old"}},
        [("cloud_init.user", "old", "new", PENDING)],
    ),
    (
        {"cloud_init": {"user": "new"}},
        {"config": {**BASE, "ciuser": "new"}, "on_drive": {"ciuser": None}},
        [("cloud_init.user", "", "new", PENDING)],
    ),
    (
        {"cloud_init": {"user": "old"}},
        {"config": {**BASE, "ciuser": "new"}, "on_drive": {"ciuser": "old"}},
        [("cloud_init.user", "new", "old", LIVE)],
    ),
    (
        {"cloud_init": {"ssh_keys": []}},
        {"on_drive": {"sshkeys": None}},
        [("cloud_init.ssh_keys", "what it was before", [], PENDING)],
    ),
    (
        {"cloud_init": {"ssh_keys": [KEY]}},
        {"on_drive": {"sshkeys": None}},
        [("cloud_init.ssh_keys", [], [KEY], RESTART)],
    ),
    (
        {"cloud_init": {"user": "new"}},
        {"config": {**BASE, "ciuser": "new"}, "on_drive": {"ciuser": "old"}, "status": "stopped"},
        [],
    ),
    ({}, {"on_drive": {"name": "other", "net0": SECOND}, "pending": {"boot": "order=net0"}}, []),
]


@pytest.mark.parametrize(("given", "otherwise", "expected"), CHANGES)
def test_a_change_is_told_with_what_was_what_comes_and_when(
    given: dict[str, Any], otherwise: dict[str, Any], expected: list[tuple[str, Any, Any, str]]
) -> None:
    (vm,) = read_vms([{"name": NAME, **given}])
    found = difference(vm, replace(THERE, **otherwise))
    assert [(change.field, change.before, change.after, change.how) for change in found.changes] == expected
    waits_only = all(how == PENDING for *_told, how in expected)
    assert bool(found.set or found.delete or found.add or found.grow) is not waits_only
