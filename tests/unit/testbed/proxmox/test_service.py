"""Where the stand-in listens, what it refuses to stand on, and what is ended with it."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
from dataclasses import asdict
from pathlib import Path

import pytest
from testbed import __main__ as command
from testbed import paths
from testbed.hosts import processes, registry
from testbed.hosts.registry import Host, Network
from testbed.hosts.site import NotPossible
from testbed.proxmox import service

NODE = Host("demo-pve", 11, "0" * 32)
VM = Host("k8s-vm", 30, "1" * 32, None, 130)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Network:
    monkeypatch.setenv("AUTOLABS_STATE", str(tmp_path / "state"))
    monkeypatch.setattr(paths, "runtime", lambda: tmp_path)
    return registry.save(Network("demo", 3, None, False, {NODE.name: NODE, VM.name: VM}))


def test_it_listens_at_the_nodes_address_or_at_the_bridges(place: Network) -> None:
    assert service.address(place, "demo-pve") == "10.77.3.11"
    assert service.address(place, None) == "10.77.3.1"


@pytest.mark.parametrize(
    ("network", "node", "told"),
    [
        ("other", "demo-pve", "there is no network 'other'"),
        ("demo", "pve-1", "has no host 'pve-1' that could be the Proxmox node"),
        ("demo", "k8s-vm", "has no host 'k8s-vm' that could be the Proxmox node"),
        ("demo", "demo-pve", "host demo-pve of network demo does not run"),
    ],
)
def test_what_it_cannot_stand_on_is_told(place: Network, network: str, node: str, told: str) -> None:
    with pytest.raises(NotPossible, match=told):
        service.up(network, node, "secret")
    assert not service.folder(place).exists()


def test_settings_have_a_name_that_tells_nothing_of_them(tmp_path: Path) -> None:
    state = tmp_path / "proxmox"
    first = service.settled(state, "demo-pve", "secret", {"qmclone": 2})
    assert service.settled(state, "demo-pve", "secret", {"qmclone": 2}) == first
    names = [service.settled(state, "demo-pve", *other) for other in (("other", {"qmclone": 2}), ("other", {}))]
    assert len({first, *names}) == 3
    assert (state / "password").stat().st_mode & 0o777 == 0o600
    with pytest.raises(NotPossible, match="has the node demo-pve"):
        service.settled(state, None, "other", {})


def test_down_without_a_stand_in_is_fine(place: Network) -> None:
    service.down("demo")
    service.down("other")


def test_the_end_of_the_process_is_that_of_the_programs_it_runs_too(tmp_path: Path) -> None:
    # A leader of a session with a child that stays when it ends, and a machine in a session of its own.
    script = "sleep 60 & setsid --fork sh -c 'echo; exec sleep 60'; wait"
    leader = subprocess.Popen(["sh", "-c", script], start_new_session=True, stdout=subprocess.PIPE)
    assert leader.stdout is not None
    leader.stdout.readline()
    members = processes.having(lambda pid: service.session(pid) == leader.pid)
    machines = processes.having(lambda pid: _goes_to(pid) == _output(leader) and pid not in members)
    who = processes.identity(leader.pid)
    assert who is not None
    (tmp_path / f"{service.NAME}.json").write_text(json.dumps({"process": asdict(who), "command": []}))
    try:
        service.stop(tmp_path)
        assert len(members) >= 2
        assert processes.having(lambda pid: pid in members) == []
        assert len(machines) == 1
        assert processes.identity(machines[0]) is not None
    finally:
        for pid in [*members, *machines]:
            if processes.identity(pid):
                os.kill(pid, signal.SIGKILL)
        leader.communicate()


def _output(process: subprocess.Popen[bytes]) -> str:
    assert process.stdout is not None
    return os.readlink(f"/proc/self/fd/{process.stdout.fileno()}")


def _goes_to(pid: int) -> str:
    """Where a process's standard output goes."""
    try:
        return os.readlink(f"/proc/{pid}/fd/1")
    except OSError:
        return ""


@pytest.mark.parametrize(("text", "read"), [("qmclone=2.5", ("qmclone", 2.5)), ("qmstart=1", ("qmstart", 1.0))])
def test_seconds_of_a_kind_of_task_are_given_by_its_name(text: str, read: tuple[str, float]) -> None:
    assert command.seconds(text) == read


@pytest.mark.parametrize("text", ["qmclone", "qmclone=", "2.5", "qmclone=long"])
def test_other_seconds_are_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="give them as KIND=SECONDS"):
        command.seconds(text)
