"""Repeating a request to Proxmox VE, where that cannot do harm."""

from __future__ import annotations

import functools
import random
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.errors import ProxmoxError

P = ParamSpec("P")
T = TypeVar("T")

PATIENCE_SECONDS = 60.0
"""So long is asked again: a node that starts its API anew, or a cluster that looks for a new leader, needs less."""
FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 5.0


def retried(*kinds: type[ProxmoxError], statuses: tuple[int, ...]) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Repeat a method that ends with one of `kinds` of error that has one of `statuses` (0: no answer came).

    The pause doubles from 0.2 s to 5 s, with a random half. The method's object may have `patience`, the seconds after
    which the last error is raised, and `retrying`, which is told the error, once, when it is asked again.
    """

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> T:
            owner = args[0] if args else None
            until = time.monotonic() + getattr(owner, "patience", PATIENCE_SECONDS)
            pause, told = FIRST_PAUSE_SECONDS, False
            while True:
                try:
                    return function(*args, **kwargs)
                except kinds as error:
                    wait = pause * random.uniform(0.5, 1.0)
                    if error.final or error.status not in statuses or time.monotonic() + wait > until:
                        raise
                    if not told and (retrying := getattr(owner, "retrying", None)):
                        retrying(error)
                    told = True
                time.sleep(wait)
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

        return call

    return decorate
