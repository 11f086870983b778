"""What may be sent again is sent again, for a while."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from types import SimpleNamespace

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.kube import retries
from ansible_collections.autolabs.platform.plugins.module_utils.kube.errors import ApiError


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return sum(self.slept)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(retries, "time", SimpleNamespace(monotonic=clock.monotonic, sleep=clock.sleep))
    monkeypatch.setattr(retries, "random", SimpleNamespace(uniform=lambda low, high: high))
    return clock


def failing(errors: Iterable[ApiError]) -> Callable[[], str]:
    """A call that ends with each of `errors` in turn, and is done after the last."""
    left = iter(errors)

    @retries.retried(0, 429, 503, for_seconds=60)
    def call() -> str:
        for error in left:
            raise error
        return "done"

    return call


def test_it_pauses_longer_each_time_up_to_ten_seconds(clock: Clock) -> None:
    assert failing([ApiError(503, "busy")] * 8)() == "done"
    assert clock.slept == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0]


def test_it_waits_as_long_as_the_server_asks_and_a_little_more(clock: Clock) -> None:
    assert failing(ApiError(429, "slow down", retry_after=seconds) for seconds in (8, 2))() == "done"
    assert clock.slept == [10, 2.5]


def test_a_server_that_asks_for_no_pause_gets_a_short_one(clock: Clock) -> None:
    assert failing(ApiError(429, "slow down", retry_after=0) for _attempt in range(3))() == "done"
    assert clock.slept == [0.25, 0.25, 0.25]


def test_a_final_error_is_not_tried_again_whatever_its_status(clock: Clock) -> None:
    with pytest.raises(ApiError):
        failing([ApiError(0, "the certificate has expired", final=True)])()
    assert clock.slept == []


def test_a_thread_may_have_less_patience(clock: Clock) -> None:
    with pytest.raises(ApiError), retries.at_most(5):
        failing(itertools.repeat(ApiError(0, "no answer")))()
    assert 3 <= clock.monotonic() <= 5
    assert retries.seconds_left() == float("inf")


def test_a_run_that_is_over_tries_everything_once(clock: Clock) -> None:
    class Run:
        deadline = 2.0
        calls = 0

        @retries.retried(0, for_seconds=60)
        def call(self) -> None:
            self.calls += 1
            raise ApiError(0, "no answer")

    run = Run()
    with pytest.raises(ApiError):
        run.call()
    assert clock.monotonic() <= 2 and run.calls == 4
    clock.sleep(5)
    with pytest.raises(ApiError):
        run.call()
    assert run.calls == 5


def test_it_gives_up_when_the_time_is_over_with_the_last_error(clock: Clock) -> None:
    with pytest.raises(ApiError, match="no answer"):
        failing(itertools.repeat(ApiError(0, "no answer")))()
    assert 50 <= clock.monotonic() <= 60


def test_it_does_not_wait_for_what_comes_too_late(clock: Clock) -> None:
    with pytest.raises(ApiError):
        failing([ApiError(429, "come tomorrow", retry_after=61)])()
    assert clock.slept == []


@pytest.mark.parametrize("status", [400, 403, 404, 409, 410, 422])
def test_a_refusal_is_final(status: int, clock: Clock) -> None:
    with pytest.raises(ApiError) as refused:
        failing([ApiError(status, "no")])()
    assert refused.value.status == status
    assert clock.slept == []
