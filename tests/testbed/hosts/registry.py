"""What exists: one record a network, written before anything is made and removed after all is gone.

So whatever a crash leaves is described by a record, and the next run can remove it.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from testbed import paths
from testbed.hosts import processes
from testbed.hosts.addresses import Plan

NAME = re.compile(r"[a-z]([a-z0-9-]{0,38}[a-z0-9])?")

ALLOCATION = ".allocation"  # the lock under which subnets are given out and back; no network can have this name


class _Held(threading.local):
    """The descriptors of the locks that this thread holds: the stand-in for Proxmox changes many hosts at once."""

    def __init__(self) -> None:
        self.descriptors: list[int] = []


_held = _Held()


class BadName(Exception):
    """A name that could not be a host name, a file name and a namespace name at once."""


class Busy(Exception):
    """Another process is changing this network now."""


@dataclass(frozen=True)
class Host:
    """A host of a network; `memory` is its limit in bytes, None for no limit.

    A VM of the stand-in for Proxmox has its `vmid`, and the hardware address of each of its interfaces.
    """

    name: str
    number: int
    machine_id: str
    memory: int | None = None
    vmid: int | None = None
    cards: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Network:
    """A network of hosts; without an owner it stays until `down`."""

    name: str
    index: int
    owner: processes.Identity | None = None
    mirror: bool = True
    hosts: Mapping[str, Host] = field(default_factory=dict)
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def plan(self) -> Plan:
        return Plan(self.index)

    @property
    def namespace(self) -> str:
        return f"autolabs.{self.name}"

    @property
    def outside_namespace(self) -> str:
        return f"autolabs.{self.name}.outside"

    @property
    def folder(self) -> Path:
        return networks_folder() / self.name

    @property
    def runtime(self) -> Path:
        """Sockets and locks, on a short path: a unix socket's path has at most 107 characters."""
        return paths.runtime() / self.name

    def host_folder(self, host: str) -> Path:
        return self.folder / "hosts" / host

    def with_host(self, host: Host) -> Network:
        return replace(self, hosts={**self.hosts, host.name: host})

    def without_host(self, name: str) -> Network:
        return replace(
            self,
            hosts={key: host for key, host in self.hosts.items() if key != name},
            groups={
                group: tuple(member for member in members if member != name) for group, members in self.groups.items()
            },
        )

    @property
    def abandoned(self) -> bool:
        """True once the owner is gone."""
        return self.owner is not None and not processes.lives(self.owner)


def networks_folder() -> Path:
    return paths.state() / "networks"


def checked_name(kind: str, name: str) -> str:
    """The name itself, or BadName with what is allowed."""
    if not NAME.fullmatch(name):
        raise BadName(f"{kind} {name!r}: use lower-case letters, digits and '-', 40 at most, starting with a letter")
    return name


def to_json(network: Network) -> str:
    return json.dumps(asdict(network), indent=2) + "\n"


def from_json(text: str) -> Network:
    """The reverse of to_json; raises ValueError, KeyError or TypeError for any other text."""
    raw = json.loads(text)
    return Network(
        name=raw["name"],
        index=raw["index"],
        owner=processes.Identity(**raw["owner"]) if raw["owner"] else None,
        mirror=raw["mirror"],
        hosts={name: Host(**host) for name, host in raw["hosts"].items()},
        groups={name: tuple(members) for name, members in raw["groups"].items()},
    )


def save(network: Network) -> Network:
    """Write the record so that a reader sees the old one or the new one, never a half."""
    network.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = network.folder / "network.json.new"
    fresh.write_text(to_json(network))
    fresh.replace(network.folder / "network.json")
    return network


def load(name: str) -> Network | None:
    """The record of a network, or None where there is none."""
    try:
        text = (networks_folder() / name / "network.json").read_text()
    except FileNotFoundError:
        return None
    try:
        return from_json(text)
    except (ValueError, KeyError, TypeError) as broken:
        raise BadName(f"{networks_folder() / name / 'network.json'} is not a record of ours: {broken!r}") from broken


def every() -> list[Network]:
    """All records, by name."""
    if not networks_folder().is_dir():
        return []
    found = (load(folder.name) for folder in sorted(networks_folder().iterdir()))
    return [network for network in found if network]


def forget(network: Network) -> None:
    """Remove the record and every file of the network: first what says that disks are whole, the record last."""
    for complete in network.folder.glob("hosts/*/complete"):
        complete.unlink()
    for entry in network.folder.iterdir():
        if entry.name != "network.json":
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
    shutil.rmtree(network.folder)
    shutil.rmtree(network.runtime, ignore_errors=True)


@contextmanager
def lock(name: str, *, wait: bool = True) -> Iterator[None]:
    """Hold the lock `name`; the kernel lets go of it when its holder dies. Raises Busy with `wait=False`."""
    path = paths.runtime() / f".{name}.lock"
    while True:
        with path.open("w") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                raise Busy(f"network {name}: another process is changing it now") from None
            if not _is(path, stream.fileno()):
                continue  # its last holder removed the file while this process waited
            _held.descriptors.append(stream.fileno())
            try:
                yield
            finally:
                _held.descriptors.remove(stream.fileno())
                path.unlink(missing_ok=True)
            return


def held() -> list[int]:
    """The descriptors of the locks that this thread holds, for a program that must not outlive them (shell.run)."""
    return list(_held.descriptors)


def _is(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
