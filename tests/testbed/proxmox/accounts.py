"""Users and their tokens (pve-access-control, PVE/API2/User.pm)."""

from __future__ import annotations

import re
import uuid
from typing import Any

from .errors import ApiError, no_permission, wrong_parameter
from .identity import password_hash
from .routing import Call, route

NEW_USER: dict[str, Any] = {"enable": 1, "expire": 0, "groups": []}
FIELDS = ("firstname", "lastname", "email", "comment", "keys")
REALMS = {"pam": "Linux PAM standard authentication", "pve": "Proxmox VE authentication server"}


@route("GET", "/access/domains")
def domains(call: Call) -> Any:
    return [{"realm": name, "type": name, "comment": text} for name, text in REALMS.items()]


def words_of(text: str | None) -> list[str]:
    return [word for word in re.split(r"[,;\s]+", text or "") if word]


def _user(call: Call) -> dict[str, Any]:
    user: dict[str, Any] | None = call.engine.state["users"].get(call.text("userid"))
    if user is None:
        raise ApiError(f"no such user ('{call.text('userid')}')")
    return user


def _shown(userid: str, user: dict[str, Any]) -> dict[str, Any]:
    shown = {key: user[key] for key in ("enable", "expire", *FIELDS) if user.get(key) not in (None, "")}
    return {"userid": userid, **shown, "realm-type": userid.rpartition("@")[2]}


@route("GET", "/access/users")
def users(call: Call) -> Any:
    everybody = call.engine.access.allows(call.who, "/access/groups", ["User.Modify", "Sys.Audit"], any_of=True)
    listed = []
    for userid, user in call.engine.state["users"].items():
        if not everybody and userid != call.who.user:
            continue
        if "enabled" in call.parameters and call.flag("enabled") != bool(user["enable"]):
            continue
        entry = _shown(userid, user)
        if call.flag("full"):
            entry["groups"] = ",".join(user["groups"])
            entry["tokens"] = [{"tokenid": name, **_token(token)} for name, token in user["tokens"].items()]
        listed.append(entry)
    return listed


@route("POST", "/access/users")
def create_user(call: Call) -> Any:
    userid, state = call.text("userid"), call.engine.state
    with state.mutex:
        realm = userid.rpartition("@")[2]
        if realm not in REALMS:
            raise ApiError(f"domain '{realm}' does not exist")
        if userid in state["users"]:
            raise ApiError(f"create user failed: user '{userid}' already exists")
        if call.get("password") and realm == "pam":
            raise ApiError(f"create user failed: user '{userid.rpartition('@')[0]}' does not exist")
        groups = words_of(call.get("groups"))
        _check_groups(call, groups)
        user = {**NEW_USER, "groups": groups, "tokens": {}}
        _fill(call, user)
        if password := call.get("password"):
            user["password"] = password_hash(password)
        state["users"][userid] = user


def _check_groups(call: Call, groups: list[str]) -> None:
    for group in groups:
        if group not in call.engine.state["groups"]:
            raise ApiError(f"no such group '{group}'")


def _fill(call: Call, user: dict[str, Any]) -> None:
    for name in FIELDS:
        if call.get(name) is not None:
            user[name] = call.get(name)
    if call.get("expire") is not None:
        user["expire"] = int(call.text("expire"))
    if call.get("enable") is not None:
        user["enable"] = int(call.flag("enable"))


@route("GET", "/access/users/{userid}")
def one_user(call: Call) -> Any:
    user = _user(call)
    shown = _shown(call.text("userid"), user)
    del shown["userid"], shown["realm-type"]
    return {
        **shown,
        "groups": user["groups"],
        "tokens": {name: _token(entry) for name, entry in user["tokens"].items()},
    }


@route("PUT", "/access/users/{userid}")
def update_user(call: Call) -> Any:
    with call.engine.state.mutex:
        user = _user(call)
        if call.get("groups") is not None:
            groups = words_of(call.get("groups"))
            _check_groups(call, groups)
            user["groups"] = sorted({*groups, *(user["groups"] if call.flag("append") else [])})
        _fill(call, user)


@route("DELETE", "/access/users/{userid}")
def delete_user(call: Call) -> Any:
    userid, state = call.text("userid"), call.engine.state
    with state.mutex:
        _user(call)
        if userid == "root@pam":
            raise ApiError("you can't delete root@pam")
        del state["users"][userid]
        state["acl"] = [entry for entry in state["acl"] if entry["ugid"].split("!")[0] != userid]


@route("PUT", "/access/password")
def set_password(call: Call) -> Any:
    if call.who.token:
        raise no_permission()
    with call.engine.state.mutex:
        _user(call)["password"] = password_hash(call.text("password"))


def _token(token: dict[str, Any]) -> dict[str, Any]:
    shown = {"privsep": token["privsep"], "expire": token["expire"]}
    return {**shown, **({"comment": token["comment"]} if token.get("comment") else {})}


@route("GET", "/access/users/{userid}/token")
def tokens(call: Call) -> Any:
    return [{"tokenid": name, **_token(entry)} for name, entry in _user(call)["tokens"].items()]


def _one(call: Call) -> dict[str, Any]:
    token: dict[str, Any] | None = _user(call)["tokens"].get(call.text("tokenid"))
    if token is None:
        raise ApiError(f"no such token '{call.text('tokenid')}' for user '{call.text('userid')}'")
    return token


@route("GET", "/access/users/{userid}/token/{tokenid}")
def one_token(call: Call) -> Any:
    return _token(_one(call))


@route("POST", "/access/users/{userid}/token/{tokenid}")
def create_token(call: Call) -> Any:
    with call.engine.state.mutex:
        user, name = _user(call), call.text("tokenid")
        if name in user["tokens"]:
            raise wrong_parameter("tokenid", "Token already exists.")
        token = {
            "privsep": int(call.flag("privsep", True)),
            "expire": int(call.get("expire") or user["expire"] or 0),
            "comment": call.get("comment", ""),
            "secret": str(uuid.uuid4()),
        }
        user["tokens"][name] = token
    full = f"{call.text('userid')}!{name}"
    return {"full-tokenid": full, "value": token["secret"], "info": _token(token)}


@route("PUT", "/access/users/{userid}/token/{tokenid}")
def update_token(call: Call) -> Any:
    with call.engine.state.mutex:
        token = _one(call)
        for name in ("expire", "privsep"):
            if call.get(name) is not None:
                token[name] = int(call.text(name))
        if call.get("comment") is not None:
            token["comment"] = call.get("comment")
        return _token(token)


@route("DELETE", "/access/users/{userid}/token/{tokenid}")
def delete_token(call: Call) -> Any:
    state, full = call.engine.state, f"{call.text('userid')}!{call.text('tokenid')}"
    with state.mutex:
        _one(call)
        del _user(call)["tokens"][call.text("tokenid")]
        state["acl"] = [entry for entry in state["acl"] if entry["ugid"] != full]
