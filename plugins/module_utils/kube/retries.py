"""Retrying a request, where the server says that it may be retried."""

from __future__ import annotations

import functools
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import ParamSpec, TypeVar

from ansible_collections.autolabs.platform.plugins.module_utils.kube.errors import ApiError

P = ParamSpec("P")
T = TypeVar("T")

FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 10.0
FOREVER = float("inf")

_deadline: ContextVar[float] = ContextVar("_deadline", default=FOREVER)


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Within it, this thread's calls are not repeated once `seconds` have passed. The first attempt is always made."""
    token = _deadline.set(min(_deadline.get(), time.monotonic() + seconds))
    try:
        yield
    finally:
        _deadline.reset(token)


def seconds_left(deadline: float | None = None) -> float:
    """Seconds until `deadline` (of the monotonic clock) or this thread's own, whichever is earlier; not below 0."""
    return max(0.0, min(FOREVER if deadline is None else deadline, _deadline.get()) - time.monotonic())


def retried(*statuses: int, for_seconds: float = 60.0) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Repeat a call that ends with ApiError of one of `statuses` (0 means no answer), until `for_seconds` passed.

    The pause is what Retry-After asks for and up to a quarter more, and at least 0.2 s; without it, it doubles from
    0.2 s to 10 s, with a random half. So many connections do not come back at the same moment. A method's object may
    have a `deadline` (of the monotonic clock) and a thread one of its own (`at_most`), after which nothing is
    repeated. The last error is raised.
    """

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> T:
            until = time.monotonic() + for_seconds
            pause = FIRST_PAUSE_SECONDS
            while True:
                try:
                    return function(*args, **kwargs)
                except ApiError as error:
                    wait = _pause(error, pause)
                    left = min(
                        until - time.monotonic(), seconds_left(getattr(args[0], "deadline", None) if args else None)
                    )
                    if error.final or error.status not in statuses or wait > left:
                        raise
                time.sleep(wait)
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

        return call

    return decorate


def _pause(error: ApiError, pause: float) -> float:
    if error.retry_after is None:
        return pause * random.uniform(0.5, 1.0)
    return max(error.retry_after, FIRST_PAUSE_SECONDS) * random.uniform(1.0, 1.25)
