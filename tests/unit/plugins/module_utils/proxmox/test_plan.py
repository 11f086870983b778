"""The steps of VMs, their order, and what is refused or noted before any of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.diff import diff_of
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.errors import ProxmoxError
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.plan import (
    AddDisk,
    Configure,
    Create,
    Grow,
    Join,
    Leave,
    Plan,
    Regenerate,
    Remove,
    Restart,
    Shutdown,
    Start,
    plan,
    plan_one,
    to_read,
)
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.vm import Cluster, LiveVm, read_vms
from unit.plugins.module_utils.proxmox.vm_cases import BASE, KEY, NAME, TEMPLATE_CONFIG

IMAGES = frozenset({"images"})
TEMPLATE = LiveVm(9000, "debian-12", "pve-1", "stopped", TEMPLATE_CONFIG, template=True)
THERE = LiveVm(130, NAME, "pve-1", "running", BASE)
OFF = replace(THERE, status="stopped")
CLUSTER = Cluster(
    vms=(TEMPLATE, THERE),
    nodes=("pve-1", "pve-2"),
    storages={"pve-1": {"local-lvm": IMAGES}, "pve-2": {"local-lvm": IMAGES}},
    bridges={"pve-1": frozenset({"vmbr0"})},
    pools=frozenset({"autolabs"}),
)
NEW = {"name": "new", "node": "pve-1", "template": 9000}


def planned(given: dict[str, Any], *vms: LiveVm, allow_restart: bool = False, **others: Any) -> Plan:
    there = replace(CLUSTER, vms=(TEMPLATE, *vms), **others)
    return plan(read_vms([given]), there, allow_restart=allow_restart)


def kinds(given: dict[str, Any], *vms: LiveVm, allow_restart: bool = False) -> list[type]:
    (entry,) = planned(given, *vms, allow_restart=allow_restart).vms
    return [step.__class__ for step in entry.steps]


DISKS = {"scsi0": {"size": "64G", "backup": False}, "scsi1": {"size": "8G", "storage": "local-lvm"}}
ORDERS: list[tuple[dict[str, Any], LiveVm, bool, list[type]]] = [
    ({}, THERE, False, []),
    ({"state": "started"}, OFF, False, [Start]),
    ({"state": "present"}, OFF, False, []),
    ({"state": "stopped", "cores": 4}, THERE, False, [Shutdown, Configure]),
    ({"state": "absent"}, THERE, False, [Shutdown, Remove]),
    ({"state": "absent"}, OFF, False, [Remove]),
    (
        {"state": "absent", "protection": False},
        replace(OFF, config={**BASE, "protection": 1}),
        False,
        [Configure, Remove],
    ),
    ({"cores": 4}, THERE, False, [Configure]),
    ({"cores": 4}, THERE, True, [Configure, Restart]),
    ({"onboot": True}, THERE, True, [Configure]),
    ({"cores": 4}, replace(THERE, pending={"cores": "4"}), False, []),
    ({"cores": 4}, replace(THERE, pending={"cores": "4"}), True, [Restart]),
    ({"disks": DISKS}, THERE, False, [Configure, AddDisk, Grow]),
    ({"disks": {"scsi0": {"size": "64G", "ssd": True}}}, THERE, False, [Grow, Configure]),
    ({"disks": {"scsi0": {"size": "64G", "ssd": True}}}, OFF, False, [Configure, Grow, Start]),
    ({"cloud_init": {"user": "autolabs"}}, THERE, False, [Configure]),
    ({"cloud_init": {"user": "autolabs"}}, OFF, False, [Configure, Regenerate, Start]),
    ({"cloud_init": {"user": "autolabs"}, "state": "stopped"}, THERE, False, [Shutdown, Configure, Regenerate]),
    ({"pool": "autolabs", "onboot": True}, THERE, False, [Configure, Join]),
    ({"pool": ""}, replace(THERE, pool="autolabs"), False, [Leave]),
]


@pytest.mark.parametrize(("given", "live", "allow_restart", "expected"), ORDERS)
def test_steps_come_in_their_order(
    given: dict[str, Any], live: LiveVm, allow_restart: bool, expected: list[type]
) -> None:
    assert kinds({"name": NAME, **given}, live, allow_restart=allow_restart) == expected


def test_a_new_vm_is_cloned_and_its_clone_tells_the_rest() -> None:
    given = {**NEW, "pool": "autolabs", "storage": "local-lvm", "memory": 4096, "disks": {"scsi0": {"size": "20G"}}}
    (entry,) = planned(given).vms
    assert entry.steps == (Create("new", 9000, "pve-1", "pve-1", True, "local-lvm", "autolabs", None),)
    clone = replace(OFF, vmid=101, name="new", pool="autolabs", config={**TEMPLATE_CONFIG, "name": "new"})
    rest = plan_one(entry.vm, clone)
    assert rest.steps == (Configure({"memory": 4096}, (), live=True), Grow("scsi0", "20G"), Start())


def test_a_linked_clone_names_no_storage_and_may_come_from_another_node() -> None:
    given = {**NEW, "vmid": 140, "node": "pve-2", "clone": "linked", "storage": "local-lvm"}
    (entry,) = planned(given).vms
    assert entry.steps == (Create("new", 9000, "pve-1", "pve-2", False, None, None, 140),)


def test_one_refusal_is_told_beside_all_others_and_names_its_vm() -> None:
    smaller = {"scsi0": {"size": "1G"}}
    vms = read_vms([{**NEW, "pool": "x", "node": "pve-9", "disks": smaller}, {"name": NAME, "disks": smaller}])
    found = plan(vms, CLUSTER)
    assert [(refusal.name, refusal.field) for refusal in found.refusals] == [
        ("new", "node"),
        ("new", "pool"),
        ("new", "disks.scsi0.size"),
        (NAME, "disks.scsi0.size"),
    ]
    assert not found.changed


REFUSALS: list[tuple[dict[str, Any], list[LiveVm], dict[str, Any], str]] = [
    (
        {"name": NAME},
        [THERE, replace(THERE, vmid=131, node="pve-2")],
        {},
        "name: is that of several VMs: 130 on pve-1, 131 on pve-2. Give the `vmid`",
    ),
    ({**NEW, "vmid": 200}, [], {"containers": {200: "proxy"}}, "vmid: 200 is the container proxy"),
    ({"name": "debian-12"}, [], {}, "name: VM 9000 of this name is a template"),
    ({"name": NAME}, [THERE], {"nodes": ("pve-2",)}, "node: pve-1, which the VM is on, is offline"),
    ({"name": NAME, "state": "absent"}, [THERE], {"nodes": ("pve-2",)}, "it cannot be removed"),
    ({**NEW, "template": 130}, [THERE], {}, "template: VM 130 on pve-1 is no template"),
    (
        {**NEW, "template": "debian-12"},
        [replace(TEMPLATE, vmid=9001)],
        {},
        "is the name of several templates: 9000 on pve-1, 9001 on pve-1. Give its VMID",
    ),
    ({**NEW, "storage": "gone"}, [], {}, "storage: pve-1 has no storage gone; there is local-lvm"),
    ({**NEW, "node": "pve-7"}, [], {}, "node: pve-7 is no node that is online; did you mean `pve-2`?"),
    ({"name": NAME, "state": "absent", "vmid": 9000}, [], {}, "vmid: 9000 is the VM debian-12"),
    (
        {"name": NAME, "disks": {"ide0": {"size": "20G"}}},
        [replace(THERE, pending={"ide0": "local-lvm:vm-130-disk-1,size=10G"})],
        {},
        "ide0 is attached at the next start of the VM",
    ),
]


@pytest.mark.parametrize(("given", "there", "others", "says"), REFUSALS)
def test_it_is_refused_with_the_way_out(
    given: dict[str, Any], there: list[LiveVm], others: dict[str, Any], says: str
) -> None:
    found = planned(given, *there, **others)
    assert says in "; ".join(map(str, found.refusals))
    assert not found.changed


def test_the_vmid_tells_vms_of_one_name_apart() -> None:
    found = planned({"name": NAME, "vmid": 131, "cores": 4}, THERE, replace(THERE, vmid=131))
    assert [entry.vmid for entry in found.vms] == [131]
    assert found.refusals == ()


def test_a_vm_is_meant_before_a_template_of_its_name() -> None:
    found = planned({"name": NAME}, THERE, replace(TEMPLATE, vmid=9001, name=NAME))
    assert found.vms[0].vmid == 130
    assert found.refusals == ()


def test_where_bridges_could_not_be_read_none_is_refused() -> None:
    assert planned({"name": NAME, "networks": [{"bridge": "vmbr9"}]}, THERE, bridges={}).refusals == ()


def test_a_lock_is_noted() -> None:
    (entry,) = planned({"name": NAME}, replace(THERE, lock="backup")).vms
    assert entry.notes == ("VM 130 is locked (backup): what changes it waits until the lock is gone",)


def test_without_a_cloud_init_drive_what_it_says_reaches_nobody() -> None:
    config = {key: value for key, value in BASE.items() if key != "ide2"}
    (entry,) = planned({"name": NAME, "cloud_init": {"user": "x"}}, replace(OFF, config=config)).vms
    assert entry.notes == ("the VM 130 has no cloud-init drive: addresses and what cloud_init says reach no guest",)
    assert Regenerate() not in entry.steps


def test_a_clone_that_somebody_grew_meanwhile_is_an_error_of_that_vm() -> None:
    (vm,) = read_vms([{"name": NAME, "disks": {"scsi0": {"size": "20G"}}}])
    with pytest.raises(ProxmoxError, match=r"disks\.scsi0\.size: is 20G, and the disk has 32G"):
        plan_one(vm, THERE)


def test_only_what_a_plan_needs_is_read() -> None:
    listed = [replace(TEMPLATE, config={}), replace(THERE, config={}), LiveVm(140, "other", "pve-1", "running")]
    vms = read_vms(
        [{"name": NAME}, NEW, {**NEW, "name": "newer"}, {"name": "gone", "state": "absent", "template": 9000}]
    )
    assert [vm.vmid for vm in to_read(vms, listed)] == [130, 9000]


def test_a_diff_has_what_changes_in_the_words_of_who_wrote_it() -> None:
    live = replace(THERE, pending={"sockets": "2"})
    given = {"name": NAME, "sockets": 2, "cores": 4, "disks": {"scsi0": {"size": "64G"}}, "tags": ["b", "a"]}
    (entry,) = planned(given, live).vms
    assert diff_of(entry) == {
        "before": {"tags": [], "cores": 2, "disks.scsi0.size": "32G"},
        "after": {"tags": ["a", "b"], "cores": 4, "disks.scsi0.size": "64G"},
        "before_header": "k8s-vm (VM 130 on pve-1)",
        "after_header": "k8s-vm (VM 130 on pve-1)",
    }
    (restarted,) = planned(given, live, allow_restart=True).vms
    assert diff_of(restarted)["after"]["sockets"] == 2


def test_the_diff_of_a_new_vm_is_all_that_was_given() -> None:
    (entry,) = planned({**NEW, "networks": [{"ip": "dhcp"}], "cloud_init": {"ssh_keys": [KEY]}}).vms
    assert diff_of(entry)["before"] == {}
    assert diff_of(entry)["after"] == {
        "state": "started",
        "vmid": "the next free one",
        "node": "pve-1",
        "template": 9000,
        "clone": "full",
        "networks[0].ip": "dhcp",
        "cloud_init.ssh_keys": [KEY],
    }


def test_the_diff_of_an_unchanged_vm_is_empty() -> None:
    (entry,) = planned({"name": NAME}, THERE).vms
    assert (diff_of(entry)["before"], diff_of(entry)["after"]) == ({}, {})
