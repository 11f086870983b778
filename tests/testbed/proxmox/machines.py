"""The stand-in's VMs are test hosts: a started VM boots, takes its cloud-init data and answers ssh."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from ipaddress import AddressValueError, IPv4Address
from pathlib import Path
from typing import Any

from testbed.hosts import disk, machine, processes, registry, site, vm
from testbed.hosts.processes import Identity
from testbed.hosts.registry import Host, Network
from testbed.proxmox import guest_agent
from testbed.proxmox.hypervisor import CloudInit, HypervisorFailed
from testbed.shell import CommandFailed

CARD = re.compile(r"net\d+")
HARDWARE_ADDRESS = re.compile(r"(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}")
MIB = 1 << 20
BOOTS_NEVER = "testbed-boots-never"  # the fault: the stand-in adds it to the configuration
FAILURES = (
    CommandFailed, OSError, machine.HostFailed, processes.StillThere, registry.BadName, site.NotPossible,
)  # fmt: skip


class Machines:
    """Hypervisor over the hosts of one network; may be used by many threads.

    What it knows is in the network's record, so another process goes on with VMs that run. Only the record is
    changed under the network's lock: VMs boot beside each other.
    """

    def __init__(self, network: str) -> None:
        self._network = network
        self._launchers: dict[int, Identity] = {}

    def start(self, vmid: int, config: Mapping[str, str], cloud_init: CloudInit) -> None:
        """Boot the VM with these data; returns once its process 1 is there. Raises HypervisorFailed."""
        with self._alone(vmid):
            if self.running(vmid):
                return
            wanted = host(vmid, config, self._place())
            place = self._recorded(wanted)
            base = disk.base(wanted)
            disk.ensure(place, wanted, base)
            seed(place, wanted, cloud_init, agent=has_agent(config))
            with registry.lock(self._network):
                site.describe(self._place())
            machine.start(place, wanted, base)
            machine.wait_for_leader(place, wanted)

    def shutdown(self, vmid: int, seconds: float) -> bool:
        """Shut the VM down in order; False when it still runs after so many seconds."""
        with self._alone(vmid):
            place, found = self._place(), self._host(vmid)
            if found and not machine.shut_down(place, found, seconds):
                return False
            if found:
                machine.kill(place, found)
            return True

    def stop(self, vmid: int) -> None:
        """End the VM at once; its disk stays."""
        with self._alone(vmid):
            found = self._host(vmid)
            if found:
                machine.kill(self._place(), found)

    def remove(self, vmid: int) -> None:
        """End the VM and remove its disk and its record; one that never was started has neither."""
        with self._alone(vmid):
            found = self._host(vmid)
            if not found:
                return
            machine.kill(self._place(), found)
            disk.remove(self._place(), found)
            with registry.lock(self._network):
                site.describe(registry.save(self._place().without_host(found.name)))
            self._launchers.pop(vmid, None)

    def running(self, vmid: int) -> bool:
        """Whether its processes are there, whoever started or ended them."""
        known = self._launchers.get(vmid)
        if known and processes.lives(known):
            return True
        found = self._host(vmid)
        pids = machine.launcher(self._place(), found) if found else []
        who = processes.identity(pids[0]) if pids else None
        if who:
            self._launchers[vmid] = who
        return who is not None

    def interfaces(self, vmid: int) -> list[dict[str, Any]] | None:
        """The answer of the VM's own guest agent; None while none answers."""
        found = self._host(vmid)
        if found is None or not self.running(vmid):
            return None
        folder = self._place().host_folder(found.name) / vm.AGENT
        answer = guest_agent.ask(folder, vm.AGENT_SOCKET, "guest-network-get-interfaces")
        return list(answer) if answer is not None else None

    @contextmanager
    def _alone(self, vmid: int) -> Iterator[None]:
        """One call at a time for a VM, over processes too; the test bed's exceptions as the hypervisor's."""
        try:
            with registry.lock(f"{self._network}.{vmid}"):
                yield
        except FAILURES as failed:
            raise HypervisorFailed(f"VM {vmid}: {failed}") from failed

    def _place(self) -> Network:
        place = registry.load(self._network)
        if place is None:
            raise HypervisorFailed(f"the network {self._network} of the test hosts is gone")
        return place

    def _host(self, vmid: int) -> Host | None:
        return next((found for found in self._place().hosts.values() if found.vmid == vmid), None)

    def _recorded(self, wanted: Host) -> Network:
        """Put the VM into the network's record; a VM with another name than before takes its disk along."""
        with registry.lock(self._network):
            place, before = self._place(), self._host(wanted.vmid or 0)
            if before and before.name != wanted.name:
                folder = place.host_folder(before.name)
                place = place.without_host(before.name)
                if folder.exists():
                    folder.rename(place.host_folder(wanted.name))
            return registry.save(place.with_host(wanted))


def host(vmid: int, config: Mapping[str, str], place: Network) -> Host:
    """The host that a VM's configuration describes; raises HypervisorFailed for one that no test host can be."""
    name = registry.checked_name("VM", config.get("name") or f"vm-{vmid}")
    same = place.hosts.get(name)
    if same and same.vmid != vmid:
        raise HypervisorFailed(f"VM {vmid}: the network {place.name} has a host {name} already; give it another name")
    before = next((found for found in place.hosts.values() if found.vmid == vmid), None)
    number = _number(vmid, config, place)
    taken = next((found for found in place.hosts.values() if found.number == number and found.vmid != vmid), None)
    if taken:
        raise HypervisorFailed(f"VM {vmid}: {place.plan.host(number)} is the address of {taken.name}")
    machine_id = before.machine_id if before else uuid.uuid4().hex
    # One that never boots is one that nobody can reach.
    cards = {} if BOOTS_NEVER in config else _cards(config)
    return Host(name, number, machine_id, _memory(config), vmid, cards)


def _memory(config: Mapping[str, str]) -> int:
    """The memory in bytes; the option is `1024` or `current=1024`, in MiB, and 512 where it is not given."""
    return int(config.get("memory", "512").removeprefix("current=")) * MIB


def _number(vmid: int, config: Mapping[str, str], place: Network) -> int:
    """The last octet of net0's static address, in the hosts' segment."""
    first = config.get("ipconfig0", "")
    given = next((part.partition("=")[2] for part in first.split(",") if part.startswith("ip=")), "")
    segment = place.plan.segment
    try:
        address = IPv4Address(given.partition("/")[0])
    except AddressValueError:
        raise HypervisorFailed(
            f"VM {vmid}: ipconfig0 {first!r} names no static IPv4 address; test hosts have no DHCP server"
        ) from None
    if address not in segment or address in (segment[0], place.plan.bridge, segment[-1]):
        raise HypervisorFailed(f"VM {vmid}: {address} is no host's address of {segment}, the network of the test hosts")
    return int(address) - int(segment.network_address)


def _cards(config: Mapping[str, str]) -> dict[str, str]:
    """The hardware addresses of net0, net1… under the names that PVE's cloud-init data give their interfaces.

    Bridge, VLAN tag and model make no difference here.
    """
    numbers = sorted(int(key[3:]) for key in config if CARD.fullmatch(key))
    found = {number: HARDWARE_ADDRESS.search(config[f"net{number}"]) for number in numbers}
    return {f"eth{number}": address[0].lower() for number, address in found.items() if address}


def has_agent(config: Mapping[str, str]) -> bool:
    """Whether the configuration gives the VM a port for the guest agent (`agent: 1` or `agent: enabled=1,…`)."""
    words = config.get("agent", "0").split(",")
    return any(word in ("1", "enabled=1") for word in words)


def seed(place: Network, wanted: Host, cloud_init: CloudInit, *, agent: bool) -> None:
    """Write what a VM finds at its next boot: the cloud-init data, and the agent's port or none."""
    folder = place.host_folder(wanted.name)
    data = folder / vm.SEED
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    texts = {
        "user-data": cloud_init.user_data,
        "meta-data": cloud_init.meta_data,
        "network-config": cloud_init.network_config,
        "vendor-data": cloud_init.vendor_data,
    }
    for name, text in texts.items():
        # Without a drive there are none of them; a drive always has the first two, which cloud-init asks for.
        _write(data / name, text, always=bool(cloud_init.meta_data) and name in ("user-data", "meta-data"))
    port = folder / vm.AGENT
    if agent:
        port.mkdir(parents=True, exist_ok=True)
    elif port.exists():
        (port / vm.AGENT_SOCKET).unlink(missing_ok=True)
        port.rmdir()


def _write(path: Path, text: str, *, always: bool) -> None:
    """Replace a file of mode 0600; an empty text is no file, unless there is to be one always."""
    path.unlink(missing_ok=True)
    if text or always:
        path.touch(mode=0o600)
        path.write_text(text)
