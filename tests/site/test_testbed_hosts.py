"""Test hosts for real: two networks at once, everything that a host is for, crashes, and nothing left afterwards."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from testbed.hosts import machine, registry
from testbed.shell import CommandFailed, run

pytestmark = [
    pytest.mark.hosts,
    pytest.mark.skipif(os.geteuid() != 0, reason="test hosts need root"),
]

TESTS = Path(__file__).resolve().parents[1]
FIRST, SECOND, THIRD = (f"test-{os.getpid()}-{letter}" for letter in "abc")
FIRST_UP = ("up", FIRST, "a1:1G", "a2", "--no-mirror", "--owner", str(os.getpid()))


def cli(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "testbed", *arguments],
        env={**os.environ, "PYTHONPATH": str(TESTS)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def done(process: subprocess.Popen[str], timeout: float = 300) -> str:
    output, _ = process.communicate(timeout=timeout)
    assert process.returncode == 0, output
    return output


def place(name: str) -> registry.Network:
    found = registry.load(name)
    assert found is not None
    return found


def on(network: str, host: str, command: str) -> str:
    return run(["ssh", "-F", place(network).folder / "ssh_config", host, command], timeout=60)


def traces(network: registry.Network) -> dict[str, list[str]]:
    """What this machine shows of a network, by where it shows it."""
    marks = re.compile(rf"autolabs[.]{network.name}\b|[./:]{network.name}[./\"]|\b{network.plan.root_link}(\b|-)")
    seen = {
        "namespaces": run(["ip", "netns"]),
        "links": run(["ip", "-o", "link"]),
        "routes": run(["ip", "route"]),
        "rules": run(["iptables-save"]),
        "mounts": Path("/proc/self/mounts").read_text(),
        "cgroups": "\n".join(str(path) for path in Path("/sys/fs/cgroup").glob("*/autolabs-testbed*")),
        "state": "\n".join(f"{path}/" for path in registry.networks_folder().iterdir()),
        "run": "\n".join(f"{path}/" for path in Path("/run").glob("*/*/*") if path.parent.name != "netns"),
        "processes": "\n".join(_command_lines()),
    }
    return {where: [line for line in text.splitlines() if marks.search(line)] for where, text in seen.items()}


def _command_lines() -> list[str]:
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(path.read_text().replace("\0", " "))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return lines


@pytest.fixture(scope="module", autouse=True)
def networks() -> Iterator[None]:
    both = [cli(*FIRST_UP), cli("up", SECOND, "b1", "--no-mirror", "--owner", str(os.getpid()))]
    try:
        for process in both:
            done(process)
        yield
    finally:
        for name in (FIRST, SECOND, THIRD):
            cli("down", name).communicate()


def test_two_networks_at_once_have_subnets_of_their_own() -> None:
    assert place(FIRST).plan.subnet != place(SECOND).plan.subnet
    assert on(FIRST, "a1", "hostname").strip() == "a1"
    assert on(SECOND, "b1", "hostname").strip() == "b1"
    identities = {on(FIRST, "a1", "cat /etc/machine-id"), on(FIRST, "a2", "cat /etc/machine-id")}
    assert len(identities) == 2


def test_hosts_of_a_network_reach_each_other_by_name() -> None:
    assert "1 received" in on(FIRST, "a1", "ping -c 1 a2")


def test_a_host_has_its_own_cgroups_and_its_memory_limit() -> None:
    limit = "cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null || true"
    assert on(FIRST, "a1", limit).strip() == str(1 << 30)
    if Path("/sys/fs/cgroup/pids").exists():
        on(FIRST, "a1", "mkdir /sys/fs/cgroup/pids/kubepods")
        assert "kubepods" not in on(FIRST, "a2", "ls /sys/fs/cgroup/pids")


def test_a_host_is_ready_for_containers() -> None:
    assert on(FIRST, "a1", "cat /proc/sys/net/ipv4/ip_forward").strip() == "1"
    on(FIRST, "a1", "mountpoint /sys/fs/bpf && echo 1 > /proc/sys/vm/overcommit_memory")
    overlay = (
        "cd /var/lib && mkdir -p t/l t/u t/w t/m && mount -t overlay o -o lowerdir=t/l,upperdir=t/u,workdir=t/w t/m"
    )
    on(FIRST, "a1", f"{overlay} && umount t/m && rm -r t")
    on(FIRST, "a1", "systemctl restart systemd-networkd && networkctl status host0 | grep -q routable")


def test_packages_install_from_the_machines_own_mirrors() -> None:
    on(FIRST, "a2", "apt-get update -q && apt-get install -qy --no-install-recommends netcat-openbsd")


def test_the_outside_host_sees_the_address_of_the_host_that_calls(tmp_path: Path) -> None:
    network = place(FIRST)
    server = subprocess.Popen(
        ["ip", "netns", "exec", network.outside_namespace, sys.executable, "-u", "-m", "http.server", "80"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        cwd=tmp_path,
    )  # fmt: skip
    try:
        on(FIRST, "a1", f"curl -sS --retry 20 --retry-connrefused --retry-delay 1 -o /dev/null {network.plan.outside}")
    finally:
        server.terminate()
        _, log = server.communicate()
    assert log.startswith(f"{network.plan.host(network.hosts['a1'].number)} ")


def test_a_host_keeps_its_disk_over_stop_and_start() -> None:
    on(SECOND, "b1", "echo kept > /root/file; echo kept > /var/lib/file")
    done(cli("host", "stop", SECOND, "b1"))
    assert machine.state(place(SECOND), place(SECOND).hosts["b1"]) == "stopped"
    with pytest.raises(CommandFailed):
        on(SECOND, "b1", "true")
    done(cli("host", "start", SECOND, "b1"))
    assert on(SECOND, "b1", "cat /root/file /var/lib/file").split() == ["kept", "kept"]
    assert on(SECOND, "b1", "systemctl is-active autolabs-testbed-prepare").strip() == "active"


def test_a_second_up_starts_what_a_crash_ended_and_nothing_else() -> None:
    network = place(FIRST)
    leaders = {name: machine.leader(network, host) for name, host in network.hosts.items()}
    [launcher] = machine.launcher(network, network.hosts["a1"])
    os.kill(launcher, signal.SIGKILL)
    assert "booting a1" in done(cli(*FIRST_UP))
    assert "nothing to start" in done(cli(*FIRST_UP))
    assert machine.leader(network, network.hosts["a1"]) not in {None, leaders["a1"]}
    assert machine.leader(network, network.hosts["a2"]) == leaders["a2"]


def test_hosts_are_added_and_destroyed_one_by_one() -> None:
    done(cli("host", "create", SECOND, "b2"))
    done(cli("host", "start", SECOND, "b2"))
    assert "1 received" in on(SECOND, "b1", "ping -c 1 b2")
    done(cli("host", "destroy", SECOND, "b2"))
    assert "b2" not in done(cli("list")).split()
    assert "b2" not in (place(SECOND).folder / "inventory.yml").read_text()


def test_what_a_killed_run_left_is_swept_when_its_owner_is_gone() -> None:
    owner = subprocess.Popen(["sleep", "60"])
    killed = cli("up", THIRD, "c1", "--no-mirror", "--owner", str(owner.pid))
    assert killed.stdout is not None
    while "booting" not in killed.stdout.readline():
        assert killed.poll() is None
    killed.kill()
    killed.communicate()
    left = place(THIRD)
    done(cli("sweep"))
    assert place(THIRD) == left, "its owner lives"
    owner.kill()
    owner.wait()
    done(cli("sweep"))
    assert traces(left) == {where: [] for where in traces(left)}


def test_down_leaves_nothing_and_the_other_network_alone() -> None:
    gone, stays = place(FIRST), place(SECOND)
    assert all(traces(gone)[where] for where in ("namespaces", "links", "routes", "rules", "state", "processes"))
    before = time.monotonic()
    done(cli("down", FIRST))
    assert time.monotonic() - before < 20
    assert traces(gone) == {where: [] for where in traces(gone)}
    assert on(stays.name, "b1", "hostname").strip() == "b1"
