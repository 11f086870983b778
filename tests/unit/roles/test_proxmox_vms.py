"""The role makes the VMs of a site on a Proxmox that is none, plans them, and takes them down."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from unit.support.inventories import owned, written
from unit.support.plays import Played, play

if TYPE_CHECKING:
    from unit.support.stand_in import Proxmox

pytestmark = pytest.mark.slow

PLAYBOOK = """
- hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - ansible.builtin.include_role:
        name: autolabs.platform.proxmox_vms
        tasks_from: "{{ entry | default('main') }}"
    - name: Who is planned
      ansible.builtin.debug:
        msg: "{{ groups.planned }}"
    - name: Address
      ansible.builtin.debug:
        msg: "{{ hostvars['gitlab-vm'].ansible_host | default('') }}"
"""
NAMES = ["gitlab-vm", "database-vm", "k8s-vm"]


# Its address is known to Proxmox alone.
GITLAB = {"ansible_host": None, "proxmox_vm": {"networks": [{"ip": "192.168.100.10/24"}]}}


@pytest.fixture
def inventory(tmp_path: Path) -> Path:
    changes = {"hosts.yml": {"all": {"children": {"gitlab": {"hosts": {"gitlab-vm": GITLAB}}}}}}
    return written(tmp_path / "dev", "dev", owned("dev"), changes)


def run(folder: Path, inventory: Path, stand_in: Proxmox, *options: str, **variables: Any) -> Played:
    """One run against the stand-in."""
    api = stand_in.connection
    given = {
        "proxmox_api_host": api["api_host"],
        "proxmox_api_port": api["api_port"],
        "proxmox_api_password": api["api_password"],
        "proxmox_api_ca": api["api_ca"],
        "autolabs_site_folder": str(folder / "site"),
    }
    return play(folder, PLAYBOOK, inventory, {**given, **variables}, *options)


def names(stand_in: Proxmox) -> dict[str, str]:
    """The VMs that are there, with their status."""
    return {
        vm["name"]: vm["status"] for vm in stand_in.api().cluster.resources.get(type="vm") if not vm.get("template")
    }


def test_the_vms_of_a_site_come_and_stay_and_go(tmp_path: Path, inventory: Path, stand_in: Proxmox) -> None:
    stand_in.api().pools.post(poolid="autolabs")
    stand_in.template()
    planned = run(tmp_path, inventory, stand_in, "--check", "--diff")
    assert planned.succeeded, planned.output
    assert planned.result("Who is planned")["msg"] == NAMES
    assert any("known after the VMs exist" in str(task.result.get("msg")) for task in planned.tasks)
    assert names(stand_in) == {}

    made = run(tmp_path, inventory, stand_in)
    assert made.succeeded, made.output
    assert made.result("Who is planned")["msg"] == []
    assert names(stand_in) == dict.fromkeys(NAMES, "running")
    assert made.result("Address")["msg"] == "192.168.100.10"
    config = stand_in.config(120)
    assert config["ipconfig0"] == "ip=192.168.100.20/24,gw=192.168.100.1"
    assert config["nameserver"] == "192.168.100.1"

    again = run(tmp_path, inventory, stand_in, "--check")
    assert again.succeeded, again.output
    assert (again.changed, again.result("Who is planned")["msg"]) == ([], [])

    gone = run(tmp_path, inventory, stand_in, entry="absent", proxmox_vms_remove_template=True)
    assert gone.succeeded, gone.output
    assert stand_in.api().cluster.resources.get(type="vm") == []


def test_a_plan_shows_every_vm_although_template_and_pool_are_not_there_yet(
    tmp_path: Path, inventory: Path, stand_in: Proxmox
) -> None:
    planned = run(tmp_path, inventory, stand_in, "--check", "--diff")
    assert planned.succeeded, planned.output
    assert planned.result("Who is planned")["msg"] == NAMES
    shown = planned.result("autolabs.platform.proxmox_vms : Make the VMs")["diff"]
    assert [entry["before"] for entry in shown] == [""] * len(NAMES)
    assert all("template: 9000\n" in entry["after"] and "pool: autolabs\n" in entry["after"] for entry in shown)
    assert any("known after the VMs exist" in str(task.result.get("msg")) for task in planned.tasks)
    assert stand_in.changes() == []


def test_what_a_wrong_password_means_is_told(tmp_path: Path, inventory: Path, stand_in: Proxmox) -> None:
    refused = run(tmp_path, inventory, stand_in, proxmox_api_password="not-this-one")
    assert not refused.succeeded
    assert "root@pam" in refused.failure
    assert "not-this-one" not in refused.output
