"""Both roles of Proxmox as playbooks play them: planned, done, and then nothing more; with no right too many."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from unit.support.stand_in import PASSWORD, Proxmox

CHECKOUT = Path(__file__).resolve().parents[3]
IMAGE = b"QFI\xfb" + (3).to_bytes(4, "big") + bytes(504)
"""The beginning of a qcow2 image."""
PLAYBOOK = """
- hosts: proxmox
  gather_facts: false
  roles: [autolabs.platform.proxmox_host]

- hosts: proxmox
  gather_facts: false
  module_defaults:
    group/autolabs.platform.proxmox: "{{ proxmox_api_connection }}"
  roles: [autolabs.platform.proxmox_api]
  tasks:
    - when: not planning
      block:
        - autolabs.platform.proxmox_template:
            name: debian-12
            url: "{{ image_url }}"
            checksum: "{{ image_sum }}"
            vendor: local:snippets/autolabs-vendor.yml
        - autolabs.platform.proxmox_vm:
            vms:
              - name: database-vm
                vmid: 120
                node: pve-1
                template: 9000
                pool: autolabs
                cores: 2
                memory: 2048
                tags: [database]
                disks: {scsi0: {size: 8G}}
                networks: [{bridge: vmbr0, firewall: true, ip: 192.168.100.20/24, gateway: 192.168.100.1}]
                cloud_init: {user: autolabs, ssh_keys: [ssh-ed25519 AAAA], vendor: local:snippets/autolabs-vendor.yml}
                state: started

- hosts: proxmox
  gather_facts: false
  roles: [autolabs.platform.proxmox_firewall]
"""


@pytest.fixture
def stand_in(tmp_path: Path) -> Iterator[Proxmox]:
    found = Proxmox(tmp_path / "pve")
    yield found
    found.close()


@pytest.fixture
def image(tmp_path: Path) -> Iterator[str]:
    """The address of a cloud image."""
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "debian-12.qcow2").write_bytes(IMAGE)
    handler = functools.partial(Quiet, directory=str(tmp_path / "files"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/debian-12.qcow2"
        server.shutdown()


class Quiet(SimpleHTTPRequestHandler):
    """Serves files and says nothing."""

    def log_message(self, *args: Any) -> None:
        """Nothing."""


class Controller:
    """A folder with playbook and inventory, from which ansible-playbook runs."""

    def __init__(self, folder: Path, stand_in: Proxmox, image: str) -> None:
        folder.mkdir()
        self.folder, self.stand_in, self.image = folder, stand_in, image
        self.token = folder / "site" / "proxmox-token.json"
        self.snippets = stand_in.server.engine.storage_folder("local") / "snippets"
        self.written: list[str] = []

    def play(self, *options: str, planned: bool = False, **variables: Any) -> str:
        """What a run says."""
        database = {"database-vm": {"flows_host_addresses": ["192.168.100.20"], "proxmox_vm": {"vmid": 120}}}
        node = {"ansible_connection": "local", "flows_host_addresses": ["192.168.100.1"]}
        groups: dict[str, Any] = {
            "proxmox": {"hosts": {"pve-1": node}},
            "database": {"hosts": database},
            "planned": {"hosts": {name: {} for name in database} if planned else {}},
        }
        common = {
            "ansible_python_interpreter": sys.executable,
            "flows_networks": {"admin": ["192.0.2.0/24"]},
            "proxmox_api_host": "127.0.0.1",
            "proxmox_api_port": self.stand_in.server.port,
            "proxmox_api_ca": str(self.stand_in.ca),
            "proxmox_api_password": PASSWORD,
            "proxmox_api_token_file": str(self.token),
            "proxmox_host_snippets_folder": str(self.snippets),
            "proxmox_firewall_probe_seconds": 0,
            "site_networks": {"infrastructure": {"cidr": "192.168.100.0/24", "vlan": 100}},
            "image_url": self.image,
            "image_sum": hashlib.sha256(IMAGE).hexdigest(),
            "planning": planned,
            **variables,
        }
        inventory, playbook = self.folder / "hosts.yml", self.folder / "play.yml"
        inventory.write_text(yaml.safe_dump({"all": {"vars": common, "children": groups}}))
        playbook.write_text(PLAYBOOK)
        settings = {"ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"), "ANSIBLE_HOME": str(self.folder / "home")}
        done = subprocess.run(
            [Path(sys.executable).parent / "ansible-playbook", "-i", inventory, playbook, *options],
            env={**os.environ, **settings},
            cwd=CHECKOUT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        self.written.append(done.stdout + done.stderr)
        assert done.returncode == 0, self.written[-1]
        return self.written[-1]

    @property
    def known(self) -> dict[str, Any]:
        """Everything that Proxmox knows, but its tasks."""
        state = json.loads((self.stand_in.server.engine.folder / "state.json").read_text())
        return {key: value for key, value in state.items() if key not in ("tasks", "counter")}


def changed(said: str) -> int:
    (count,) = re.findall(r"pve-1\s+:.*changed=(\d+)", said)
    return int(count)


@pytest.mark.slow
def test_both_roles_are_planned_played_and_then_change_nothing(stand_in: Proxmox, image: str, tmp_path: Path) -> None:
    controller = Controller(tmp_path / "controller", stand_in, image)
    stand_in.api().storage("local").put(content="backup,iso,vztmpl")
    before = controller.known
    said = controller.play("--check", "--diff", planned=True)
    assert changed(said) >= 6
    assert "known after it is made" in said and "Known after the VMs are made" in said
    assert controller.known == before
    assert not controller.token.exists() and not (controller.snippets / "autolabs-vendor.yml").exists()

    assert changed(controller.play("--diff")) >= 8
    secret = json.loads(controller.token.read_text())["secret"]
    assert "qemu-guest-agent" in (controller.snippets / "autolabs-vendor.yml").read_text()
    assert controller.known["jobs"]["autolabs"]["schedule"] == "02:00"

    made = controller.known
    for options in (("--check", "--diff"), ()):
        said = controller.play(*options)
        assert changed(said) == 0, said
    assert controller.known == made
    assert not any(secret in said for said in controller.written)
