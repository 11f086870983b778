"""The stand-in for Proxmox VE in unit tests: on loopback, its machines in memory, its tasks without delay."""

from __future__ import annotations

import json
import ssl
import time
import urllib.request
from pathlib import Path
from typing import Any

from proxmoxer import ProxmoxAPI
from testbed.proxmox.hypervisor import Nowhere
from testbed.proxmox.server import StandIn

PASSWORD = "stand-in-secret"
SECONDS = 20.0


class Proxmox:
    """A stand-in that runs, seen by a test: its API as root, its faults, and what was asked of it."""

    def __init__(self, folder: Path, **options: Any) -> None:
        """`options` are those of StandIn: nodes, seconds..."""
        self.machines: Nowhere = options.pop("hypervisor", None) or Nowhere()
        self.server = StandIn(folder, self.machines, password=PASSWORD, **options)
        self.server.engine.lock_seconds = 0.3
        self.server.start()
        # As role proxmox_host leaves it.
        self.api().storage("local").put(content="backup,import,iso,snippets,vztmpl")
        self.forget()

    @property
    def ca(self) -> Path:
        """The certificate of the CA that signed the API's."""
        return self.server.ca

    @property
    def connection(self) -> dict[str, Any]:
        """The options of our modules, as root."""
        told = {"api_host": "127.0.0.1", "api_port": self.server.port, "api_user": "root@pam"}
        return {**told, "api_password": PASSWORD, "api_ca": str(self.ca), "validate_certs": True}

    def api(self, user: str = "root@pam", password: str = PASSWORD, **options: Any) -> Any:
        """proxmoxer's session; `token_name` and `token_value` in place of the password."""
        secret = {} if "token_name" in options else {"password": password}
        return ProxmoxAPI(
            "127.0.0.1", port=self.server.port, user=user, verify_ssl=str(self.ca), timeout=SECONDS, **secret, **options
        )

    def end(self, upid: str) -> str:
        """The exit status of a task, once it has ended."""
        deadline = time.monotonic() + SECONDS
        tasks = self.server.engine.state["tasks"]
        while tasks[upid]["status"] == "running":
            assert time.monotonic() < deadline, f"{upid} goes on"
            time.sleep(0.005)
        return str(tasks[upid]["exitstatus"])

    def done(self, upid: str) -> None:
        """Wait for a task that must end well."""
        assert self.end(upid) == "OK"

    def template(self, vmid: int = 9000, node: str = "pve-1", **settings: Any) -> None:
        """Make a template with a disk of 10G, a cloud-init drive, one net and an agent."""
        made = {"name": "debian-12", "memory": 2048, "cores": 2, "scsihw": "virtio-scsi-single", "ostype": "l26"}
        disks = {"scsi0": "local-lvm:10,discard=on,ssd=1", "ide2": "local-lvm:cloudinit", "boot": "order=scsi0"}
        rest = {"net0": "virtio,bridge=vmbr0", "agent": "enabled=1", "serial0": "socket", "vga": "serial0"}
        qemu = self.api().nodes(node).qemu
        self.done(qemu.post(vmid=vmid, **{**made, **disks, **rest, **settings}))
        self.done(qemu(vmid).template.post())

    def vm(self, vmid: int, *, template: int = 9000, start: bool = False, node: str = "pve-1", **settings: Any) -> Any:
        """Make a full clone with these settings; returns its path in proxmoxer."""
        qemu = self.api().nodes(node).qemu
        self.done(qemu(template).clone.post(newid=vmid, full=1, name=settings.pop("name", f"vm-{vmid}")))
        if settings:
            qemu(vmid).config.put(**settings)
        if start:
            self.done(qemu(vmid).status.start.post())
        return qemu(vmid)

    def config(self, vmid: int, *, current: bool = False) -> dict[str, Any]:
        """The configuration of a VM on whatever node, pending changes in it unless told."""
        from testbed.proxmox import vmfile

        vm = self.server.engine.state["vms"][str(vmid)]
        return vmfile.shown(vm["config"] if current else vmfile.wanted(vm))

    def fault(self, kind: str, **rule: Any) -> None:
        """Let it misbehave; see testbed/proxmox/faults.py."""
        self._testbed("POST", "faults", {"kind": kind, **rule})

    def behave(self) -> None:
        """Forget all faults."""
        self.server.engine.faults.clear()

    def requests(self, *methods: str) -> list[str]:
        """`METHOD path` of what was asked since the last `forget`, all or of these methods only."""
        asked = self._testbed("GET", "requests")["data"]
        return [f"{one['method']} {one['path']}" for one in asked if not methods or one["method"] in methods]

    def changes(self) -> list[str]:
        """What was asked that may change something; logging in does not."""
        return [one for one in self.requests("POST", "PUT", "DELETE") if one != "POST /access/ticket"]

    def forget(self) -> None:
        """Forget what was asked until now."""
        self._testbed("DELETE", "requests")

    def close(self) -> None:
        """Stop the server; its state stays in its folder."""
        self.server.close()

    def _testbed(self, method: str, path: str, body: Any = None) -> Any:
        asked = urllib.request.Request(f"{self.server.url}/testbed/{path}", method=method)
        data = None if body is None else json.dumps(body).encode()
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}),
            urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=self.ca)),
        )
        with opener.open(asked, data=data, timeout=SECONDS) as answer:
            return json.load(answer)
