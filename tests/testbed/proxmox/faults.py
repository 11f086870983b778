"""Misbehaviour on demand: POST /testbed/faults with a list of rules, DELETE to forget them all."""

from __future__ import annotations

import fnmatch
import threading
import time
from dataclasses import dataclass, fields
from typing import Any

KINDS = "answer drop lock_timeout task agent_never boots_never shutdown_never down restart"


@dataclass
class Fault:
    """One rule. `kind` says what happens; `method`, `path` (a shell pattern without /api2/json) and `task` say where.

    answer          `status` and `text` instead of the answer; `after`: after the thing was done
    drop            the connection ends without an answer; `after`: after the thing was done
    lock_timeout    the VM's configuration lock is not had (can't lock file ... - got timeout)
    task            a task of kind `task`: lasts `seconds`, fails with `failure` (`after`: at its end), or
                    ends with `warnings` warnings
    agent_never, boots_never, shutdown_never    of the VM `vmid`, or of all
    down            nothing is accepted for `seconds` from now on
    restart         tasks that run are cut off with no end of their own, and then as `down`
    `skip` matches are let through first; then it holds `count` times (0: always).
    """

    kind: str
    method: str = "*"
    path: str = "*"
    task: str = "*"
    status: int = 596
    text: str = "Connection timed out"
    after: bool = False
    count: int = 1
    skip: int = 0
    seconds: float | None = None
    failure: str = ""
    warnings: int = 0
    vmid: int | None = None
    until: float = 0.0


NOTHING = Fault("task")


class Faults:
    """The rules in force."""

    def __init__(self) -> None:
        self._rules: list[Fault] = []
        self._mutex = threading.Lock()

    def add(self, document: Any) -> None:
        """Take one rule or a list of rules; ValueError says what is wrong with it."""
        known = {field.name for field in fields(Fault)} - {"until"}
        for entry in document if isinstance(document, list) else [document]:
            unknown = set(entry) - known
            if unknown or entry.get("kind") not in KINDS.split():
                raise ValueError(f"a fault has {', '.join(sorted(known))}, kind is one of {KINDS}; got {entry}")
            rule = Fault(**entry)
            if rule.kind in ("agent_never", "boots_never", "shutdown_never") and "count" not in entry:
                rule.count = 0
            if rule.kind in ("down", "restart"):
                rule.until, rule.count = time.monotonic() + (rule.seconds or 0.0), 0
            with self._mutex:
                self._rules.append(rule)

    def clear(self) -> None:
        """Behave again."""
        with self._mutex:
            self._rules.clear()

    def down(self) -> bool:
        """Whether nothing is to be accepted now."""
        return any(rule.kind in ("down", "restart") and rule.until > time.monotonic() for rule in self._rules)

    def of_request(self, method: str, path: str, after: bool) -> Fault | None:
        """What is to happen to this request before, or after, it is carried out."""
        return self._take(
            lambda rule: (
                rule.kind in ("answer", "drop")
                and rule.after == after
                and fnmatch.fnmatchcase(method, rule.method)
                and fnmatch.fnmatchcase(path, rule.path)
            )
        )

    def locks_out(self, method: str, path: str) -> bool:
        """Whether this request is not to have the lock."""
        return bool(
            self._take(
                lambda rule: (
                    rule.kind == "lock_timeout"
                    and fnmatch.fnmatchcase(method, rule.method)
                    and fnmatch.fnmatchcase(path, rule.path)
                )
            )
        )

    def of_task(self, kind: str) -> Fault:
        """How a task of this kind is to go."""
        return self._take(lambda rule: rule.kind == "task" and fnmatch.fnmatchcase(kind, rule.task)) or NOTHING

    def of_machine(self, kind: str, vmid: int) -> bool:
        """Whether this VM is to misbehave so."""
        return bool(self._take(lambda rule: rule.kind == kind and rule.vmid in (None, vmid)))

    def _take(self, fits: Any) -> Fault | None:
        with self._mutex:
            for rule in list(self._rules):
                if not fits(rule):
                    continue
                if rule.skip:
                    rule.skip -= 1
                    continue
                if rule.count == 1:
                    self._rules.remove(rule)
                elif rule.count:
                    rule.count -= 1
                return rule
        return None
