"""The record of a network survives a crash, says who owns it, and is locked while it changes."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from testbed import paths
from testbed.hosts import processes, registry
from testbed.hosts.registry import BadName, Busy, Host, Network

HOST = Host("demo-k8s", 11, "0" * 32, 6 << 30)
NETWORK = Network("demo", 3, None, True, {HOST.name: HOST}, {"k8s_control_plane": (HOST.name,)})


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOLABS_STATE", str(tmp_path / "state"))
    monkeypatch.setattr(paths, "runtime", lambda: tmp_path)


def test_a_record_reads_back_as_it_was_written() -> None:
    owned = replace(NETWORK, owner=processes.Identity(42, 1234, "boot"))
    for network in (NETWORK, owned):
        assert registry.from_json(registry.to_json(network)) == network


def test_saved_networks_are_listed_by_name_and_forgotten_with_their_files() -> None:
    registry.save(NETWORK)
    registry.save(replace(NETWORK, name="alpha", index=4))
    (registry.networks_folder() / "begun").mkdir()
    assert [network.name for network in registry.every()] == ["alpha", "demo"]
    (NETWORK.folder / "hosts/demo-k8s").mkdir(parents=True)
    registry.forget(NETWORK)
    assert not NETWORK.folder.exists()
    assert registry.load("demo") is None


def test_a_record_that_is_not_ours_is_named() -> None:
    registry.save(NETWORK)
    (NETWORK.folder / "network.json").write_text("{}")
    with pytest.raises(BadName, match=r"demo/network\.json is not a record of ours"):
        registry.load("demo")


def test_a_destroyed_host_leaves_its_groups() -> None:
    left = NETWORK.without_host("demo-k8s")
    assert left.hosts == {}
    assert left.groups == {"k8s_control_plane": ()}


@pytest.mark.parametrize(
    ("owner", "abandoned"),
    [
        pytest.param(None, False, id="without an owner it stays"),
        pytest.param(processes.identity(os.getpid()), False, id="the owner lives"),
        pytest.param(processes.Identity(os.getpid(), 1, processes.boot_id()), True, id="the pid is another's now"),
        pytest.param(processes.Identity(2**22 + 1, 1, processes.boot_id()), True, id="there is no such pid"),
        pytest.param(processes.Identity(os.getpid(), 1, "before the reboot"), True, id="another boot"),
    ],
)
def test_a_network_is_abandoned_when_its_owner_is_gone(owner: processes.Identity | None, abandoned: bool) -> None:
    assert replace(NETWORK, owner=owner).abandoned is abandoned


@pytest.mark.parametrize("name", ["demo", "test-123", "a", "a" * 40])
def test_good_names(name: str) -> None:
    assert registry.checked_name("network", name) == name


@pytest.mark.parametrize("name", ["", "Demo", "1st", "-a", "a-", "a.b", "a/b", "a b", "a" * 41, "хост", "a\n"])
def test_bad_names_are_refused_with_what_is_allowed(name: str) -> None:
    with pytest.raises(BadName, match="use lower-case letters, digits"):
        registry.checked_name("network", name)


def test_a_program_that_inherits_a_lock_holds_it_until_it_ends() -> None:
    with registry.lock("demo"):
        heir = subprocess.Popen(["sleep", "60"], pass_fds=registry.held())
        lock = paths.runtime() / ".demo.lock"
        lock.rename(lock.with_suffix(".kept"))  # as a killed holder leaves it
    lock.with_suffix(".kept").rename(lock)
    with pytest.raises(Busy), registry.lock("demo", wait=False):
        pass
    heir.kill()
    heir.wait()
    with registry.lock("demo", wait=False):
        assert len(registry.held()) == 1
    assert registry.held() == []


def test_a_locked_network_is_busy_and_free_afterwards() -> None:
    with registry.lock("demo"):
        with pytest.raises(Busy, match="demo: another process is changing it"), registry.lock("demo", wait=False):
            pass
        with registry.lock("other", wait=False):
            pass
    with registry.lock("demo", wait=False):
        pass
    assert not list(paths.runtime().glob(".*.lock"))
