"""ufw's rules on the host where this runs: read, changed so that the change takes itself back, and confirmed.

A change survives only when somebody confirms it, and being killed at any moment leaves either the old rules or a timer
that brings them back: first the old files are kept, then the timer is started, then the change is marked as pending,
and only then anything is written or loaded. A host that restarts meanwhile starts with the old rules. The way back
takes the same lock as a change and waits for it as long as it takes, so the two never run at once.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from ansible_collections.autolabs.platform.plugins.module_utils.flows.ufw import rollback
from ansible_collections.autolabs.platform.plugins.module_utils.flows.ufw.plan import (
    BEFORE,
    INIT,
    READ,
    WRITTEN,
    Host,
    Plan,
    plan,
)
from ansible_collections.autolabs.platform.plugins.module_utils.flows.ufw.published import CHAIN, NOTHING, Behind
from ansible_collections.autolabs.platform.plugins.module_utils.flows.ufw.system import (
    FirewallError,
    Runner,
    command,
    locked,
    sync,
    write,
)
from ansible_collections.autolabs.platform.plugins.module_utils.net.rules import HostRule

PROGRAMS = {4: "iptables", 6: "ip6tables"}
IPV6 = "proc/net/if_inet6"
"""There where the kernel knows IPv6. ip6tables-save may answer nothing on any host whose tables are still empty."""
SERVICE = "ufw.service"


class NotInstalled(FirewallError):
    """ufw is not on the host."""


class Firewall:
    """ufw below `root`."""

    def __init__(self, root: Path = Path("/"), run: Runner = command) -> None:
        self.root, self._run = root, run
        self.state = root / rollback.STATE

    @property
    def pending(self) -> bool:
        """Whether a change waits for its confirmation."""
        return (self.state / "pending").exists()

    def plan(self, rules: Sequence[HostRule], behind: Behind = NOTHING) -> Plan:
        """What brings the host to `rules`; nothing is changed. Raises NotInstalled, FirewallError."""
        return plan(self._look(), rules, behind)

    def apply(
        self,
        rules: Sequence[HostRule],
        seconds: int,
        behind: Behind = NOTHING,
    ) -> tuple[Plan, str]:
        """Bring the host to `rules` for `seconds`; the change stays if it is confirmed within them.

        A change that still waits is taken back first. Gives what was changed, and the word that confirms it, which is
        empty where nothing was. Raises NotInstalled, FirewallError; then the host has its old rules, or gets them when
        the time is over.
        """
        if self.pending:
            self._roll_back()
        with self._locked():
            wanted = plan(self._look(), rules, behind)
            if not wanted.changed:
                return wanted, ""
            for family, text in wanted.load.items():
                trial = [f"{PROGRAMS[family]}-restore", "-w", "5", "-n", "--test"]
                self._must(trial, text, "Nothing was changed: the kernel refuses the rules")
            self._keep(wanted)
            change = secrets.token_hex(8)
            self._start_timer(seconds, change)
            try:
                # Half of the time, so that the timer cannot end while the rules are loaded.
                self._write(wanted, change, time.monotonic() + seconds / 2)
            except (OSError, FirewallError) as error:
                problem = str(error)
                if not self.pending:
                    write(self.state / "pending", change, 0o600)
            else:
                return wanted, change
        self._roll_back()
        raise FirewallError(f"The new rules could not be put in place, and the old ones are back: {problem}")

    def confirm(self, change: str) -> bool:
        """Keep what was applied; `change` is the word that `apply` gave. Gives whether anything waited.

        Raises FirewallError where another change waits.
        """
        with self._locked():
            if not self.pending:
                return False
            if (self.state / "pending").read_text(encoding="utf-8") != change:
                raise FirewallError("The change that waits on the host is another one, so it was not confirmed.")
            (self.state / "pending").unlink()
            sync(self.state)
            for path in WRITTEN:
                self._old(path).unlink(missing_ok=True)
            self._run(["systemctl", "stop", f"{rollback.TIMER}.timer"], "")
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
            if family == 6 and not (self.root / IPV6).exists():
                continue
            status, text, errors = self._run([f"{program}-save"], "")
            if status:
                raise FirewallError(f"{program}-save does not work, so nothing was changed: {errors.strip()}")
            kernel[family] = text
        return Host(files, kernel, starts=self._starts() and os.access(init, os.X_OK))

    def _starts(self) -> bool:
        return self._run(["systemctl", "is-enabled", "--quiet", SERVICE], "")[0] == 0

    def _old(self, path: str) -> Path:
        return self.root / f"{path}{rollback.OLD}"

    def _keep(self, wanted: Plan) -> None:
        """Keep what there is, with what brings it back."""
        new, kept = self.state / "previous.new", self.state / "previous"
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(mode=0o700)
        replaced = [path for path in WRITTEN if path in wanted.files or path == INIT]
        there = [path for path in replaced if (self.root / path).exists()]
        for path in WRITTEN:
            self._old(path).unlink(missing_ok=True)
            if path in there:
                os.link(self.root / path, self._old(path))
                sync(self._old(path).parent)
        write(new / rollback.CHANGED, "".join(f"{path}\n" for path in there), 0o600)
        write(new / rollback.ABSENT, "".join(f"{path}\n" for path in replaced if path not in there), 0o600)
        if not self._starts():
            write(new / rollback.NOT_STARTED, "", 0o600)
        if CHAIN not in (self.root / BEFORE[4]).read_text(encoding="utf-8"):
            write(new / rollback.NOT_HOOKED, "", 0o600)
        for family, text in wanted.undo.items():
            write(new / PROGRAMS[family], text, 0o600)
        shutil.rmtree(kept, ignore_errors=True)
        new.rename(kept)
        sync(self.state)
        write(self.state / "rollback", rollback.script(f"{str(self.root).rstrip('/')}/"), 0o700)
        unit = self.root / rollback.BOOT_UNIT
        unit.parent.mkdir(parents=True, exist_ok=True)
        write(unit, rollback.boot_unit(), 0o644)
        self._must(["systemctl", "daemon-reload"], "", "systemd does not answer")
        self._must(["systemctl", "enable", "--quiet", unit.name], "", "no return at boot can be arranged")

    def _start_timer(self, seconds: int, change: str) -> None:
        """Arrange the way back, and mark the change as pending. Without it, nothing is applied."""
        name = rollback.TIMER
        # A script of an earlier change that still waits for the lock would take this one back.
        for word in ("stop", "reset-failed"):
            self._run(["systemctl", word, f"{name}.timer", f"{name}.service"], "")
        status, _text, errors = self._run(rollback.timer(seconds, str(self.state / "rollback")), "")
        if status:
            raise FirewallError(f"Nothing was changed: the timer for the way back does not start: {errors.strip()}")
        write(self.state / "pending", change, 0o600)

    def _write(self, wanted: Plan, change: str, deadline: float) -> None:
        for path in WRITTEN:
            file = self.root / path
            if path == INIT:
                text = wanted.files.get(path) or file.read_text(encoding="utf-8")
                write(file, text, 0o750)
            elif path in wanted.files:
                write(file, wanted.files[path], file.stat().st_mode & 0o777)
        self._must(["systemctl", "enable", "--quiet", SERVICE], "", "ufw cannot be started at boot")
        for family, text in wanted.load.items():
            self._must([f"{PROGRAMS[family]}-restore", "-w", "5", "-n"], text, "the kernel does not take the rules")
            self._still_pending(change, deadline)
        # The time for the confirmation begins now.
        self._must(["systemctl", "restart", f"{rollback.TIMER}.timer"], "", "the timer for the way back does not start")
        self._still_pending(change, deadline)

    def _still_pending(self, change: str, deadline: float) -> None:
        """Raise FirewallError where the way back has been gone meanwhile, or may be before anybody can confirm."""
        mark = self.state / "pending"
        if not mark.exists() or mark.read_text(encoding="utf-8") != change:
            raise FirewallError("the change was taken back while the rules were loaded")
        if time.monotonic() > deadline:
            raise FirewallError("the host was too slow: half of the time for the confirmation went by")

    def _roll_back(self) -> None:
        status, _text, errors = self._run(["/bin/sh", str(self.state / "rollback")], "")
        if status or self.pending:
            raise FirewallError(
                f"The old rules could not be restored yet; they are in {self.state}/previous, and the host tries again "
                f"by itself every {rollback.AGAIN_SECONDS} seconds. {errors.strip()}"
            )

    def _must(self, words: Sequence[str], given: str, problem: str) -> None:
        status, _text, errors = self._run(words, given)
        if status:
            raise FirewallError(f"{problem} ({words[0]}): {errors.strip() or status}")

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        self.state.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.state.chmod(0o700)
        with locked(self.state / "lock", self.root / rollback.UFW_LOCK):
            yield
