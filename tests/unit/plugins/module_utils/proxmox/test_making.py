"""A VM is cloned once, also where the clones of others cannot be seen before they end."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.converge import Outcome
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.work import Pauses

from .conftest import TEMPLATE, Meddling, Site, new


def eventually(holds: Callable[[], bool]) -> bool:
    """Whether it holds within a few seconds."""
    pauses = Pauses(5)
    while not (found := holds()) and pauses():
        pass
    return found


def test_a_clone_that_cannot_be_seen_yet_is_waited_for_before_its_id_is_said_to_be_taken(site: Site) -> None:
    session = site.by_pool()
    site.engine.seconds["qmclone"] = 0.4
    clone = session.post(f"nodes/pve-1/qemu/{TEMPLATE}/clone", newid=140, name="vm", full=True, pool="autolabs")
    assert clone and 140 not in [vm["vmid"] for vm in session.get("cluster/resources", type="vm")]
    (made,) = site.run(new("vm", vmid=140, pool="autolabs", cores=2), session=session)
    assert (made.failure, made.vmid, made.state) == ("", 140, "started")
    assert site.config(140)["cores"] == 2
    assert site.vms() == {140: "vm"}


def test_an_id_of_what_stays_unseen_is_told(site: Site) -> None:
    session = site.by_pool()
    site.admin.wait(site.admin.post("nodes/pve-1/qemu", vmid=140, name="somebodys"))
    (failed,) = site.run(new("vm", vmid=140, pool="autolabs"), session=session)
    assert "VMID 140 exists, though the account cannot see it" in failed.failure
    assert site.vms() == {140: "somebodys"}


def test_of_two_runs_that_do_not_see_each_others_clones_one_keeps_its_own(site: Site) -> None:
    session = site.by_pool()
    site.engine.seconds["qmclone"] = 0.3
    vms = [new(f"vm-{number}", clone="linked", pool="autolabs") for number in range(3)]
    found: list[tuple[Outcome, ...]] = []
    runs = [threading.Thread(target=lambda: found.append(site.run(*vms, session=session))) for _number in range(2)]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert [one.failure for outcomes in found for one in outcomes] == [""] * 6
    assert sorted(site.vms().values()) == [vm["name"] for vm in vms]
    assert {one.vmid for outcomes in found for one in outcomes} == set(site.vms())


def test_the_shorter_clone_gives_way_to_the_longer_one_of_the_lower_id(site: Site) -> None:
    session = site.by_pool()

    def meddle() -> None:
        site.engine.seconds["qmclone"] = 0.6
        session.post(f"nodes/pve-1/qemu/{TEMPLATE}/clone", newid=100, name="vm", full=True, pool="autolabs")
        assert eventually(lambda: "100" in site.engine.state["vms"])
        site.engine.seconds["qmclone"] = 0.0

    meddling = Meddling(session.endpoint, "GET", "cluster/nextid", meddle)
    (made,) = site.run(new("vm", pool="autolabs"), session=meddling)
    assert (made.failure, made.vmid, site.vms()) == ("", 100, {100: "vm"})


@pytest.mark.parametrize("pool", ["", "autolabs"])
def test_the_memory_and_the_balloon_of_a_fresh_clone_are_written_together(site: Site, pool: str) -> None:
    vm = new("vm", vmid=140, pool=pool, memory=8192, balloon=1024)
    site.run(vm)
    assert (int(site.config(140)["memory"]), int(site.config(140)["balloon"])) == (8192, 1024)
    assert not site.run(vm)[0].changed
