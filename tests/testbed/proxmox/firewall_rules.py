"""Rules and security groups (pve-firewall, src/PVE/API2/Firewall/Rules.pm and Groups.pm)."""

from __future__ import annotations

import re
from typing import Any

from .errors import ApiError, changed_meanwhile, wrong_parameter
from .firewall import CLUSTER, NODE, VM, digest_of, firewall_of, words
from .routing import Call, route

NOT_OF_RULES = {"node", "vmid", "group", "pos", "moveto", "delete", "digest"}
ALL_RULES = (f"{CLUSTER}/rules", f"{NODE}/rules", f"{VM}/rules", f"{CLUSTER}/groups/{{group}}")
ONE_RULE = tuple(f"{path}/{{pos}}" for path in ALL_RULES)


def _rules(call: Call) -> list[dict[str, Any]]:
    held = firewall_of(call)
    if "{group}" in call.template:
        found: list[dict[str, Any]] | None = held["groups"].get(call.text("group"))
        if found is None:
            raise ApiError(f"no such security group '{call.text('group')}'")
        return found
    rules: list[dict[str, Any]] = held["rules"]
    return rules


def _listed(rules: list[dict[str, Any]]) -> list[dict[str, Any]]:
    digest = digest_of(rules)
    return [{**rule, "pos": number, "digest": digest} for number, rule in enumerate(rules)]


ALL_RULES = (f"{CLUSTER}/rules", f"{NODE}/rules", f"{VM}/rules", f"{CLUSTER}/groups/{{group}}")
ONE_RULE = (
    f"{CLUSTER}/rules/{{pos}}",
    f"{NODE}/rules/{{pos}}",
    f"{VM}/rules/{{pos}}",
    f"{CLUSTER}/groups/{{group}}/{{pos}}",
)


@route("GET", *ALL_RULES)
def rules(call: Call) -> Any:
    return _listed(_rules(call))


def _fill(call: Call, rule: dict[str, Any]) -> dict[str, Any]:
    """The rule with what was sent; an empty value takes a property out (`copy_rule_data`)."""
    for name, value in call.sent().items():
        if name in NOT_OF_RULES:
            continue
        if value == "":
            rule.pop(name, None)
        else:
            rule[name] = int(value) if name == "enable" else str(value)
    return rule


def _verify(call: Call, rule: dict[str, Any]) -> None:
    """What `verify_rule` refuses."""
    errors: dict[str, str] = {}
    cluster = call.engine.state["firewall"]["cluster"]
    own = firewall_of(call)
    if "type" not in rule:
        errors["type"] = "missing property"
    if "action" not in rule:
        errors["action"] = "missing property"
    elif rule.get("type") == "group":
        if rule["action"] not in cluster["groups"]:
            errors["action"] = f"security group '{rule['action']}' does not exist"
        if "{group}" in call.template:
            errors["type"] = "security groups not allowed"
    elif rule["action"] not in ("ACCEPT", "DROP", "REJECT"):
        errors["action"] = f"unknown action '{rule['action']}'"
    protocols = ("tcp", "udp", "udplite", "dccp", "sctp", "6", "17", "33", "132", "136")
    for port in ("dport", "sport"):
        if port in rule and rule.get("proto") not in protocols and "macro" not in rule:
            errors["proto"] = f"missing property - '{port}' requires this property"
    if "icmp-type" in rule and rule.get("proto") not in ("icmp", "icmpv6", "ipv6-icmp"):
        errors["proto"] = "missing property - 'icmp-type' requires this property"
    if "macro" in rule and "proto" in rule:
        errors["macro"] = "protocol is set by the macro"
    for end in ("source", "dest"):
        for word in str(rule.get(end, "")).split(","):
            if text := unknown_address(word.strip(), cluster, own):
                errors[end] = text
    if errors:
        raise ApiError("Parameter verification failed.", 400, errors)


def unknown_address(word: str, cluster: dict[str, Any], own: dict[str, Any]) -> str:
    if found := re.fullmatch(r"\+(?:(dc|guest)/)?([A-Za-z][\w-]*)", word):
        places = {"dc": [cluster], "guest": [own]}.get(found[1] or "", [cluster, own])
        return "" if any(found[2] in place["ipsets"] for place in places) else f"no such ipset '{found[2]}'"
    if found := re.fullmatch(r"(?:(dc|guest)/)?([A-Za-z][\w-]*)", word):
        places = {"dc": [cluster], "guest": [own]}.get(found[1] or "", [cluster, own])
        return "" if any(found[2].lower() in place["aliases"] for place in places) else f"no such alias '{found[2]}'"
    return ""


@route("POST", *ALL_RULES)
def create_rule(call: Call) -> Any:
    with call.engine.state.mutex:
        held = _rules(call)
        if call.get("digest"):
            changed_meanwhile(call.get("digest"), digest_of(held))
        rule = _fill(call, {})
        _verify(call, rule)
        rule.setdefault("enable", 0)
        # Always the first one, whatever `pos` says (register_create_rule: `unshift @$rules, $rule`).
        held.insert(0, rule)


def _position(call: Call, held: list[dict[str, Any]]) -> int:
    changed_meanwhile(call.get("digest"), digest_of(held))
    position = int(call.text("pos"))
    if position >= len(held):
        raise ApiError(f"no rule at position {position}")
    return position


@route("GET", *ONE_RULE)
def one_rule(call: Call) -> Any:
    held = _rules(call)
    return _listed(held)[_position(call, held)]


@route("PUT", *ONE_RULE)
def update_rule(call: Call) -> Any:
    with call.engine.state.mutex:
        held = _rules(call)
        position = _position(call, held)
        if call.get("moveto") is not None:
            goal = int(call.text("moveto"))
            rule = held[position]
            if goal != position:
                rest = held[:position] + held[position + 1 :]
                # Before the rule that stands at `moveto` now.
                at = min(goal if goal < position else goal - 1, len(rest))
                held[:] = [*rest[:at], rule, *rest[at:]]
            return
        rule = _fill(call, dict(held[position]))
        for name in words(call.get("delete")):
            rule.pop(name, None)
        _verify(call, rule)
        held[position] = rule


@route("DELETE", *ONE_RULE)
def delete_rule(call: Call) -> Any:
    with call.engine.state.mutex:
        held = _rules(call)
        del held[_position(call, held)]


@route("GET", f"{CLUSTER}/groups")
def groups(call: Call) -> Any:
    held = firewall_of(call)
    digest = digest_of(held["groups"])
    comments = held["group_comments"]
    return [
        {"group": name, "digest": digest, **({"comment": comments[name]} if comments.get(name) else {})}
        for name in sorted(held["groups"])
    ]


@route("POST", f"{CLUSTER}/groups")
def create_group(call: Call) -> Any:
    with call.engine.state.mutex:
        held, name, old = firewall_of(call), call.text("group"), call.get("rename")
        changed_meanwhile(call.get("digest"), digest_of(held["groups"]))
        if old:
            if old not in held["groups"]:
                raise wrong_parameter("rename", f"Security group '{old}' does not exist")
            if name != old and name in held["groups"]:
                raise wrong_parameter("group", f"Security group '{name}' already exists")
            held["groups"][name] = held["groups"].pop(old)
        elif name in held["groups"]:
            raise wrong_parameter("group", f"Security group '{name}' already exists")
        else:
            held["groups"][name] = []
        if call.get("comment") is not None:
            held["group_comments"][name] = call.get("comment")


@route("DELETE", f"{CLUSTER}/groups/{{group}}")
def delete_group(call: Call) -> Any:
    with call.engine.state.mutex:
        held, name = firewall_of(call), call.text("group")
        if _rules(call):
            raise ApiError(f"Security group '{name}' is not empty")
        del held["groups"][name]
        held["group_comments"].pop(name, None)


SETS = (f"{CLUSTER}/ipset", f"{VM}/ipset")
ONE_SET = (f"{CLUSTER}/ipset/{{name}}", f"{VM}/ipset/{{name}}")
MEMBER = (f"{CLUSTER}/ipset/{{name}}/{{cidr}}", f"{VM}/ipset/{{name}}/{{cidr}}")
