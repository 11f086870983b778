"""The time of an audit, as reports write it."""

from __future__ import annotations

from datetime import UTC, datetime


def iso(seconds: int) -> str:
    """`2026-11-21T17:52:00Z` for seconds since 1970."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def readable(seconds: int) -> str:
    """`21 November 2026, 17:52 UTC`."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment.day} {moment:%B %Y, %H:%M} UTC"
