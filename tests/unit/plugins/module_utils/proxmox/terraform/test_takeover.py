"""OpenTofu and AutoLabs see the same VMs: what one made, the other takes over without a change.

Real OpenTofu with the real provider (see test_opentofu.py) asks the stand-in, whose VMs our own engine makes.
"""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.terraform.export import export
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.terraform.state import hosts
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.vm import read_vms
from unit.support.terraform import Tofu

pytestmark = pytest.mark.slow

VM = {
    "name": "k8s-vm",
    "vmid": 130,
    "node": "pve-1",
    "template": 9000,
    "storage": "local-lvm",
    "pool": "autolabs",
    "tags": ["k8s", "demo"],
    "cores": 4,
    "sockets": 1,
    "memory": 8192,
    "balloon": 0,
    "cpu": "host",
    "agent": True,
    "onboot": True,
    "startup": {"order": 3, "up": 30, "down": 60},
    "disks": {"scsi0": {"size": "10G", "ssd": True, "discard": True, "iothread": True}},
    "networks": [
        {"bridge": "vmbr0", "model": "virtio", "firewall": True, "ip": "192.0.2.30/24", "gateway": "192.0.2.1"}
    ],
    "cloud_init": {
        "user": "autolabs",
        "ssh_keys": ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB8+ZVjVE1sVbqvXbTYhLCmEnVvfd6K/KBD7aMdpBnCS admin"],
        "nameservers": ["192.0.2.1"],
        "searchdomain": "autolabs.internal",
        "upgrade": False,
    },
}
CONFIG = "nodes/pve-1/qemu/130/config"
TAKEN_OVER = {"actions": ["no-op"], "imported": True, "changed": set()}
NOTHING = {"actions": ["no-op"], "imported": False, "changed": set()}


@pytest.fixture
def tofu(tofu: Tofu, site: Any) -> Tofu:
    """With a token for the stand-in, and trust in its certificate."""
    token = site.admin.post("access/users/root@pam/token/terraform", privsep=False)
    allowed = {"PROXMOX_VE_API_TOKEN": f"{token['full-tokenid']}={token['value']}"}
    return Tofu(tofu.folder, SSL_CERT_FILE=str(site.stand_in.ca), **allowed)


def exported(site: Any, vm: dict[str, Any] = VM, **more: Any) -> dict[str, Any]:
    return export(read_vms([vm]), {"api_host": "127.0.0.1", "api_port": site.stand_in.port}, **more)


def test_what_we_made_is_taken_over_without_a_change(site: Any, tofu: Tofu) -> None:
    site.run(VM)
    before = site.config(130)
    tofu.write(exported(site))
    assert tofu.plan() == {"k8s_vm": TAKEN_OVER}
    tofu("apply", "plan")
    assert tofu.plan() == {"k8s_vm": NOTHING}
    assert site.config(130) == before
    (host,) = hosts((tofu.folder / "terraform.tfstate").read_text(), "terraform.tfstate")
    assert (host.name, host.vmid, host.node, host.address) == ("k8s-vm", 130, "pve-1", "192.0.2.30")
    assert set(host.tags) == {"demo", "k8s"}


def test_a_vm_of_which_little_is_said_is_taken_over_and_left_alone(site: Any, tofu: Tofu) -> None:
    site.run(VM)
    tofu.write(exported(site, {key: VM[key] for key in ("name", "vmid", "node", "template")}))
    assert tofu.plan() == {"k8s_vm": TAKEN_OVER}
    tofu("apply", "plan")
    site.admin.put(CONFIG, cores=2, tags="other", onboot=False, searchdomain="example.org")
    assert tofu.plan() == {"k8s_vm": NOTHING}


@pytest.mark.parametrize("given", [
    {"networks": [{"bridge": "vmbr0", "model": "virtio", "tag": 100, "mtu": 1450, "ip": "dhcp", "ip6": "auto"},
                  {"bridge": "vmbr0", "model": "e1000", "mac": "BC:24:11:00:00:02", "ip": "192.0.2.9/24"}]},
    {"networks": [{"bridge": "vmbr0", "ip": "192.0.2.30/24", "ip6": "fd00::30/64", "gateway6": "fd00::1"},
                  {"bridge": "vmbr0"}]},
    {"disks": {"scsi0": {"size": "4G"}, "virtio1": {"size": "2G", "storage": "local-lvm", "backup": False}}},
    {"clone": "linked", "storage": None, "disks": {"scsi0": {"size": "4G"}}},
    {"state": "stopped", "onboot": False, "protection": True, "startup": {"order": 1}},
    {"state": "present", "description": "One line"},
    {"tags": [], "pool": "", "description": "", "agent": False, "balloon": 2048, "sockets": 2},
    {"cloud_init": {"user": "autolabs", "nameservers": ["192.0.2.1", "192.0.2.2"], "upgrade": True}},
    {"cloud_init": {"ssh_keys": VM["cloud_init"]["ssh_keys"]}},
    # With an agent, the provider would wait for an address.
    {"cloud_init": {}, "networks": None, "agent": False, "memory": 512},
])  # fmt: skip
def test_so_are_vms_of_other_kinds(site: Any, tofu: Tofu, given: dict[str, Any]) -> None:
    vm = {key: value for key, value in (VM | given).items() if value is not None}
    (outcome,) = site.run(vm)
    assert not outcome.failure
    tofu.write(exported(site, vm))
    assert tofu.plan() == {"k8s_vm": TAKEN_OVER}


@pytest.mark.parametrize(("by_hand", "attribute"), [
    ({"cores": 2}, "cpu"),
    ({"tags": "demo;k8s;other"}, "tags"),
    ({"onboot": False}, "on_boot"),
    ({"ipconfig0": "ip=192.0.2.31/24,gw=192.0.2.1"}, "initialization"),
])  # fmt: skip
def test_a_change_by_hand_is_in_the_plan(site: Any, tofu: Tofu, by_hand: dict[str, Any], attribute: str) -> None:
    site.run(VM)
    site.admin.put(CONFIG, **by_hand)
    tofu.write(exported(site))
    assert tofu.plan() == {"k8s_vm": {"actions": ["update"], "imported": True, "changed": {attribute}}}


def test_what_opentofu_made_is_as_we_want_it(site: Any, tofu: Tofu) -> None:
    tofu.write(exported(site, take_over=False))
    tofu("apply", "-auto-approve")
    (outcome,) = site.run(VM)
    assert not outcome.changed, outcome
    assert site.state(130) == "running"


def test_a_template_that_is_looked_up_by_its_name_is_found(site: Any, tofu: Tofu) -> None:
    tofu.write(exported(site, VM | {"template": "debian-12"}, take_over=False))
    tofu("apply", "-auto-approve")
    assert site.vms() == {130: "k8s-vm"}
