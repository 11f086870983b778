"""VMs as people write them: every mistake at once, with its place, what is wrong, and an example."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.vm import (
    CloudInit,
    Disk,
    Network,
    Startup,
    Vm,
    read_vms,
)

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB me"

WHOLE = {
    "name": "k8s-vm",
    "vmid": 130,
    "node": "pve-1",
    "template": 9000,
    "clone": "linked",
    "storage": "local-lvm",
    "pool": "autolabs",
    "description": "One line",
    "tags": ["k8s", "demo"],
    "cores": 4,
    "sockets": 1,
    "memory": 8192,
    "balloon": 0,
    "cpu": "host",
    "agent": True,
    "onboot": True,
    "startup": {"order": 3, "up": 30, "down": 60},
    "protection": False,
    "disks": {
        "scsi0": {
            "size": "200G",
            "storage": "local-lvm",
            "ssd": True,
            "discard": True,
            "iothread": True,
            "backup": True,
        }
    },
    "networks": [
        {
            "bridge": "vmbr0",
            "model": "virtio",
            "tag": 100,
            "firewall": True,
            "mac": "bc-24-11-00-00-01",
            "mtu": 1450,
            "ip": "192.168.100.30/24",
            "gateway": "192.168.100.1",
            "ip6": "auto",
        }
    ],
    "cloud_init": {
        "user": "autolabs",
        "ssh_keys": [KEY],
        "nameservers": ["192.168.100.1"],
        "searchdomain": "autolabs.internal",
        "upgrade": False,
        "vendor": "local:snippets/autolabs-vendor.yml",
    },
    "state": "started",
}


def test_a_whole_vm_is_read() -> None:
    assert read_vms([WHOLE]) == (
        Vm(
            name="k8s-vm",
            vmid=130,
            node="pve-1",
            template=9000,
            clone="linked",
            storage="local-lvm",
            pool="autolabs",
            description="One line",
            tags=("k8s", "demo"),
            cores=4,
            sockets=1,
            memory=8192,
            balloon=0,
            cpu="host",
            agent=True,
            onboot=True,
            startup=Startup(3, 30, 60),
            protection=False,
            disks=(Disk("scsi0", 200 << 30, "local-lvm", True, True, True, True),),
            networks=(
                Network(
                    "vmbr0",
                    "virtio",
                    100,
                    True,
                    "BC:24:11:00:00:01",
                    1450,
                    "192.168.100.30/24",
                    "192.168.100.1",
                    "auto",
                ),
            ),
            cloud_init=CloudInit(
                "autolabs", (KEY,), ("192.168.100.1",), "autolabs.internal", False, "local:snippets/autolabs-vendor.yml"
            ),
            state="started",
        ),
    )


@pytest.mark.parametrize(
    ("given", "field", "value"),
    [
        ({}, "memory", None),
        ({}, "networks", None),
        ({}, "state", "started"),
        ({"memory": None}, "memory", None),
        ({"memory": "8192"}, "memory", 8192),
        ({"agent": "yes"}, "agent", True),
        ({"template": "debian-12"}, "template", "debian-12"),
        ({"template": "9000"}, "template", 9000),
        ({"networks": []}, "networks", ()),
        ({"tags": []}, "tags", ()),
        ({"description": ""}, "description", ""),
        ({"pool": ""}, "pool", ""),
        ({"startup": {}}, "startup", Startup()),
        ({"disks": {"scsi1": {}}}, "disks", (Disk("scsi1"),)),
        ({"networks": [{"ip": "DHCP"}]}, "networks", (Network(ip="dhcp"),)),
        (
            {"networks": [{"ip6": "fd00:0::30/64", "gateway6": "fe80::1"}]},
            "networks",
            (Network(ip6="fd00::30/64", gateway6="fe80::1"),),
        ),
        ({"cloud_init": {"vendor": "", "user": ""}}, "cloud_init", CloudInit(user="", vendor="")),
    ],
)
def test_what_is_given_is_read_and_what_is_not_stays_open(given: dict[str, Any], field: str, value: Any) -> None:
    (vm,) = read_vms([{"name": "vm", **given}])
    assert getattr(vm, field) == value


MISTAKES: list[tuple[dict[str, Any], str, str]] = [
    ({"memry": 1}, "vms[0].memry", "unknown field; did you mean `memory`?"),
    ({"name": "K8S"}, "vms[0].name", "must be a DNS label"),
    ({"name": "a.b"}, "vms[0].name", "must be a DNS label"),
    ({"name": "-a"}, "vms[0].name", "must be a DNS label"),
    ({"name": "a" * 64}, "vms[0].name", "must be a DNS label"),
    ({"vmid": 99}, "vms[0].vmid", "must be a number from 100 to 999999999, not 99"),
    ({"vmid": 1000000000}, "vms[0].vmid", "not 1000000000"),
    ({"vmid": "abc"}, "vms[0].vmid", "must be a whole number, not 'abc'"),
    ({"vmid": True}, "vms[0].vmid", "must be a whole number"),
    ({"cores": 0}, "vms[0].cores", "must be a number of at least 1, not 0"),
    ({"cores": 1.5}, "vms[0].cores", "must be a whole number, not '1.5'"),
    ({"memory": "8G"}, "vms[0].memory", "must be a whole number of MiB, not '8G'"),
    ({"agent": "maybe"}, "vms[0].agent", "must be true or false, not 'maybe'"),
    ({"state": "runing"}, "vms[0].state", "must be one of started, stopped, present, absent, not 'runing'"),
    ({"clone": "half"}, "vms[0].clone", "must be one of full, linked"),
    ({"tags": "k8s"}, "vms[0].tags", "must be a list, not a single value"),
    ({"tags": ["a b"]}, "vms[0].tags[0]", "must be a tag"),
    ({"tags": [";"]}, "vms[0].tags[0]", "must be a tag"),
    ({"startup": 3}, "vms[0].startup", "must be a map of fields"),
    ({"startup": {"ordr": 3}}, "vms[0].startup.ordr", "did you mean `order`?"),
    ({"disks": {"sda": {"size": "1G"}}}, "vms[0].disks.sda", "is no place of a disk"),
    ({"disks": {"scsi0": {"size": "big"}}}, "vms[0].disks.scsi0.size", "must be a size with its unit"),
    ({"disks": {"scsi0": {"size": 200}}}, "vms[0].disks.scsi0.size", "200 is 200 bytes"),
    ({"disks": {"scsi0": {"sise": "1G"}}}, "vms[0].disks.scsi0.sise", "did you mean `size`?"),
    ({"disks": [{"size": "1G"}]}, "vms[0].disks", "must be a map, not a list"),
    ({"networks": {"bridge": "vmbr0"}}, "vms[0].networks", "must be a list, not a map"),
    ({"networks": [{"tag": 4095}]}, "vms[0].networks[0].tag", "of a VLAN from 0 to 4094, not 4095"),
    ({"networks": [{"model": "virtioo"}]}, "vms[0].networks[0].model", "did you mean `virtio`?"),
    ({"networks": [{"mac": "BC:24:11"}]}, "vms[0].networks[0].mac", "must be a MAC address"),
    ({"networks": [{"mac": "01:00:5E:00:00:01"}]}, "vms[0].networks[0].mac", "its first byte is odd"),
    ({"networks": [{"mtu": 70000}]}, "vms[0].networks[0].mtu", "from 0 to 65520"),
    ({"networks": [{"ip": "192.168.100.30"}]}, "vms[0].networks[0].ip", "needs the prefix of its network"),
    ({"networks": [{"ip": "192.168.300.1/24"}]}, "vms[0].networks[0].ip", "must be an IPv4 address with its prefix"),
    ({"networks": [{"ip": "fd00::1/64"}]}, "vms[0].networks[0].ip", "is one of IPv6"),
    ({"networks": [{"ip": "192.168.100.0/24"}]}, "vms[0].networks[0].ip", "is the network itself"),
    ({"networks": [{"ip": "192.168.100.255/24"}]}, "vms[0].networks[0].ip", "broadcast"),
    ({"networks": [{"ip6": "10.0.0.1/8"}]}, "vms[0].networks[0].ip6", "is one of IPv4"),
    ({"networks": [{"gateway": "x"}]}, "vms[0].networks[0].gateway", "must be an IPv4 address"),
    (
        {"networks": [{"ip": "10.0.0.5/24", "gateway": "10.0.1.1"}]},
        "vms[0].networks[0].gateway",
        "is not in the network of `ip`, 10.0.0.0/24",
    ),
    (
        {"networks": [{"ip": "10.0.0.5/24", "gateway": "10.0.0.5"}]},
        "vms[0].networks[0].gateway",
        "is the address of the VM itself",
    ),
    ({"networks": [{"ip": "dhcp", "gateway": "10.0.0.1"}]}, "vms[0].networks[0].gateway", "goes with a fixed address"),
    ({"cloud_init": {"user": "Teacher"}}, "vms[0].cloud_init.user", "must be the name of a user of Linux"),
    ({"cloud_init": {"password": "secret"}}, "vms[0].cloud_init.password", "give ssh_keys"),
    ({"cloud_init": {"ssh_keys": ["~/.ssh/id.pub"]}}, "vms[0].cloud_init.ssh_keys[0]", "must be one public key"),
    ({"cloud_init": {"ssh_keys": [f"{KEY}\n{KEY}"]}}, "vms[0].cloud_init.ssh_keys[0]", "in one line"),
    ({"cloud_init": {"nameservers": ["dns.example"]}}, "vms[0].cloud_init.nameservers[0]", "must be an address"),
    ({"cloud_init": {"vendor": "vendor.yml"}}, "vms[0].cloud_init.vendor", "must be a snippet"),
]


@pytest.mark.parametrize(("given", "field", "message"), MISTAKES)
def test_a_mistake_is_named_by_its_place(given: dict[str, Any], field: str, message: str) -> None:
    with pytest.raises(InvalidInput) as error:
        read_vms([{"name": "vm", **given}])
    (problem,) = error.value.problems
    assert problem.field == field
    assert message in problem.message


def test_all_mistakes_are_told_at_once_with_examples() -> None:
    with pytest.raises(InvalidInput) as error:
        read_vms([{"vmid": 5, "cores": 0}, 3, {"name": "a", "memory": "x"}], "proxmox_vms")
    assert str(error.value).splitlines() == [
        "proxmox_vms[0].vmid: must be a number from 100 to 999999999, not 5 (for example: 130)",
        "proxmox_vms[0].cores: must be a number of at least 1, not 0 (for example: 4)",
        "proxmox_vms[0]: `name` is missing (for example: name: k8s-vm)",
        "proxmox_vms[1]: must be a map of fields, not a single value",
        "proxmox_vms[2].memory: must be a whole number of MiB, not 'x' (for example: 8192)",
    ]


@pytest.mark.parametrize(
    ("one", "other", "field", "message"),
    [
        ({"name": "a"}, {"name": "a"}, "vms[1].name", "vms[0] has this name already (a)"),
        ({"vmid": 130}, {"vmid": "130"}, "vms[1].vmid", "vms[0] has this VMID already (130)"),
        (
            {"networks": [{"mac": "bc:24:11:00:00:01"}]},
            {"networks": [{}, {"mac": "BC:24:11:00:00:01"}]},
            "vms[1].networks[1].mac",
            "vms[0].networks[0] has this MAC address already",
        ),
        (
            {"networks": [{"ip": "10.0.0.5/24"}]},
            {"networks": [{"ip": "10.0.0.5/16"}]},
            "vms[1].networks[0].ip",
            "vms[0].networks[0] has this address already (10.0.0.5)",
        ),
        (
            {"networks": [{"ip6": "fd00::5/64"}]},
            {"networks": [{"ip6": "fd00:0::5/64"}]},
            "vms[1].networks[0].ip6",
            "has this address already",
        ),
    ],
)
def test_two_vms_do_not_share(one: dict[str, Any], other: dict[str, Any], field: str, message: str) -> None:
    with pytest.raises(InvalidInput) as error:
        read_vms([{"name": "vm-1", **one}, {"name": "vm-2", **other}])
    (problem,) = error.value.problems
    assert problem.field == field
    assert message in problem.message


def test_dhcp_may_be_asked_for_by_many() -> None:
    assert len(read_vms([{"name": name, "networks": [{"ip": "dhcp", "ip6": "auto"}]} for name in ("a", "b")])) == 2


@pytest.mark.parametrize(
    "secret", ["-----BEGIN OPENSSH PRIVATE KEY-----\nb3Blb\n-----END", "b3BlbnNzaC1rZXktdjEAAAAABG5vbmU"]
)
def test_what_may_be_a_secret_is_never_shown(secret: str) -> None:
    with pytest.raises(InvalidInput) as error:
        read_vms([{"name": "vm", "cloud_init": {"ssh_keys": [secret]}}])
    assert "b3Blb" not in str(error.value)


def test_what_is_no_list_is_refused() -> None:
    with pytest.raises(InvalidInput, match="vms: must be a list of VMs, not a map"):
        read_vms({"name": "vm"})
