"""Texts in the language of the request; the extraction of texts knows these functions by their names."""

from __future__ import annotations

import flask_babel


def _(text: str, **values: object) -> str:
    """A text with `values` in its places."""
    return str(flask_babel.gettext(text, **values))


def ngettext(one: str, many: str, num: int) -> str:
    """A text for a number, which is `%(num)s` in it."""
    return str(flask_babel.ngettext(one, many, num))


def N_(text: str) -> str:  # noqa: N802 - the name by which the extraction of texts knows it
    """Mark a text for translation where it is not shown yet."""
    return text
