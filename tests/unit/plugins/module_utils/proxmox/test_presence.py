"""What earlier tasks of a run will have made is planned with, as if it were there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.plan import Create, plan
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.presence import expecting, to_be_made
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.vm import (
    Cluster,
    Expected,
    LiveVm,
    read_vms,
)

TEMPLATE = to_be_made(9000, "debian-12", "pve-1")
EXPECTED = Expected(TEMPLATE, frozenset({"autolabs"}))
THERE = replace(TEMPLATE, node="pve-2", config={"scsi0": "local-lvm:base-9000-disk-0,size=3G"})
OTHER = LiveVm(130, "k8s-vm", "pve-1", "running")
EMPTY = Cluster(
    nodes=("pve-1",),
    storages={"pve-1": {"local-lvm": frozenset({"images"})}},
    bridges={"pve-1": frozenset({"vmbr0"})},
)
NEW = {"name": "new", "node": "pve-1", "template": 9000, "pool": "autolabs"}


@pytest.mark.parametrize(
    ("there", "then"),
    [
        pytest.param([], [TEMPLATE], id="nothing"),
        pytest.param([OTHER], [OTHER, TEMPLATE], id="others"),
        pytest.param([THERE, OTHER], [THERE, OTHER], id="the template"),
        pytest.param([replace(THERE, template=False)], [TEMPLATE], id="half of the template"),
        pytest.param([replace(OTHER, vmid=9000)], [replace(OTHER, vmid=9000)], id="something else of its id"),
    ],
)
def test_the_template_is_there_once(there: list[LiveVm], then: list[LiveVm]) -> None:
    assert list(expecting(replace(EMPTY, vms=tuple(there)), EXPECTED).vms) == then


def test_the_id_of_a_container_makes_no_template() -> None:
    cluster = replace(EMPTY, containers={9000: "proxy"})
    assert expecting(cluster, EXPECTED).vms == ()


def test_pools_are_added_to_those_that_are_there() -> None:
    assert expecting(replace(EMPTY, pools=frozenset({"mine"})), EXPECTED).pools == {"mine", "autolabs"}


def test_where_nothing_is_expected_all_stays_as_it_is() -> None:
    cluster = replace(EMPTY, vms=(OTHER,), pools=frozenset({"mine"}))
    assert expecting(cluster, Expected()) == cluster


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"template": "debian-12", "clone": "linked"},
        {"disks": {"scsi0": {"size": "1G"}}},
        {"disks": {"scsi0": {"size": "200G", "storage": "local-lvm", "ssd": True, "discard": True}}},
        {"storage": "local-lvm", "disks": {"scsi0": {"storage": "local-lvm"}, "scsi1": {"size": "8G"}}},
        {"networks": [{"ip": "dhcp"}], "cloud_init": {"user": "autolabs"}},
        {"networks": [{"bridge": "vmbr0", "tag": 100, "ip": "192.0.2.7/24"}]},
        {"networks": []},
    ],
)
def test_a_vm_of_an_expected_template_is_planned_and_nothing_refused(more: dict[str, Any]) -> None:
    found = plan(read_vms([{**NEW, **more}]), expecting(EMPTY, EXPECTED))
    (entry,) = found.vms
    assert (found.refusals, entry.notes) == ((), ())
    (step,) = entry.steps
    assert isinstance(step, Create) and (step.template, step.pool) == (9000, "autolabs")


def test_what_is_not_expected_either_is_refused() -> None:
    found = plan(read_vms([{**NEW, "template": 9001, "pool": "mine", "storage": "gone"}]), expecting(EMPTY, EXPECTED))
    assert [refusal.field for refusal in found.refusals] == ["template", "pool", "storage"]
