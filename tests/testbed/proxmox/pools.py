"""Pools (pve-manager, PVE/API2/Pool.pm)."""

from __future__ import annotations

import re
from typing import Any

from .errors import ApiError
from .power import status
from .routing import Call, route
from .storages import figures


@route("GET", "/pools")
def pools(call: Call) -> Any:
    engine = call.engine
    if call.get("poolid"):
        return [{"poolid": call.text("poolid"), **one_pool(call)}]
    return [
        {"poolid": name, **({"comment": pool["comment"]} if pool.get("comment") else {})}
        for name, pool in engine.state["pools"].items()
        if engine.access.allows(call.who, f"/pool/{name}", ["Pool.Audit"])
    ]


def _known(call: Call) -> dict[str, Any]:
    pool: dict[str, Any] | None = call.engine.state["pools"].get(call.text("poolid"))
    if pool is None:
        doing = {"PUT": "update pools failed: ", "DELETE": "delete pool failed: "}.get(call.method, "")
        raise ApiError(f"{doing}pool '{call.text('poolid')}' does not exist")
    return pool


@route("GET", "/pools/{poolid}")
def one_pool(call: Call) -> Any:
    engine, members = call.engine, []
    with engine.state.mutex:
        pool = _known(call)
        for vmid in pool["vms"]:
            vm = engine.state["vms"].get(str(vmid))
            if vm and call.get("type", "qemu") == "qemu":
                found = status(engine, vmid, vm)
                members.append({**found, "id": f"qemu/{vmid}", "type": "qemu", "node": vm["node"]})
        for name in pool["storage"]:
            for node in engine.nodes:
                if name in engine.state["storages"] and call.get("type", "storage") == "storage":
                    entry = {"id": f"storage/{node}/{name}", "storage": name, "node": node}
                    members.append({**figures(engine, node, name), **entry, "type": "storage", "status": "available"})
        return {"members": members, **({"comment": pool["comment"]} if pool.get("comment") else {})}


@route("POST", "/pools")
def create_pool(call: Call) -> Any:
    name = call.text("poolid")
    with call.engine.state.mutex:
        if name in call.engine.state["pools"]:
            raise ApiError(f"create pool failed: pool '{name}' already exists")
        call.engine.state["pools"][name] = {"comment": call.get("comment", ""), "vms": [], "storage": []}


@route("PUT", "/pools", "/pools/{poolid}")
def update_pool(call: Call) -> Any:
    state, delete = call.engine.state, call.flag("delete")
    with state.mutex:
        pool = _known(call)
        if call.get("comment") is not None:
            pool["comment"] = call.get("comment")
        for word in _words(call.get("vms")):
            _member(call, pool, int(word), delete)
        for name in _words(call.get("storage")):
            call.engine.access.check_modify(call.who, f"/storage/{name}")
            if delete and name not in pool["storage"]:
                raise ApiError(f"update pools failed: Storage '{name}' is not a pool member")
            if not delete and name in pool["storage"]:
                raise ApiError(f"update pools failed: Storage '{name}' is already a pool member")
            if delete:
                pool["storage"].remove(name)
            else:
                pool["storage"].append(name)


def _words(text: str | None) -> list[str]:
    return [word for word in re.split(r"[,;\s]+", text or "") if word]


def _member(call: Call, pool: dict[str, Any], vmid: int, delete: bool) -> None:
    # Whoever moves a VM between pools changes who may do what with it.
    access, name = call.engine.access, call.text("poolid")
    access.check_modify(call.who, f"/vms/{vmid}")
    if delete:
        if vmid not in pool["vms"]:
            raise ApiError(f"update pools failed: VM {vmid} is not a pool member")
        pool["vms"].remove(vmid)
        return
    if vmid in pool["vms"]:
        raise ApiError(f"update pools failed: VM {vmid} is already a pool member")
    for other, known in call.engine.state["pools"].items():
        if other != name and vmid in known["vms"]:
            if not call.flag("allow-move"):
                raise ApiError(
                    f"update pools failed: VM {vmid} belongs already to pool '{other}' and 'allow-move' is not set"
                )
            access.check(call.who, f"/pool/{other}", ["Pool.Allocate"])
            known["vms"].remove(vmid)
    pool["vms"].append(vmid)


@route("DELETE", "/pools", "/pools/{poolid}")
def delete_pool(call: Call) -> Any:
    with call.engine.state.mutex:
        name, pool = call.text("poolid"), _known(call)
        there = [vmid for vmid in pool["vms"] if str(vmid) in call.engine.state["vms"]]
        if there:
            raise ApiError(f"delete pool failed: pool '{name}' is not empty (contains VM {there[0]})")
        if pool["storage"]:
            raise ApiError(f"delete pool failed: pool '{name}' is not empty (contains storage '{pool['storage'][0]}')")
        del call.engine.state["pools"][name]
        call.engine.state["acl"] = [entry for entry in call.engine.state["acl"] if entry["path"] != f"/pool/{name}"]
