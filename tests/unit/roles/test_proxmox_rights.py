"""The automation may do exactly what it needs: with its rights everything works, and every right of it is asked for."""

from __future__ import annotations

import functools
import hashlib
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.autolabs.platform.plugins.action import (
    proxmox_firewall,
    proxmox_settings,
    proxmox_template,
    proxmox_vm,
)
from unit.plugins.action.proxmox_actions import run
from unit.plugins.action.test_proxmox_firewall import firewall
from unit.support.stand_in import Proxmox

RIGHTS = Path(__file__).resolve().parents[3] / "roles" / "proxmox_host" / "vars" / "main.yml"
USER = "autolabs@pve"
PATHS = {
    "AutoLabs": ["/pool/autolabs", "/vms/9000"],
    "AutoLabsDisks": ["/storage/local-lvm"],
    "AutoLabsImages": ["/storage/local"],
    "AutoLabsNetwork": ["/sdn/zones/localnetwork/vmbr0"],
    "AutoLabsHost": ["/nodes", "/"],
}
UNMODELLED = {"Datastore.Allocate"}
"""Proxmox asks for it where an image is removed (pve-storage, `check_volume_access`); the stand-in takes less."""
IMAGE = b"QFI\xfb" + (3).to_bytes(4, "big") + bytes(504)
VM: dict[str, Any] = {
    "name": "database-vm",
    "vmid": 120,
    "node": "pve-1",
    "template": 9000,
    "pool": "autolabs",
    "cores": 2,
    "memory": 2048,
    "disks": {"scsi0": {"size": "8G"}},
    "networks": [{"bridge": "vmbr0", "firewall": True, "ip": "192.168.100.20/24"}],
    "cloud_init": {"user": "autolabs"},
    "state": "started",
}
CHANGED = {
    "cores": 4,
    "memory": 4096,
    "description": "changed",
    "tags": ["database"],
    "disks": {"scsi0": {"size": "9G"}, "scsi1": {"size": "1G", "storage": "local-lvm"}},
    "networks": [{"bridge": "vmbr0", "firewall": True, "ip": "192.168.100.21/24"}],
    "cloud_init": {"user": "other"},
}


@pytest.fixture
def stand_in(tmp_path: Path) -> Iterator[Proxmox]:
    found = Proxmox(tmp_path / "pve")
    yield found
    found.close()


@pytest.fixture
def image(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Where a cloud image is, and its checksum."""
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "debian-12.qcow2").write_bytes(IMAGE)
    handler = functools.partial(Quiet, directory=str(tmp_path / "files"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/debian-12.qcow2"
        yield {"url": address, "checksum": hashlib.sha256(IMAGE).hexdigest()}
        server.shutdown()


class Quiet(SimpleHTTPRequestHandler):
    """Serves files and says nothing."""

    def log_message(self, *args: Any) -> None:
        """Nothing."""


def granted() -> dict[str, list[str]]:
    """The privileges of each role, as role proxmox_host gives them."""
    rights = yaml.safe_load(RIGHTS.read_text(encoding="utf-8"))["__proxmox_host_rights"]
    return {one["role"]: one["privs"] for one in rights if "privs" in one}


def automation(stand_in: Proxmox, folder: Path) -> dict[str, Any]:
    """The way of the token with these rights."""
    objects: list[dict[str, Any]] = [{"kind": "pool", "poolid": "autolabs"}, {"kind": "user", "userid": USER}]
    token = {"kind": "token", "userid": USER, "tokenid": "ansible", "secret_file": str(folder / "token.json")}
    objects += [{"kind": "role", "roleid": role, "privs": privs} for role, privs in granted().items()] + [token]
    objects += [
        {"kind": "acl", "path": path, "roleid": role, "type": kind, "ugid": who, "propagate": path != "/"}
        for role, paths in PATHS.items()
        for path in paths
        for kind, who in (("user", USER), ("token", f"{USER}!ansible"))
    ]
    made = run(proxmox_settings.ActionModule, stand_in.connection, objects=objects)
    assert made.get("failed") is None, made
    way = {key: value for key, value in stand_in.connection.items() if key not in ("api_user", "api_password")}
    return {**way, "api_token_file": str(folder / "token.json")}


def asked_for(stand_in: Proxmox, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The privileges that Proxmox asks for from now on; where many would do, none of them."""
    found: set[str] = set()
    access = type(stand_in.server.engine.access)
    for name in ("allows", "check"):
        real = getattr(access, name)

        def noting(self: Any, who: Any, path: str, names: Any, any_of: bool = False, real: Any = real) -> Any:
            if not any_of or len(names) < 3:
                found.update(names)
            return real(self, who, path, names, any_of)

        monkeypatch.setattr(access, name, noting)
    return found


def test_the_rights_are_enough_and_none_is_too_much(
    stand_in: Proxmox, image: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    way = automation(stand_in, tmp_path)
    found = asked_for(stand_in, monkeypatch)
    template = {"name": "debian-12", **image}
    steps: list[tuple[Any, dict[str, Any]]] = [
        (proxmox_template.ActionModule, template),
        (proxmox_vm.ActionModule, {"vms": [VM]}),
        (proxmox_vm.ActionModule, {"vms": [VM | CHANGED], "allow_restart": True}),
        (
            proxmox_firewall.ActionModule,
            {"firewall": firewall(), "controller_addresses": ["192.0.2.7"], "probe_seconds": 0},
        ),
        (proxmox_vm.ActionModule, {"vms": [{**VM, **CHANGED, "state": "absent"}]}),
        (proxmox_template.ActionModule, {**template, "state": "absent"}),
    ]
    for action, arguments in steps:
        done = run(action, way, **arguments)
        assert done.get("changed") and not done.get("failed"), done
    assert not stand_in.server.engine.state["vms"] and not stand_in.server.engine.state["volumes"]
    told = {name for privs in granted().values() for name in privs}
    assert told - found - UNMODELLED == set()
