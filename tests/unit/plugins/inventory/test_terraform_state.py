"""A state of Terraform as an inventory: real ansible-inventory lists its VMs with groups by their tags."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.autolabs.platform.plugins.inventory.terraform_state import InventoryModule
from unit.support.terraform import DATA

ROOT = Path(__file__).resolve().parents[4]
PLUGIN = "plugin: autolabs.platform.terraform_state\n"


def listed(source: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [Path(sys.executable).with_name("ansible-inventory"), "-i", source, "--list"]
    known = {"ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".collections"), "ANSIBLE_HOME": str(source.parent / "home")}
    strict = {"ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "true"}
    return subprocess.run(
        [str(word) for word in command],
        env=os.environ | known | strict | environment,
        cwd=source.parent,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def inventory(source: Path, **environment: str) -> dict[str, Any]:
    done = listed(source, **environment)
    assert done.returncode == 0, done.stderr
    # What comes from outside is never templated, and ansible-inventory marks it so.
    found: dict[str, Any] = json.loads(done.stdout, object_hook=lambda entry: entry.get("__ansible_unsafe", entry))
    return found


@pytest.mark.parametrize(("name", "taken"), [
    ("site.terraform_state.yml", True),
    ("terraform_state.yaml", True),
    ("terraform.tfstate", True),
    ("site.yml", False),
    ("terraform.tfstate.backup", False),
])  # fmt: skip
def test_a_file_is_known_by_its_name(tmp_path: Path, name: str, taken: bool) -> None:
    (tmp_path / name).write_text("")
    assert InventoryModule().verify_file(str(tmp_path / name)) is taken


def test_a_file_that_is_not_there_is_none_of_ours(tmp_path: Path) -> None:
    assert InventoryModule().verify_file(str(tmp_path / "terraform.tfstate")) is False


def test_vms_are_hosts_in_the_groups_of_their_tags(tmp_path: Path) -> None:
    (tmp_path / "terraform").mkdir()
    (tmp_path / "terraform/site.tfstate").write_bytes((DATA / "bpg.tfstate").read_bytes())
    source = tmp_path / "site.terraform_state.yml"
    source.write_text(
        PLUGIN + "path: terraform/site.tfstate\nstrict: true\n"
        "compose: {ansible_user: \"'autolabs'\"}\n"
        "keyed_groups: [{key: proxmox_node, prefix: node, separator: '_'}]\n"
        "groups: {with_data: \"'database' in proxmox_tags\"}\n"
    )
    found = inventory(source)
    assert found["k8s_worker"]["hosts"] == ["k8s-vm", "k8s-w1", "k8s-w2"]
    assert found["k8s_control_plane"]["hosts"] == ["k8s-vm"]
    assert found["database"]["hosts"] == found["with_data"]["hosts"] == ["database-vm"]
    assert found["node_pve_2"]["hosts"] == ["k8s-w1", "k8s-w2"]
    assert found["_meta"]["hostvars"]["k8s-vm"] == {
        "ansible_host": "192.168.100.30",
        "ansible_user": "autolabs",
        "proxmox_vmid": 130,
        "proxmox_node": "pve-1",
        "proxmox_tags": ["demo", "k8s", "k8s_control_plane", "k8s_worker"],
        "terraform_resource": "proxmox_virtual_environment_vm.k8s_vm",
    }
    assert "ansible_host" not in found["_meta"]["hostvars"]["k8s-w2"]
    assert "hunter2" not in json.dumps(found)


def test_a_state_is_an_inventory_by_itself_where_the_plugin_is_enabled(tmp_path: Path) -> None:
    state = tmp_path / "terraform.tfstate"
    state.write_bytes((DATA / "telmate.tfstate").read_bytes())
    found = inventory(state, ANSIBLE_INVENTORY_ENABLED="autolabs.platform.terraform_state")
    assert found["demo"]["hosts"] == ["database-vm", "gitlab-vm"]


@pytest.mark.parametrize(("state", "told"), [
    (None, "site.tfstate cannot be read: No such file or directory"),
    (b"{}", "site.tfstate: the version of the state is missing"),
    (b"\xff\xfe", "site.tfstate is no state, which is text"),
])  # fmt: skip
def test_a_broken_state_ends_with_its_message(tmp_path: Path, state: bytes | None, told: str) -> None:
    if state is not None:
        (tmp_path / "site.tfstate").write_bytes(state)
    source = tmp_path / "site.terraform_state.yml"
    source.write_text(PLUGIN + "path: site.tfstate\n")
    done = listed(source)
    assert done.returncode != 0
    assert told in " ".join(done.stderr.split())
