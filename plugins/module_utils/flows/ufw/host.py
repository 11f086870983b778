"""ufw's rules on the host where this runs: read, changed so that the change takes itself back, and confirmed.

A change survives only when somebody confirms it, and being killed at any moment leaves either the old rules or a timer
that brings them back: first the old files are kept, then the timer is started, then the change is marked as pending,
and only then anything is written or loaded. A host that restarts meanwhile starts with the old rules.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from ansible_collections.autolabs.platform.plugins.module_utils.flows.ufw.plan import (
    INIT,
    READ,
    WRITTEN,
    Host,
    Plan,
    plan,
)
from ansible_collections.autolabs.platform.plugins.module_utils.flows.ufw.rollback import (
    BOOT_UNIT,
    LOCK_SECONDS,
    STATE,
    TIMER,
    boot_unit,
    script,
)
from ansible_collections.autolabs.platform.plugins.module_utils.net.rules import HostRule

Runner = Callable[[Sequence[str], str], "tuple[int, str, str]"]
"""Takes a command and its standard input; gives its exit status, output and errors."""
PROGRAMS = {4: "iptables", 6: "ip6tables"}
COMMAND_SECONDS = 20


class FirewallError(Exception):
    """What could not be done; the message says what, and in which state the host is."""


class NotInstalled(FirewallError):
    """ufw is not on the host."""


def command(words: Sequence[str], given: str = "") -> tuple[int, str, str]:
    """Run a command. One that hangs is ended, and fails."""
    environment = {**os.environ, "LC_ALL": "C", "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin:/usr/bin:/bin"}
    try:
        done = subprocess.run(
            list(words),
            input=given,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            env=environment,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return 127, "", str(error)
    return done.returncode, done.stdout, done.stderr


class Firewall:
    """ufw below `root`."""

    def __init__(self, root: Path = Path("/"), run: Runner = command) -> None:
        self.root, self._run = root, run
        self.state = root / STATE

    @property
    def pending(self) -> bool:
        """Whether a change waits for its confirmation."""
        return (self.state / "pending").exists()

    def plan(self, rules: Sequence[HostRule]) -> Plan:
        """What brings the host to `rules`; nothing is changed. Raises NotInstalled, FirewallError."""
        return plan(self._look(), rules)

    def apply(self, rules: Sequence[HostRule], seconds: int) -> Plan:
        """Bring the host to `rules` for `seconds`; the change stays if it is confirmed within them.

        A change that still waits is taken back first. Gives what was changed. Raises NotInstalled, FirewallError; then
        the host has its old rules, or gets them when the time is over.
        """
        if self.pending:
            self._roll_back()
        with self._locked():
            wanted = plan(self._look(), rules)
            if not wanted.changed:
                return wanted
            for family, text in wanted.load.items():
                trial = [f"{PROGRAMS[family]}-restore", "-w", "5", "-n", "--test"]
                self._must(trial, text, "Nothing was changed: the kernel refuses the rules")
            self._keep(wanted)
            self._start_timer(seconds)
            try:
                self._write(wanted)
            except (OSError, FirewallError) as error:
                problem = str(error)
            else:
                return wanted
        self._roll_back()
        raise FirewallError(f"The new rules could not be put in place, and the old ones are back: {problem}")

    def confirm(self) -> bool:
        """Keep what was applied. Gives whether anything waited."""
        with self._locked():
            if not self.pending:
                return False
            (self.state / "pending").unlink()
            _sync(self.state)
        self._run(["systemctl", "stop", f"{TIMER}.timer"], "")
        return True

    def _look(self) -> Host:
        try:
            files = {path: (self.root / path).read_text(encoding="utf-8") for path in READ if path != INIT}
        except FileNotFoundError as error:
            raise NotInstalled(f"ufw is not installed here: there is no {error.filename}") from error
        init = self.root / INIT
        files[INIT] = init.read_text(encoding="utf-8") if init.exists() else ""
        kernel = {}
        for family, program in PROGRAMS.items():
            status, text, errors = self._run([f"{program}-save"], "")
            if status == 0:
                kernel[family] = text
            elif family == 4:
                raise FirewallError(f"{program}-save does not work, so nothing was changed: {errors.strip()}")
        enabled, _text, _errors = self._run(["systemctl", "is-enabled", "--quiet", "ufw.service"], "")
        return Host(files, kernel, starts=enabled == 0 and os.access(init, os.X_OK))

    def _keep(self, wanted: Plan) -> None:
        """Keep what there is, with what brings it back, and mark the change as pending."""
        new, kept = self.state / "previous.new", self.state / "previous"
        shutil.rmtree(new, ignore_errors=True)
        for path in WRITTEN:
            (new / "files" / path).parent.mkdir(parents=True, exist_ok=True)
            if (self.root / path).exists():
                shutil.copy2(self.root / path, new / "files" / path)
                _sync(new / "files" / path)
        for family, text in wanted.undo.items():
            _write(new / PROGRAMS[family], text, 0o600)
        new.chmod(0o700)
        shutil.rmtree(kept, ignore_errors=True)
        new.rename(kept)
        _sync(self.state)
        _write(self.state / "rollback", script(f"{str(self.root).rstrip('/')}/"), 0o700)
        (self.root / BOOT_UNIT).parent.mkdir(parents=True, exist_ok=True)
        _write(self.root / BOOT_UNIT, boot_unit(), 0o644)
        self._must(["systemctl", "daemon-reload"], "", "systemd does not answer")
        self._must(["systemctl", "enable", "--quiet", Path(BOOT_UNIT).name], "", "no return at boot can be arranged")

    def _start_timer(self, seconds: int) -> None:
        """Arrange the way back. Without it, nothing is applied."""
        for words in (["stop", f"{TIMER}.timer"], ["reset-failed", f"{TIMER}.timer", f"{TIMER}.service"]):
            self._run(["systemctl", *words], "")
        timer = [f"--unit={TIMER}", f"--on-active={seconds}", "--timer-property=AccuracySec=100ms", "--quiet"]
        status, _text, errors = self._run(["systemd-run", *timer, str(self.state / "rollback")], "")
        if status:
            raise FirewallError(f"Nothing was changed: the timer for the way back does not start: {errors.strip()}")
        _write(self.state / "pending", "", 0o600)

    def _write(self, wanted: Plan) -> None:
        for path, text in wanted.files.items():
            file = self.root / path
            _write(file, text, (file.stat().st_mode & 0o777) if file.exists() else 0o640)
        (self.root / INIT).chmod(0o750)
        self._must(["systemctl", "enable", "--quiet", "ufw.service"], "", "ufw cannot be started at boot")
        for family, text in wanted.load.items():
            self._must([f"{PROGRAMS[family]}-restore", "-w", "5", "-n"], text, "the kernel does not take the rules")

    def _roll_back(self) -> None:
        status, _text, errors = self._run([str(self.state / "rollback")], "")
        if status:
            raise FirewallError(
                f"The old rules could not be restored; they are in {self.state}/previous. {errors.strip()}"
            )
        self._run(["systemctl", "stop", f"{TIMER}.timer"], "")

    def _must(self, words: Sequence[str], given: str, problem: str) -> None:
        status, _text, errors = self._run(words, given)
        if status:
            raise FirewallError(f"{problem} ({words[0]}): {errors.strip() or status}")

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Alone with the firewall: neither ufw's own commands nor the way back run meanwhile."""
        self.state.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.state.chmod(0o700)
        (self.root / "run").mkdir(exist_ok=True)
        with (self.state / "lock").open("w") as lock, (self.root / "run/ufw.lock").open("w") as ufw:
            _lock(lambda: fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB))
            _lock(lambda: fcntl.lockf(ufw, fcntl.LOCK_EX | fcntl.LOCK_NB))
            yield


def _lock(attempt: Callable[[], None]) -> None:
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            return attempt()
        except BlockingIOError as error:
            if time.monotonic() > deadline:
                raise FirewallError("Nothing was changed: another program is changing the firewall.") from error
            time.sleep(0.1)


def _write(path: Path, text: str, mode: int) -> None:
    """Replace a file as a whole, so that a crash leaves the old or the new one."""
    new = path.with_name(f"{path.name}.autolabs")
    with new.open("w", encoding="utf-8") as file:
        new.chmod(mode)
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    _sync(path.parent)


def _sync(path: Path) -> None:
    """Have a file or folder on the disk; a sync of everything could outlast the probation on a busy host."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
