"""Whether the app can do its work."""

from __future__ import annotations

from collections import Counter
from typing import Any

from flask import Blueprint

from webapi.routes.services import services

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def healthz() -> tuple[dict[str, Any], int]:
    """The state of each part; 503 where one does not work."""
    checks = {"store": _store(), "dispatcher": _dispatcher()}
    well = all(check["ok"] for check in checks.values())
    return {"status": "ok" if well else "failing", "checks": checks}, 200 if well else 503


def _store() -> dict[str, Any]:
    try:
        counted = Counter(str(run.state) for run in services().store.find() if not run.state.ended)
    except (OSError, ValueError):
        return {"ok": False, "message": "the runs cannot be read; look at the state folder"}
    return {"ok": True, "runs": dict(counted)}


def _dispatcher() -> dict[str, Any]:
    trouble = services().dispatcher.trouble()
    return {"ok": False, "message": trouble} if trouble else {"ok": True}
