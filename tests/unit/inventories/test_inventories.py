"""The inventories of the checkout are sites that can be, and have the sizes that document 003 asks for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.autolabs.platform.plugins.filter.flows import flow_groups, flow_problems
from ansible_collections.autolabs.platform.plugins.filter.site import site_problems, site_vms
from unit.support.inventories import INVENTORIES, Loaded, files_of, owned, written

# What MiB of memory, cores and GiB of disk document 003 gives each VM, with the address and the VMID; design.md's
# corrections are that dev has a node of 32 GB, and that no VLAN carries pods. prod is its variant of several nodes.
GITLAB = (4, 8192, "100G", "192.168.100.10/24", 110)
DATABASE = (4, 8192, "200G", "192.168.100.20/24", 120)
SIZES: dict[str, dict[str, tuple[int, int, str, str, int]]] = {
    "dev": {
        "gitlab-vm": GITLAB,
        "database-vm": DATABASE,
        "k8s-vm": (4, 8192, "200G", "192.168.100.30/24", 130),
    },
    "stage": {
        "gitlab-vm": GITLAB,
        "database-vm": DATABASE,
        "k8s-vm": (8, 16384, "200G", "192.168.100.30/24", 130),
        "k8s-worker-1": (8, 16384, "200G", "192.168.100.41/24", 141),
    },
    "prod": {
        "gitlab-vm": GITLAB,
        "database-vm": DATABASE,
        **{
            f"k8s-control-plane-{number}": (4, 8192, "200G", f"192.168.100.3{number}/24", 130 + number)
            for number in (1, 2, 3)
        },
        **{
            f"k8s-worker-{number}": (16, 16384, "200G", f"192.168.100.4{number}/24", 140 + number)
            for number in (1, 2, 3)
        },
    },
}  # fmt: skip
ORDER = {"database": 1, "gitlab": 2, "k8s": 3}
BRIDGE = "10.77.7.1"
# What the inventory of the test hosts says where a stand-in for Proxmox makes the machines.
TEST_BED: dict[str, Any] = {
    "all": {
        "vars": {
            "testbed_bridge_address": BRIDGE,
            "artifacts_checksums_file": "{{ inventory_dir }}/SHA256SUMS",
            "proxmox_api_password": "secret",
            "ansible_ssh_private_key_file": "{{ inventory_dir }}/id_ed25519",
        },
        "children": {
            "proxmox": {"hosts": {"demo-pve": {"ansible_host": "10.77.7.11"}}},
            "database": {"hosts": {"demo-database": {}}},
        },
    }
}


def asked_for(name: str, folder: Path) -> list[str]:
    """The variables of which an inventory of the checkout, as it is, has a mistake."""
    problems = site_problems(Loaded(written(folder, name)).described())
    return [problem.split(": ")[1] for problem in problems]


def filled(name: str, folder: Path) -> Loaded:
    """An inventory with what its owner fills in."""
    return Loaded(written(folder, name, owned(name)))


@pytest.mark.parametrize("name", SIZES)
def test_a_filled_in_inventory_is_a_site_that_can_be(name: str, tmp_path: Path) -> None:
    loaded = filled(name, tmp_path)
    assert site_problems(loaded.described()) == []
    assert flow_problems(flows_site(loaded)) == []


@pytest.mark.parametrize("name", SIZES)
def test_an_inventory_asks_for_what_only_its_owner_knows(name: str, tmp_path: Path) -> None:
    assert asked_for(name, tmp_path) == [
        "flows_networks.admin",
        "proxmox_api_password",
        "proxmox_api_ca",
        "proxmox_vms_template.checksum",
        "proxmox_vms_defaults.cloud_init.ssh_keys",
    ]


@pytest.mark.parametrize("name", SIZES)
def test_vms_are_as_large_as_the_documents_say(name: str, tmp_path: Path) -> None:
    vms = site_vms(filled(name, tmp_path).described())
    found = {
        vm["name"]: (vm["cores"], vm["memory"], vm["disks"]["scsi0"]["size"], vm["networks"][0]["ip"], vm["vmid"])
        for vm in vms
    }
    assert found == SIZES[name]


@pytest.mark.parametrize("name", SIZES)
def test_vms_of_a_site_are_alike(name: str, tmp_path: Path) -> None:
    for vm in site_vms(filled(name, tmp_path).described()):
        assert (vm["pool"], vm["template"], vm["onboot"], vm["agent"]) == ("autolabs", 9000, True, True)
        assert vm["cloud_init"]["user"] == "autolabs"
        assert vm["cloud_init"]["searchdomain"] == "autolabs.internal"
        assert vm["tags"][0] == name
        (part,) = {*vm["tags"]} & {*ORDER}
        assert vm["startup"]["order"] == ORDER[part]
        assert vm["networks"][0]["gateway"] == "192.168.100.1"
        assert vm["networks"][0].get("tag") == (100 if name == "prod" else None)


@pytest.mark.parametrize("name", [*SIZES, "demo"])
def test_every_group_is_there_and_nobody_is_planned(name: str, tmp_path: Path) -> None:
    groups = Loaded(written(tmp_path, name)).groups
    assert {"proxmox", "gateway", "gitlab", "database", "k8s", "k8s_control_plane", "k8s_worker", "planned"} <= set(
        groups
    )
    assert groups["planned"] == []


@pytest.mark.parametrize("name", [*SIZES, "demo"])
def test_no_inventory_holds_a_secret(name: str) -> None:
    for path in sorted((INVENTORIES / name).rglob("*.yml")):
        for line in path.read_text().splitlines():
            key, _colon, value = line.strip().partition(":")
            if key.endswith(("password", "secret", "token")):
                assert value.strip().startswith('"{{ vault_'), f"{path}: {line}"


def flows_site(loaded: Loaded) -> dict[str, Any]:
    """What role `flows` makes of an inventory that has its defaults."""
    machine = loaded.hostvars[loaded.groups["k8s"][0]]
    cluster = {"pods": [machine["kubeadm_pod_subnet"]], "services": [machine["kubeadm_service_subnet"]]}
    return {
        "groups": flow_groups(loaded.groups, loaded.hostvars),
        "networks": {**cluster, **machine["flows_networks"]},
        "phase": machine["flows_phase"],
    }


def demo(folder: Path) -> Loaded:
    """The demo where a stand-in makes its machines."""
    (folder / "id_ed25519.pub").write_text("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEZha2U= tests\n")
    image = files_of("demo")["group_vars/all.yml"]["proxmox_vms_template"]["url"].removeprefix("https://")
    (folder / "SHA256SUMS").write_text(f"{'a' * 64}  {image}\n")
    (folder / "inventory.yml").write_text(yaml.safe_dump(TEST_BED))
    return Loaded(INVENTORIES / "demo", folder / "inventory.yml", variables={"inventory_dir": str(folder)})


def test_the_demo_on_a_stand_in_is_a_site_of_two_vms(tmp_path: Path) -> None:
    loaded = demo(tmp_path)
    described = loaded.described()
    assert site_problems(described) == []
    assert flow_problems(flows_site(loaded)) == []
    found = {vm["name"]: (vm["memory"], vm["node"], vm["networks"][0]["ip"]) for vm in site_vms(described)}
    assert found == {
        "demo-k8s": (10240, "demo-pve", "10.77.7.30/25"),
        "demo-database": (1024, "demo-pve", "10.77.7.20/25"),
    }
    assert {vm["networks"][0]["gateway"] for vm in site_vms(described)} == {BRIDGE}
    assert described["proxmox_api_host"] == "10.77.7.11"
    assert described["proxmox_vms_template"]["checksum"] == f"sha256:{'a' * 64}"


@pytest.mark.parametrize("variables", [{"testbed_bridge_address": BRIDGE}, {}])
def test_the_demo_on_machines_that_are_there_makes_none(variables: dict[str, str], tmp_path: Path) -> None:
    host = {"ansible_host": "10.77.7.12" if variables else "192.0.2.10"}
    machines = {"all": {"hosts": {"demo-k8s": host}, "vars": variables}}
    (tmp_path / "inventory.yml").write_text(yaml.safe_dump(machines))
    admin = {"flows_networks": {"admin": ["192.0.2.1/32"]}}
    described = Loaded(INVENTORIES / "demo", tmp_path / "inventory.yml", variables=admin).described()
    assert described["hosts"]["demo-k8s"]["ansible_host"] == host["ansible_host"]
    assert site_problems(described) == []
    assert site_vms(described) == []
