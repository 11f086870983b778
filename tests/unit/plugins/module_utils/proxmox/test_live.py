"""What is there is read in few requests, and from the node itself where the cluster does not know it yet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox import live, plan
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.errors import NotThere, Unreachable
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.vm import LiveVm, Network, Vm

VM = LiveVm(100, "vm", "pve-1", "running")
NODES = [{"type": "node", "node": "pve-1", "status": "online"}, {"type": "node", "node": "pve-2", "status": "offline"}]


def guest(vmid: int, name: str = "", status: str = "stopped", node: str = "pve-1", **more: Any) -> dict[str, Any]:
    return {"type": "qemu", "vmid": vmid, "node": node, "status": status} | ({"name": name} if name else {}) | more


class Server:
    """Answers what it knows, and remembers what it was asked."""

    def __init__(self, answers: Mapping[str, Any]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def get(self, path: str, /, **parameters: Any) -> Any:
        self.asked.append(path)
        if "pve-2" in path:
            raise Unreachable("the node is off")
        if path not in self.answers:
            raise NotThere(path)
        return self.answers[path]


def read(server: Server, *vms: Vm) -> Any:
    return live.read(server, vms, plan.to_read)  # type: ignore[arg-type]


def test_a_vm_that_is_asked_for_takes_two_requests_and_the_others_none() -> None:
    others = [guest(number, f"other-{number}") for number in range(200, 300)]
    server = Server(
        {
            "cluster/resources": [*NODES, guest(100, "vm"), *others],
            "nodes/pve-1/qemu/100/status/current": {"name": "vm", "status": "stopped"},
            "nodes/pve-1/qemu/100/pending": [{"key": "name", "value": "vm"}, {"key": "digest", "value": "abc"}],
        }
    )
    cluster = read(server, Vm("vm"))
    assert len(server.asked) == 3 and len(cluster.vms) == 101
    assert (cluster.vms[0].digest, cluster.vms[0].config, cluster.nodes) == ("abc", {"name": "vm"}, ("pve-1",))


def test_what_there_is_besides_vms_comes_from_the_same_answer() -> None:
    entries = [
        *NODES,
        {"type": "storage", "storage": "local", "node": "pve-1", "status": "available", "content": "iso,import"},
        {"type": "storage", "storage": "broken", "node": "pve-1", "status": "inactive", "content": "images"},
        {"type": "pool", "pool": "autolabs"},
        {"type": "lxc", "vmid": 105, "node": "pve-1", "name": "ct", "status": "running"},
    ]
    server = Server({"cluster/resources": entries})
    cluster = read(server, Vm("vm", node="pve-1", template=9000))
    assert server.asked == ["cluster/resources"]
    assert cluster.storages == {"pve-1": {"local": frozenset({"iso", "import"})}}
    assert (cluster.pools, cluster.containers) == ({"autolabs"}, {105: "ct"})


def test_bridges_are_asked_of_the_nodes_that_matter() -> None:
    server = Server({"cluster/resources": NODES, "nodes/pve-1/network": [{"iface": "vmbr0"}, {"iface": "vnet1"}]})
    cluster = read(server, Vm("vm", node="pve-1", networks=(Network(bridge="vmbr0"),)), Vm("b", node="pve-2"))
    assert cluster.bridges == {"pve-1": {"vmbr0", "vnet1"}}


def test_a_vm_that_the_cluster_does_not_know_yet_is_asked_for_at_its_node() -> None:
    server = Server(
        {
            "cluster/resources": [*NODES, guest(100, status="unknown")],
            "nodes/pve-1/qemu/100/status/current": {"name": "vm", "status": "running", "lock": "clone"},
        }
    )
    (found,) = live.listed_vms(server)  # type: ignore[arg-type]
    assert (found.name, found.status, found.lock) == ("vm", "running", "clone")


def test_a_vm_that_was_removed_meanwhile_is_not_there() -> None:
    server = Server({"cluster/resources": [*NODES, guest(100, status="unknown"), guest(101, "vm")]})
    assert read(server, Vm("vm")).vms == ()


def test_a_node_that_is_off_is_not_asked() -> None:
    server = Server({"cluster/resources": [*NODES, guest(100, "vm", "unknown", node="pve-2")]})
    cluster = read(server, Vm("vm"))
    assert [vm.name for vm in cluster.vms] == ["vm"] and server.asked == ["cluster/resources"]


@pytest.mark.parametrize(
    ("entry", "config", "pending"),
    [
        ({"key": "memory", "value": "1024"}, {"memory": "1024"}, {}),
        ({"key": "memory", "value": 1024, "pending": "2048"}, {"memory": 1024}, {"memory": "2048"}),
        ({"key": "cpu", "pending": "host"}, {}, {"cpu": "host"}),
        ({"key": "net1", "value": "virtio", "delete": 1}, {"net1": "virtio"}, {"net1": None}),
    ],
)
def test_what_runs_and_what_waits_are_told_apart(
    entry: dict[str, Any], config: dict[str, Any], pending: dict[str, Any]
) -> None:
    server = Server({"nodes/pve-1/qemu/100/status/current": {"name": "vm"}, "nodes/pve-1/qemu/100/pending": [entry]})
    found = live.read_vm(server, VM)  # type: ignore[arg-type]
    assert found and (found.config, found.pending) == (config, pending)


def test_of_a_running_vm_it_is_known_what_its_guest_was_told() -> None:
    server = Server(
        {
            "nodes/pve-1/qemu/100/status/current": {"name": "vm", "status": "running"},
            "nodes/pve-1/qemu/100/pending": [{"key": "ide2", "value": "local-lvm:vm-100-cloudinit,media=cdrom"}],
            "nodes/pve-1/qemu/100/cloudinit": [
                {"key": "ciuser", "value": "old", "pending": "new"},
                {"key": "nameserver", "pending": "192.0.2.1"},
                {"key": "searchdomain", "value": "example.org", "delete": 1},
                {"key": "sshkeys", "value": "same"},
            ],
        }
    )
    found = live.read_vm(server, VM)  # type: ignore[arg-type]
    assert found and found.on_drive == {"ciuser": "old", "nameserver": None, "searchdomain": "example.org"}


def card(*addresses: str, mac: str = "bc:24:11:00:00:01") -> dict[str, Any]:
    listed = [
        {"ip-address": text, "prefix": 24, "ip-address-type": "ipv6" if ":" in text else "ipv4"} for text in addresses
    ]
    return {"name": "eth0", "hardware-address": mac, "ip-addresses": listed}


@pytest.mark.parametrize(
    ("ip", "agent", "interfaces", "drive"),
    [
        ("192.0.2.31/24", "1", [card("192.0.2.30")], {"ipconfig0": "ip=192.0.2.30/24,gw=192.0.2.1"}),
        ("192.0.2.31/24", "1", [card("192.0.2.30", "192.0.2.31")], {}),
        ("192.0.2.31/24", "1", [card("169.254.1.2", "fe80::1", "2001:db8::1")], {}),
        ("192.0.2.31/24", "1", [card("192.0.2.30", mac="bc:24:11:00:00:02")], {}),
        ("192.0.2.31/24", "1", None, {}),
        ("192.0.2.31/24", "0", [card("192.0.2.30")], {}),
        ("dhcp", "1", [card("192.0.2.30")], {}),
    ],
)
def test_of_a_guest_whose_agent_answers_it_is_known_when_its_address_is_another(
    ip: str, agent: str, interfaces: list[dict[str, Any]] | None, drive: dict[str, Any]
) -> None:
    config = {
        "ide2": "local-lvm:vm-100-cloudinit,media=cdrom",
        "net0": "virtio=BC:24:11:00:00:01,bridge=vmbr0",
        "ipconfig0": f"ip={ip},gw=192.0.2.1",
        "agent": agent,
    }
    answers = {
        "status/current": {"name": "vm", "status": "running"},
        "pending": [{"key": key, "value": value} for key, value in config.items()],
        "cloudinit": [],
    } | ({} if interfaces is None else {"agent/network-get-interfaces": {"result": interfaces}})
    server = Server({f"nodes/pve-1/qemu/100/{path}": answer for path, answer in answers.items()})
    found = live.read_vm(server, VM)  # type: ignore[arg-type]
    assert found and found.on_drive == drive


def test_work_is_done_together_and_its_answers_keep_their_order() -> None:
    assert live.together(lambda number: number * 2, list(range(40))) == [number * 2 for number in range(40)]
    assert live.together(lambda number: number, []) == []
