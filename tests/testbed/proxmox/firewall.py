"""Firewalls of the data centre, the nodes and the VMs (pve-firewall, src/PVE/API2/Firewall/*.pm)."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

from . import vmfile
from .errors import changed_meanwhile, wrong_parameter
from .routing import Call, route

CLUSTER, NODE, VM = "/cluster/firewall", "/nodes/{node}/firewall", "/nodes/{node}/qemu/{vmid}/firewall"
ALIASES = (f"{CLUSTER}/aliases", f"{VM}/aliases")
ALIAS = tuple(f"{path}/{{name}}" for path in ALIASES)
NUMBERS = {"enable", "ebtables", "dhcp", "ndp", "macfilter", "ipfilter", "radv", "smurfs", "tcpflags", "nosmurfs"}
NUMBERS |= {
    "nf_conntrack_max",
    "nf_conntrack_allow_invalid",
    "nf_conntrack_tcp_timeout_established",
    "log_nf_conntrack",
}
NUMBERS |= {"nf_conntrack_tcp_timeout_syn_recv", "protection_synflood", "protection_synflood_rate", "nftables"}
NUMBERS |= {"protection_synflood_burst"}


def fresh() -> dict[str, Any]:
    """A firewall with nothing in it."""
    return {
        "options": {},
        "rules": [],
        "groups": {},
        "group_comments": {},
        "ipsets": {},
        "ipset_comments": {},
        "aliases": {},
    }


def firewall_of(call: Call) -> dict[str, Any]:
    """The firewall that a path is of."""
    state = call.engine.state["firewall"]
    if "{vmid}" in call.template:
        vmfile.load(call.engine, call.vmid, call.node)
        found: dict[str, Any] = state["vms"].setdefault(str(call.vmid), fresh())
    elif "{node}" in call.template:
        found = state["nodes"].setdefault(call.node, fresh())
    else:
        found = state["cluster"]
    return found


def digest_of(held: Any) -> str:
    return hashlib.sha1(json.dumps(held, sort_keys=True).encode()).hexdigest()


def words(text: str | None) -> list[str]:
    return [word for word in re.split(r"[,;\s]+", text or "") if word]


@route("GET", f"{CLUSTER}/options", f"{NODE}/options", f"{VM}/options")
def options(call: Call) -> Any:
    held = firewall_of(call)["options"]
    return {**held, "digest": digest_of(held)}


@route("PUT", f"{CLUSTER}/options", f"{NODE}/options", f"{VM}/options")
def set_options(call: Call) -> Any:
    with call.engine.state.mutex:
        held = firewall_of(call)["options"]
        changed_meanwhile(call.get("digest"), digest_of(held))
        for name in words(call.get("delete")):
            held.pop(name, None)
        for name, value in call.sent().items():
            if name not in ("delete", "digest"):
                held[name] = int(value) if name in NUMBERS else value


@route("GET", *ALIASES)
def aliases(call: Call) -> Any:
    held = firewall_of(call)["aliases"]
    digest = digest_of(held)
    return [{**entry, "digest": digest} for _, entry in sorted(held.items())]


@route("POST", *ALIASES)
def create_alias(call: Call) -> Any:
    with call.engine.state.mutex:
        held, name = firewall_of(call)["aliases"], call.text("name")
        if name.lower() in held:
            raise wrong_parameter("name", f"alias '{name}' already exists")
        held[name.lower()] = _alias(call, name)


def _alias(call: Call, name: str) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": name, "cidr": call.text("cidr"), "ipversion": 6 if ":" in call.text("cidr") else 4}
    return {**entry, **({"comment": call.get("comment")} if call.get("comment") else {})}


def _one_alias(call: Call) -> dict[str, Any]:
    found: dict[str, Any] | None = firewall_of(call)["aliases"].get(call.text("name").lower())
    if found is None:
        raise wrong_parameter("name", f"no such alias '{call.text('name')}'")
    return found


@route("GET", *ALIAS)
def alias(call: Call) -> Any:
    return _one_alias(call)


@route("PUT", *ALIAS)
def update_alias(call: Call) -> Any:
    with call.engine.state.mutex:
        held = firewall_of(call)["aliases"]
        _one_alias(call)
        changed_meanwhile(call.get("digest"), digest_of(held))
        fresh_name = call.get("rename") or call.text("name")
        if fresh_name.lower() != call.text("name").lower() and fresh_name.lower() in held:
            raise wrong_parameter("name", f"alias '{fresh_name}' already exists")
        del held[call.text("name").lower()]
        held[fresh_name.lower()] = _alias(call, fresh_name)


@route("DELETE", *ALIAS)
def delete_alias(call: Call) -> Any:
    with call.engine.state.mutex:
        held = firewall_of(call)["aliases"]
        changed_meanwhile(call.get("digest"), digest_of(held))
        held.pop(call.text("name").lower(), None)


@route("GET", f"{CLUSTER}/refs", f"{VM}/refs")
def refs(call: Call) -> Any:
    held = firewall_of(call)
    sets = [{"type": "ipset", "name": name, "ref": f"+{name}"} for name in held["ipsets"]]
    return [
        *sets,
        *({"type": "alias", "name": entry["name"], "ref": entry["name"]} for entry in held["aliases"].values()),
    ]
