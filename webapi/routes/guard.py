"""Who may ask, and what the browser may do with the answer.

There are no accounts, so this computer is the border: only a loopback name is answered, which a name of another site
that was pointed here (DNS rebinding) is not; and what changes something must come from our own pages, or from a
program that says so, so that another site open in the same browser cannot start labs.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Flask, Response, current_app, request
from werkzeug.exceptions import Forbidden, MisdirectedRequest

LOOPBACK = ("localhost", "127.0.0.1", "::1")
SAFE = ("GET", "HEAD", "OPTIONS")
LARGEST_REQUEST = 4 << 20
"""Bytes: a lab config or a roster as text and as a file, each of which has its own, lower limit."""

HEADERS = {
    # No inline script or style, nothing from elsewhere, in nobody's frame.
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; object-src 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # With `no-referrer` a browser would send the Origin of our own forms as `null`.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def install(app: Flask) -> None:
    """Check every request of the app, and mark every answer."""
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_REQUEST
    app.config["MAX_FORM_MEMORY_SIZE"] = LARGEST_REQUEST
    app.config["MAX_FORM_PARTS"] = 32
    app.before_request(check)
    app.after_request(mark)


def check() -> None:
    """Raises MisdirectedRequest or Forbidden."""
    if _host_name() not in _names():
        raise MisdirectedRequest("Open this page under the address http://localhost: only that name is answered.")
    if request.method not in SAFE and not _from_here():
        raise Forbidden(
            "This request does not come from a page of AutoLabs, so nothing was done. Use the form itself; a program "
            f"sends the header Origin: {request.host_url.rstrip('/')}"
        )


def mark(response: Response) -> Response:
    """Add the headers that every answer has."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if request.endpoint != "static":
        response.headers.setdefault("Cache-Control", "no-cache, private")
    return response


def _names() -> tuple[str, ...]:
    """The names of this computer that are answered: also the one at which a site has the app served."""
    config = current_app.config.get("AUTOLABS")
    return (*LOOPBACK, config.address) if config else LOOPBACK


def _host_name() -> str | None:
    try:
        return urlsplit(f"//{request.host}").hostname
    except ValueError:
        return None


def _from_here() -> bool:
    """Whether the browser says that our own page asks (Fetch Metadata), or the Origin is ours (RFC 6454)."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None and site != "same-origin":
        return False
    origin = request.headers.get("Origin")
    if origin is not None:
        return origin == request.host_url.rstrip("/")
    return site is not None
