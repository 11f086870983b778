"""Retrying a request, where the server says that it may be retried."""

from __future__ import annotations

import functools
import random
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from ansible_collections.autolabs.platform.plugins.module_utils.kube.errors import ApiError

P = ParamSpec("P")
T = TypeVar("T")

FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 10.0


def retried(*statuses: int, for_seconds: float = 60.0) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Repeat a call that ends with ApiError of one of `statuses` (0 means no answer), until `for_seconds` passed.

    The pause is what Retry-After asks for, else it doubles from 0.2 s to 10 s, with a random half so that many
    connections do not come back at the same moment. The last error is raised.
    """

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> T:
            deadline = time.monotonic() + for_seconds
            pause = FIRST_PAUSE_SECONDS
            while True:
                try:
                    return function(*args, **kwargs)
                except ApiError as error:
                    wait = error.retry_after if error.retry_after is not None else pause * random.uniform(0.5, 1.0)
                    if error.status not in statuses or time.monotonic() + wait > deadline:
                        raise
                time.sleep(wait)
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

        return call

    return decorate
