"""When a container counts as started and as ready."""

from __future__ import annotations

import math
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.labs.model import Healthcheck

START_SECONDS = 120
"""How long a component may take until it answers before it is restarted."""


def opens(port: int) -> dict[str, Any]:
    """A startup probe: the port must answer."""
    return {"startupProbe": {"tcpSocket": {"port": port}, "periodSeconds": 1, "failureThreshold": START_SECONDS}}


def answers(port: int) -> dict[str, Any]:
    """Without a healthcheck, the port by which students come must answer, at first and later on."""
    return {**opens(port), "readinessProbe": {"tcpSocket": {"port": port}, "periodSeconds": 10}}


def healthy(check: Healthcheck) -> dict[str, Any]:
    """A Compose healthcheck decides readiness; in its start period it runs oftener (Compose specification).

    A success counts at once, also in the start period. Compose never restarts an unhealthy container, so it is given
    all the time in which it could still become healthy, and START_SECONDS at the least.
    """
    seconds = max(START_SECONDS, check.start_period + check.interval * check.retries)
    period = max(1, check.start_interval)
    startup = _checks(check) | {"periodSeconds": period, "failureThreshold": math.ceil(seconds / period)}
    return {"startupProbe": startup, **ready_if(check)}


def ready_if(check: Healthcheck) -> dict[str, Any]:
    """The healthcheck without any limit on the time until its first success."""
    often = {"periodSeconds": max(1, check.interval), "failureThreshold": max(1, check.retries)}
    return {"readinessProbe": _checks(check) | often}


def _checks(check: Healthcheck) -> dict[str, Any]:
    return {"exec": {"command": list(check.command)}, "timeoutSeconds": max(1, check.timeout)}
