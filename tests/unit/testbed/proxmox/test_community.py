"""community.proxmox works against the stand-in unchanged: it is not made to fit us."""

from __future__ import annotations

import hashlib
import http.server
import json
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from unit.support.stand_in import PASSWORD, Proxmox

pytestmark = pytest.mark.slow
PLAYBOOK = Path(__file__).with_name("community.yml")
SECONDS = 180


@pytest.fixture
def image(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """The URL of an image, and its checksum."""
    folder = tmp_path / "www"
    folder.mkdir()
    (folder / "debian.raw").write_bytes(b"disk" * 1024)

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *given: Any) -> None:
            super().__init__(*given, directory=str(folder))

        def log_message(self, *given: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}/debian.raw"
        yield url, hashlib.sha256((folder / "debian.raw").read_bytes()).hexdigest()
        server.shutdown()


def environment(proxmox: Proxmox, tmp_path: Path) -> dict[str, str]:
    """What a user of community.proxmox sets: the CA by REQUESTS_CA_BUNDLE, as its modules know no option for it."""
    kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    told = {"REQUESTS_CA_BUNDLE": str(proxmox.ca), "STAND_IN_PASSWORD": PASSWORD, "ANSIBLE_LOCAL_TEMP": str(tmp_path)}
    return {**kept, **told, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_LOCALHOST_WARNING": "0", "NO_PROXY": "127.0.0.1"}


def run(words: list[str], proxmox: Proxmox, tmp_path: Path) -> str:
    done = subprocess.run(
        words,
        env=environment(proxmox, tmp_path),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        cwd=tmp_path,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def test_its_modules_and_its_inventory_work_unchanged(
    stand_in: Proxmox, image: tuple[str, str], tmp_path: Path
) -> None:
    stand_in.api().cluster.backup.post(id="nightly", schedule="02:00", storage="local", vmid="999", mode="snapshot")
    told = {"proxmox_port": stand_in.server.port, "image": image[0], "sum": image[1]}
    run(["ansible-playbook", "-i", "localhost,", str(PLAYBOOK), "-e", json.dumps(told)], stand_in, tmp_path)
    assert stand_in.server.engine.state["jobs"]["nightly"]["vmid"] in ("201,999", "999,201", "999")
    assert "local:import/debian.raw" in str(stand_in.server.engine.state["volumes"])

    stand_in.api().nodes("pve-1").qemu(200).status.start.post()
    (tmp_path / "site.proxmox.yml").write_text(
        "plugin: community.proxmox.proxmox\n"
        f"url: {stand_in.server.url}\n"
        f"user: root@pam\npassword: {PASSWORD}\nvalidate_certs: true\nwant_facts: true\n"
        "keyed_groups: [{key: proxmox_tags_parsed, prefix: tag}]\n"
    )
    listed = json.loads(run(["ansible-inventory", "-i", "site.proxmox.yml", "--list"], stand_in, tmp_path))
    assert listed["tag_web"]["hosts"] == ["first"]
    assert listed["proxmox_pool_course"]["hosts"] == ["first"]
    facts = listed["_meta"]["hostvars"]["first"]
    assert facts["proxmox_agent_interfaces"][1]["ip-addresses"][0] == {"__ansible_unsafe": "192.168.100.50/24"}
