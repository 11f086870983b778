"""The web form of AutoLabs: people in, runs out, progress back."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from webapi.config import Config


def create_app(config: Config) -> Flask:
    """The app for these settings, which also looks after the runs of its state folder.

    Raises AlreadyServed where another app does so, OSError where the state folder cannot be written, and ConfigError
    where the file of limits holds none.
    """
    # Here and not above: the process of a run imports this package as well, and is to begin at once.
    from flask import Flask

    from webapi import engine
    from webapi.classes.classes import Classes
    from webapi.config import ConfigError
    from webapi.labs.library import Library
    from webapi.routes import register
    from webapi.routes.services import EXTENSION, Services
    from webapi.runs.launch import Launcher
    from webapi.runs.local import LocalDispatcher
    from webapi.runs.retention import Retention
    from webapi.runs.store import FolderRunStore

    app = Flask(__name__, template_folder="pages/templates", static_folder="pages/static")
    app.config["AUTOLABS"] = config
    try:
        limits = engine.site_limits(config.lab_limits) if config.lab_limits else engine.SITE_LIMITS
    except engine.InvalidInput as error:
        raise ConfigError(f"AUTOLABS_LAB_LIMITS: {error}") from error
    # Before anything below it, since parents that are made on the way are open to all.
    config.state_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    store = FolderRunStore(config.runs_folder)
    launcher = Launcher(config.collections_path, config.inventories, config.site_folder)
    dispatcher = LocalDispatcher(store, launcher, Retention(config.keep_runs, config.keep_days), config.most_runs)
    app.extensions[EXTENSION] = Services(Library(config.labs_folder), Classes(store), store, dispatcher, limits=limits)
    register(app)
    dispatcher.recover()
    return app
