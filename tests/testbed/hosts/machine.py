"""A running host: starting it, finding its processes, waiting for its ssh, stopping it, ending it."""

from __future__ import annotations

import shlex
import shutil
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from testbed.hosts import cgroups, network, outer, processes
from testbed.hosts.registry import Host, Network
from testbed.shell import CommandFailed, run

BOOT_SECONDS = 120
STOP_SECONDS = 60
DEVICES = ("/dev/kmsg", "/dev/fuse", "/dev/net/tun")
CONSOLE = "console.log"
# A VM that boots anew from inside goes on running; systemd-nspawn leaves that to its caller, by this exit status.
REBOOTS = """\
status=133
while [ $status = 133 ]; do
    status=0
    {} || status=$?
done
exit $status"""


class HostFailed(Exception):
    """A host did not come up; the message holds the end of its console."""


def launcher(place: Network, host: Host) -> list[int]:
    """The pids of systemd-nspawn of this host, or of the shell that is about to become it."""
    return processes.having(lambda pid: _launches(place, host, pid))


def leader(place: Network, host: Host) -> int | None:
    """The pid, seen from here, of the host's own process 1; None when the host does not run."""
    found = processes.having(lambda pid: _belongs(place, host, pid) and processes.inner_pids(pid)[1:] == [1])
    return found[0] if found else None


def state(place: Network, host: Host) -> str:
    """`running`, `stopped`, or `crashed`: processes of the host are there, but not the one that holds it together."""
    if launcher(place, host):
        return "running"
    return "crashed" if leader(place, host) else "stopped"


def start(place: Network, host: Host, base: Path) -> bool:
    """Boot the host unless it runs; returns at once. True when it was started."""
    if state(place, host) == "running":
        return False
    kill(place, host)
    network.remove_ports(place, place.plan.machine(host.number))
    hierarchies = cgroups.detect()
    joins = cgroups.create(cgroups.name(place.name, host.name), host.memory, hierarchies)
    with (place.host_folder(host.name) / CONSOLE).open("w") as console:
        subprocess.Popen(
            ["sh", "-euc", script(place, host, base, joins, hierarchies.version)],
            stdin=subprocess.DEVNULL, stdout=console, stderr=console, start_new_session=True, cwd="/",
        )  # fmt: skip
    return True


def script(place: Network, host: Host, base: Path, joins: list[Path], version: int) -> str:
    """The launcher, a shell script: it joins the cgroups and becomes systemd-nspawn.

    The overlay is mounted in a mount namespace of the launcher's own: it goes when the host goes, however it goes.
    A VM's network cards are in a network namespace of the launcher's own, likewise.
    """
    folder = place.host_folder(host.name)
    overlay = f"lowerdir={base},upperdir={folder / 'upper'},workdir={folder / 'work'}"
    mount = ["mount", "-t", "overlay", "overlay", "-o", overlay, str(folder / "root")]
    before = [mount, *_cards(place, host)]
    boot = shlex.join(nspawn(place, host, version))
    inner = "\n".join([*map(shlex.join, before), REBOOTS.format(boot) if host.vmid else f"exec {boot}"])
    apart = ["--mount", "--propagation", "private", *(["--net"] if host.vmid else [])]
    enter = ["nsenter", f"--net=/run/netns/{place.namespace}", "unshare", *apart]
    lines = [f"echo $$ >{shlex.quote(str(join))}" for join in joins]
    return "\n".join([*lines, f"exec {shlex.join([*enter, 'sh', '-euc', inner])}"])


def _cards(place: Network, host: Host) -> list[list[str]]:
    """Commands that make a VM's network cards, each on the bridge."""
    commands = []
    for number, (interface, address) in enumerate(host.cards.items()):
        port, mtu = network.port(place.plan.machine(host.number), number), outer.mtu()
        ends = f"{interface} address {address} mtu {mtu} type veth peer name {port} mtu {mtu} netns {place.namespace}"
        commands.append(["ip", "link", "add", *ends.split()])
        commands.append(["ip", "-n", place.namespace, "link", "set", port, "master", network.BRIDGE, "up"])
    return commands


def nspawn(place: Network, host: Host, version: int) -> list[str]:
    """The command line of systemd-nspawn for a host, on a machine with this version of cgroups."""
    folder = place.host_folder(host.name)
    # On version 2 systemd makes a scope for it, delegates the scope's cgroups and holds the limit.
    limit = [f"--property=MemoryMax={host.memory}"] if host.memory else []
    scope = ["--keep-unit"] if version == 1 else limit
    # A VM's cards are there before it boots, and its name is for cloud-init to say.
    cards = "--network-namespace-path=/proc/self/ns/net" if host.vmid else f"--network-bridge={network.BRIDGE}"
    hostname = "localhost" if host.vmid else host.name
    return [
        # Its lock file would outlive a crash, and who may start a host is settled by the network's lock.
        "env", "SYSTEMD_NSPAWN_LOCK=0",
        "systemd-nspawn", "--quiet", "--boot", f"--directory={folder / 'root'}",
        f"--machine={place.plan.machine(host.number)}", f"--hostname={hostname}", f"--uuid={host.machine_id}",
        cards, "--register=no", *scope, "--resolv-conf=off", "--timezone=off",
        "--link-journal=no", "--capability=all", "--system-call-filter=@mount @keyring bpf",
        *(f"--bind={device}" for device in DEVICES if Path(device).exists()),
        f"--bind={folder / 'var'}:/var",
    ]  # fmt: skip


def wait_for_ssh(place: Network, host: Host) -> None:
    """Return once the host has booted and a command runs over ssh; raises HostFailed with the console's end."""
    deadline = time.monotonic() + BOOT_SECONDS
    address = str(place.plan.host(host.number))
    while not _greets(address):
        if _ended(place, host):
            raise HostFailed(f"host {host.name} ended while it booted\n{_console(place, host)}")
        if time.monotonic() > deadline:
            raise HostFailed(f"host {host.name} has no ssh after {BOOT_SECONDS} s\n{_console(place, host)}")
        time.sleep(0.1)
    # The answer of is-system-running is a failure too when any unit failed; the unit that matters is ours.
    booted = "systemctl is-system-running --wait; systemctl is-active autolabs-testbed-prepare"
    try:
        run(["ssh", "-F", place.folder / "ssh_config", host.name, booted], timeout=BOOT_SECONDS)
    except CommandFailed as failed:
        raise HostFailed(f"host {host.name} did not boot well: {failed}\n{_console(place, host)}") from failed


def wait_for_leader(place: Network, host: Host) -> None:
    """Return once the host's own process 1 is there; raises HostFailed with the console's end."""
    while leader(place, host) is None:
        if _ended(place, host):
            raise HostFailed(f"host {host.name} ended before it booted\n{_console(place, host)}")
        time.sleep(0.1)


def stop(place: Network, host: Host) -> None:
    """Shut the host down in order, and by force when that takes more than a minute; its disk stays."""
    shut_down(place, host, STOP_SECONDS)
    kill(place, host)


def shut_down(place: Network, host: Host, seconds: float) -> bool:
    """Shut the host down in order; False when it has not ended after so many seconds."""

    def ours(pid: int) -> bool:
        return _launches(place, host, pid)

    with suppress(processes.StillThere):
        processes.end(launcher(place, host), ours, sign=signal.SIGTERM, timeout=seconds)
        return True
    return False


def kill(place: Network, host: Host) -> None:
    """End every process of the host at once and remove its cgroups; a host that does not run is fine too."""

    def ours(pid: int) -> bool:
        return _belongs(place, host, pid)

    while found := processes.having(ours):
        processes.end(found, ours)
    cgroups.remove(cgroups.name(place.name, host.name), cgroups.detect())
    machine = place.plan.machine(host.number)
    for trace in ("propagate", "unix-export"):
        shutil.rmtree(Path("/run/systemd/nspawn") / trace / machine, ignore_errors=True)


def _launches(place: Network, host: Host, pid: int) -> bool:
    return f"--directory={place.host_folder(host.name) / 'root'} " in processes.command_line(pid)


def _belongs(place: Network, host: Host, pid: int) -> bool:
    names = (cgroups.name(place.name, host.name), f"{place.plan.machine(host.number)}.scope")
    return _launches(place, host, pid) or cgroups.holds(processes.cgroup_table(pid), names)


def _ended(place: Network, host: Host) -> bool:
    """True when the launcher is not seen several times: on its way from program to program it has no arguments."""
    for _ in range(5):
        if launcher(place, host):
            return False
        time.sleep(0.05)
    return True


def _greets(address: str) -> bool:
    """True when an ssh server sends its version line."""
    try:
        with socket.create_connection((address, 22), timeout=2) as connection:
            connection.settimeout(2)
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


def _console(place: Network, host: Host) -> str:
    path = place.host_folder(host.name) / CONSOLE
    return "\n".join(path.read_text(errors="replace").splitlines()[-20:])
