"""Who waits for the first instances of a class, and for how long; the clock is the test's."""

from __future__ import annotations

from ansible_collections.autolabs.platform.plugins.module_utils.labs.live import Live
from ansible_collections.autolabs.platform.plugins.module_utils.labs.plan import credentials_of, plan_class
from ansible_collections.autolabs.platform.plugins.module_utils.labs.running.instance import InstanceRun
from ansible_collections.autolabs.platform.plugins.module_utils.labs.running.vanguard import (
    LONGEST_SECONDS,
    PATIENCE_SECONDS,
    Vanguard,
)
from ansible_collections.autolabs.platform.plugins.module_utils.labs.status import FAILED, READY, STARTING, Status
from unit.support.classes import LAB, SETTINGS, class_of, ready, waiting

MAY_START = {"phase": "Pending", "conditions": [{"type": "PodReadyToStartContainers", "status": "True"}]}
FIVE = class_of("anna", "boris", "clara", "dora", "eva")


def runs_of_a_new_class() -> list[InstanceRun]:
    live = Live("labs", "1")
    plan = plan_class(FIVE, live, credentials_of(FIVE, live), SETTINGS, recreate=False)
    return [InstanceRun(entry, LAB) for entry in plan.instances]


def saw(run: InstanceRun, status: dict[str, object]) -> None:
    (name,) = run.pod_names
    run.pods[name] = {"metadata": {"name": name}, "status": status}


def ended(vanguard: Vanguard, run: InstanceRun, state: str, reason: str = "") -> None:
    run.final = Status(state, reason)
    vanguard.ended(run)


def test_all_but_the_first_are_held_until_one_is_ready() -> None:
    runs = runs_of_a_new_class()
    vanguard = Vanguard(runs, 3, 0.0)
    assert [run.held for run in runs] == [False, False, False, True, True]
    assert vanguard.released(0.1) == []
    ended(vanguard, runs[1], READY)
    assert vanguard.released(0.2) == runs[3:]
    assert not any(run.held for run in runs) and vanguard.until is None


def test_without_a_threshold_nobody_waits() -> None:
    runs = runs_of_a_new_class()
    assert not any(run.held for run in runs)
    assert Vanguard(runs, 0, 0.0).until is None
    assert not any(run.held for run in runs)


def test_patience_begins_when_a_pod_may_start_its_containers() -> None:
    runs = runs_of_a_new_class()
    vanguard = Vanguard(runs, 3, 0.0)
    vanguard.pod_applied(runs[3], 50.0)
    vanguard.pod_applied(runs[0], 100.0)
    vanguard.pod_applied(runs[1], 101.0)
    assert vanguard.until == 100.0 + LONGEST_SECONDS
    saw(runs[0], {"phase": "Pending"})
    assert vanguard.released(103.0) == []
    saw(runs[0], MAY_START)
    assert vanguard.released(104.0) == []
    assert vanguard.until == 104.0 + PATIENCE_SECONDS
    assert vanguard.released(104.0 + PATIENCE_SECONDS - 0.1) == []
    assert vanguard.released(104.0 + PATIENCE_SECONDS) == runs[3:]


def test_a_pod_that_never_comes_so_far_holds_nobody_for_long() -> None:
    runs = runs_of_a_new_class()
    vanguard = Vanguard(runs, 3, 0.0)
    vanguard.pod_applied(runs[0], 1.0)
    assert vanguard.released(LONGEST_SECONDS) == []
    assert vanguard.released(1.0 + LONGEST_SECONDS) == runs[3:]


def test_the_others_wait_as_long_as_there_is_a_bad_sign() -> None:
    runs = runs_of_a_new_class()
    vanguard = Vanguard(runs, 3, 0.0)
    vanguard.pod_applied(runs[0], 0.0)
    saw(runs[0], waiting("ErrImagePull", "EOF"))
    for now in (LONGEST_SECONDS, 2 * LONGEST_SECONDS, 3 * LONGEST_SECONDS):
        assert vanguard.released(now) == []
        assert vanguard.until is not None and vanguard.until > now
    saw(runs[0], ready())
    assert vanguard.released(10 * LONGEST_SECONDS) == runs[3:]


def test_the_others_follow_when_the_first_ended_without_telling_of_the_lab() -> None:
    runs = runs_of_a_new_class()
    vanguard = Vanguard(runs, 3, 0.0)
    for run in runs[:3]:
        run.shows_the_lab = False
        assert vanguard.released(0.1) == []
        ended(vanguard, run, FAILED, "the quota is used up")
    assert vanguard.released(0.2) == runs[3:]


def test_the_verdict_needs_enough_failures_and_nothing_ready() -> None:
    runs = runs_of_a_new_class()
    vanguard = Vanguard(runs, 3, 0.0)
    for run in runs[:2]:
        ended(vanguard, run, FAILED, "no image")
    assert vanguard.verdict() is None
    ended(vanguard, runs[2], FAILED, "no image")
    verdict = vanguard.verdict()
    assert verdict and verdict.reason == "not started, because the first 3 instances failed: no image"
    ended(vanguard, runs[3], READY)
    assert vanguard.verdict() is None


def test_a_class_smaller_than_the_threshold_is_judged_by_all_it_has() -> None:
    runs = runs_of_a_new_class()[:1]
    vanguard = Vanguard(runs, 3, 0.0)
    ended(vanguard, runs[0], STARTING)
    assert vanguard.verdict() is None
    ended(vanguard, runs[0], FAILED, "no image")
    verdict = vanguard.verdict()
    assert verdict and verdict.reason.startswith("not started, because the first instance failed")
