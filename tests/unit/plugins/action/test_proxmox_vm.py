"""The actions for templates and VMs in a real play: plan, run, again, remove; and no secret on the terminal."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from proxmoxer import ProxmoxAPI
from testbed.proxmox.hypervisor import Nowhere
from testbed.proxmox.server import StandIn

pytestmark = pytest.mark.slow

PASSWORD = "not-for-the-terminal"
IMAGE = b"QFI\xfb" + b"\0\0\0\x03" + b"\0" * 16 + (1 << 30).to_bytes(8, "big") + b"\0" * 480


class _Image(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(IMAGE)))
        self.end_headers()
        self.wfile.write(IMAGE)

    def log_message(self, *words: object) -> None:
        """Say nothing."""


@pytest.fixture
def image() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Image)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/debian-12.qcow2"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def stand_in(tmp_path: Path) -> Iterator[StandIn]:
    with StandIn(tmp_path / "pve", Nowhere(), password=PASSWORD) as started:
        api = ProxmoxAPI(
            "127.0.0.1", port=started.port, user="root@pam", password=PASSWORD, verify_ssl=str(started.ca)
        )  # fmt: skip
        # As role proxmox_host leaves it.
        api.storage("local").put(content="backup,import,iso,snippets,vztmpl")
        yield started


class Play:
    """A play with the connection set once, by the action group."""

    def __init__(self, folder: Path, stand_in: StandIn, tasks: list[dict[str, Any]]) -> None:
        connection = {
            "api_host": "127.0.0.1",
            "api_port": stand_in.port,
            "api_user": "root@pam",
            "api_password": PASSWORD,
            "api_ca": str(stand_in.ca),
        }
        play = {
            "hosts": "localhost",
            "gather_facts": False,
            "module_defaults": {"group/autolabs.platform.proxmox": connection},
            "tasks": tasks,
        }
        self.folder = folder
        self.path = folder / "play.yml"
        self.path.write_text(json.dumps([play]), encoding="utf-8")
        self.output = ""

    def run(self, *options: str) -> dict[str, Any]:
        """The play's numbers; what it wrote is `output`."""
        done = subprocess.run(
            [Path(sys.executable).parent / "ansible-playbook", "-i", "localhost,", "-c", "local", *options, self.path],
            cwd=self.folder,
            env={
                "ANSIBLE_COLLECTIONS_PATH": str(Path(__file__).parents[4] / ".collections"),
                "ANSIBLE_HOME": str(self.folder / "home"),
                "ANSIBLE_LOCALHOST_WARNING": "false",
                "PATH": "/usr/bin:/bin",
                "HOME": str(self.folder),
                "LC_ALL": "C.UTF-8",
            },
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        self.output = done.stdout + done.stderr
        recap = next((line for line in done.stdout.splitlines() if line.startswith("localhost") and "ok=" in line), "")
        return {name: int(value) for name, value in (part.split("=") for part in recap.split(":")[-1].split())}


def tasks(image: str, state: str = "started") -> list[dict[str, Any]]:
    template = {"name": "debian-12", "url": image, "checksum": hashlib.sha256(IMAGE).hexdigest()}
    vm = {
        "name": "k8s-vm",
        "node": "pve-1",
        "template": 9000,
        "cores": 2,
        "description": "{{ 'templated' }}",
        "networks": [{"bridge": "vmbr0", "ip": "192.0.2.30/24", "gateway": "192.0.2.1"}],
        "state": state,
    }
    return [
        {"autolabs.platform.proxmox_template": template},
        {"autolabs.platform.proxmox_vm": {"vms": [vm], "wait_for_address": 10}, "register": "made"},
        {"ansible.builtin.debug": {"var": "made.vms"}},
    ]


def test_the_template_and_a_vm_are_made_once_and_changed_by_a_plan(
    tmp_path: Path, stand_in: StandIn, image: str
) -> None:
    play = Play(tmp_path, stand_in, tasks(image))
    done = play.run("-vvv")
    assert (done["changed"], done["failed"]) == (2, 0), play.output
    assert '"address": "192.0.2.30"' in play.output
    assert PASSWORD not in play.output
    again = play.run("--check", "--diff")
    assert (again["changed"], again["failed"]) == (0, 0), play.output

    change = tasks(image)
    change[0]["autolabs.platform.proxmox_template"]["memory"] = 4096
    change[1]["autolabs.platform.proxmox_vm"]["vms"][0]["cores"] = 4
    play = Play(tmp_path, stand_in, change)
    asked = stand_in._server.asked
    before = len(asked)
    plan = play.run("--check", "--diff", "-vvv")
    assert (plan["changed"], plan["failed"]) == (1, 0), play.output
    assert "[WARNING]: template 9000 is left as it is, and differs: memory is 1024, not 4096" in play.output
    assert "-cores: 2" in play.output and "+cores: 4" in play.output
    assert PASSWORD not in play.output
    assert {entry["method"] for entry in asked[before:] if entry["path"] != "/access/ticket"} == {"GET"}


def test_mistakes_and_refusals_change_nothing(tmp_path: Path, stand_in: StandIn, image: str) -> None:
    wrong = [{"autolabs.platform.proxmox_vm": {"vms": [{"name": "a_b", "cores": "many"}, {"nmae": "b"}]}}]
    play = Play(tmp_path, stand_in, wrong)
    assert play.run()["failed"] == 1
    assert "mistakes, nothing was changed" in play.output and "vms[1]" in play.output
    unknown = [{"autolabs.platform.proxmox_vm": {"vms": [{"name": "a", "node": "pve-1", "template": 9999}]}}]
    play = Play(tmp_path, stand_in, unknown)
    assert play.run("-vvv")["failed"] == 1
    assert "nothing was changed" in play.output and "9999" in play.output
    assert PASSWORD not in play.output
    assert stand_in.engine.state["vms"] == {}
