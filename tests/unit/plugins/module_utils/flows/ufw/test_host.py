"""A change stays when it is confirmed; otherwise, and wherever it is cut off, the host gets its old files back."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.flows.ufw import host as ufw_host
from ansible_collections.autolabs.platform.plugins.module_utils.flows.ufw.host import Firewall, NotInstalled
from ansible_collections.autolabs.platform.plugins.module_utils.flows.ufw.kernel import read
from ansible_collections.autolabs.platform.plugins.module_utils.flows.ufw.plan import INIT, USER, WRITTEN, Host
from ansible_collections.autolabs.platform.plugins.module_utils.flows.ufw.rollback import BOOT_UNIT, OLD, TIMER
from ansible_collections.autolabs.platform.plugins.module_utils.flows.ufw.system import FirewallError
from ansible_collections.autolabs.platform.plugins.module_utils.net.ports import Ports
from ansible_collections.autolabs.platform.plugins.module_utils.net.rules import HostRule
from unit.plugins.module_utils.flows.ufw.test_plan import BUILTIN, installed, saved

SSH = HostRule("192.0.2.0/24", Ports(22), flow="admin-ssh")


class Killed(BaseException):
    """Stands for SIGKILL: nothing that catches errors sees it."""


class Machine:
    """A root folder with ufw's files, a kernel that keeps what is loaded into it, and systemd that keeps what starts
    at boot; other commands are written down instead of run. Commands can fail, be killed, or have `meanwhile` happen
    before them."""

    def __init__(self, root: Path) -> None:
        self.root, self.commands = root, list[str]()
        self.fail: str = ""
        self.kill: str = ""
        self.meanwhile: dict[str, Callable[[], object]] = {}
        self.tables = {"iptables": BUILTIN, "ip6tables": BUILTIN}
        self.started = root / "starts"
        self.queue = root / "queue"
        self.queue.mkdir()
        (root / "proc/net").mkdir(parents=True)
        (root / "proc/net/if_inet6").touch()
        self.bin = root / "bin"
        self.bin.mkdir()
        for program in ("iptables", "ip6tables", "iptables-restore", "ip6tables-restore", "logger", "systemd-run"):
            self.program(program, "")
        self.program("systemctl", f'[ "$1" != disable ] || rm -f {self.started}\n')
        host: Host = installed()
        for path, text in host.files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
        (root / INIT).chmod(0o640)

    def program(self, name: str, more: str) -> None:
        """What the script for the way back finds under this name: it writes down what it is called with."""
        kept = f"{self.queue}/$(ls {self.queue} | wc -l).{name}"
        heard = f'echo "{name} $*" >>{self.root}/loaded\n' + (f'cat >"{kept}"\n' if "restore" in name else "")
        if name in ("iptables", "ip6tables"):
            heard += f'echo "$*" >"{kept}"\n'
        (self.bin / name).write_text(f"#!/bin/sh\n{more}{heard}")
        (self.bin / name).chmod(0o755)

    def kernel(self) -> dict[str, dict[str, object]]:
        """What the kernel has: policies and rules by table, without chains that are empty."""
        return {
            program: {
                name: (
                    {chain: policy for chain, policy in table.policies.items() if policy != "-"},
                    {chain: rules for chain, rules in table.rules.items() if rules},
                )
                for name, table in read(text).items()
                if table.rules
            }
            for program, text in self.tables.items()
        }

    def load(self, program: str, text: str) -> None:
        self.tables[program] = saved(text, self.tables[program])

    def _settle(self) -> None:
        for path in sorted(self.queue.iterdir(), key=lambda entry: int(entry.stem)):
            program = path.suffix[1:]
            if program.endswith("-restore"):
                self.load(program.removesuffix("-restore"), path.read_text())
            else:
                flag, chain, *rule = path.read_text().split()[3:]
                there = read(self.tables[program])["mangle"]
                if (" ".join(rule) in there.rules.get(chain, [])) if flag == "-D" else chain in there.policies:
                    self.load(program, f"*mangle\n{' '.join([flag, chain, *rule])}\nCOMMIT\n")
            path.unlink()

    def run(self, words: Sequence[str], given: str) -> tuple[int, str, str]:
        line = " ".join(words)
        self.commands.append(line)
        for part in [part for part in self.meanwhile if part in line]:
            self.meanwhile.pop(part)()
        if self.kill and self.kill in line:
            raise Killed
        if self.fail and self.fail in line:
            return 1, "", "it does not want to"
        if line.endswith("-save"):
            return 0, self.tables[line.removesuffix("-save")], ""
        if words[0].endswith("-restore") and "--test" not in words:
            self.load(words[0].removesuffix("-restore"), given)
        if line == "systemctl is-enabled --quiet ufw.service":
            return int(not self.started.exists()), "", ""
        if line == "systemctl enable --quiet ufw.service":
            self.started.touch()
        if words[0] == "/bin/sh":
            return self.timer_fires()
        return 0, "", ""

    def timer_fires(self, *arguments: str) -> tuple[int, str, str]:
        """What systemd does at the end of the time, or at the next start."""
        environment = {**os.environ, "PATH": f"{self.bin}:{os.environ['PATH']}"}
        script = self.root / "var/lib/autolabs/firewall/rollback"
        done = subprocess.run(
            ["/bin/sh", script, *arguments],
            stdin=subprocess.DEVNULL,
            env=environment,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        self._settle()
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
    _plan, change = firewall.apply([SSH], 60)
    assert firewall.pending
    assert b"admin-ssh".hex() in (machine.root / USER[4]).read_text()
    assert os.access(machine.root / INIT, os.X_OK)
    assert firewall.confirm(change)
    assert machine.commands[-1] == f"systemctl stop {TIMER}.timer"
    new, kernel = machine.files(), machine.kernel()
    assert machine.timer_fires()[0] == 0
    assert (machine.files(), machine.kernel()) == (new, kernel)
    assert not firewall.confirm(change)
    assert list(machine.root.rglob(f"*{OLD}")) == []
    assert firewall.apply([SSH], 60)[1] == ""


def test_the_timer_runs_before_anything_is_written(machine: Machine, firewall: Firewall) -> None:
    firewall.apply([SSH], 75)
    started = next(index for index, line in enumerate(machine.commands) if line.startswith("systemd-run"))
    assert "--on-active=75" in machine.commands[started]
    assert [line for line in machine.commands[:started] if "-restore" in line and "--test" not in line] == []
    assert [line.split()[0] for line in machine.commands[started:] if "-restore" in line] == [
        "iptables-restore",
        "ip6tables-restore",
    ]
    # The time for the confirmation begins when everything is loaded.
    assert machine.commands[-1] == f"systemctl restart {TIMER}.timer"


def test_an_unconfirmed_change_is_taken_back(machine: Machine, firewall: Firewall) -> None:
    old = machine.files()
    firewall.apply([SSH], 60)
    assert machine.files() != old and machine.started.exists()
    assert machine.timer_fires()[0] == 0
    assert machine.files() == old and not machine.started.exists()
    assert not firewall.pending
    for tables in machine.tables.values():
        assert "autolabs" not in tables and ":INPUT ACCEPT" in tables
    loaded = (machine.root / "loaded").read_text()
    assert "iptables-restore -w 5 -n" in loaded and f"systemctl stop {TIMER}.timer" in loaded


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
    "moment",
    [
        "--test",
        "daemon-reload",
        "systemd-run",
        "enable --quiet ufw",
        "iptables-restore -w 5 -n",
        "ip6tables",
        "restart",
    ],
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
    assert firewall.confirm(firewall.apply([SSH], 60)[1])


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


def confirmed(firewall: Firewall, *rules: HostRule) -> None:
    assert firewall.confirm(firewall.apply(list(rules), 60)[1])


def test_the_kernel_has_its_old_rules_after_the_way_back(machine: Machine, firewall: Firewall) -> None:
    confirmed(firewall, SSH)
    old, kernel = machine.files(), machine.kernel()
    firewall.apply([SSH, HostRule("", Ports(80), flow="web")], 60)
    assert machine.kernel() != kernel
    machine.timer_fires()
    assert (machine.files(), machine.kernel()) == (old, kernel)


@pytest.mark.parametrize("moment", ["iptables-restore -w 5 -n", "ip6tables-restore -w 5 -n", "restart"])
def test_rules_without_a_way_back_are_no_success(machine: Machine, firewall: Firewall, moment: str) -> None:
    """The timer's script ran while the rules were loaded: they would be live, and nobody would take them back."""
    confirmed(firewall, SSH)
    old, kernel = machine.files(), machine.kernel()

    def run(words: Sequence[str], given: str) -> tuple[int, str, str]:
        if moment in " ".join(words) and "--test" not in words:
            (firewall.state / "pending").unlink(missing_ok=True)
        return machine.run(words, given)

    with pytest.raises(FirewallError, match=r"old ones are back: the change was taken back"):
        Firewall(machine.root, run).apply([HostRule("", Ports(80), flow="web")], 60)
    assert (machine.files(), machine.kernel()) == (old, kernel)


def test_a_host_that_takes_half_of_the_time_is_taken_back(
    machine: Machine, firewall: Firewall, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(ufw_host, "time", SimpleNamespace(monotonic=lambda: now[0]))
    machine.meanwhile = {"ip6tables-restore -w 5 -n": lambda: now.__setitem__(0, 31.0)}
    old = machine.files()

    def run(words: Sequence[str], given: str) -> tuple[int, str, str]:
        return (0, "", "") if "--test" in words else machine.run(words, given)

    with pytest.raises(FirewallError, match="too slow"):
        Firewall(machine.root, run).apply([SSH], 60)
    assert machine.files() == old


def test_the_way_back_waits_for_a_change_that_is_at_work(machine: Machine, firewall: Firewall) -> None:
    firewall.apply([SSH], 60)
    new = machine.files()
    script = ["/bin/sh", str(machine.root / "var/lib/autolabs/firewall/rollback")]
    with firewall._locked():
        path = {**os.environ, "PATH": f"{machine.bin}:{os.environ['PATH']}"}
        process = subprocess.Popen(script, stdin=subprocess.DEVNULL, env=path)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.5)
        assert machine.files() == new
    assert process.wait(20) == 0
    assert not firewall.pending


@pytest.mark.parametrize("arguments", [(), ("boot",)])
def test_a_way_back_that_fails_is_tried_again(machine: Machine, firewall: Firewall, arguments: tuple[str, ...]) -> None:
    old = machine.files()
    firewall.apply([SSH], 60)
    started = next(line for line in machine.commands if line.startswith("systemd-run"))
    assert "--on-unit-inactive=15" in started and " /bin/sh " in started
    machine.program("iptables-restore", "exit 1\n")
    machine.program("systemctl", "exit 1\n")
    assert machine.timer_fires(*arguments)[0] == 1
    assert firewall.pending and machine.files() == old
    heard = (machine.root / "loaded").read_text()
    assert "stop" not in heard and ("systemd-run" in heard) == bool(arguments)
    machine.program("iptables-restore", "")
    machine.program("systemctl", "")
    assert machine.timer_fires()[0] == 0
    assert machine.files() == old and not firewall.pending
    assert f"systemctl stop {TIMER}.timer" in (machine.root / "loaded").read_text()


def test_old_files_come_back_without_room_on_the_disk(machine: Machine, firewall: Firewall) -> None:
    inode = (machine.root / USER[4]).stat().st_ino
    firewall.apply([SSH], 60)
    machine.timer_fires()
    assert (machine.root / USER[4]).stat().st_ino == inode


def test_what_was_not_there_before_is_not_there_after(machine: Machine, firewall: Firewall) -> None:
    (machine.root / INIT).unlink()
    firewall.apply([SSH], 60)
    assert (machine.root / INIT).exists()
    machine.timer_fires()
    assert not (machine.root / INIT).exists() and not machine.started.exists()


def test_only_the_change_that_was_applied_is_confirmed(machine: Machine, firewall: Firewall) -> None:
    _plan, first = firewall.apply([SSH], 60)
    _plan, second = firewall.apply([SSH, HostRule("", Ports(80), flow="web")], 60)
    with pytest.raises(FirewallError, match="another one"):
        firewall.confirm(first)
    assert firewall.pending and firewall.confirm(second)


def test_lines_of_an_administrator_are_loaded_by_ufw_alone(machine: Machine, firewall: Firewall) -> None:
    before = machine.root / "etc/ufw/before.rules"
    masked = "-A POSTROUTING -s 10.8.0.0/24 -o eth0 -j MASQUERADE"
    before.write_text(before.read_text() + f"*nat\n:POSTROUTING ACCEPT [0:0]\n{masked}\nCOMMIT\n")
    machine.tables["iptables"] += f"\n*nat\n:POSTROUTING ACCEPT [0:0]\n{masked}\nCOMMIT\n"
    confirmed(firewall, SSH)
    confirmed(firewall, SSH, HostRule("", Ports(80), flow="web"))
    assert machine.tables["iptables"].count("MASQUERADE") == 1
    assert before.read_text().count("MASQUERADE") == 1
    assert not firewall.plan([SSH, HostRule("", Ports(80), flow="web")]).changed


@pytest.mark.parametrize("answer", [(0, "", ""), (1, "", "no such table")])
def test_a_kernel_without_ipv6_is_no_mistake(machine: Machine, answer: tuple[int, str, str]) -> None:
    (machine.root / "proc/net/if_inet6").unlink()

    def run(words: Sequence[str], given: str) -> tuple[int, str, str]:
        return answer if words[0].startswith("ip6") else machine.run(words, given)

    firewall = Firewall(machine.root, run)
    confirmed(firewall, SSH)
    assert not firewall.plan([SSH]).changed


def test_ipv6_with_empty_tables_is_closed(machine: Machine, firewall: Firewall) -> None:
    machine.tables["ip6tables"] = ""
    confirmed(firewall, SSH)
    assert ":INPUT DROP" in machine.tables["ip6tables"]
