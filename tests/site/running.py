"""A whole site on test hosts: brought up by the product's own playbooks, used by its own commands."""

from __future__ import annotations

import json
import os
import secrets
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ansible_runner
import yaml
from testbed.hosts import registry, removal
from testbed.hosts import site as hosts
from testbed.mirror import build
from testbed.paths import REPOSITORY
from testbed.proxmox import service as stand_in
from testbed.shell import run

NODE = "demo-pve"
"""The Proxmox node, whose API is the stand-in's."""
NODE_MEMORY = 512 << 20
HOST = "demo-k8s"
DATABASE = "demo-database"
"""The VMs, as inventories/demo has them."""
INVENTORIES = (REPOSITORY / "inventories/demo", REPOSITORY / "tests/site/inventory.yml")


@dataclass
class Played:
    """One run of a playbook."""

    status: str
    events: list[dict[str, Any]]
    output: str

    @property
    def succeeded(self) -> bool:
        """Whether no task failed and every host was reached."""
        return self.status == "successful"

    def changed_tasks(self) -> list[str]:
        """The names of the tasks that changed something, or would in check mode."""
        return [
            event["event_data"]["task"]
            for event in self.events
            if event["event"] == "runner_on_ok" and event["event_data"]["res"].get("changed")
        ]

    def result(self, action: str) -> dict[str, Any]:
        """The result of the last task with this action, whether it failed or not."""
        for event in reversed(self.events):
            data = event.get("event_data", {})
            if event["event"] in ("runner_on_ok", "runner_on_failed") and data.get("task_action") == action:
                return dict(data["res"])
        raise AssertionError(f"no task ran {action}:\n{self.output[-3000:]}")


@dataclass
class Site:
    """A network of test hosts with the product on it."""

    name: str
    owner: int | None = None
    """The process with which the site ends; None for one that stays."""

    @property
    def network(self) -> registry.Network:
        """The record of the hosts."""
        found = registry.load(self.name)
        assert found is not None, f"the network {self.name} does not exist"
        return found

    @property
    def folder(self) -> Path:
        """What the site keeps on the controller; removed with the hosts."""
        return self.network.folder / "site"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's."""
        return self.folder / "admin.conf"

    @property
    def worker_kubeconfig(self) -> Path:
        """The one that lab playbooks run with."""
        return self.folder / "worker.conf"

    def variable(self, name: str) -> Any:
        """A variable that the test hosts' inventory gives to all."""
        return yaml.safe_load((self.network.folder / "inventory.yml").read_text())["all"]["vars"][name]

    def host_address(self, host: str = HOST) -> str:
        """Where a host is reached."""
        return str(self.network.plan.host(self.network.hosts[host].number))

    def start(self) -> None:
        """Fill the mirror, start the Proxmox node and its API; quick when they are there. VMs are the playbook's."""
        build.all()
        hosts.up(self.name, [hosts.Wanted(NODE, NODE_MEMORY)], groups={"proxmox": [NODE]}, owner=self.owner)
        self.folder.mkdir(mode=0o700, exist_ok=True)
        if not self._password_file.exists():
            self._password_file.touch(mode=0o600)
            self._password_file.write_text(secrets.token_urlsafe(16))
        api = stand_in.up(self.name, NODE, self.password)
        # A file, since the password must not be seen in the process list.
        given = {"proxmox_api_password": self.password, "proxmox_api_ca": str(api.ca)}
        self._secrets.touch(mode=0o600)
        self._secrets.write_text(yaml.safe_dump({"all": {"vars": given}}))

    @property
    def password(self) -> str:
        """Of root@pam on the Proxmox node."""
        return self._password_file.read_text()

    @property
    def _password_file(self) -> Path:
        return self.folder / "proxmox-password"

    @property
    def _secrets(self) -> Path:
        return self.folder / "inventory.yml"

    @property
    def api(self) -> stand_in.Service:
        """The API of Proxmox."""
        return stand_in.found(self.name, NODE)

    @property
    def inventories(self) -> list[str]:
        """The inventories as words of a command line."""
        paths = (*INVENTORIES, self.network.folder / "inventory.yml", self._secrets)
        return [word for path in paths for word in ("-i", str(path))]

    def down(self) -> None:
        """Remove the hosts and all that belongs to them."""
        removal.down(self.name)

    def playbook(
        self,
        name: str,
        variables: Mapping[str, Any] | None = None,
        *,
        options: str = "",
        quiet: bool = True,
    ) -> Played:
        """Run one of the collection's playbooks, or a file, with this site's inventory."""
        runs = self.folder / "runs"
        runs.mkdir(exist_ok=True)
        # Tests may play several at once.
        number = f"{len(list(runs.iterdir())):03}"
        folder = Path(tempfile.mkdtemp(prefix=f"{number}-{Path(name).stem}-", dir=runs))
        events: list[dict[str, Any]] = []
        runner = ansible_runner.run(
            private_data_dir=str(folder),
            playbook=name if Path(name).is_absolute() else f"autolabs.platform.{name}",
            cmdline=f"{shlex.join(self.inventories)} {options}",
            extravars={"autolabs_site_folder": str(self.folder), **(variables or {})},
            envvars=environment(),
            event_handler=events.append,
            quiet=quiet,
        )
        output = "".join(event["stdout"] + "\n" for event in events if event.get("stdout"))
        return Played(runner.status, events, output)

    def command(self, name: str, variables: Mapping[str, Any]) -> list[str]:
        """The command line of `playbook`, for a run that is to be disturbed; `environment` goes with it."""
        given = json.dumps({"autolabs_site_folder": str(self.folder), **variables})
        return ["ansible-playbook", f"autolabs.platform.{name}", *self.inventories, "-e", given]

    def environment(self) -> dict[str, str]:
        """What such a command needs around it."""
        return {**os.environ, **environment()}

    def kubectl(self, *words: str, timeout: float = 60) -> str:
        """Run kubectl as the administrator, on the control plane host."""
        return self.on_host("kubectl", "--kubeconfig", "/etc/kubernetes/admin.conf", *words, timeout=timeout)

    def objects(self, kind: str, namespace: str, selector: str = "") -> list[dict[str, Any]]:
        """Live objects of a kind."""
        words = ["get", kind, "-n", namespace, "-o", "json"] + (["-l", selector] if selector else [])
        return list(json.loads(self.kubectl(*words))["items"])

    def on_host(self, *words: str, host: str = HOST, timeout: float = 60) -> str:
        """Run a command on a host, by ssh."""
        return run(["ssh", "-F", self.network.folder / "ssh_config", host, shlex.join(words)], timeout=timeout)

    def outside(self, *words: str) -> subprocess.Popen[bytes]:
        """Start a program on the host that stands for the internet."""
        namespace = self.network.outside_namespace
        return subprocess.Popen(["ip", "netns", "exec", namespace, *words], stdin=subprocess.DEVNULL)


def environment() -> dict[str, str]:
    """For Ansible's commands: the checkout's configuration, and the programs beside this Python."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return {"ANSIBLE_CONFIG": str(REPOSITORY / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1", "PATH": path}


def wait_until_open(connection: Mapping[str, Any], seconds: float = 20) -> None:
    """Wait until a connection's port answers: kube-proxy opens it a moment after the Pod is ready."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection((connection["host"], connection["port"]), timeout=seconds).close()
            return
        except OSError:
            assert time.monotonic() < deadline, f"{connection['address']} does not answer"
            time.sleep(0.1)


def ssh(
    connection: Mapping[str, Any], password: str, command: str, folder: Path, timeout: float = 30
) -> subprocess.CompletedProcess[str]:
    """Log in as a student does, with the real client, the password, and the host key that was handed out."""
    known = folder / f"known_hosts-{connection['port']}"
    known.write_text(f"[{connection['host']}]:{connection['port']} {connection['host_key']}\n")
    asking = folder / f"askpass-{connection['port']}"
    asking.write_text('#!/bin/sh\nprintf "%s\\n" "$STUDENT_PASSWORD"\n')
    asking.chmod(0o700)
    options = ["StrictHostKeyChecking=yes", f"UserKnownHostsFile={known}", "GlobalKnownHostsFile=/dev/null"]
    options += ["PreferredAuthentications=password", "NumberOfPasswordPrompts=1", "ConnectTimeout=10"]
    client = [shutil.which("ssh") or "ssh", "-F", "none", *(f"-o{option}" for option in options)]
    return subprocess.run(
        [*client, "-p", str(connection["port"]), f"{connection['user']}@{connection['host']}", command],
        env={**os.environ, "SSH_ASKPASS": str(asking), "SSH_ASKPASS_REQUIRE": "force", "STUDENT_PASSWORD": password},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
    )
