"""A VM's configuration becomes a host's record, and its cloud-init data files of the host's disk."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from testbed import paths
from testbed.hosts import machine, registry, vm
from testbed.hosts.registry import BadName, Host, Network
from testbed.proxmox import machines
from testbed.proxmox.hypervisor import CloudInit, HypervisorFailed
from testbed.proxmox.machines import Machines

NODE = Host("demo-pve", 11, "0" * 32)
CONFIG = {
    "name": "k8s-vm",
    "memory": "2048",
    "net0": "virtio=BC:24:11:00:00:01,bridge=vmbr0,tag=100",
    "ipconfig0": "ip=10.77.3.30/25,gw=10.77.3.1",
}
DATA = CloudInit("#cloud-config\n", "version: 1\n", "instance-id: 1\n", "")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Network:
    monkeypatch.setenv("AUTOLABS_STATE", str(tmp_path / "state"))
    monkeypatch.setattr(paths, "runtime", lambda: tmp_path)
    return registry.save(Network("demo", 3, None, False, {NODE.name: NODE}))


def test_a_vm_is_a_host_at_its_static_address(place: Network) -> None:
    found = machines.host(130, CONFIG, place)
    assert (found.name, found.number, found.memory, found.vmid) == ("k8s-vm", 30, 2048 << 20, 130)
    assert found.cards == {"eth0": "bc:24:11:00:00:01"}


def test_cards_have_the_names_that_cloud_init_data_give_them(place: Network) -> None:
    further = {
        "net2": "e1000=BC:24:11:00:00:03,bridge=vmbr1",
        "net10": "model=virtio,macaddr=BC:24:11:00:00:0A,bridge=vmbr0",
    }
    assert machines.host(130, {**CONFIG, **further}, place).cards == {
        "eth0": "bc:24:11:00:00:01",
        "eth2": "bc:24:11:00:00:03",
        "eth10": "bc:24:11:00:00:0a",
    }


def test_a_vm_stays_the_same_machine_when_it_changes(place: Network) -> None:
    before = machines.host(130, CONFIG, place)
    place = place.with_host(before)
    after = machines.host(130, {**CONFIG, "memory": "4096", "name": "other"}, place)
    assert after == replace(before, name="other", memory=4096 << 20)


def test_a_vm_without_name_and_memory_has_those_of_pve(place: Network) -> None:
    found = machines.host(130, {"ipconfig0": CONFIG["ipconfig0"]}, place)
    assert (found.name, found.memory, found.cards) == ("vm-130", 512 << 20, {})


def test_memory_is_written_in_two_ways(place: Network) -> None:
    assert machines.host(130, {**CONFIG, "memory": "current=4096"}, place).memory == 4096 << 20


def test_a_vm_that_never_boots_has_no_way_in(place: Network) -> None:
    assert machines.host(130, {**CONFIG, machines.BOOTS_NEVER: "1"}, place).cards == {}


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        pytest.param({"ipconfig0": ""}, "names no static IPv4 address", id="no address"),
        pytest.param({"ipconfig0": "ip=dhcp"}, "have no DHCP server", id="dhcp"),
        pytest.param({"ipconfig0": "ip6=auto"}, "names no static IPv4 address", id="only IPv6"),
        pytest.param({"ipconfig0": "ip=192.168.100.30/24"}, "no host's address of 10.77.3.0/25", id="another network"),
        pytest.param({"ipconfig0": "ip=10.77.3.1/25"}, "no host's address of 10.77.3.0/25", id="the bridge"),
        pytest.param({"ipconfig0": "ip=10.77.3.127/25"}, "no host's address of 10.77.3.0/25", id="broadcast"),
        pytest.param({"ipconfig0": "ip=10.77.3.200/24"}, "no host's address of 10.77.3.0/25", id="the upper half"),
        pytest.param({"ipconfig0": "ip=10.77.3.11/25"}, "10.77.3.11 is the address of demo-pve", id="taken"),
        pytest.param({"name": "demo-pve"}, "has a host demo-pve already", id="a host's name"),
    ],
)
def test_what_no_test_host_can_be_is_told(place: Network, changed: Mapping[str, str], told: str) -> None:
    with pytest.raises(HypervisorFailed, match=f"VM 130: .*{told}"):
        machines.host(130, {**CONFIG, **changed}, place)


def test_a_name_must_be_a_host_name(place: Network) -> None:
    with pytest.raises(BadName, match="VM 'K8s'"):
        machines.host(130, {**CONFIG, "name": "K8s"}, place)


@pytest.mark.parametrize(
    ("agent", "has"),
    [("1", True), ("enabled=1,fstrim_cloned_disks=1", True), ("0", False), ("enabled=0", False), (None, False)],
)
def test_the_agent_has_a_port_where_it_is_enabled(agent: str | None, has: bool) -> None:
    assert machines.has_agent({"agent": agent} if agent else {}) is has


def test_the_data_lie_on_the_disk_as_the_drive_would_give_them(place: Network) -> None:
    wanted = machines.host(130, CONFIG, place)
    machines.seed(place, wanted, DATA, agent=True)
    folder = place.host_folder("k8s-vm") / vm.SEED
    assert {path.name: path.read_text() for path in folder.iterdir()} == {
        "user-data": "#cloud-config\n",
        "network-config": "version: 1\n",
        "meta-data": "instance-id: 1\n",
    }
    assert (folder / "user-data").stat().st_mode & 0o777 == 0o600, "it may hold a password"


def test_data_and_agent_that_were_taken_away_are_gone(place: Network) -> None:
    wanted = machines.host(130, CONFIG, place)
    machines.seed(place, wanted, replace(DATA, vendor_data="#cloud-config\n"), agent=True)
    port = place.host_folder("k8s-vm") / vm.AGENT
    (port / vm.AGENT_SOCKET).touch()
    machines.seed(place, wanted, CloudInit(), agent=False)
    assert list((place.host_folder("k8s-vm") / vm.SEED).iterdir()) == []
    assert not port.exists()


def test_a_vm_that_never_started_neither_runs_nor_speaks_nor_leaves_anything(place: Network) -> None:
    hypervisor = Machines("demo")
    assert hypervisor.running(130) is False
    assert hypervisor.interfaces(130) is None
    assert hypervisor.shutdown(130, 1) is True
    hypervisor.stop(130)
    hypervisor.remove(130)
    assert registry.load("demo") == place


def test_a_network_that_is_gone_is_told(place: Network) -> None:
    registry.forget(place)
    with pytest.raises(HypervisorFailed, match="the network demo of the test hosts is gone"):
        Machines("demo").start(130, CONFIG, DATA)


def test_a_record_with_vms_reads_back_as_it_was_written(place: Network) -> None:
    place = place.with_host(machines.host(130, CONFIG, place))
    assert registry.from_json(registry.to_json(place)) == place


def test_the_launcher_makes_a_vms_cards_before_it_boots(place: Network, tmp_path: Path) -> None:
    text = machine.script(place, machines.host(130, CONFIG, place), tmp_path / "base", [], 1)
    assert "unshare --mount --propagation private --net " in text
    made, plugged, booted = (
        text.index(part)
        for part in (
            "ip link add eth0 address bc:24:11:00:00:01 ",
            "ip -n autolabs.demo link set vb-atb3-30 master br0 up",
            "--network-namespace-path=/proc/self/ns/net",
        )
    )
    assert made < plugged < booted


def test_each_thread_holds_its_own_locks(place: Network) -> None:
    others: list[list[int]] = []
    with registry.lock("demo"):
        thread = threading.Thread(target=lambda: others.append(registry.held()))
        thread.start()
        thread.join()
        assert others == [[]]
        assert [os.fstat(descriptor).st_size for descriptor in registry.held()] == [0]
