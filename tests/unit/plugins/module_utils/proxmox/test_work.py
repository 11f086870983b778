"""What is waited for: tasks that work on a VM, and no others."""

from __future__ import annotations

from typing import Any, cast

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.client import Session
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.progress import Telling
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.work import (
    CONSOLES,
    Options,
    StillLocked,
    Work,
)

Task = dict[str, Any]


class _Tasks:
    """An API whose lists of active tasks are these, one for each look; the last one stays."""

    def __init__(self, *lists: list[Task]) -> None:
        self.lists = list(lists)
        self.looks = 0

    def get(self, path: str, **parameters: Any) -> list[Task]:
        self.looks += 1
        return self.lists.pop(0) if len(self.lists) > 1 else self.lists[0]


def work(tasks: _Tasks) -> Work:
    options = Options(timeout=0.3, settle=0.02)
    return Work(cast("Session", tasks), options, Telling("vm", lambda progress: None))


def task(upid: str, kind: str = "qmclone", **more: Any) -> Task:
    return {"upid": upid, "type": kind, **more}


@pytest.mark.parametrize("kind", CONSOLES)
def test_an_open_console_is_no_work(kind: str) -> None:
    work(_Tasks([task("a", kind)])).settled("pve-1", 101)


def test_a_task_that_goes_on_is_told() -> None:
    with pytest.raises(StillLocked, match="a task on VM 101 still runs on pve-1"):
        work(_Tasks([task("a", "qmstart")])).settled("pve-1", 101)
    with pytest.raises(StillLocked, match="qmclone of VM 9000 still runs on pve-1"):
        work(_Tasks([task("a")])).ended("pve-1", 9000, "qmclone", ())


@pytest.mark.parametrize(
    ("lists", "looks"),
    [
        ([[]], 1),
        ([[task("mine")]], 1),
        ([[task("a", endtime=1)]], 1),
        ([[task("a")], [task("a"), task("later")], [task("later")]], 3),
    ],
    ids=["none", "of this run", "ended", "those that run at the first look"],
)
def test_the_tasks_of_others_are_waited_for(lists: list[list[Task]], looks: int) -> None:
    tasks = _Tasks(*lists)
    work(tasks).ended("pve-1", 9000, "qmclone", {"mine"})
    assert tasks.looks == looks
