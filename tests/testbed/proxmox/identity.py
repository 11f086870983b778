"""Who asks: tickets with their CSRF token, and API tokens (pve-access-control, PVE/AccessControl.pm)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from .errors import ApiError
from .routing import Call, route

if TYPE_CHECKING:
    from .engine import Engine

TICKET_SECONDS = 2 * 3600
TOKEN = re.compile(r"PVEAPIToken[= ](?P<user>[^\s!@]+@[^\s!@]+)!(?P<token>[A-Za-z][A-Za-z0-9._-]+)=(?P<secret>\S+)")


@dataclass(frozen=True)
class Identity:
    """A user, or a token of a user; nobody has the empty name."""

    user: str
    token: str = ""

    @property
    def name(self) -> str:
        """As ACLs and tasks write it."""
        return f"{self.user}!{self.token}" if self.token else self.user

    @property
    def root(self) -> bool:
        """`root@pam` itself, for what nobody else may; its tokens are not it."""
        return self.name == "root@pam"


NOBODY = Identity("")


def password_hash(password: str) -> str:
    """As it is kept; tests need no slow one."""
    salt = secrets.token_hex(8)
    return f"{salt}${hashlib.sha256((salt + password).encode()).hexdigest()}"


def password_is(kept: str, password: str) -> bool:
    """Whether this is the password that was kept."""
    salt, _, digest = kept.partition("$")
    return hmac.compare_digest(hashlib.sha256((salt + password).encode()).hexdigest(), digest)


def usable(engine: Engine, user: str) -> None:
    """Refuse a user who is unknown, disabled or expired (`check_user_enabled`)."""
    known = engine.state["users"].get(user)
    if known is None:
        raise ApiError(f"no such user ('{user}')", 401)
    if not known["enable"]:
        raise ApiError(f"user '{user}' is disabled", 401)
    if known["expire"] and known["expire"] < time.time():
        raise ApiError(f"user '{user}' access expired", 401)


def identify(engine: Engine, method: str, headers: Mapping[str, str]) -> Identity:
    """Who sends these headers (names in lower case), or ApiError 401 with the real text."""
    authorization = headers.get("authorization", "")
    if authorization.startswith("PVEAPIToken"):
        return _by_token(engine, authorization)
    cookie = re.search(r"PVEAuthCookie=([^;\s]+)", headers.get("cookie", ""))
    ticket = unquote(cookie[1]) if cookie else ""
    if not ticket and (authorization.startswith("PVEAuthCookie=")):
        ticket = unquote(authorization.split("=", 1)[1])
    if not ticket:
        raise ApiError("No ticket", 401)
    user = _of_ticket(engine, ticket)
    usable(engine, user)
    if method != "GET" and not _csrf_fits(engine, user, headers.get("csrfpreventiontoken", "")):
        raise ApiError("Permission denied - invalid csrf token", 401)
    return Identity(user)


def _by_token(engine: Engine, authorization: str) -> Identity:
    found = TOKEN.fullmatch(authorization)
    if not found:
        raise ApiError("invalid token format", 401)
    user, name = found["user"], found["token"]
    usable(engine, user)
    token = engine.state["users"][user]["tokens"].get(name)
    if token is None:
        raise ApiError(f"no such token '{name}' for user '{user}'", 401)
    if token["expire"] and token["expire"] < time.time():
        raise ApiError(f"token '{user}!{name}' access expired", 401)
    if not hmac.compare_digest(token["secret"], found["secret"]):
        raise ApiError("invalid token value!", 401)
    return Identity(user, name)


def _signed(engine: Engine, plain: str) -> str:
    key = str(engine.state["secret"]).encode()
    return base64.b64encode(hmac.new(key, plain.encode(), hashlib.sha256).digest()).decode().rstrip("=")


def _ticket(engine: Engine, user: str) -> str:
    plain = f"PVE:{user}:{int(time.time()):08X}"
    return f"{plain}::{_signed(engine, plain)}"


def _of_ticket(engine: Engine, ticket: str) -> str:
    plain, _, signature = ticket.partition("::")
    words = plain.split(":")
    genuine = len(words) == 3 and hmac.compare_digest(signature, _signed(engine, plain))
    if not genuine or int(words[2], 16) + TICKET_SECONDS < time.time():
        raise ApiError("permission denied - invalid PVE ticket", 401)
    return words[1]


def _csrf(engine: Engine, user: str, when: int) -> str:
    return f"{when:08X}:{_signed(engine, f'{when:08X}:{user}')}"


def _csrf_fits(engine: Engine, user: str, given: str) -> bool:
    when = given.partition(":")[0]
    if not re.fullmatch("[0-9A-F]{8}", when):
        return False
    return hmac.compare_digest(given, _csrf(engine, user, int(when, 16)))


@route("POST", "/access/ticket")
def log_in(call: Call) -> Any:
    user, password = call.text("username"), call.text("password")
    if "@" not in user:
        user += f"@{call.get('realm', 'pam')}"
    engine = call.engine
    try:
        if password.startswith("PVE:"):
            if _of_ticket(engine, password) != user:
                raise ApiError("", 401)
            usable(engine, user)
        else:
            usable(engine, user)
            if not password_is(engine.state["users"][user].get("password", ""), password):
                raise ApiError("", 401)
    except ApiError:
        # Neither an unknown user nor a wrong password is told apart (PVE/API2/AccessControl.pm).
        raise ApiError("authentication failure", 401) from None
    return {
        "username": user,
        "ticket": _ticket(engine, user),
        "CSRFPreventionToken": _csrf(engine, user, int(time.time())),
        "clustername": engine.cluster,
        "cap": engine.access.capabilities(Identity(user)),
    }


@route("GET", "/access/ticket")
def ticket_form(call: Call) -> Any:
    return None
