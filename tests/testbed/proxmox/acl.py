"""Groups, roles and the ACL (pve-access-control, PVE/API2/{Group,Role,ACL,AccessControl}.pm)."""

from __future__ import annotations

import re
from typing import Any

from .accounts import words_of
from .errors import ApiError, no_permission, wrong_parameter
from .identity import Identity
from .roles import BUILT_IN, PRIVILEGES
from .routing import Call, route

ACL_PATH = re.compile(
    r"/|/access(/groups(/[\w.-]+)?|/realm(/[\w.-]+)?)?|/nodes(/[\w.-]+)?|/pool(/[\w.-]+){0,3}|/storage(/[\w.-]+)?"
    r"|/sdn|/sdn/(controllers|dns|ipams|zones)(/[\w.-]+)?|/sdn/zones/[\w.-]+/[\w.-]+(/[1-9]\d{0,3})?"
    r"|/vms(/[1-9]\d{2,})?|/mapping(/[\w.-]+){0,2}"
)


@route("GET", "/access/groups")
def groups(call: Call) -> Any:
    state, listed = call.engine.state, []
    for name, group in state["groups"].items():
        members = sorted(user for user, known in state["users"].items() if name in known["groups"])
        listed.append({"groupid": name, "comment": group["comment"], "users": ",".join(members)})
    return listed


@route("POST", "/access/groups")
def create_group(call: Call) -> Any:
    with call.engine.state.mutex:
        name = call.text("groupid")
        if name in call.engine.state["groups"]:
            raise ApiError(f"create group failed: group '{name}' already exists")
        call.engine.state["groups"][name] = {"comment": call.get("comment", "")}


def _group(call: Call) -> dict[str, Any]:
    group: dict[str, Any] | None = call.engine.state["groups"].get(call.text("groupid"))
    if group is None:
        raise ApiError(f"group '{call.text('groupid')}' does not exist")
    return group


@route("GET", "/access/groups/{groupid}")
def one_group(call: Call) -> Any:
    members = [user for user, known in call.engine.state["users"].items() if call.text("groupid") in known["groups"]]
    return {"comment": _group(call)["comment"], "members": sorted(members)}


@route("PUT", "/access/groups/{groupid}")
def update_group(call: Call) -> Any:
    with call.engine.state.mutex:
        _group(call)["comment"] = call.get("comment", "")


@route("DELETE", "/access/groups/{groupid}")
def delete_group(call: Call) -> Any:
    state, name = call.engine.state, call.text("groupid")
    with state.mutex:
        _group(call)
        del state["groups"][name]
        for user in state["users"].values():
            user["groups"] = [group for group in user["groups"] if group != name]
        state["acl"] = [entry for entry in state["acl"] if (entry["type"], entry["ugid"]) != ("group", name)]


@route("GET", "/access/roles")
def roles(call: Call) -> Any:
    special = [{"roleid": name, "privs": ",".join(sorted(words)), "special": 1} for name, words in BUILT_IN.items()]
    own = call.engine.state["roles"].items()
    return [*special, *({"roleid": name, "privs": ",".join(sorted(words)), "special": 0} for name, words in own)]


def _privileges(call: Call) -> list[str]:
    words = words_of(call.get("privs"))
    for word in words:
        if word not in PRIVILEGES:
            raise wrong_parameter("privs", f"invalid format - invalid privilege '{word}'\n")
    return sorted(set(words))


@route("POST", "/access/roles")
def create_role(call: Call) -> Any:
    with call.engine.state.mutex:
        name, words = call.text("roleid"), _privileges(call)
        if name.startswith("PVE"):
            raise wrong_parameter("roleid", "cannot use role ID starting with the (case-insensitive) 'PVE' namespace")
        if name in BUILT_IN or name in call.engine.state["roles"]:
            raise ApiError(f"create role failed: role '{name}' already exists")
        call.engine.state["roles"][name] = words


def _role(call: Call, what: str) -> str:
    name = call.text("roleid")
    if name in BUILT_IN:
        done = "removed" if what == "delete" else "modified"
        raise ApiError(f"{what} role failed: auto-generated role '{name}' cannot be {done}")
    if name not in call.engine.state["roles"]:
        raise ApiError(f"{what} role failed: role '{name}' does not exist")
    return name


@route("GET", "/access/roles/{roleid}")
def one_role(call: Call) -> Any:
    name = call.text("roleid")
    words = BUILT_IN.get(name) or call.engine.state["roles"].get(name)
    if words is None:
        raise ApiError(f"role '{name}' does not exist")
    return dict.fromkeys(words, 1)


@route("PUT", "/access/roles/{roleid}")
def update_role(call: Call) -> Any:
    with call.engine.state.mutex:
        name, words = _role(call, "update"), _privileges(call)
        kept = call.engine.state["roles"][name] if call.flag("append") else []
        call.engine.state["roles"][name] = sorted({*words, *kept})


@route("DELETE", "/access/roles/{roleid}")
def delete_role(call: Call) -> Any:
    state = call.engine.state
    with state.mutex:
        name = _role(call, "delete")
        del state["roles"][name]
        state["acl"] = [entry for entry in state["acl"] if entry["roleid"] != name]


@route("GET", "/access/acl")
def acl(call: Call) -> Any:
    access = call.engine.access
    everything = access.allows(call.who, "/access", ["Sys.Audit", "Permissions.Modify"], any_of=True)
    return [
        entry
        for entry in call.engine.state["acl"]
        if everything or access.allows(call.who, entry["path"], ["Permissions.Modify"])
    ]


@route("PUT", "/access/acl")
def update_acl(call: Call) -> Any:
    path = "/" + re.sub(r"/+", "/", call.text("path")).strip("/")
    if not ACL_PATH.fullmatch(path):
        raise wrong_parameter("path", f"invalid ACL path '{call.text('path')}'")
    kinds = {"users": "user", "groups": "group", "tokens": "token"}
    if not any(call.get(name) for name in kinds):
        raise ApiError(
            "Parameter verification failed.", 400, dict.fromkeys(kinds, "property is missing and it is not optional")
        )
    state = call.engine.state
    with state.mutex:
        for role in words_of(call.get("roles")):
            if role not in BUILT_IN and role not in state["roles"]:
                raise ApiError(f"ACL update failed: role '{role}' does not exist")
            _check_given(call, path, role)
            for name, kind in kinds.items():
                for who in words_of(call.get(name)):
                    _check_principal(call, kind, who)
                    same = {"path": path, "roleid": role, "type": kind, "ugid": who}
                    state["acl"] = [
                        entry for entry in state["acl"] if {**entry, "propagate": 0} != {**same, "propagate": 0}
                    ]
                    if not call.flag("delete"):
                        state["acl"].append({**same, "propagate": int(call.flag("propagate", True))})


def _check_given(call: Call, path: str, role: str) -> None:
    """Without Permissions.Modify one hands on only what one has (PVE/API2/ACL.pm)."""
    access = call.engine.access
    if access.allows(call.who, path, ["Permissions.Modify"]):
        return
    held = access.privileges(call.who, path)
    for name in BUILT_IN.get(role, frozenset(call.engine.state["roles"].get(role, []))):
        if name not in held:
            raise no_permission(f"{path}, Permissions.Modify")


def _check_principal(call: Call, kind: str, who: str) -> None:
    state = call.engine.state
    user, _, token = who.partition("!")
    if kind == "group" and who not in state["groups"]:
        raise ApiError(f"ACL update failed: group '{who}' does not exist")
    if kind == "user" and who not in state["users"]:
        raise ApiError(f"ACL update failed: user '{who}' does not exist")
    if kind == "token" and token not in state["users"].get(user, {"tokens": {}})["tokens"]:
        raise ApiError(f"ACL update failed: no such token '{token}' for user '{user}'")


@route("GET", "/access/permissions")
def permissions(call: Call) -> Any:
    who = call.who
    asked = call.get("userid")
    if asked and asked != who.name:
        call.engine.access.check(who, "/access", ["Sys.Audit"])
        user, _, token = asked.partition("!")
        who = Identity(user, token)
    return call.engine.access.permissions(who, call.get("path"))
