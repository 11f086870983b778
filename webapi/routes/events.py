"""A run's events as they come, as server-sent events (WHATWG HTML, 9.2): a broken connection goes on where it broke."""

from __future__ import annotations

import json
from collections.abc import Iterator

from flask import Blueprint, Response, request, stream_with_context

from webapi.pages import engine_words
from webapi.routes.services import services
from webapi.runs.model import Event

blueprint = Blueprint("events", __name__)

RETRY = 2000
"""Milliseconds after which a browser whose connection broke comes back."""


@blueprint.get("/api/v1/runs/<run_id>/events")
def follow(run_id: str) -> Response:
    """The events after `Last-Event-ID` (or ?after=), up to the end of the run."""
    found = services()
    path = found.store.events_path(run_id)
    events = found.follower.follow(path, _last_seen(), found.heartbeat)
    return Response(
        stream_with_context(_stream(events)),
        content_type="text/event-stream; charset=utf-8",
        # nginx and others would keep the lines back until they have many.
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


def _last_seen() -> int:
    text = request.headers.get("Last-Event-ID") or request.args.get("after") or "0"
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else 0


def _stream(events: Iterator[Event | None]) -> Iterator[str]:
    yield f"retry: {RETRY}\n\n"
    for event in events:
        # A comment is no event; it shows that the connection lives, and finds out where it does not.
        yield as_text(event) if event else ": still here\n\n"


def as_text(event: Event) -> str:
    """One event on the wire; sentences of the engine in the listener's language."""
    data = dict(event.data)
    for name in ("reason", "message"):
        if data.get(name):
            data[name] = engine_words.translated(str(data[name])) or data[name]
    return f"id: {event.id}\nevent: {event.type}\ndata: {json.dumps(data | {'time': event.time})}\n\n"
