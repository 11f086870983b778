"""What went wrong, for programs (problem+json, RFC 9457) and as a page for people."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import asdict
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, json, render_template, request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from webapi.engine import InvalidInput, Problem
from webapi.labs.library import LabExists, OtherLab, UnknownLab
from webapi.pages.texts import _
from webapi.runs.model import ClassBusy, UnknownRun

LOGGER = logging.getLogger(__name__)

STATUS: dict[type[Exception], int] = {
    InvalidInput: 422,
    UnknownLab: 404,
    UnknownRun: 404,
    LabExists: 409,
    OtherLab: 409,
    ClassBusy: 409,
    OSError: 503,
}
"""What the parts of the app raise, and the status that says it."""


def install(app: Flask) -> None:
    """Answer every error of an app in words."""
    for kind in STATUS:
        app.register_error_handler(kind, answer)
    app.register_error_handler(HTTPException, answer)
    app.register_error_handler(Exception, answer)


def answer(error: Exception) -> Response:
    """The answer to an error: a problem below /api and for /healthz, else a page."""
    status = status_of(error)
    if status == 500:
        LOGGER.exception("%s %s", request.method, request.path)
    detail = _detail(error, status)
    if request.path.startswith(("/api/", "/healthz")):
        found = problem(status, detail, error.problems if isinstance(error, InvalidInput) else ())
    else:
        page = render_template("error.html", status=status, title=_title(status), detail=detail)
        found = Response(page, status, content_type="text/html; charset=utf-8")
    if isinstance(error, HTTPException):
        # Such as Allow of 405.
        found.headers.extend([(k, v) for k, v in error.get_headers() if k not in ("Content-Type", "Content-Length")])
    return found


def problem(status: int, detail: str, problems: Iterable[Problem] = (), **more: Any) -> Response:
    """An answer as application/problem+json; `problems` are the mistakes in what was sent."""
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "problems": [asdict(one) for one in problems],
        **more,
    }
    return Response(json.dumps(body), status, content_type="application/problem+json")


def status_of(error: Exception) -> int:
    """The HTTP status that says what an error is."""
    if isinstance(error, HTTPException):
        return error.code or 500
    return next((status for kind, status in STATUS.items() if isinstance(error, kind)), 500)


def _detail(error: Exception, status: int) -> str:
    if isinstance(error, InvalidInput):
        return "; ".join(str(one) for one in error.problems[:3])
    if status in (500, 503):
        # What such an error says is for the log, where the site's admin finds it.
        return _("Something in AutoLabs itself went wrong. It is in the log of the web server; ask your admin.")
    if isinstance(error, RequestEntityTooLarge):
        return _("What you sent is too large. A lab config and a roster have up to 1 MiB each.")
    if isinstance(error, ClassBusy):
        return _("A run of this class is under way. Wait until it has ended, or cancel it.")
    if isinstance(error, UnknownLab | UnknownRun):
        return _("It may have been deleted, or the address is mistyped.")
    if isinstance(error, HTTPException) and status == 404 and not error.response and "server" in str(error):
        return _("It may have been deleted, or the address is mistyped.")
    return str(error.description if isinstance(error, HTTPException) else error)


def _title(status: int) -> str:
    if status == 404:
        return _("There is nothing here")
    if status >= 500:
        return _("That is our mistake, not yours")
    return _("That cannot be done")
