"""Runs an action of Proxmox in this process against the stand-in."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from ansible.plugins.action import ActionBase


def run(action: type[ActionBase], way: dict[str, Any], *, check_mode: bool = False, **arguments: Any) -> dict[str, Any]:
    """The result of a task with these arguments."""
    made = action.__new__(action)
    made._task = SimpleNamespace(check_mode=check_mode, diff=True, args={**way, **arguments}, async_val=0)
    made._connection = SimpleNamespace(_shell=SimpleNamespace(tmpdir=None))
    made._templar = None
    return dict(made.run(task_vars={}))
