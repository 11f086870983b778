"""A Proxmox VE that is there in a moment: the stand-in with VMs that boot at once, a template and a pool."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.client import Endpoint, Session
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.converge import Outcome, converge
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.errors import Account
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.progress import Progress
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.vm import read_vms
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.work import Options
from testbed.proxmox.hypervisor import Nowhere
from testbed.proxmox.server import StandIn

PASSWORD = "a-password"
TEMPLATE = 9000
QUICK = Options(lock_timeout=5, settle=0.1, timeout=20, shutdown_timeout=1)


class Site:
    """The stand-in, and what tests do with it."""

    def __init__(self, stand_in: StandIn) -> None:
        self.stand_in = stand_in
        self.admin = self.session()
        self.told: list[Progress] = []

    @property
    def engine(self) -> Any:
        """The stand-in's inside."""
        return self.stand_in.engine

    def session(self, account: Account = Account("root@pam"), secret: str = PASSWORD, **more: Any) -> Session:  # noqa: B008
        return Session(self.endpoint(account, secret), **more)

    def endpoint(self, account: Account = Account("root@pam"), secret: str = PASSWORD, **more: Any) -> Endpoint:  # noqa: B008
        at = {"host": "127.0.0.1", "port": self.stand_in.port, "ca": str(self.stand_in.ca)} | more
        return Endpoint(account=account, secret=secret, **at)

    def token(self, role: str, name: str = "weak", **more: Any) -> Session:
        """The session of a new user's token, both with `role` everywhere."""
        user = f"{name}@pve"
        self.admin.post("access/users", userid=user)
        self.admin.put("access/acl", path="/", roles=role, users=user)
        made = self.admin.post(f"access/users/{user}/token/{name}", privsep=True, **more)
        self.admin.put("access/acl", path="/", roles=role, tokens=f"{user}!{name}")
        return self.session(Account(user, name), made["value"])

    def by_pool(self, name: str = "pooled") -> Session:
        """The session of a new user's token, both with rights on VMs by the pool `autolabs` only."""
        user = f"{name}@pve"
        self.admin.post("access/users", userid=user)
        made = self.admin.post(f"access/users/{user}/token/{name}", privsep=True)
        self.admin.post("access/roles", roleid="Images", privs="Sys.Audit,Sys.AccessNetwork")
        rights = {
            "/pool/autolabs": "PVEVMAdmin,PVEPoolUser",
            f"/vms/{TEMPLATE}": "PVETemplateUser",
            "/storage": "PVEDatastoreAdmin",
            "/sdn/zones/localnetwork": "PVESDNUser",
            "/nodes": "Images",
        }
        for path, roles in rights.items():
            for holder in ({"users": user}, {"tokens": f"{user}!{name}"}):
                self.admin.put("access/acl", path=path, roles=roles, **holder)
        return self.session(Account(user, name), made["value"])

    def fault(self, kind: str, **more: Any) -> None:
        """From now on the stand-in misbehaves so."""
        self.engine.faults.add({"kind": kind} | more)

    def run(
        self, *vms: Mapping[str, Any], options: Options = QUICK, session: Session | None = None
    ) -> tuple[Outcome, ...]:
        """What comes of these VMs."""
        return converge(session or self.session(), read_vms(list(vms)), options, self.told.append)

    def vms(self) -> dict[int, str]:
        """Names of all VMs but the template, by their ids."""
        found = self.admin.get("cluster/resources", type="vm")
        return {int(vm["vmid"]): vm["name"] for vm in found if not vm.get("template")}

    def config(self, vmid: int) -> dict[str, Any]:
        """What a VM runs with."""
        return dict(self.admin.get(f"nodes/pve-1/qemu/{vmid}/config", current=True))

    def state(self, vmid: int) -> str:
        """Whether it runs."""
        return str(self.admin.get(f"nodes/pve-1/qemu/{vmid}/status/current")["status"])

    @contextlib.contextmanager
    def requests(self) -> Iterator[list[str]]:
        """The requests that were sent meanwhile, such as `PUT /nodes/pve-1/qemu/100/config`; all but GET."""
        found: list[str] = []
        asked = self.stand_in._server.asked
        before = len(asked)
        yield found
        changes = [entry for entry in asked[before:] if entry["method"] != "GET"]
        found += [f"{entry['method']} {entry['path']}" for entry in changes if entry["path"] != "/access/ticket"]


class Meddling(Session):
    """A session during whose requests something else happens."""

    def __init__(self, endpoint: Endpoint, method: str, path: str, meddle: Callable[[], None], **more: Any) -> None:
        """meddle: done once, before the first request of `method` whose path ends in `path`."""
        super().__init__(endpoint, **more)
        self._expected = (method, path)
        self._meddle: Callable[[], None] | None = meddle
        self._mutex = threading.Lock()

    def _send(self, method: str, path: str, parameters: Mapping[str, Any]) -> Any:
        with self._mutex:
            due = self._meddle if method == self._expected[0] and path.endswith(self._expected[1]) else None
            if due:
                self._meddle = None
        if due:
            due()
        return super()._send(method, path, parameters)


def new(name: str, **more: Any) -> dict[str, Any]:
    """A VM that is to be made."""
    return {"name": name, "node": "pve-1", "template": TEMPLATE} | more


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with StandIn(tmp_path / "pve", Nowhere(), password=PASSWORD) as stand_in:
        stand_in.engine.lock_seconds = 0.2
        made = Site(stand_in)
        admin = made.admin
        # As role proxmox_host leaves it.
        admin.put("storage/local", content="backup,import,iso,snippets,vztmpl")
        config = {
            "vmid": TEMPLATE,
            "name": "debian-12",
            "memory": 1024,
            "agent": "enabled=1",
            "scsihw": "virtio-scsi-single",
            "scsi0": "local-lvm:4",
            "ide2": "local-lvm:cloudinit",
            "net0": "virtio,bridge=vmbr0",
        }
        admin.wait(admin.post("nodes/pve-1/qemu", **config))
        admin.wait(admin.post(f"nodes/pve-1/qemu/{TEMPLATE}/template"))
        admin.post("pools", poolid="autolabs")
        yield made
