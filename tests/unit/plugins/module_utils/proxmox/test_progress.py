"""Progress is told where people would wonder, and not twice."""

from __future__ import annotations

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox import progress
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.progress import Progress, Seldom, Telling


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_a_step_is_told_once_and_only_when_it_takes_long(clock: list[float]) -> None:
    told: list[Progress] = []
    telling = Telling("vm", told.append)
    telling.begin("cloning")
    for _look in range(10):
        clock[0] += 0.5
        telling.still()
    telling.begin("starting")
    telling.still()
    assert [str(line) for line in told] == ["vm: cloning ..."]


def test_what_many_threads_meet_is_told_seldom(clock: list[float]) -> None:
    told: list[Progress] = []
    seldom = Seldom(told.append, 15)
    for _thread in range(16):
        seldom("the API does not answer")
    clock[0] += 20
    seldom("still not")
    assert [str(line) for line in told] == ["the API does not answer", "still not"]
