"""The VMs of a Terraform state become hosts with an address; a file that is no state is told in one message."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.terraform.state import Host, hosts
from unit.support.terraform import DATA

BPG = (DATA / "bpg.tfstate").read_text()
K8S = "proxmox_virtual_environment_vm"


def state(*instances: dict[str, Any], kind: str = K8S, **resource: Any) -> str:
    entry = {"mode": "managed", "type": kind, "name": "vm", "instances": list(instances), **resource}
    return json.dumps({"version": 4, "resources": [entry]})


def bpg(**attributes: Any) -> str:
    return state({"attributes": {"id": "130", "vm_id": 130, "name": "vm", "node_name": "pve-1"} | attributes})


def telmate(**attributes: Any) -> str:
    return state({"attributes": {"id": "pve-1/qemu/130", "name": "vm"} | attributes}, kind="proxmox_vm_qemu")


def addressed(*ip_config: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"ip_config": list(ip_config)}]


def test_vms_of_bpg_become_hosts() -> None:
    assert hosts(BPG, "x") == (
        Host("database-vm", f"{K8S}.database_vm", "192.168.100.20", 120, "pve-1", ("database", "demo")),
        Host("k8s-vm", f"{K8S}.k8s_vm", "192.168.100.30", 130, "pve-1",
             ("demo", "k8s", "k8s_control_plane", "k8s_worker")),
        Host("k8s-w1", f'module.workers.{K8S}.worker["w1"]', "fd00:64::41", 141, "pve-2", ("k8s", "k8s_worker")),
        Host("k8s-w2", f'module.workers.{K8S}.worker["w2"]', "", 142, "pve-2", ("k8s", "k8s_worker")),
    )  # fmt: skip


def test_vms_of_telmate_become_hosts() -> None:
    assert hosts((DATA / "telmate.tfstate").read_text(), "x") == (
        Host("database-vm", "proxmox_vm_qemu.database_vm", "192.168.100.20", 120, "pve-1", ("database", "demo")),
        Host("gitlab-vm", "proxmox_vm_qemu.gitlab_vm", "192.168.100.10", 110, "pve-1", ("gitlab", "demo")),
        Host("k8s-vm", "proxmox_vm_qemu.k8s_vm[0]", "192.168.100.30", 130, "pve-2"),
    )


@pytest.mark.parametrize(("text", "address"), [
    (bpg(initialization=addressed({"ipv4": [{"address": "192.0.2.5/24"}]})), "192.0.2.5"),
    (bpg(initialization=addressed({"ipv4": [{"address": "dhcp"}]}), ipv4_addresses=[["192.0.2.6"]]), "192.0.2.6"),
    (bpg(initialization=addressed({"ipv4": []}, {"ipv4": [{"address": "192.0.2.7/24"}]})), "192.0.2.7"),
    (bpg(initialization=addressed({"ipv4": [], "ipv6": [{"address": "fd00::7/64"}]})), "fd00::7"),
    (bpg(initialization=[], ipv4_addresses=[["127.0.0.1"], ["169.254.1.1", "192.0.2.8"]]), "192.0.2.8"),
    (bpg(initialization=None, ipv4_addresses=None, ipv6_addresses=[["::1"], ["fe80::1", "fd00::8"]]), "fd00::8"),
    (bpg(), ""),
    (telmate(ipconfig0="ip=192.0.2.5/24,gw=192.0.2.1", default_ipv4_address="192.0.2.99"), "192.0.2.5"),
    (telmate(ipconfig0="ip=dhcp", ipconfig1="gw=192.0.2.1, ip=192.0.2.6/24"), "192.0.2.6"),
    (telmate(ipconfig0="ip6=fd00::5/64"), "fd00::5"),
    (telmate(ipconfig0="ip=dhcp", ssh_host="192.0.2.7"), "192.0.2.7"),
    (telmate(default_ipv6_address="fd00::6"), "fd00::6"),
    (telmate(ssh_host="vm.example.org"), ""),
])  # fmt: skip
def test_the_address_is_one_that_others_can_reach(text: str, address: str) -> None:
    assert hosts(text, "x")[0].address == address


def test_addresses_inside_the_guest_are_not_the_vms() -> None:
    """The agent tells those of bridges and tunnels too; the VM's own interfaces are known by their MAC addresses."""
    told = bpg(
        network_device=[{"mac_address": "bc:24:11:00:00:01"}],
        mac_addresses=["02:42:00:00:00:01", "BC:24:11:00:00:01"],
        ipv4_addresses=[["172.17.0.1"], ["192.0.2.5"]],
    )
    assert hosts(told, "x")[0].address == "192.0.2.5"


@pytest.mark.parametrize("text", [
    '{"version": 4}', '{"version": 4, "resources": []}', state({"attributes": {}}, kind="random_password"),
    state({"attributes": {"id": "1"}}, mode="data"), bpg(template=True), state(),
])  # fmt: skip
def test_a_state_may_hold_no_vms(text: str) -> None:
    assert hosts(text, "x") == ()


@pytest.mark.parametrize(("text", "told"), [
    ("", "x: the file is empty"),
    ("{", "x:1: this is no state, which is JSON"),
    ("resource {}", "x:1: this is no state, which is JSON"),
    ("[]", "x: this is JSON, but no state"),
    ("{}", "x: the version of the state is missing"),
    ('{"version": 3, "modules": []}', "x: the version of the state is 3, and 4 is what can be read"),
    ('{"version": 3, "backend": {"type": "http"}}', "x: this only says where the state is"),
    ('{"serial": 1, "encrypted_data": "AAAA", "encryption_version": "v0"}', "x: the state is encrypted"),
    ('{"format_version": "1.0", "values": {}}', "x: this is what `tofu show -json` writes"),
    ('{"version": 4, "resources": {}}', "x: `resources` is no list"),
    (state({"attributes": {"name": "vm"}}), f"x: {K8S}.vm: has not the attributes of this resource"),
    (bpg(vm_id="many", id="x"), f"x: {K8S}.vm: has not the attributes of this resource"),
    (bpg(initialization=[{"ip_config": ["dhcp"]}]), f"x: {K8S}.vm: has not the attributes of this resource"),
    (state({"attributes_flat": {}}), f"x: {K8S}.vm: has not the attributes of this resource"),
])  # fmt: skip
def test_a_broken_file_is_told_in_one_message(text: str, told: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        hosts(text, "x")
    assert str(refused.value).startswith(told)
    assert "\n" not in str(refused.value)


def test_two_vms_of_one_name_are_told_with_their_resources() -> None:
    attributes = {"id": "130", "vm_id": 130, "name": "vm", "node_name": "pve-1"}
    twice = state({"attributes": attributes, "index_key": 0}, {"attributes": attributes, "index_key": 1})
    with pytest.raises(InvalidInput, match=r"vm: is the name of several VMs: .*vm\[0\], .*vm\[1\]; rename"):
        hosts(twice, "x")


def test_no_secret_of_a_state_is_in_a_message() -> None:
    text = state({"attributes": {"name": "vm", "initialization": [{"user_account": [{"password": "hunter2"}]}]}})
    with pytest.raises(InvalidInput) as refused:
        hosts(text, "x")
    assert "hunter2" not in str(refused.value)
