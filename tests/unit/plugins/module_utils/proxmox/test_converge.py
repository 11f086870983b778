"""VMs become what they should be, all at the same time; each failure says what to do and stops nobody else."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox import making, plan, power, presence
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.converge import Outcome, RefusedPlan
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.errors import Account, Refused
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.vm import Expected, LiveVm
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.work import Work
from testbed.proxmox import volumes

from .conftest import QUICK, TEMPLATE, Meddling, Site, new

WHOLE = {
    "pool": "autolabs",
    "description": "A node",
    "tags": ["k8s", "demo"],
    "cores": 2,
    "memory": 2048,
    "disks": {"scsi0": {"size": "8G"}},
    "networks": [{"bridge": "vmbr0", "ip": "192.0.2.30/24", "gateway": "192.0.2.1"}],
    "cloud_init": {"user": "autolabs", "ssh_keys": ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ4 somebody@example.org"]},
}


def failures(outcomes: tuple[Outcome, ...]) -> dict[str, str]:
    return {one.name: one.failure for one in outcomes if one.failure}


def test_a_vm_is_cloned_configured_grown_and_started(site: Site) -> None:
    (made,) = site.run(new("k8s-vm", vmid=130, **WHOLE))
    assert (made.failure, made.vmid, made.state, made.address) == ("", 130, "started", "192.0.2.30")
    config = site.config(130)
    assert (config["cores"], config["ciuser"], config["name"]) == (2, "autolabs", "k8s-vm")
    assert "size=8G" in config["scsi0"]
    assert site.admin.get("pools/autolabs")["members"][0]["vmid"] == 130


def test_the_guest_boots_with_what_cloud_init_was_told(site: Site) -> None:
    site.run(new("k8s-vm", vmid=130, **WHOLE))
    _config, told = site.engine.hypervisor.machines[130]
    assert "192.0.2.30" in told.network_config and "autolabs" in told.user_data


def test_the_second_run_changes_nothing(site: Site) -> None:
    vm = new("k8s-vm", **WHOLE)
    site.run(vm)
    with site.requests() as sent:
        (again,) = site.run(vm)
    assert (again.changed, again.failure, again.changes, sent) == (False, "", (), [])
    assert (again.state, again.address) == ("started", "192.0.2.30")


def test_check_mode_tells_the_same_and_sends_nothing(site: Site) -> None:
    vm = new("k8s-vm", **WHOLE)
    with site.requests() as sent:
        (foreseen,) = site.run(vm, options=replace(QUICK, check_mode=True))
    assert (foreseen.changed, foreseen.vmid, foreseen.state, sent) == (True, None, "started", [])
    (made,) = site.run(vm)
    assert [c.field for c in made.changes] == [c.field for c in foreseen.changes]
    assert next(c.after for c in foreseen.changes if c.field == "vmid") == plan.CHOSEN
    assert next(c.after for c in made.changes if c.field == "vmid") == made.vmid


def test_check_mode_tells_what_is_made_of_a_template_and_a_pool_that_are_not_there_yet(site: Site) -> None:
    vm = new("k8s-vm", **WHOLE | {"template": 9001, "pool": "later"})
    expected = Expected(presence.to_be_made(9001, "debian-13", "pve-1"), frozenset({"later"}))
    with site.requests() as sent:
        (foreseen,) = site.run(vm, options=replace(QUICK, check_mode=True, expected=expected))
        with pytest.raises(RefusedPlan, match="there is no template 9001"):
            site.run(vm, options=replace(QUICK, expected=expected))
    assert (foreseen.changed, foreseen.vmid, foreseen.state, sent) == (True, None, "started", [])
    after = {change.field: change.after for change in foreseen.changes}
    assert (after["template"], after["pool"], after["memory"]) == (9001, "later", 2048)


@pytest.mark.parametrize(("clone", "full"), [("linked", "0"), ("full", "1")])
def test_a_clone_is_linked_to_its_template_or_whole(site: Site, clone: str, full: str) -> None:
    site.run(new("vm", vmid=101, clone=clone))
    (sent,) = [entry for entry in site.stand_in._server.asked if entry["path"].endswith("/clone")]
    assert sent["parameters"]["full"] == full


def test_many_new_vms_get_ids_of_their_own(site: Site) -> None:
    outcomes = site.run(*(new(f"vm-{number}", clone="linked", state="stopped") for number in range(10)))
    assert failures(outcomes) == {}
    assert len({one.vmid for one in outcomes}) == 10
    assert sorted(site.vms().values()) == sorted(one.name for one in outcomes)


def test_all_vms_are_worked_on_at_the_same_time(site: Site) -> None:
    begun = threading.Barrier(8, timeout=10)
    site.engine.hypervisor.start = lambda *words: begun.wait()
    # Would the second wait for the first, none would get past the barrier.
    assert failures(site.run(*(new(f"vm-{number}", clone="linked") for number in range(8)))) == {}


def test_what_cannot_be_is_refused_for_all_before_anything_starts(site: Site) -> None:
    with site.requests() as sent, pytest.raises(RefusedPlan) as refused:
        site.run(new("good"), new("bad", template=9999), new("worse", pool="nobodys"))
    assert {refusal.name for refusal in refused.value.refusals} == {"bad", "worse"}
    assert sent == []


def test_a_change_that_needs_a_restart_is_told_or_made(site: Site) -> None:
    site.run(new("vm", vmid=101))
    (told,) = site.run({"name": "vm", "cpu": "host"})
    assert (told.changed, told.restart_needed) == (True, ("cpu",))
    assert "cpu" not in site.config(101)
    (again,) = site.run({"name": "vm", "cpu": "host"})
    assert (again.changed, again.restart_needed) == (False, ("cpu",))
    (made,) = site.run({"name": "vm", "cpu": "host"}, options=replace(QUICK, allow_restart=True))
    assert (made.changed, made.restart_needed, site.config(101)["cpu"]) == (True, (), "host")
    assert site.state(101) == "running"


def test_a_vm_that_does_not_shut_down_is_told_and_left_running(site: Site) -> None:
    site.run(new("vm", vmid=101))
    site.fault("shutdown_never", vmid=101)
    wanted = {"name": "vm", "cpu": "host"}
    (left,) = site.run(wanted, options=replace(QUICK, allow_restart=True))
    assert "did not shut down within 1 s and was left running" in left.failure
    assert site.state(101) == "running"
    (cut,) = site.run(wanted, options=replace(QUICK, allow_restart=True, force_stop=True))
    assert (cut.failure, site.state(101), site.config(101)["cpu"]) == ("", "running", "host")


def test_a_vm_that_should_be_absent_is_removed_once(site: Site) -> None:
    site.run(new("vm", vmid=101))
    gone = {"name": "vm", "state": "absent"}
    (removed,) = site.run(gone)
    assert (removed.changed, removed.state, site.vms()) == (True, "absent", {})
    (again,) = site.run(gone)
    assert (again.changed, again.state) == (False, "absent")


def test_a_vm_is_switched_off_and_on(site: Site) -> None:
    site.run(new("vm", vmid=101))
    assert site.run({"name": "vm", "state": "stopped"})[0].state == "stopped"
    assert site.state(101) == "stopped"
    assert site.run({"name": "vm"})[0].state == "started"


def test_a_vm_that_never_tells_its_address_is_told(site: Site) -> None:
    site.fault("agent_never")
    options = replace(QUICK, wait_for_address=0.3)
    (silent,) = site.run(new("vm", vmid=101, networks=[{"bridge": "vmbr0", "ip": "dhcp"}]), options=options)
    assert "told no address within 0.3 s" in silent.failure and "console" in silent.failure
    site.engine.faults.clear()
    assert failures(site.run(new("vm", vmid=101))) == {}


def test_without_an_agent_the_address_is_the_one_that_it_was_given(site: Site) -> None:
    vm = new("vm", agent=False, networks=[{"bridge": "vmbr0", "ip": "192.0.2.7/24"}])
    assert site.run(vm, options=replace(QUICK, wait_for_address=5))[0].address == "192.0.2.7"


# What goes wrong.


def test_a_failed_task_is_told_with_what_was_done_and_the_next_run_goes_on(site: Site) -> None:
    site.fault("task", task="qmstart", failure="start failed: no space left on device")
    (failed,) = site.run(new("vm", vmid=101, cores=2))
    assert "no space left on device" in failed.failure
    assert "done before: cloning template 9000 to VM 101, configuring" in failed.failure
    (again,) = site.run(new("vm", vmid=101, cores=2))
    assert (again.failure, again.state) == ("", "started")


def test_the_failure_of_one_vm_does_not_stop_the_others(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    start = power.start

    def broken(work: Work, vm: LiveVm) -> None:
        if vm.vmid == 101:
            raise RuntimeError("a mistake of ours")
        start(work, vm)

    monkeypatch.setattr(power, "start", broken)
    outcomes = site.run(new("bad", vmid=101), new("good", vmid=102))
    assert "internal error: RuntimeError: a mistake of ours" in failures(outcomes)["bad"]
    assert outcomes[1].state == "started"


def test_warnings_of_a_task_are_a_success_and_told(site: Site) -> None:
    site.fault("task", task="qmclone", warnings=1)
    (made,) = site.run(new("vm"))
    assert made.failure == "" and len(made.warnings) == 1


@pytest.mark.parametrize(
    ("method", "path"), [("PUT", "*/config"), ("POST", "*/clone"), ("POST", "*/start"), ("PUT", "*/resize")]
)
def test_a_lock_is_waited_for(site: Site, method: str, path: str) -> None:
    site.fault("lock_timeout", method=method, path=path, count=2)
    (made,) = site.run(new("vm", cores=2, disks={"scsi0": {"size": "8G"}}))
    assert (made.failure, made.state) == ("", "started")
    assert any("waits for a lock" in progress.text for progress in site.told)


def test_a_lock_in_a_task_is_waited_for(site: Site) -> None:
    site.fault("task", task="qmclone", failure="clone failed: can't lock file '/var/lock/x' - got timeout")
    assert failures(site.run(new("vm"))) == {}


def test_a_lock_that_is_never_given_up_is_told_with_the_way_out(site: Site) -> None:
    site.fault("lock_timeout", method="PUT", path="*/config", count=0)
    (failed,) = site.run(new("vm", cores=2), options=replace(QUICK, lock_timeout=0.3))
    assert "did not end within 0.3 s" in failed.failure and "qm unlock" in failed.failure


@pytest.mark.parametrize("kind", ["answer", "drop"])
@pytest.mark.parametrize("after", [True, False], ids=["done", "not done"])
@pytest.mark.parametrize(
    ("method", "path"), [("POST", "*/clone"), ("POST", "*/start"), ("PUT", "*/config"), ("PUT", "*/resize")]
)
def test_a_lost_answer_is_looked_into_and_nothing_is_done_twice(
    site: Site, kind: str, after: bool, method: str, path: str
) -> None:
    site.fault(kind, method=method, path=path, after=after)
    vm = new("vm", cores=2, disks={"scsi0": {"size": "8G"}})
    (made,) = site.run(vm)
    assert (made.failure, made.state) == ("", "started")
    assert list(site.vms().values()) == ["vm"]
    assert site.engine.hypervisor.starts == [made.vmid]
    assert site.run(vm)[0].changed is False


def test_a_config_that_somebody_else_changes_meanwhile_is_read_and_planned_again(site: Site) -> None:
    site.run(new("vm", vmid=101))

    def meddle() -> None:
        site.admin.put("nodes/pve-1/qemu/101/config", description="by hand")

    session = Meddling(site.endpoint(), "PUT", "/config", meddle)
    (made,) = site.run({"name": "vm", "tags": ["a"]}, session=session)
    assert made.failure == ""
    config = site.config(101)
    assert (config["tags"], config["description"].strip()) == ("a", "by hand")
    assert any("somebody else changed it" in progress.text for progress in site.told)


def test_what_somebody_changes_while_a_disk_grows_is_kept(site: Site) -> None:
    site.run(new("vm", vmid=101))

    def meddle() -> None:
        site.admin.put("nodes/pve-1/qemu/101/config", scsi0=f"{site.config(101)['scsi0']},backup=0")

    # The plan is made, and the disk has begun to grow; its options are written after that.
    session = Meddling(site.endpoint(), "GET", "/status", meddle)
    (made,) = site.run({"name": "vm", "disks": {"scsi0": {"size": "8G", "ssd": True}}}, session=session)
    assert (made.failure, made.restart_needed) == ("", ("disks.scsi0.ssd",))
    later = site.admin.get("nodes/pve-1/qemu/101/config")["scsi0"]
    assert sorted(later.split(",")[1:]) == ["backup=0", "size=8G", "ssd=1"]
    assert site.run({"name": "vm", "disks": {"scsi0": {"size": "8G", "ssd": True}}})[0].changed is False


def test_a_vm_under_high_availability_is_not_ended_unless_it_may_be_cut_off(site: Site) -> None:
    site.run(new("vm", vmid=101))
    site.engine.state["vms"]["101"]["ha"] = {"managed": 1, "state": "started"}
    wanted = {"name": "vm", "state": "stopped", "tags": ["a"]}
    with site.requests() as sent:
        (refused,) = site.run(wanted)
    assert "is under high availability" in refused.failure and "force_stop" in refused.failure
    assert (sent, refused.changed, site.state(101)) == ([], False, "running")
    (ended,) = site.run(wanted, options=replace(QUICK, force_stop=True))
    assert (ended.failure, ended.state) == ("", "stopped")


def test_a_start_that_high_availability_has_only_noted_is_waited_for(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.run(new("vm", vmid=101, state="stopped"))
    site.engine.state["vms"]["101"]["ha"] = {"managed": 1, "state": "stopped"}
    started = site.engine.hypervisor.start
    later: list[threading.Timer] = []

    def noted(*words: object) -> None:
        later.append(threading.Timer(0.3, started, words))
        later[-1].start()

    monkeypatch.setattr(site.engine.hypervisor, "start", noted)
    (made,) = site.run({"name": "vm"})
    assert (made.failure, made.state) == ("", "started")

    site.engine.hypervisor.stop(101)
    monkeypatch.setattr(site.engine.hypervisor, "start", lambda *words: None)
    (never,) = site.run({"name": "vm"}, options=replace(QUICK, timeout=0.3))
    assert "is under high availability and stopped, not running, 0.3 s after" in never.failure


def test_disks_that_only_look_like_those_of_a_removed_vm_stay(site: Site) -> None:
    site.run(new("vm", vmid=101, state="stopped"))
    # On shared storage it may be of another site's VM 101.
    stray = {"size": 1 << 30, "format": "raw", "vmid": 101, "content": "images", "ctime": 0}
    volumes.keep(site.engine, "pve-1", "local-lvm:vm-101-disk-9", stray)
    (gone,) = site.run({"name": "vm", "state": "absent"})
    assert (gone.failure, gone.state) == ("", "absent")
    left = {volume["volid"] for volume in site.admin.get("nodes/pve-1/storage/local-lvm/content")}
    assert {volume for volume in left if "vm-101" in volume} == {"local-lvm:vm-101-disk-9"}


def test_an_id_that_another_takes_first_is_replaced_where_we_chose_it(site: Site) -> None:
    def meddle() -> None:
        site.admin.wait(site.admin.post("nodes/pve-1/qemu", vmid=100, name="faster"))

    session = Meddling(site.endpoint(), "POST", "/clone", meddle)
    (made,) = site.run(new("vm"), session=session)
    assert (made.failure, made.vmid) == ("", 101)
    assert site.vms() == {100: "faster", 101: "vm"}


def test_an_id_that_another_takes_first_is_told_where_it_was_given(site: Site) -> None:
    def meddle() -> None:
        site.admin.wait(site.admin.post("nodes/pve-1/qemu", vmid=100, name="faster"))

    session = Meddling(site.endpoint(), "POST", "/clone", meddle)
    (failed,) = site.run(new("vm", vmid=100), session=session)
    assert "VMID 100 belongs to VM faster on pve-1" in failed.failure
    assert site.vms() == {100: "faster"}


def test_two_runs_at_once_make_each_vm_once(site: Site) -> None:
    site.engine.seconds["qmclone"] = 0.3
    vms = [new(f"vm-{number}", clone="linked") for number in range(4)]
    found: list[tuple[Outcome, ...]] = []
    runs = [threading.Thread(target=lambda: found.append(site.run(*vms))) for _number in range(2)]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert [failures(outcomes) for outcomes in found] == [{}, {}]
    assert sorted(site.vms().values()) == [vm["name"] for vm in vms]
    assert {one.vmid for outcomes in found for one in outcomes} == set(site.vms())


@pytest.mark.parametrize("vmid", [None, 140])
def test_a_clone_that_a_killed_run_left_is_waited_for_and_completed(site: Site, vmid: int | None) -> None:
    site.engine.seconds["qmclone"] = 0.5
    site.admin.post(f"nodes/pve-1/qemu/{TEMPLATE}/clone", newid=vmid or 100, name="vm", full=True)
    (made,) = site.run(new("vm", cores=2, **({"vmid": vmid} if vmid else {})))
    assert (made.failure, made.vmid, made.state) == ("", vmid or 100, "started")
    assert site.config(vmid or 100)["cores"] == 2 and list(site.vms().values()) == ["vm"]


def test_the_plan_for_a_clone_that_is_still_made_is_that_for_the_whole_one(site: Site) -> None:
    site.engine.seconds["qmclone"] = 0.3
    site.admin.post(f"nodes/pve-1/qemu/{TEMPLATE}/clone", newid=140, name="vm", full=True)
    with site.requests() as sent:
        (foreseen,) = site.run(new("vm", vmid=140, cores=2), options=replace(QUICK, check_mode=True))
    assert [change.field for change in foreseen.changes] == ["state", "cores"]
    assert sent == []


def test_a_clone_that_was_never_configured_is_completed(site: Site) -> None:
    site.admin.wait(site.admin.post(f"nodes/pve-1/qemu/{TEMPLATE}/clone", newid=100, name="vm", full=True))
    (made,) = site.run(new("vm", cores=2, disks={"scsi0": {"size": "8G"}}))
    assert (made.vmid, made.state, site.config(100)["cores"]) == (100, "started", 2)


def test_a_clone_that_broke_in_the_middle_fails_alone_and_says_what_to_do(site: Site) -> None:
    site.engine.seconds["qmclone"] = 30.0
    site.admin.post(f"nodes/pve-1/qemu/{TEMPLATE}/clone", newid=140, name="broken", full=True)
    site.engine.seconds["qmclone"] = 0.0
    outcomes = site.run(new("broken", vmid=140), new("good", vmid=141), options=replace(QUICK, lock_timeout=0.3))
    assert "qm unlock 140" in failures(outcomes)["broken"]
    assert outcomes[1].state == "started"


def test_an_api_that_is_away_for_a_moment_is_waited_for(site: Site) -> None:
    session = Meddling(site.endpoint(), "PUT", "/config", lambda: site.fault("down", seconds=0.5), patience=10)
    (made,) = site.run(new("vm", cores=2), session=session)
    assert (made.failure, made.state) == ("", "started")


def test_an_api_that_stays_away_is_told_and_the_next_run_goes_on(site: Site) -> None:
    session = Meddling(site.endpoint(), "PUT", "/config", lambda: site.fault("down", seconds=600), patience=0.3)
    (failed,) = site.run(new("vm", cores=2), session=session)
    assert "done before: cloning template 9000" in failed.failure
    assert "the next run goes on from here" in failed.failure
    site.engine.faults.clear()
    (made,) = site.run(new("vm", cores=2))
    assert (made.failure, made.state, list(site.vms().values())) == ("", "started", ["vm"])


def test_a_token_that_is_too_weak_is_told_what_it_lacks(site: Site) -> None:
    session = site.token("PVEAuditor")
    (failed,) = site.run(new("vm", vmid=101), session=session)
    assert "token weak@pve!weak lacks the privilege VM.Clone on /vms/9000" in failed.failure
    assert "pveum acl modify /vms/9000" in failed.failure and "--users weak@pve" in failed.failure
    assert site.vms() == {}


@pytest.mark.parametrize(("account", "secret"), [(Account("root@pam"), "wrong"), (Account("root@pam", "no"), "x")])
def test_who_is_not_let_in_changes_nothing(site: Site, account: Account, secret: str) -> None:
    with pytest.raises(Refused, match="does not let the"):
        site.run(new("vm"), session=site.session(account, secret))
    assert site.vms() == {}


def test_a_step_that_takes_long_is_told_once(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "ansible_collections.autolabs.platform.plugins.module_utils.proxmox.progress.QUIET_SECONDS", 0.1
    )
    site.engine.seconds["qmclone"] = 0.5
    site.run(new("vm", vmid=101))
    told = [str(progress) for progress in site.told]
    assert told.count("vm: cloning template 9000 to VM 101 ...") == 1
    assert any(line.startswith("vm: started after ") for line in told)


def test_ids_are_never_given_out_twice(site: Site) -> None:
    ids = making.Ids(site.session(), [100, 102])
    assert [ids.choose() for _number in range(3)] == [101, 103, 104]
