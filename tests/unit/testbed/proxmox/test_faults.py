"""The stand-in misbehaves as told, survives a restart, and tells what was asked of it."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
import requests
from proxmoxer import ResourceException
from unit.support.stand_in import Proxmox
from unit.testbed.proxmox.test_answers import refused


@pytest.fixture
def proxmox(stand_in: Proxmox) -> Proxmox:
    stand_in.template()
    stand_in.vm(120)
    stand_in.forget()
    return stand_in


def test_596_after_the_thing_was_done(proxmox: Proxmox) -> None:
    proxmox.fault("answer", method="POST", path="*/clone", after=True)
    clone = proxmox.api().nodes("pve-1").qemu(9000).clone
    assert refused(lambda: clone.post(newid=121, full=1))[0] == 596
    (upid,) = [upid for upid in proxmox.server.engine.state["tasks"] if ":qmclone:9000:" in upid][-1:]
    proxmox.done(upid)
    assert clone_name(proxmox) == "Copy-of-VM-debian-12"
    clone.post(newid=122, full=1)  # once was told, so the next one is answered


def clone_name(proxmox: Proxmox) -> str:
    return str(proxmox.config(121)["name"])


def test_596_before_it_was_done(proxmox: Proxmox) -> None:
    proxmox.fault("answer", method="PUT", path="*/config", count=2)
    config = proxmox.api().nodes("pve-1").qemu(120).config
    assert [refused(lambda: config.put(cores=8))[0] for _ in range(2)] == [596, 596]
    assert config.get()["cores"] == 2
    config.put(cores=8)
    assert config.get()["cores"] == 8


@pytest.mark.parametrize("after", [False, True])
def test_a_dropped_connection(proxmox: Proxmox, after: bool) -> None:
    proxmox.fault("drop", method="PUT", path="*/config", after=after)
    with pytest.raises(requests.ConnectionError):
        proxmox.api().nodes("pve-1").qemu(120).config.put(cores=8)
    assert proxmox.config(120)["cores"] == (8 if after else 2)


def test_a_lock_that_is_not_had_in_time(proxmox: Proxmox) -> None:
    proxmox.fault("lock_timeout", path="*/qemu/120/config", method="PUT")
    config = proxmox.api().nodes("pve-1").qemu(120).config
    text = "can't lock file '/var/lock/qemu-server/lock-120.conf' - got timeout"
    assert refused(lambda: config.put(cores=8))[:2] == (500, text)
    config.put(cores=8)


def test_a_change_waits_for_the_task_that_holds_the_vm(proxmox: Proxmox) -> None:
    proxmox.fault("task", task="qmstart", seconds=0.6)
    vm = proxmox.api().nodes("pve-1").qemu(120)
    upid = vm.status.start.post()
    text = "can't lock file '/var/lock/qemu-server/lock-120.conf' - got timeout"
    assert refused(lambda: vm.config.put(cores=8))[:2] == (500, text)
    proxmox.done(upid)
    vm.config.put(cores=8)


def test_a_clone_is_locked_while_it_is_made(proxmox: Proxmox) -> None:
    proxmox.fault("task", task="qmclone", seconds=0.6)
    qemu = proxmox.api().nodes("pve-1").qemu
    upid = qemu(9000).clone.post(newid=121, full=1)
    while "121" not in proxmox.server.engine.state["vms"]:
        threading.Event().wait(0.005)
    assert qemu(121).config.get()["lock"] == "clone"
    assert refused(lambda: qemu(121).config.put(cores=8))[:2] == (500, "VM is locked (clone)")
    other = qemu(9000).clone.post(newid=122, full=1)  # clones of what does not run go on beside each other
    proxmox.done(upid)
    proxmox.done(other)
    assert "lock" not in qemu(121).config.get()


@pytest.mark.parametrize(
    ("rule", "end"),
    [
        ({"warnings": 2}, "WARNINGS: 2"),
        ({"failure": "command 'qemu-img convert' failed: exit code 1"},
         "command 'qemu-img convert' failed: exit code 1"),
    ],
)  # fmt: skip
def test_a_task_ends_as_told(proxmox: Proxmox, rule: dict[str, Any], end: str) -> None:
    proxmox.fault("task", task="qmstart", **rule)
    upid = proxmox.api().nodes("pve-1").qemu(120).status.start.post()
    assert proxmox.end(upid) == end
    status = proxmox.api().nodes("pve-1").tasks(upid).status.get()
    assert (status["status"], status["exitstatus"]) == ("stopped", end)
    assert proxmox.api().nodes("pve-1").tasks(upid).log.get()


def test_a_vm_that_never_boots_and_an_agent_that_never_answers(proxmox: Proxmox) -> None:
    proxmox.fault("agent_never", vmid=120)
    vm = proxmox.api().nodes("pve-1").qemu(120)
    proxmox.done(vm.status.start.post())
    interfaces = vm.agent("network-get-interfaces").get
    assert refused(interfaces)[:2] == (500, "QEMU guest agent is not running")
    proxmox.behave()
    assert [entry["name"] for entry in interfaces()["result"]] == ["lo", "eth0"]
    proxmox.done(vm.status.stop.post())
    proxmox.fault("boots_never", vmid=120)
    proxmox.done(vm.status.start.post())
    assert vm.status.current.get()["status"] == "running"
    assert refused(interfaces)[1] == "QEMU guest agent is not running"


def test_an_api_that_is_down_for_a_while(proxmox: Proxmox) -> None:
    api = proxmox.api()
    proxmox.fault("down", seconds=0.4)
    with pytest.raises(requests.ConnectionError):
        api.version.get()
    threading.Event().wait(0.5)
    assert api.version.get()


def test_a_restart_cuts_tasks_off_and_leaves_their_locks(proxmox: Proxmox) -> None:
    proxmox.fault("task", task="qmclone", seconds=30)
    api = proxmox.api()
    upid = api.nodes("pve-1").qemu(9000).clone.post(newid=121, full=1)
    while "121" not in proxmox.server.engine.state["vms"]:
        threading.Event().wait(0.005)
    proxmox.fault("restart")
    assert api.nodes("pve-1").tasks(upid).status.get()["exitstatus"] == "unexpected status"
    assert api.nodes("pve-1").qemu(121).config.get()["lock"] == "clone"


def test_it_tells_what_was_asked(proxmox: Proxmox) -> None:
    api = proxmox.api()
    api.version.get()
    api.nodes("pve-1").qemu(120).config.put(cores=3)
    assert proxmox.requests("GET") == ["GET /version"]
    assert proxmox.changes() == ["PUT /nodes/pve-1/qemu/120/config"]


def test_state_survives_a_restart_and_running_tasks_do_not(tmp_path: Path) -> None:
    first = Proxmox(tmp_path)
    first.template()
    first.fault("task", task="qmclone", seconds=30)
    upid = first.api().nodes("pve-1").qemu(9000).clone.post(newid=121, full=1)
    while "121" not in first.server.engine.state["vms"]:
        threading.Event().wait(0.005)
    port = first.server.port
    first.close()
    second = Proxmox(tmp_path, port=port)
    try:
        api = second.api()
        assert api.nodes("pve-1").qemu(9000).config.get()["template"] == 1
        assert api.nodes("pve-1").tasks(upid).status.get()["exitstatus"] == "unexpected status"
        assert api.nodes("pve-1").qemu(121).config.get()["lock"] == "clone"
        text = "VM is locked (clone)"
        assert refused(lambda: api.nodes("pve-1").qemu(121).config.put(cores=2))[1] == text
        second.done(api.nodes("pve-1").qemu(121).delete(skiplock=1))
    finally:
        second.close()


def test_an_unknown_fault_is_told(proxmox: Proxmox) -> None:
    with pytest.raises(Exception, match="400"):
        proxmox.fault("nonsense")
    with pytest.raises(ResourceException):
        proxmox.api().nodes("pve-1").qemu(777).config.get()
