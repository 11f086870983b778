"""In which language a page is: what its reader has chosen, else what the browser asks for."""

from __future__ import annotations

from pathlib import Path

from flask import Flask, current_app, request
from flask_babel import Babel

NAMES = {"en": "English", "ru": "Русский"}
COOKIE = "language"
CATALOGUES = Path(__file__).resolve().parents[1] / "translations"


def install(app: Flask) -> None:
    """Give an app the languages of its site; the first one is for browsers that ask for none of them."""
    site = app.config.get("AUTOLABS")
    app.config.setdefault("LANGUAGES", site.languages if site else tuple(NAMES))
    Babel(
        app,
        default_locale=app.config["LANGUAGES"][0],
        default_translation_directories=str(CATALOGUES),
        locale_selector=chosen,
    )


def offered() -> dict[str, str]:
    """The languages of this site, by code."""
    return {code: NAMES[code] for code in current_app.config["LANGUAGES"]}


def chosen() -> str:
    """The language of this request."""
    codes = list(current_app.config["LANGUAGES"])
    cookie = request.cookies.get(COOKIE, "")
    return cookie if cookie in codes else request.accept_languages.best_match(codes, codes[0]) or codes[0]
