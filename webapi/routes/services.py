"""What the routes work with. The factory puts one of these into `app.extensions["autolabs"]`."""

from __future__ import annotations

from dataclasses import dataclass, field

from flask import current_app

from webapi import engine
from webapi.classes.classes import Classes
from webapi.labs.library import Library
from webapi.runs.dispatcher import Dispatcher
from webapi.runs.events import Follower
from webapi.runs.store import RunStore

EXTENSION = "autolabs"


@dataclass(frozen=True)
class Services:
    """The parts of the app that outlive a request."""

    library: Library
    classes: Classes
    store: RunStore
    dispatcher: Dispatcher
    follower: Follower = field(default_factory=Follower)
    limits: engine.Limits = engine.SITE_LIMITS
    """Of the site's lab namespaces, which prices are told by."""
    heartbeat: float = 15.0
    """Seconds between two signs of life to a listener to whom there is nothing to tell."""


def services() -> Services:
    """Those of the app that answers the request."""
    found: Services = current_app.extensions[EXTENSION]
    return found
