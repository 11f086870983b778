"""A change stays when it is confirmed; otherwise, and wherever it is cut off, the host gets its old files back."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.flows.ufw.host import (
    Firewall,
    FirewallError,
    NotInstalled,
)
from ansible_collections.autolabs.platform.plugins.module_utils.flows.ufw.plan import INIT, USER, WRITTEN, Host
from ansible_collections.autolabs.platform.plugins.module_utils.flows.ufw.rollback import BOOT_UNIT, TIMER
from ansible_collections.autolabs.platform.plugins.module_utils.net.ports import Ports
from ansible_collections.autolabs.platform.plugins.module_utils.net.rules import HostRule
from unit.plugins.module_utils.flows.ufw.test_plan import BUILTIN, installed

SSH = HostRule("192.0.2.0/24", Ports(22), flow="admin-ssh")


class Killed(BaseException):
    """Stands for SIGKILL: nothing that catches errors sees it."""


class Machine:
    """A root folder with ufw's files, and commands that are written down instead of run; some can fail."""

    def __init__(self, root: Path) -> None:
        self.root, self.commands = root, list[str]()
        self.fail: str = ""
        self.kill: str = ""
        self.bin = root / "bin"
        self.bin.mkdir()
        for program in ("iptables", "ip6tables", "iptables-restore", "ip6tables-restore", "logger"):
            (self.bin / program).write_text(f'#!/bin/sh\necho "{program} $*" >>{root}/loaded\ncat >/dev/null\n')
            (self.bin / program).chmod(0o755)
        host: Host = installed()
        for path, text in host.files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
        (root / INIT).chmod(0o640)

    def run(self, words: Sequence[str], given: str) -> tuple[int, str, str]:
        line = " ".join(words)
        self.commands.append(line)
        if self.kill and self.kill in line:
            raise Killed
        if self.fail and self.fail in line:
            return 1, "", "it does not want to"
        if line.endswith("-save"):
            return 0, BUILTIN, ""
        if len(words) == 1:
            return self.timer_fires()
        return 0, "", ""

    def timer_fires(self, *arguments: str) -> tuple[int, str, str]:
        """What systemd does at the end of the time, or at the next start."""
        environment = {**os.environ, "PATH": f"{self.bin}:{os.environ['PATH']}"}
        script = self.root / "var/lib/autolabs/firewall/rollback"
        done = subprocess.run(
            [script, *arguments],
            stdin=subprocess.DEVNULL,
            env=environment,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    def files(self) -> dict[str, tuple[str, int]]:
        return {path: ((self.root / path).read_text(), (self.root / path).stat().st_mode) for path in WRITTEN}


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.fixture
def firewall(machine: Machine) -> Firewall:
    return Firewall(machine.root, machine.run)


def test_a_change_waits_for_its_confirmation_and_then_stays(machine: Machine, firewall: Firewall) -> None:
    firewall.apply([SSH], 60)
    assert firewall.pending
    assert b"admin-ssh".hex() in (machine.root / USER[4]).read_text()
    assert os.access(machine.root / INIT, os.X_OK)
    assert firewall.confirm()
    assert machine.commands[-1] == f"systemctl stop {TIMER}.timer"
    new = machine.files()
    assert machine.timer_fires()[0] == 0
    assert machine.files() == new
    assert not firewall.confirm()


def test_the_timer_runs_before_anything_is_written(machine: Machine, firewall: Firewall) -> None:
    firewall.apply([SSH], 75)
    started = next(index for index, line in enumerate(machine.commands) if line.startswith("systemd-run"))
    assert "--on-active=75" in machine.commands[started]
    assert [line for line in machine.commands[:started] if "-restore" in line and "--test" not in line] == []
    assert [line.split()[0] for line in machine.commands[started:] if "-restore" in line] == [
        "iptables-restore",
        "ip6tables-restore",
    ]


def test_an_unconfirmed_change_is_taken_back(machine: Machine, firewall: Firewall) -> None:
    old = machine.files()
    firewall.apply([SSH], 60)
    assert machine.files() != old
    assert machine.timer_fires()[0] == 0
    assert machine.files() == old
    assert not firewall.pending
    loaded = (machine.root / "loaded").read_text()
    assert "iptables-restore -w 5 -n" in loaded and "iptables -w -t mangle -X autolabs-published" in loaded


def test_a_restart_before_the_confirmation_takes_it_back_and_leaves_loading_to_ufw(
    machine: Machine, firewall: Firewall
) -> None:
    old = machine.files()
    firewall.apply([SSH], 60)
    unit = (machine.root / BOOT_UNIT).read_text()
    assert "Before=ufw.service" in unit and "rollback boot" in unit
    assert f"systemctl enable --quiet {Path(BOOT_UNIT).name}" in machine.commands
    machine.timer_fires("boot")
    assert machine.files() == old
    assert "restore" not in (machine.root / "loaded").read_text()


@pytest.mark.parametrize("failing", ["systemd-run", "--test", "daemon-reload"])
def test_nothing_is_changed_without_a_way_back(machine: Machine, firewall: Firewall, failing: str) -> None:
    old = machine.files()
    machine.fail = failing
    with pytest.raises(FirewallError, match="it does not want to"):
        firewall.apply([SSH], 60)
    assert machine.files() == old
    assert not firewall.pending
    assert [line for line in machine.commands if line.endswith("-restore -w 5 -n")] == []


def test_what_the_kernel_refuses_is_taken_back_at_once(machine: Machine, firewall: Firewall) -> None:
    old = machine.files()
    machine.fail = "ip6tables-restore -w 5 -n"

    def run(words: Sequence[str], given: str) -> tuple[int, str, str]:
        return (0, "", "") if "--test" in words else machine.run(words, given)

    with pytest.raises(FirewallError, match="the old ones are back"):
        Firewall(machine.root, run).apply([SSH], 60)
    assert machine.files() == old
    assert not firewall.pending


@pytest.mark.parametrize(
    "moment", ["--test", "daemon-reload", "systemd-run", "enable --quiet ufw", "iptables-restore -w 5 -n", "ip6tables"]
)
def test_killed_at_any_moment_the_host_gets_its_old_rules(machine: Machine, firewall: Firewall, moment: str) -> None:
    old = machine.files()
    machine.kill = moment
    with pytest.raises(Killed):
        firewall.apply([SSH], 60)
    if (machine.root / "var/lib/autolabs/firewall/rollback").exists():
        machine.timer_fires()
    assert machine.files() == old
    assert not firewall.pending
    machine.kill = ""
    firewall.apply([SSH], 60)
    assert firewall.confirm()


def test_a_change_that_still_waits_is_taken_back_before_the_next(machine: Machine, firewall: Firewall) -> None:
    old = machine.files()
    firewall.apply([SSH], 60)
    firewall.apply([HostRule("", Ports(80), flow="web")], 60)
    assert machine.timer_fires()[0] == 0
    assert machine.files() == old


def test_a_host_without_ufw_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotInstalled, match="ufw is not installed"):
        Firewall(tmp_path, lambda words, given: (0, "", "")).plan([SSH])


def test_a_plan_changes_nothing(machine: Machine, firewall: Firewall) -> None:
    old = machine.files()
    assert firewall.plan([SSH]).changed
    assert machine.files() == old
    assert not firewall.state.exists()
    assert all("-save" in line or "is-enabled" in line for line in machine.commands)


def test_only_root_reads_what_is_kept(machine: Machine, firewall: Firewall) -> None:
    firewall.apply([SSH], 60)
    kept = [firewall.state / name for name in (".", "previous", "rollback")]
    assert [path.stat().st_mode & 0o777 for path in kept] == [0o700] * 3
