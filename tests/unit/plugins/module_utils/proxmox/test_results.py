"""What came of a run, in one sentence and in data."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput, Problem
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox import results
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.converge import Outcome, RefusedPlan
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.difference import Change, Refusal
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.errors import ProxmoxError
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.plan import Start, VmPlan
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.vm import LiveVm, Vm

CHANGE = Change("memory", 1024, 2048)


def outcome(name: str, *, new: bool = False, state: str = "started", changed: bool = True, **more: Any) -> Outcome:
    live = None if new else LiveVm(100, name, "pve-1", "running")
    steps = (Start(),) if changed else ()
    planned = VmPlan(Vm(name, state=state), 100, "pve-1", steps, (CHANGE,) if changed else (), live=live)
    return Outcome(planned, 100, "pve-1", state, changes=planned.changes, changed=changed, **more)


@pytest.mark.parametrize(
    ("outcomes", "check_mode", "sentence"),
    [
        ([], False, "0 VMs: none is asked for"),
        ([outcome("a", changed=False)], False, "1 VM: 1 unchanged"),
        ([outcome("a", new=True), outcome("b"), outcome("c")], False, "3 VMs: 1 made, 2 changed"),
        ([outcome("a", new=True), outcome("b", state="absent")], True, "2 VMs: 1 would be made, 1 would be removed"),
        (
            [outcome("b", restart_needed=("cpu",))],
            False,
            "1 VM: 1 changed; changes wait for a restart (allow_restart) of b",
        ),
        ([outcome("a", failure="no room")], False, "1 VM: 1 failed; a: no room"),
    ],
)
def test_the_sentence_counts_what_happened(outcomes: list[Outcome], check_mode: bool, sentence: str) -> None:
    assert results.sentence(outcomes, check_mode=check_mode) == sentence


def test_the_result_has_every_vm_and_every_failure() -> None:
    outcomes = [outcome("a", address="192.0.2.1", warnings=("no TRIM",)), outcome("b", failure="no room")]
    found = results.result(outcomes, check_mode=False, diff=False)
    assert (found["changed"], found["failed"]) == (True, True)
    assert found["failures"] == [{"name": "b", "message": "no room"}]
    assert found["warnings"] == ["a: no TRIM"]
    assert found["vms"][0] == {
        "name": "a",
        "vmid": 100,
        "node": "pve-1",
        "state": "started",
        "address": "192.0.2.1",
        "changes": [{"field": "memory", "before": 1024, "after": 2048, "how": "live"}],
        "restart_needed": [],
    }
    assert "diff" not in found


def test_the_diff_has_the_fields_that_change_and_no_vm_that_does_not() -> None:
    found = results.result([outcome("a"), outcome("b", changed=False)], check_mode=True, diff=True)
    (diff,) = found["diff"]
    assert yaml.safe_load(diff["before"]) == {"memory": 1024}
    assert yaml.safe_load(diff["after"]) == {"memory": 2048}
    assert "a" in diff["before_header"] and "a" in diff["after_header"]


@pytest.mark.parametrize(
    ("error", "part"),
    [
        (InvalidInput([Problem("", 0, "vms[0].name", "is missing")]), {"problems": ["vms[0].name: is missing"]}),
        (
            RefusedPlan([Refusal("a", "pool", "is not there")]),
            {"failures": [{"name": "a", "message": "a: pool: is not there"}]},
        ),
        (ProxmoxError("no answer"), {"msg": "no answer"}),
    ],
)
def test_what_came_to_nothing_is_told(error: InvalidInput | ProxmoxError, part: dict[str, Any]) -> None:
    assert results.told(error).items() >= ({"failed": True} | part).items()
