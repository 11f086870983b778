"""Each field of a VM has its place in the provider's resource, and what is not given is left alone."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.terraform.machine import (
    INTERFACE,
    TEMPLATE_DECIDES,
    machine,
    machine_problems,
    resource_name,
)
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.vm import (
    CloudInit,
    Disk,
    Network,
    Startup,
    Vm,
)

GIB = 1 << 30
SOURCE = {"vm_id": 9000}
NET = Network(bridge="vmbr0", ip="192.168.100.30/24")


def body(source: dict[str, Any] | None = SOURCE, **fields: Any) -> dict[str, Any]:
    return machine(Vm(name="k8s-vm", **{"node": "pve-1"} | fields), source)


def init(**fields: Any) -> dict[str, Any]:
    found: dict[str, Any] = body(**fields)["initialization"][0]
    return found


# The fields of a VM, and what of the resource's body says the same.
GIVEN: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {"name": "k8s-vm", "node_name": "pve-1", "started": True}),
    ({"vmid": 130}, {"vm_id": 130}),
    ({"pool": "autolabs"}, {"pool_id": "autolabs"}),
    ({"pool": ""}, {"pool_id": ""}),
    ({"description": "One line"}, {"description": "One line"}),
    ({"description": ""}, {"description": ""}),
    ({"tags": ("k8s", "Demo", "demo")}, {"tags": ["demo", "k8s"]}),
    ({"tags": ()}, {"tags": []}),
    ({"cores": 4, "sockets": 2, "cpu": "host"}, {"cpu": [{"cores": 4, "sockets": 2, "type": "host"}]}),
    ({"memory": 8192, "balloon": 0}, {"memory": [{"dedicated": 8192, "floating": 0}]}),
    ({"agent": True}, {"agent": [{"enabled": True}]}),
    ({"agent": False}, {"agent": [{"enabled": False}]}),
    ({"onboot": True}, {"on_boot": True}),
    ({"onboot": False}, {"on_boot": False}),
    ({"startup": Startup(3, 30, 60)}, {"startup": [{"order": 3, "up_delay": 30, "down_delay": 60}]}),
    ({"startup": Startup(order=3)}, {"startup": [{"order": 3}]}),
    ({"protection": True}, {"protection": True}),
    ({"state": "started"}, {"started": True}),
    ({"state": "stopped"}, {"started": False}),
    ({"clone": "full"}, {"clone": [{"vm_id": 9000, "full": True}]}),
    ({"clone": "linked"}, {"clone": [{"vm_id": 9000, "full": False}]}),
    ({"storage": "fast"}, {"clone": [{"vm_id": 9000, "full": True, "datastore_id": "fast"}]}),
    ({"storage": "fast", "clone": "linked"}, {"clone": [{"vm_id": 9000, "full": False}]}),
    (
        {
            "disks": (
                Disk("scsi0", 200 * GIB, "fast", ssd=True, discard=True, iothread=True, backup=True),
                Disk("virtio1", GIB, "slow", ssd=False, discard=False, iothread=False, backup=False),
            )
        },
        {
            "disk": [
                {"interface": "scsi0", "size": 200, "datastore_id": "fast", "ssd": True, "discard": "on"}
                | {"iothread": True, "backup": True},
                {"interface": "virtio1", "size": 1, "datastore_id": "slow", "ssd": False, "discard": "ignore"}
                | {"iothread": False, "backup": False},
            ]
        },
    ),
    (
        {"storage": "fast", "disks": (Disk("scsi0", GIB),)},
        {"disk": [{"interface": "scsi0", "size": 1, "datastore_id": "fast"}]},
    ),
    (
        {"networks": (Network("vmbr0", "virtio", 100, True, "BC:24:11:00:00:01", 1450),)},
        {
            "network_device": [
                {"bridge": "vmbr0", "model": "virtio", "vlan_id": 100, "firewall": True}
                | {"mac_address": "BC:24:11:00:00:01", "mtu": 1450}
            ]
        },
    ),
    (
        {"networks": (Network("vmbr0"), Network("vmbr1", tag=0, mtu=0))},
        {"network_device": [{"bridge": "vmbr0"}, {"bridge": "vmbr1", "vlan_id": 0, "mtu": 0}]},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("given", "expected"), GIVEN)
def test_a_field_is_written(given: dict[str, Any], expected: dict[str, Any]) -> None:
    found = body(**given)
    for device in found.get("network_device", ()):
        # An object that is given whole: null is what is not said.
        assert set(device) == set(INTERFACE)
        for name in [name for name, value in device.items() if value is None]:
            del device[name]
    assert {key: found.get(key) for key in expected} == expected


@pytest.mark.parametrize(("given", "expected"), [
    ({"storage": "fast"}, {"datastore_id": "fast"}),
    ({"cloud_init": CloudInit(user="autolabs", ssh_keys=("ssh-ed25519 A", "ssh-ed25519 B"))},
     {"user_account": [{"username": "autolabs", "keys": ["ssh-ed25519 A", "ssh-ed25519 B"]}]}),
    ({"cloud_init": CloudInit(ssh_keys=())}, {"user_account": [{"keys": []}]}),
    ({"cloud_init": CloudInit(nameservers=("192.168.100.1",), searchdomain="autolabs.internal")},
     {"dns": [{"servers": ["192.168.100.1"], "domain": "autolabs.internal"}]}),
    ({"cloud_init": CloudInit(upgrade=False)}, {"upgrade": False}),
    ({"cloud_init": CloudInit(vendor="local:snippets/v.yml")}, {"vendor_data_file_id": "local:snippets/v.yml"}),
    ({"networks": (Network(ip="192.168.100.30/24", gateway="192.168.100.1"),)},
     {"ip_config": [{"ipv4": [{"address": "192.168.100.30/24", "gateway": "192.168.100.1"}]}]}),
    ({"networks": (Network(ip="dhcp", ip6="auto"),)},
     {"ip_config": [{"ipv4": [{"address": "dhcp"}], "ipv6": [{"address": "auto"}]}]}),
    ({"networks": (Network(ip="dhcp", ip6=""),)}, {"ip_config": [{"ipv4": [{"address": "dhcp"}]}]}),
    ({"networks": (Network(ip="dhcp"), Network(ip6="fd00::2/64", gateway6="fd00::1"))},
     {"ip_config": [{"ipv4": [{"address": "dhcp"}]},
                    {"ipv6": [{"address": "fd00::2/64", "gateway": "fd00::1"}]}]}),
    ({"networks": (Network(ip="dhcp"), Network("vmbr1"), Network("vmbr2", ip=""))},
     {"ip_config": [{"ipv4": [{"address": "dhcp"}]}]}),
])  # fmt: skip
def test_what_cloud_init_is_told_is_written(given: dict[str, Any], expected: dict[str, Any]) -> None:
    assert init(**given) == expected


@pytest.mark.parametrize(("given", "left"), [
    ({}, {"description", "tags", "pool_id", "on_boot", "protection", "cpu", "memory", "agent", "startup", "disk",
          "network_device", "initialization"}),
    ({"cores": 4}, {"cpu[0].sockets", "cpu[0].type"}),
    ({"memory": 512}, {"memory[0].floating"}),
    ({"disks": (Disk("scsi0", GIB, ssd=True),)},
     {"disk[0].datastore_id", "disk[0].discard", "disk[0].iothread", "disk[0].backup"}),
    ({"networks": (NET, Network(model="virtio"))},
     {"network_device[0].model", "network_device[0].vlan_id", "network_device[0].firewall", "network_device[0].mtu",
      "network_device[1].bridge"}),
    ({"networks": (NET,)},
     {"initialization[0].datastore_id", "initialization[0].user_account", "initialization[0].dns",
      "initialization[0].upgrade", "initialization[0].vendor_data_file_id", "initialization[0].ip_config[0].ipv6"}),
    ({"networks": (NET,), "cloud_init": CloudInit(user="autolabs")}, {"initialization[0].user_account[0].keys"}),
    ({"networks": (NET,), "cloud_init": CloudInit(searchdomain="")}, {"initialization[0].dns[0].servers"}),
    ({"state": "present"}, {"started"}),
])  # fmt: skip
def test_what_is_not_given_is_left_alone_and_told(given: dict[str, Any], left: set[str]) -> None:
    found = body(**given)
    assert left <= set(found["lifecycle"]["ignore_changes"])
    assert all(path in found["//"][0] for path in left)


def test_what_is_given_is_not_left_alone() -> None:
    every = {key: value for given, _ in GIVEN for key, value in given.items()}
    cloud_init = CloudInit("autolabs", ("ssh-ed25519 A",), ("192.168.100.1",), "autolabs.internal", False, "")
    networks = (Network("vmbr0", "virtio", 0, True, "BC:24:11:00:00:01", 0, "dhcp", None, "auto"),)
    disks = (Disk("scsi0", GIB, "fast", True, True, True, True),)
    found = body(**every | {"cloud_init": cloud_init, "networks": networks, "disks": disks})
    assert set(found["lifecycle"]["ignore_changes"]) == {"clone", *TEMPLATE_DECIDES}
    assert "//" not in found


def test_no_field_of_a_vm_is_forgotten() -> None:
    elsewhere = {"name", "node", "template", "cloud_init"}
    assert {key for given, _ in GIVEN for key in given} == {field.name for field in fields(Vm)} - elsewhere


def test_what_only_makes_a_vm_does_not_make_it_anew() -> None:
    assert "clone" in body()["lifecycle"]["ignore_changes"]


def test_a_vm_that_does_not_start_by_itself_does_not_start_by_itself() -> None:
    """The provider's own default would start it with its node."""
    assert body()["on_boot"] is False


def test_a_vm_whose_power_is_left_alone_is_not_started_by_being_made() -> None:
    assert body(state="present")["started"] is False


@pytest.mark.parametrize("given", [{"agent": False}, {"memory": 512, "balloon": 0}])
def test_a_block_of_defaults_is_not_written_for_a_vm_that_is_there(given: dict[str, Any]) -> None:
    """The provider reads none, and would show it as a change. It is not left alone either."""
    block = next(iter(given))
    assert block in body(**given)
    found = machine(Vm(name="k8s-vm", node="pve-1", **given), SOURCE, there=True)
    assert block not in found
    assert block not in found["lifecycle"]["ignore_changes"]


def test_without_a_template_nothing_is_cloned() -> None:
    assert "clone" not in body(None)


def test_a_template_on_another_node_is_named_with_it() -> None:
    other, same = {"vm_id": 9000, "node_name": "pve-2"}, {"vm_id": 9000, "node_name": "pve-1"}
    assert body(other)["clone"] == [{"vm_id": 9000, "node_name": "pve-2", "full": True}]
    assert body(same)["clone"] == [{"vm_id": 9000, "full": True}]


@pytest.mark.parametrize(("name", "expected"), [
    ("k8s-vm", "k8s_vm"), ("K8S", "k8s"), ("1st-vm", "_1st_vm"), ("a.b", "a__b"), ("a-b", "a_b"),
])  # fmt: skip
def test_a_resource_has_a_name_that_terraform_takes(name: str, expected: str) -> None:
    assert resource_name(Vm(name=name)) == expected


@pytest.mark.parametrize(("given", "field", "words"), [
    ({"node": None}, "k8s-vm.node", "is needed"),
    ({"node": ""}, "k8s-vm.node", "is needed"),
    ({"disks": (Disk("scsi0"),)}, "k8s-vm.disks.scsi0.size", "is needed"),
    ({"disks": (Disk("scsi0", 512 << 20),)}, "k8s-vm.disks.scsi0.size", "whole GiB"),
    ({"disks": (Disk("scsi0", 0),)}, "k8s-vm.disks.scsi0.size", "whole GiB"),
    ({"disks": (Disk("ide0", GIB),)}, "k8s-vm.disks.ide0", "scsi, sata, virtio"),
    ({"networks": ()}, "k8s-vm.networks", "take all interfaces away"),
    ({"networks": (Network("vmbr0"), NET)}, "k8s-vm.networks[0].ip", "comes last"),
])  # fmt: skip
def test_what_the_provider_cannot_do_is_refused_by_name(given: dict[str, Any], field: str, words: str) -> None:
    problems = list(machine_problems(Vm(name="k8s-vm", **{"node": "pve-1"} | given)))
    assert [problem.field for problem in problems] == [field]
    assert words in problems[0].message


def test_all_that_is_wrong_is_told_at_once() -> None:
    assert len(list(machine_problems(Vm(name="vm", disks=(Disk("ide0"), Disk("scsi0", 1)))))) == 4
