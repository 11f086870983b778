"""The playbook terraform_export writes what the inventory of a site says, and the same again the second time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from unit.support import inventories
from unit.support.terraform import misfits

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]
PASSWORD = "hunter2-of-the-site"


def play(inventory: Path, *words: str) -> subprocess.CompletedProcess[str]:
    folder = inventory.parent
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", str(inventory)]
    return subprocess.run(
        [*command, str(ROOT / "playbooks/terraform_export.yml"), "-e", f"proxmox_api_password={PASSWORD}", *words],
        env=os.environ
        | {"ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".collections"), "ANSIBLE_HOME": str(folder / "home")}
        | {"ANSIBLE_NOCOLOR": "1", "ANSIBLE_NOCOWS": "1", "PWD": str(folder)},
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("name", ["dev", "prod"])
def test_a_site_becomes_a_file(tmp_path: Path, name: str) -> None:
    inventory = inventories.written(tmp_path / "site", name, inventories.owned(name))
    words = ("-e", f"terraform_export_folder={tmp_path}/terraform", "-e", "proxmox_api_ca=")
    first, second = play(inventory, *words), play(inventory, *words)
    assert first.returncode == second.returncode == 0, first.stdout + first.stderr
    assert "changed=0" in second.stdout
    text = (tmp_path / "terraform/main.tf.json").read_text()
    document = json.loads(text)
    loaded = inventories.Loaded(inventory)
    machines = {host for host in loaded.groups["all"] if "proxmox_vm" in loaded.hostvars[host]}
    written = document["resource"]["proxmox_virtual_environment_vm"]
    assert {body["name"] for body in written.values()} == machines
    assert len(document["import"]) == len(machines)
    assert misfits(document) == []
    assert PASSWORD not in text


def test_a_new_site_has_its_template_in_the_file(tmp_path: Path) -> None:
    inventory = inventories.written(tmp_path / "site", "dev", inventories.owned("dev"))
    new = ("-e", "terraform_export_take_over=false", "-e", "proxmox_api_ca=")
    done = play(inventory, "-e", "terraform_export_folder=terraform", *new)
    assert done.returncode == 0, done.stdout
    document = json.loads((tmp_path / "terraform/main.tf.json").read_text())
    assert document["resource"]["proxmox_download_file"]["_template"]["node_name"] == "pve-1"
    assert "import" not in document


def test_without_a_folder_nothing_is_written(tmp_path: Path) -> None:
    inventory = inventories.written(tmp_path / "site", "dev", inventories.owned("dev"))
    done = play(inventory, "-e", "proxmox_api_ca=")
    assert done.returncode != 0
    assert "-e terraform_export_folder=FOLDER" in done.stdout + done.stderr
