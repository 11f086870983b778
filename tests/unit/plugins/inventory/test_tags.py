"""inventories/tags.proxmox.yml: community.proxmox's inventory groups the VMs of a site by their tags."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from unit.support.stand_in import Proxmox

ROOT = Path(__file__).resolve().parents[4]
SOURCE = ROOT / "inventories/tags.proxmox.yml"
pytestmark = pytest.mark.slow


def listed(stand_in: Proxmox, **environment: str) -> dict[str, Any]:
    """What ansible-inventory says, with a token that may look and nothing else."""
    api = stand_in.api()
    api.access.users.post(userid="watch@pve")
    # Asking the agent of a VM takes VM.Monitor in Proxmox VE 8.
    api.access.roles.post(roleid="Watch", privs="VM.Audit,VM.Monitor,Pool.Audit,Sys.Audit")
    api.access.acl.put(path="/", roles="Watch", users="watch@pve")
    token = api.access.users("watch@pve").token("inventory").post(privsep=0)
    known = {
        "PROXMOX_URL": stand_in.server.url,
        "PROXMOX_USER": "watch@pve",
        "PROXMOX_TOKEN_ID": "inventory",
        "PROXMOX_TOKEN_SECRET": token["value"],
        "REQUESTS_CA_BUNDLE": str(stand_in.ca),
        "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "true",
        "ANSIBLE_HOME": str(stand_in.ca.parent / "home"),
    }
    done = subprocess.run(
        [str(Path(sys.executable).with_name("ansible-inventory")), "-i", str(SOURCE), "--list"],
        env=os.environ | known | environment,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert token["value"] not in done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout, object_hook=lambda entry: entry.get("__ansible_unsafe", entry))
    return found


def test_vms_are_grouped_by_their_tags_with_their_addresses(stand_in: Proxmox) -> None:
    stand_in.template()
    stand_in.vm(130, name="k8s-vm", tags="demo;k8s;k8s_worker", ipconfig0="ip=192.0.2.30/24,gw=192.0.2.1", start=True)
    static = {"net0": "virtio=BC:24:11:00:00:41,bridge=vmbr0", "ipconfig0": "ip=192.0.2.41/24"}
    # What runs has the address, and from now on only its agent tells it.
    stand_in.vm(141, name="k8s-w1", tags="demo;k8s_worker", **static, start=True).config.put(ipconfig0="ip=dhcp")
    stand_in.vm(120, name="database-vm", tags="database;demo")
    stand_in.vm(150, name="of-nobody")
    found = listed(stand_in)
    assert sorted(found["demo"]["hosts"]) == ["database-vm", "k8s-vm", "k8s-w1"]
    assert sorted(found["k8s_worker"]["hosts"]) == ["k8s-vm", "k8s-w1"]
    assert found["database"]["hosts"] == ["database-vm"]
    hosts = found["_meta"]["hostvars"]
    assert set(hosts) == {"k8s-vm", "k8s-w1", "database-vm", "of-nobody"}
    assert hosts["k8s-vm"]["ansible_host"] == "192.0.2.30"
    assert hosts["k8s-w1"]["ansible_host"] == "192.0.2.41"
    # Nothing tells its address: its name has to.
    assert hosts["database-vm"]["ansible_host"] == "database-vm"
