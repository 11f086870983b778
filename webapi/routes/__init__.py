"""What the web app answers: pages for people, JSON for programs, events for both.

The factory puts `Services` into `app.extensions["autolabs"]` and then calls `register`.
"""

from __future__ import annotations

from flask import Flask

from webapi import problems
from webapi.pages import language, words
from webapi.routes import api as api
from webapi.routes import class_pages, events, guard, health, lab_pages, run_pages, start_pages


def register(app: Flask) -> None:
    """Give an app its routes, its languages, its guards and its pages of errors."""
    guard.install(app)
    language.install(app)
    words.install(app)
    problems.install(app)
    for module in (lab_pages, start_pages, class_pages, run_pages, api, events, health):
        app.register_blueprint(module.blueprint)
