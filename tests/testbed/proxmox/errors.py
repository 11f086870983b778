"""Errors as the API answers them: a status, a text that is also the reason phrase, and errors by parameter."""

from __future__ import annotations

from collections.abc import Mapping

NOT_VERIFIED = "Parameter verification failed."


class ApiError(Exception):
    """What a request is answered with when it fails; 500 with the text that Perl's `die` was given, unless told."""

    def __init__(self, text: str, status: int = 500, errors: Mapping[str, str] | None = None) -> None:
        super().__init__(text)
        self.text, self.status, self.errors = text, status, dict(errors or {})


def wrong_parameters(**errors: str) -> ApiError:
    """What `raise_param_exc` answers (pve-common, PVE/Exception.pm)."""
    return ApiError(NOT_VERIFIED, 400, errors)


def wrong_parameter(name: str, text: str) -> ApiError:
    """The same for one parameter, whose name need not be a word of Python."""
    return ApiError(NOT_VERIFIED, 400, {name: text})


def no_permission(what: str = "") -> ApiError:
    """What `raise_perm_exc` answers (pve-common, PVE/Exception.pm)."""
    return ApiError("Permission check failed" + (f" ({what})" if what else ""), 403)


def changed_meanwhile(given: str | None, found: str) -> None:
    """Refuse a digest that is not the one found (`assert_if_modified` of pve-common, PVE/Tools.pm)."""
    if given and given != found:
        raise ApiError("detected modified configuration - file changed by other user? Try again.")
