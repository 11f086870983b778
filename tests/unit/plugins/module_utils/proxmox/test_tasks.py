"""A task is followed on its own node until it ends, and what it said at its end is told."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox import tasks
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.errors import Refused, TaskFailed

UPID = "UPID:pve-2:0000C530:001C9BEC:5F5C1B4D:qmclone:9000:autolabs@pve!automation:"


class Server:
    """A node whose task runs for some looks, and then ends."""

    def __init__(self, exit_status: str, log: list[str] | None, looks: int = 0) -> None:
        self.exit_status, self.log, self.looks = exit_status, log, looks
        self.asked: list[str] = []

    def get(self, path: str, /, **parameters: Any) -> Any:
        self.asked.append(path)
        if path.endswith("/log"):
            if self.log is None:
                raise Refused("no log")
            return [{"n": number, "t": line} for number, line in enumerate(self.log, 1)]
        self.looks -= 1
        return {"status": "running"} if self.looks >= 0 else {"status": "stopped", "exitstatus": self.exit_status}


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long was waited between the looks; the clock moves by these alone."""
    found: list[float] = []
    monkeypatch.setattr(tasks.time, "sleep", found.append)
    monkeypatch.setattr(tasks.time, "monotonic", lambda: sum(found))
    return found


def test_a_task_is_asked_for_on_its_own_node() -> None:
    server = Server("OK", [])
    assert tasks.wait(server, UPID) == tasks.TaskEnd()
    assert server.asked == [f"nodes/pve-2/tasks/{UPID}/status"]


def test_the_pauses_grow_to_a_second(pauses: list[float]) -> None:
    told: list[float] = []
    tasks.wait(Server("OK", [], looks=20), UPID, told.append)
    assert pauses == sorted(pauses) and pauses[0] < 0.1 and max(pauses) == 1.0
    assert len(told) == 20


def test_warnings_are_a_success_and_are_told() -> None:
    end = tasks.wait(Server("WARNINGS: 2", ["create full clone", "WARN: no TRIM", "WARN: slow disk"]), UPID)
    assert end.warnings == ("no TRIM", "slow disk")


def test_warnings_are_told_even_where_the_log_cannot_be_read() -> None:
    assert tasks.wait(Server("WARNINGS: 1", None), UPID).warnings == ("qmclone 9000: WARNINGS: 1",)


def test_a_failure_is_told_with_the_end_of_the_log() -> None:
    log = [*(f"line {number}" for number in range(20)), "TASK ERROR: clone failed: disk full"]
    with pytest.raises(TaskFailed) as failed:
        tasks.wait(Server("clone failed: disk full", log), UPID)
    assert "qmclone 9000 on pve-2 failed: clone failed: disk full" in str(failed.value)
    assert "line 15 | line 16 | line 17 | line 18 | line 19" in str(failed.value)
    assert "line 14" not in str(failed.value)


def test_a_task_that_takes_too_long_is_left_to_the_next_run(pauses: list[float]) -> None:
    with pytest.raises(TaskFailed, match=r"still runs after .* the next run waits for it"):
        tasks.wait(Server("OK", [], looks=10**6), UPID, timeout=30)


@pytest.mark.parametrize("answer", [None, "", "200G", {"data": 1}])
def test_an_answer_that_names_no_task_is_over_already(answer: Any) -> None:
    assert tasks.wait(Server("never asked", []), answer) == tasks.TaskEnd()


def test_a_upid_tells_node_kind_and_id() -> None:
    task = tasks.Upid.parse(UPID)
    assert task and (task.node, task.type, task.id) == ("pve-2", "qmclone", "9000")
