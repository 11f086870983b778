"""IP sets (pve-firewall, src/PVE/API2/Firewall/IPSet.pm)."""

from __future__ import annotations

import re
from typing import Any

from .errors import ApiError, changed_meanwhile, wrong_parameter
from .firewall import CLUSTER, VM, digest_of, firewall_of
from .firewall_rules import unknown_address
from .routing import Call, route

SETS = (f"{CLUSTER}/ipset", f"{VM}/ipset")
ONE_SET = tuple(f"{path}/{{name}}" for path in SETS)
MEMBER = tuple(f"{path}/{{cidr}}" for path in ONE_SET)


@route("GET", *SETS)
def ipsets(call: Call) -> Any:
    held = firewall_of(call)
    digest, comments = digest_of(held["ipsets"]), held["ipset_comments"]
    return [
        {"name": name, "digest": digest, **({"comment": comments[name]} if comments.get(name) else {})}
        for name in sorted(held["ipsets"])
    ]


@route("POST", *SETS)
def create_ipset(call: Call) -> Any:
    with call.engine.state.mutex:
        held, name, old = firewall_of(call), call.text("name"), call.get("rename")
        changed_meanwhile(call.get("digest"), digest_of(held["ipsets"]))
        if old:
            if old not in held["ipsets"]:
                raise wrong_parameter("name", f"IPSet '{old}' does not exist")
            if name != old and name in held["ipsets"]:
                raise wrong_parameter("name", f"IPSet '{name}' already exists")
            held["ipsets"][name] = held["ipsets"].pop(old)
        elif name in held["ipsets"]:
            raise wrong_parameter("name", f"IPSet '{name}' already exists")
        else:
            held["ipsets"][name] = []
        if call.get("comment") is not None:
            held["ipset_comments"][name] = call.get("comment")


def _set(call: Call) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] | None = firewall_of(call)["ipsets"].get(call.text("name"))
    if found is None:
        raise ApiError(f"no such IPSet '{call.text('name')}'")
    return found


@route("GET", *ONE_SET)
def ipset(call: Call) -> Any:
    held = _set(call)
    digest = digest_of(held)
    return [{**entry, "digest": digest} for entry in held]


@route("POST", *ONE_SET)
def add_member(call: Call) -> Any:
    with call.engine.state.mutex:
        held, cidr = _set(call), call.text("cidr")
        if any(entry["cidr"] == cidr for entry in held):
            raise ApiError(f"address '{cidr}' already exists")
        text = (
            ""
            if re.match(r"[\d:.a-fA-F]+(/\d+)?$", cidr)
            else unknown_address(cidr, call.engine.state["firewall"]["cluster"], firewall_of(call))
        )
        if text:
            raise wrong_parameter("cidr", text)
        entry: dict[str, Any] = {"cidr": cidr}
        if call.get("comment"):
            entry["comment"] = call.get("comment")
        if call.flag("nomatch"):
            entry["nomatch"] = 1
        held.insert(0, entry)


@route("DELETE", *ONE_SET)
def delete_ipset(call: Call) -> Any:
    with call.engine.state.mutex:
        held, name = firewall_of(call), call.text("name")
        if _set(call) and not call.flag("force"):
            raise ApiError(f"IPSet '{name}' is not empty")
        del held["ipsets"][name]
        held["ipset_comments"].pop(name, None)


def _member(call: Call) -> dict[str, Any]:
    for entry in _set(call):
        if entry["cidr"] == call.text("cidr"):
            return entry
    raise wrong_parameter("cidr", "no such IP/Network")


@route("GET", *MEMBER)
def member(call: Call) -> Any:
    return _member(call)


@route("PUT", *MEMBER)
def update_member(call: Call) -> Any:
    with call.engine.state.mutex:
        entry = _member(call)
        changed_meanwhile(call.get("digest"), digest_of(_set(call)))
        for name, value in (("comment", call.get("comment")), ("nomatch", int(call.flag("nomatch")))):
            if value:
                entry[name] = value
            else:
                entry.pop(name, None)


@route("DELETE", *MEMBER)
def delete_member(call: Call) -> Any:
    with call.engine.state.mutex:
        held = _set(call)
        changed_meanwhile(call.get("digest"), digest_of(held))
        held[:] = [entry for entry in held if entry["cidr"] != call.text("cidr")]


ALIASES = (f"{CLUSTER}/aliases", f"{VM}/aliases")
ALIAS = (f"{CLUSTER}/aliases/{{name}}", f"{VM}/aliases/{{name}}")
