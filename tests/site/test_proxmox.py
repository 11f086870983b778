"""The machines of a site by playbook alone: made, changed, disturbed, and taken away; nothing is installed on them."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from proxmox_api import api, faults, writes
from running import DATABASE, HOST, NODE, Site
from testbed.hosts import processes

VMS = "--tags proxmox_vms"
DATABASE_ID, HOST_ID, TEMPLATE_ID = 120, 130, 9000


@pytest.fixture(scope="module")
def machines() -> Iterator[Site]:
    """A site of which only the machines are made."""
    site = Site(f"test-{os.getpid()}-vms", owner=os.getpid())
    site.start()
    try:
        played = site.playbook("machines")
        assert played.succeeded, played.output[-5000:]
        yield site
    finally:
        site.down()


@pytest.fixture(autouse=True)
def well_behaved(machines: Site) -> Iterator[None]:
    """No test leaves faults to the next."""
    yield
    faults(machines)


def vms(site: Site) -> dict[int, dict[str, Any]]:
    """What there is, by number."""
    return {vm["vmid"]: vm for vm in api(site).cluster.resources.get(type="vm")}


def without(site: Site, *numbers: int) -> None:
    """Remove VMs behind the product's back."""
    for number in numbers:
        vm = api(site).nodes(NODE).qemu(number)
        if vm.status.current.get()["status"] == "running":
            ended(site, vm.status.stop.post())
        ended(site, vm.delete(purge=1))


def ended(site: Site, upid: str) -> None:
    """Wait for the end of a task."""
    until(lambda: api(site).nodes(NODE).tasks(upid).status.get()["status"] == "stopped")


def until(holds: Callable[[], bool], seconds: float = 60) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.1)


def clones(site: Site) -> bool:
    """Whether a clone is being made."""
    return any(task["type"] == "qmclone" for task in api(site).nodes(NODE).tasks.get(source="active"))


def made_whole(site: Site) -> None:
    """The next run completes the site, and the one after it finds nothing to do."""
    faults(site)
    completed = site.playbook("machines", options=VMS)
    assert completed.succeeded, completed.output[-5000:]
    assert {number: vm["status"] for number, vm in vms(site).items() if not vm.get("template")} == {
        DATABASE_ID: "running",
        HOST_ID: "running",
    }
    assert site.on_host("cloud-init", "status", host=DATABASE) == "status: done\n"
    assert site.playbook("machines", options=VMS).changed_tasks() == []


def test_the_machines_are_as_the_inventory_says(machines: Site) -> None:
    found = vms(machines)
    assert {number: (vm["name"], vm["status"], vm.get("pool")) for number, vm in found.items()} == {
        DATABASE_ID: (DATABASE, "running", "autolabs"),
        HOST_ID: (HOST, "running", "autolabs"),
        TEMPLATE_ID: ("debian-12", "stopped", "autolabs"),
    }
    config = api(machines).nodes(NODE).qemu(HOST_ID).config.get()
    assert (int(config["memory"]), config["onboot"], config["ciuser"]) == (10240, 1, "autolabs")
    assert "firewall=1" in config["net0"]
    assert config["scsi0"].endswith("size=20G") or "size=20G" in config["scsi0"]


def test_they_are_made_with_the_token_and_not_by_the_administrator(machines: Site) -> None:
    """What made them is in the tasks' list; the token is in a file of its own that nobody else reads."""
    clones = [task for task in api(machines).nodes(NODE).tasks.get(limit=500) if task["type"] == "qmclone"]
    assert {task["user"] for task in clones} == {"autolabs@pve!ansible"}
    token = machines.folder / "proxmox-token.json"
    assert token.stat().st_mode & 0o777 == 0o600


def test_a_second_run_changes_nothing(machines: Site) -> None:
    writes(machines)
    assert machines.playbook("machines").changed_tasks() == []
    assert writes(machines) == []


def test_a_change_by_hand_is_the_plan_and_the_next_run_takes_it_back(machines: Site) -> None:
    vm = api(machines).nodes(NODE).qemu(DATABASE_ID)
    vm.config.put(description="by hand", onboot=0)
    writes(machines)
    plan = machines.playbook("machines", options="--check --diff")
    assert plan.succeeded, plan.output[-3000:]
    assert writes(machines) == []
    assert plan.changed_tasks() == ["Make the VMs"]
    (diff,) = [entry for entry in plan.result("autolabs.platform.proxmox_vm")["diff"] if entry]
    assert (DATABASE in diff["before_header"], "onboot: false" in diff["before"], "onboot: true" in diff["after"]) == (
        True,
        True,
        True,
    )
    assert machines.playbook("machines").changed_tasks() == ["Make the VMs"]
    assert vm.config.get()["onboot"] == 1
    assert machines.playbook("machines", options="--check").changed_tasks() == []


def test_the_rules_of_the_catalogue_are_on_node_and_machines(machines: Site) -> None:
    firewall = api(machines).cluster.firewall
    assert firewall.options.get()["enable"] == 1
    node = api(machines).nodes(NODE)
    (first, *_others) = node.qemu(DATABASE_ID).firewall.rules.get()
    assert (first["type"], first["action"]) == ("group", "database")
    assert node.qemu(DATABASE_ID).firewall.options.get()["policy_in"] == "DROP"
    assert any("admin-proxmox" in rule.get("comment", "") for rule in node.firewall.rules.get())
    node.qemu(DATABASE_ID).firewall.rules.post(type="in", action="ACCEPT", enable=1, proto="tcp", dport="5432")
    plan = machines.playbook("machines", options="--tags proxmox_firewall --check --diff")
    assert len(plan.changed_tasks()) == 1 and "5432" in plan.output
    assert len(machines.playbook("machines", options="--tags proxmox_firewall").changed_tasks()) == 1
    assert machines.playbook("machines", options="--tags proxmox_firewall --check").changed_tasks() == []


# What goes wrong, what the message says, and whether the run gets over it by itself.
FAULTS: list[tuple[str, list[dict[str, Any]], tuple[str, ...], bool]] = [
    ("a lock that is held for a while", [{"kind": "lock_timeout", "path": "*/config", "count": 2}], (), True),
    (
        "an outcome that is not known",
        [{"kind": "answer", "method": "POST", "path": "*/clone", "after": True}],
        (),
        True,
    ),
    ("a task with warnings", [{"kind": "task", "task": "qmstart", "warnings": 1}], ("[WARNING]: demo-database",), True),
    ("a short silence of the API", [{"kind": "drop", "method": "GET", "path": "*/tasks/*", "count": 3}], (), True),
    (
        "a clone that fails",
        [{"kind": "task", "task": "qmclone", "failure": "clone failed: no space left on device", "count": 0}],
        ("no space left on device", DATABASE),
        False,
    ),
]


@pytest.mark.parametrize(("rules", "told", "overcome"), [fault[1:] for fault in FAULTS], ids=[one[0] for one in FAULTS])
def test_what_goes_wrong_is_overcome_or_told(
    machines: Site, rules: list[dict[str, Any]], told: tuple[str, ...], overcome: bool
) -> None:
    without(machines, DATABASE_ID)
    faults(machines, *rules)
    played = machines.playbook("machines", options=VMS)
    assert played.succeeded == overcome, played.output[-5000:]
    assert all(text in played.output for text in told), played.output[-3000:]
    assert "Traceback" not in played.output
    made_whole(machines)


def test_a_machine_that_never_boots_is_named(machines: Site) -> None:
    without(machines, DATABASE_ID)
    faults(machines, {"kind": "boots_never", "vmid": DATABASE_ID})
    played = machines.playbook("machines", {"proxmox_vms_reach_timeout": 5}, options=VMS)
    assert not played.succeeded
    assert DATABASE in played.output and "console" in played.output, played.output[-3000:]
    without(machines, DATABASE_ID)
    made_whole(machines)


def test_an_api_that_goes_away_in_the_middle_is_waited_for(machines: Site) -> None:
    without(machines, DATABASE_ID)
    faults(machines, {"kind": "task", "task": "qmclone", "seconds": 3})
    command = begun(machines)
    until(lambda: clones(machines))
    faults(machines, {"kind": "down", "seconds": 5})
    output, _errors = command.communicate(timeout=180)
    assert command.returncode == 0, output[-3000:]
    assert "asking again" in output
    made_whole(machines)


def test_what_a_node_left_that_went_down_in_the_middle_is_named(machines: Site) -> None:
    without(machines, DATABASE_ID)
    faults(machines, {"kind": "task", "task": "qmclone", "seconds": 3})
    command = begun(machines)
    until(lambda: clones(machines))
    faults(machines, {"kind": "restart", "seconds": 2})
    output, _errors = command.communicate(timeout=180)
    assert command.returncode and "run this again" in " ".join(output.split()), output[-3000:]
    again = machines.playbook("machines", {"proxmox_vms_lock_timeout": 2}, options=VMS)
    assert not again.succeeded
    assert f"qm unlock {DATABASE_ID}" in again.output and f"qm destroy {DATABASE_ID}" in " ".join(again.output.split())
    ended(machines, api(machines).nodes(NODE).qemu(DATABASE_ID).delete(skiplock=1, purge=1))
    made_whole(machines)


def test_a_run_that_is_killed_is_completed_by_the_next(machines: Site) -> None:
    without(machines, DATABASE_ID)
    faults(machines, {"kind": "task", "task": "qmclone", "seconds": 4})
    command = begun(machines)
    until(lambda: clones(machines))
    mine = processes.having(lambda pid: session(pid) == command.pid)
    processes.end(mine, lambda pid: session(pid) == command.pid, sign=signal.SIGKILL)
    command.wait(30)
    made_whole(machines)


def test_two_runs_at_once_make_every_machine_once(machines: Site) -> None:
    without(machines, DATABASE_ID)
    faults(machines, {"kind": "task", "task": "qmclone", "seconds": 2, "count": 0})
    both = [begun(machines), begun(machines)]
    outputs = [command.communicate(timeout=240)[0] for command in both]
    assert not any("Traceback" in output for output in outputs)
    assert any(command.returncode == 0 for command in both), outputs[0][-3000:]
    assert sorted(vms(machines)) == [DATABASE_ID, HOST_ID, TEMPLATE_ID]
    made_whole(machines)


def test_a_token_that_has_expired_and_one_that_may_not(machines: Site) -> None:
    token = api(machines).access.users("autolabs@pve").token("ansible")
    token.put(expire=int(time.time()) - 60)
    expired = machines.playbook("machines", options=f"{VMS} --check")
    token.put(expire=0)
    assert not expired.succeeded and "autolabs@pve!ansible" in expired.output, expired.output[-3000:]

    api(machines).access.roles("AutoLabs").put(privs="Pool.Audit,VM.Audit")
    api(machines).nodes(NODE).qemu(DATABASE_ID).config.put(onboot=0)
    weak = machines.playbook("machines", options=VMS)
    assert not weak.succeeded
    assert "VM.Config.Options" in weak.output and "pveum acl modify" in weak.output, weak.output[-3000:]
    assert len(machines.playbook("machines", options="--tags proxmox_host").changed_tasks()) == 1
    made_whole(machines)


def test_the_site_is_destroyed_only_by_its_name(machines: Site) -> None:
    writes(machines)
    for variables in ({}, {"confirm": "dem"}):
        refused = machines.playbook("site_destroy", variables)
        assert not refused.succeeded and "-e confirm=demo" in refused.output
    plan = machines.playbook("site_destroy", {"confirm": "demo"}, options="--check --diff")
    assert plan.succeeded, plan.output[-3000:]
    assert writes(machines) == []
    played = machines.playbook("site_destroy", {"confirm": "demo"})
    assert played.succeeded, played.output[-3000:]
    assert left(machines) == []
    assert machines.playbook("site_destroy", {"confirm": "demo"}).changed_tasks() == []


def left(site: Site) -> list[str]:
    """What of a site is still known to the API."""
    asked = api(site)
    found = [f"vm {number}" for number in vms(site)]
    found += [f"pool {one['poolid']}" for one in asked.pools.get()]
    found += [f"user {one['userid']}" for one in asked.access.users.get() if one["userid"] != "root@pam"]
    found += [f"role {one['roleid']}" for one in asked.access.roles.get() if not int(one.get("special", 0))]
    found += [f"acl {one['path']}" for one in asked.access.acl.get()]
    found += [f"backup {one['id']}" for one in asked.cluster.backup.get()]
    found += [f"group {one['group']}" for one in asked.cluster.firewall.groups.get()]
    found += [f"ipset {one['name']}" for one in asked.cluster.firewall.ipset.get()]
    found += [f"rule {one['pos']}" for one in asked.cluster.firewall.rules.get()]
    found += [f"rule {one['pos']} of the node" for one in asked.nodes(NODE).firewall.rules.get()]
    found += [
        f"volume {one['volid']}"
        for storage in ("local", "local-lvm")
        for one in asked.nodes(NODE).storage(storage).content.get()
    ]
    return found


def begun(site: Site) -> subprocess.Popen[str]:
    """The playbook of the machines, in a session of its own."""
    return subprocess.Popen(
        [*site.command("machines", {}), "--tags", "proxmox_vms"],
        env=site.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def session(pid: int) -> int:
    """The session of a process; 0 for one that is gone."""
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return 0
