"""States of instances and runs in words and signs."""

from __future__ import annotations

from webapi.pages.texts import _

SYMBOLS = {
    "ready": "✓",
    "succeeded": "✓",
    "starting": "…",
    "running": "…",
    "queued": "…",
    "failed": "✕",
    "refused": "!",
    "cancelling": "…",
    "cancelled": "!",
    "lost": "?",
    "unknown": "?",
    "stopped": "■",
    "absent": "–",
}
"""Told apart without colour, and across a room."""


def symbol(state: str) -> str:
    """The sign of a state of an instance or a run."""
    return SYMBOLS.get(state, "?")


def state_word(state: str) -> str:
    """The word for a state of an instance or a run."""
    words = {
        "ready": _("ready"),
        "starting": _("starting"),
        "failed": _("failed"),
        "refused": _("no room"),
        "stopped": _("stopped"),
        "absent": _("not there"),
        "unknown": _("unknown"),
        "queued": _("waiting"),
        "running": _("running"),
        "succeeded": _("done"),
        "cancelling": _("cancelling"),
        "cancelled": _("cancelled"),
        "lost": _("lost"),
    }
    return words.get(state, state)
