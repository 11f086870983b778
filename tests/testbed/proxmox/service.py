"""The stand-in as a process of its own beside a network of test hosts: started once, found again, ended with it."""

from __future__ import annotations

import json
import os
import ssl
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from testbed import paths
from testbed.hosts import image, machine, processes, registry
from testbed.hosts.registry import Network
from testbed.hosts.site import NotPossible
from testbed.mirror import service as servers
from testbed.mirror.service import ServiceFailed

PORT = 8006
NAME = "stand-in"
ANSWER_SECONDS = 30.0


@dataclass(frozen=True)
class Service:
    """Where the API is: its address, and the certificate of the CA that vouches for it."""

    url: str
    ca: Path
    host: str
    port: int = PORT


def folder(place: Network) -> Path:
    """What the stand-in keeps: state, storages, settings, record and log of its process."""
    return place.folder / "proxmox"


def address(place: Network, node: str | None) -> str:
    """Where it listens: the node's address, or the bridge's where no host is the node."""
    return str(place.plan.host(place.hosts[node].number) if node else place.plan.bridge)


def up(name: str, node: str | None, password: str, seconds: Mapping[str, float] | None = None) -> Service:
    """Start the stand-in for Proxmox on a network and wait until it answers; one that runs so already is kept.

    `node` is the test host that is the Proxmox node, None for none; `password` that of root@pam; `seconds` says how
    long tasks last, by kind. Raises NotPossible, and ServiceFailed when it does not answer.
    """
    with registry.lock(registry.checked_name("network", name)):
        place = registry.load(name)
        if place is None:
            raise NotPossible(f"there is no network {name!r}; `python -m testbed list` shows those that are")
        if node and (node not in place.hosts or place.hosts[node].vmid):
            raise NotPossible(f"network {name} has no host {node!r} that could be the Proxmox node; `up` makes one")
        if node and machine.leader(place, place.hosts[node]) is None:
            raise NotPossible(f"host {node} of network {name} does not run: `python -m testbed host start` starts it")
        state = folder(place)
        generation = settled(state, node, password, dict(seconds or {}))
        # Part of the command, so that a process with other settings is another one.
        command = [sys.executable, "-m", "testbed", "proxmox", "serve", name, "--settings", generation]
        # Here, where people see its progress, and not in the task of the first VM that starts.
        image.ensure(image.VM_PACKAGES)
        alive = servers.ensure(NAME, ["env", f"PYTHONPATH={paths.HERE.parent}", *command], state)
    service = found(name, node)
    _wait(service, state / f"{NAME}.log", alive)
    return service


def settled(state: Path, node: str | None, password: str, seconds: Mapping[str, float]) -> str:
    """Write down what the process shall read; returns a name of these settings, the same as long as they are."""
    path, secret = state / "settings.json", state / "password"
    wanted = {"node": node, "seconds": seconds}
    if path.exists() and secret.exists():
        before = json.loads(path.read_text())
        generation = str(before.pop("generation"))
        if before["node"] != node:
            raise NotPossible(f"the stand-in of this network has the node {before['node']}; `down` removes it with all")
        if before == wanted and secret.read_text() == password:
            return generation
    state.mkdir(mode=0o700, exist_ok=True)
    secret.touch(mode=0o600)
    secret.write_text(password)
    generation = uuid.uuid4().hex
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps({**wanted, "generation": generation}))
    fresh.replace(path)
    return generation


def found(name: str, node: str | None) -> Service:
    """Where the stand-in of a network is, whether it runs or not. Raises NotPossible for a network that is none."""
    place = registry.load(name)
    if place is None:
        raise NotPossible(f"there is no network {name!r}; `python -m testbed list` shows those that are")
    return Service(f"https://{address(place, node)}:{PORT}", folder(place) / "pve-root-ca.pem", address(place, node))


def down(name: str) -> None:
    """End the stand-in of a network, if one runs. Its state and its VMs stay; they go with the network."""
    with registry.lock(registry.checked_name("network", name)):
        place = registry.load(name)
        if place and folder(place).exists():
            stop(folder(place))


def stop(state: Path) -> None:
    """End the process recorded in `state`, and what it was running; none is fine too."""
    recorded = servers.recorded(NAME, state)
    servers.stop(NAME, state)
    if recorded:
        # Programs that it ran; VMs have sessions of their own.
        def ours(pid: int) -> bool:
            return session(pid) == recorded.pid

        processes.end(processes.having(ours), ours)


def _wait(service: Service, log: Path, alive: Callable[[], bool]) -> None:
    """Return once the API answers; raises ServiceFailed."""
    deadline = time.monotonic() + ANSWER_SECONDS
    while True:
        problem = "it has made no certificate"
        try:
            if service.ca.exists():
                probe(service)
                return
        except (OSError, urllib.error.URLError, ssl.SSLError) as failed:
            problem = str(failed)
        told = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
        if not alive():
            raise ServiceFailed(f"the stand-in for Proxmox ended before it answered at {service.url}\n{told}")
        if time.monotonic() > deadline:
            raise ServiceFailed(f"the stand-in for Proxmox does not answer at {service.url}: {problem}\n{told}")
        time.sleep(0.1)


def probe(service: Service) -> None:
    """Ask whether the API answers; raises OSError when it does not."""
    # Straight to the server, whatever proxy the environment names.
    context = ssl.create_default_context(cafile=service.ca)
    client = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
    )  # fmt: skip
    client.open(f"{service.url}/testbed/alive", timeout=5).close()


def session(pid: int) -> int:
    """The session of a process; 0 for one that is gone."""
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return 0
