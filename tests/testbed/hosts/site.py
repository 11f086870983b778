"""Networks and their hosts as a whole, made and changed. Everything may be repeated after a crash."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from testbed import packages, progress
from testbed.hosts import addresses, disk, inventory, machine, network, processes, registry, removal
from testbed.hosts.registry import Host, Network
from testbed.hosts.removal import mirror_server
from testbed.shell import run

PACKAGES = ("systemd-container", "debootstrap", "iproute2", "iptables", "openssh-client", "procps")


class NotPossible(Exception):
    """What was asked for cannot be done; the message says why and what to do."""


@dataclass(frozen=True)
class Wanted:
    """A host as it was asked for; `memory` in bytes, None for no limit."""

    name: str
    memory: int | None = None


def up(
    name: str,
    hosts: Sequence[Wanted],
    *,
    groups: Mapping[str, Sequence[str]] | None = None,
    owner: int | None = None,
    mirror: bool = True,
) -> Network:
    """Make and start what is missing and wait until every host asked for answers by ssh.

    With `owner`, a pid, the network is swept once that process is gone; without, it stays until `down`.
    """
    packages.ensure(PACKAGES)
    removal.sweep()
    with registry.lock(registry.checked_name("network", name)):
        _check(name, hosts, groups or {})
        place = _allocated(name, owner, mirror)
        for wanted in hosts:
            place = _with(place, wanted)
        members = {group: tuple(names) for group, names in (groups or {}).items()}
        place = registry.save(replace(place, groups={**place.groups, **members}))
        _connect(place)
        _boot(place, [place.hosts[wanted.name] for wanted in hosts])
    return place


def create_host(name: str, wanted: Wanted) -> None:
    """Add a host to a network without starting it. The memory of one that is there changes from its next start."""
    packages.ensure(PACKAGES)
    with _existing(name) as place:
        place = registry.save(_with(place, wanted))
        _connect(place)
        _disks(place, [place.hosts[wanted.name]])


def start_host(name: str, host: str) -> None:
    """Start a host and wait for its ssh."""
    packages.ensure(PACKAGES)
    with _existing(name) as place:
        found = _host(place, host)
        _connect(place)
        _boot(place, [found])


def stop_host(name: str, host: str) -> None:
    """Shut a host down; its disk stays."""
    with _existing(name) as place, progress.step(f"stopping {host}"):
        machine.stop(place, _host(place, host))


def destroy_host(name: str, host: str) -> None:
    """End a host and remove its disk."""
    with _existing(name) as place, progress.step(f"destroying {host}"):
        found = _host(place, host)
        machine.kill(place, found)
        disk.remove(place, found)
        describe(registry.save(place.without_host(host)))


@contextmanager
def _existing(name: str) -> Iterator[Network]:
    with registry.lock(registry.checked_name("network", name)):
        place = registry.load(name)
        if place is None:
            raise NotPossible(f"there is no network {name!r}; `python -m testbed list` shows those that are")
        yield place


def _host(place: Network, host: str) -> Host:
    if host not in place.hosts:
        raise NotPossible(f"network {place.name} has no host {host!r}; it has: {', '.join(place.hosts) or 'none'}")
    return place.hosts[host]


def _allocated(name: str, owner: int | None, mirror: bool) -> Network:
    """The network's record, made with a free subnet when there is none."""
    who = processes.identity(owner) if owner is not None else None
    if owner is not None and who is None:
        raise NotPossible(f"owner {owner}: there is no such process")
    with registry.lock(registry.ALLOCATION):
        present = registry.load(name)
        if present:
            return registry.save(replace(present, owner=who, mirror=mirror))
        taken = {found.index for found in registry.every()}
        index = addresses.free_index(taken, network.routes())
        return registry.save(Network(name, index, who, mirror))


def _with(place: Network, wanted: Wanted) -> Network:
    present = place.hosts.get(registry.checked_name("host", wanted.name))
    if present:
        return place.with_host(replace(present, memory=wanted.memory or present.memory))
    number = addresses.free_host_number([host.number for host in place.hosts.values()])
    return place.with_host(Host(wanted.name, number, uuid.uuid4().hex, wanted.memory))


def _check(name: str, hosts: Sequence[Wanted], groups: Mapping[str, Sequence[str]]) -> None:
    """Refuse bad names before anything is made."""
    present = registry.load(name)
    known = {registry.checked_name("host", wanted.name) for wanted in hosts} | set(present.hosts if present else ())
    for group, members in groups.items():
        for host in members:
            if host not in known:
                raise NotPossible(f"group {group}: network {name} has no host {host!r}; it has: {', '.join(known)}")


def _connect(place: Network) -> None:
    """The network and, when it was made just now, its mirror."""
    made = network.ensure(place)
    if made:
        for host in place.hosts.values():
            if host.vmid:  # its launcher was not in the namespace that was made again
                machine.kill(place, host)
        progress.say(f"network {place.name}: {place.plan.subnet}, outside host {place.plan.outside}")
    if place.mirror:
        mirror_server().start(place.namespace, str(place.plan.bridge), place.folder / "mirror")


def _boot(place: Network, hosts: Sequence[Host]) -> None:
    _disks(place, hosts)
    started = [host for host in hosts if machine.start(place, host, disk.base(host))]
    names = ", ".join(host.name for host in started)
    with progress.step(f"network {place.name}: {f'booting {names}' if names else 'nothing to start, trying ssh'}"):
        for host in hosts:
            machine.wait_for_ssh(place, host)


def _disks(place: Network, hosts: Sequence[Host]) -> None:
    key = place.folder / "ssh/id_ed25519"
    if not (key.exists() and key.with_suffix(".pub").exists()):
        key.unlink(missing_ok=True)
        key.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"autolabs-testbed:{place.name}", "-f", key])
    for host in hosts:
        disk.ensure(place, host, disk.base(host))
    describe(place)


def describe(place: Network) -> None:
    """Tell the tools outside and every host who is there; hosts whose disk is not made yet are left out."""
    made = {name: host for name, host in place.hosts.items() if (place.host_folder(name) / "complete").exists()}
    present = replace(place, hosts=made)
    inventory.write(present, {name: disk.host_key(place, host) for name, host in made.items()})
    for host in made.values():
        if host.vmid:
            continue
        leader = machine.leader(place, host)
        etc = Path(f"/proc/{leader}/root/etc") if leader else disk.upper(place, host) / "etc"
        disk.write_names(present, etc)
