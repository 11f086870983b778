"""When a component may start that depends on another one."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.labs.model import COMPLETED, HEALTHY, STARTED
from ansible_collections.autolabs.platform.plugins.module_utils.labs.running.depends import holds
from unit.support.classes import ready, waiting

RUNNING = {"phase": "Running", "containerStatuses": [{"name": "db", "state": {"running": {}}}]}
ENDED = {"phase": "Running", "containerStatuses": [{"name": "db", "state": {"terminated": {"exitCode": 1}}}]}
DONE = {"phase": "Succeeded", "containerStatuses": [{"name": "db", "state": {"terminated": {"exitCode": 0}}}]}
SERVING = ready() | RUNNING | {"conditions": [{"type": "Ready", "status": "True"}]}
# A status, and the conditions that hold for it.
CASES: list[tuple[dict[str, Any] | None, set[str]]] = [
    (None, set()),
    ({"phase": "Pending"}, set()),
    (waiting("ContainerCreating"), set()),
    (waiting("CrashLoopBackOff", lastState={"terminated": {"exitCode": 1}}), {STARTED}),
    (RUNNING, {STARTED}),
    (ENDED, {STARTED}),
    (SERVING, {STARTED, HEALTHY}),
    (DONE, {STARTED, HEALTHY, COMPLETED}),
    ({"phase": "Failed"}, set()),
]


@pytest.mark.parametrize(("status", "expected"), CASES)
def test_conditions_hold(status: dict[str, Any] | None, expected: set[str]) -> None:
    pod = {"metadata": {"name": "a"}, "spec": {"restartPolicy": "Never"}, "status": status}
    assert {condition for condition in (STARTED, HEALTHY, COMPLETED) if holds(condition, pod)} == expected


@pytest.mark.parametrize("condition", [STARTED, HEALTHY, COMPLETED])
def test_nothing_holds_for_a_pod_that_is_not_there_or_ends(condition: str) -> None:
    ending = {"metadata": {"name": "a", "deletionTimestamp": "2026-01-01T00:00:00Z"}, "status": SERVING}
    assert not holds(condition, None)
    assert not holds(condition, ending)
