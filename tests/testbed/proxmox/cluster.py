"""The cluster: resources, free VMIDs, options and backup jobs (pve-manager, PVE/API2/Cluster.pm, Backup.pm)."""

from __future__ import annotations

import re
import secrets
from typing import Any

from . import storages
from .errors import ApiError, wrong_parameter
from .nodes import summary
from .power import status
from .routing import Call, route


@route("GET", "/cluster/nextid")
def next_id(call: Call) -> Any:
    taken = call.engine.state["vms"]
    asked = call.get("vmid")
    if asked:
        if asked in taken:
            raise wrong_parameter("vmid", f"VM {asked} already exists")
        return asked
    low, high = 100, 999999999
    settings = dict(part.split("=") for part in str(call.engine.state["options"].get("next-id", "")).split(",") if part)
    low, high = int(settings.get("lower", low)), int(settings.get("upper", high))
    for vmid in range(low, high):
        if str(vmid) not in taken:
            return str(vmid)
    raise ApiError(f"unable to get any free VMID in range [{low}, {high}]")


@route("GET", "/cluster/resources")
def resources(call: Call) -> Any:
    engine, kind, access = call.engine, call.get("type"), call.engine.access
    found: list[dict[str, Any]] = []
    with engine.state.mutex:
        of = {str(vmid): name for name, pool in engine.state["pools"].items() for vmid in pool["vms"]}
        if kind in (None, "vm"):
            for vmid, vm in engine.state["vms"].items():
                if access.allows(call.who, f"/vms/{vmid}", ["VM.Audit"]):
                    entry = status(engine, int(vmid), vm)
                    entry["maxcpu"] = entry.pop("cpus")
                    entry.pop("pid", None)
                    extra = {"pool": of[vmid]} if vmid in of else {}
                    base = {"id": f"qemu/{vmid}", "type": "qemu", "node": vm["node"], "template": 0}
                    found.append({**base, **entry, **extra})
        if kind in (None, "node"):
            found += [summary(call, name) for name in engine.nodes]
        if kind in (None, "storage"):
            for node in engine.nodes:
                found += [_storage(call, node, name) for name in engine.state["storages"] if _seen(call, node, name)]
        if kind is None:
            found += [
                {"id": f"/pool/{name}", "type": "pool", "pool": name}
                for name in engine.state["pools"]
                if access.allows(call.who, f"/pool/{name}", ["Pool.Audit"])
            ]
        if kind in (None, "sdn"):
            found += [
                {"id": f"sdn/{node}/localnetwork", "type": "sdn", "sdn": "localnetwork", "node": node, "status": "ok"}
                for node in engine.nodes
                if access.allows(call.who, "/sdn/zones/localnetwork", ["SDN.Audit"])
            ]
    return found


def _seen(call: Call, node: str, name: str) -> bool:
    engine = call.engine
    return storages.on_node(engine, node, name) and engine.access.allows(
        call.who, f"/storage/{name}", ["Datastore.Audit"]
    )


def _storage(call: Call, node: str, name: str) -> dict[str, Any]:
    known = storages.figures(call.engine, node, name)
    return {
        "id": f"storage/{node}/{name}",
        "type": "storage",
        "storage": name,
        "node": node,
        "status": "available" if known["active"] else "unknown",
        "plugintype": known["type"],
        "content": known["content"],
        "shared": known["shared"],
        "disk": known["used"],
        "maxdisk": known["total"],
    }


@route("GET", "/cluster/status")
def cluster_status(call: Call) -> Any:
    nodes = call.engine.state["nodes"]
    found: list[dict[str, Any]] = [
        {
            "id": f"node/{name}",
            "type": "node",
            "name": name,
            "ip": known["address"],
            "local": int(number == 0),
            "nodeid": known["number"] if len(nodes) > 1 else 0,
            "online": 1,
            "level": "",
        }
        for number, (name, known) in enumerate(nodes.items())
    ]
    if len(nodes) > 1:
        entry = {"id": "cluster", "type": "cluster", "name": call.engine.cluster, "nodes": len(nodes)}
        found.insert(0, {**entry, "quorate": 1, "version": len(nodes)})
    return found


@route("GET", "/cluster/options")
def options(call: Call) -> Any:
    return call.engine.state["options"]


@route("PUT", "/cluster/options")
def set_options(call: Call) -> Any:
    with call.engine.state.mutex:
        known = call.engine.state["options"]
        for name in re.split(r"[,;\s]+", call.get("delete", "") or ""):
            known.pop(name, None)
        known.update({name: value for name, value in call.sent().items() if name != "delete"})


@route("GET", "/cluster/ha/resources")
def ha_resources(call: Call) -> Any:
    return []


@route("GET", "/cluster/sdn/zones")
def zones(call: Call) -> Any:
    return []


@route("GET", "/cluster/sdn/vnets")
def vnets(call: Call) -> Any:
    return []


NUMBERS = ("all", "enabled", "remove", "repeat-missed", "protected", "quiet", "maxfiles", "bwlimit", "ionice")


def _job(call: Call) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in call.sent().items():
        if name not in ("id", "delete", "digest", "starttime", "dow"):
            found[name] = int(value) if name in NUMBERS and str(value).isdigit() else value
    if call.get("starttime"):
        found["schedule"] = f"{call.get('dow', '')} {call.get('starttime')}".strip()
    return found


def _check_job(call: Call, job: dict[str, Any]) -> None:
    if not (job.get("vmid") or job.get("all") or job.get("pool")):
        raise wrong_parameter("vmid", "property is missing and it is not optional")
    chosen = [name for name in ("vmid", "all", "pool") if job.get(name)]
    if len(chosen) > 1:
        raise wrong_parameter(chosen[0], f"option conflicts with option '{chosen[1]}'")
    if "storage" in job:
        if job["storage"] not in call.engine.state["storages"]:
            raise ApiError(f"storage '{job['storage']}' does not exist")
        if "backup" not in call.engine.state["storages"][job["storage"]]["content"].split(","):
            raise ApiError(f"can't use storage '{job['storage']}' for backups - wrong content type")
    if job.get("pool") and job["pool"] not in call.engine.state["pools"]:
        raise ApiError(f"pool '{job['pool']}' does not exist")


@route("GET", "/cluster/backup")
def jobs(call: Call) -> Any:
    return [{"id": name, **_shown(job)} for name, job in call.engine.state["jobs"].items()]


def _shown(job: dict[str, Any]) -> dict[str, Any]:
    """`prune-backups` comes back as an object (PVE/API2/Backup.pm, parse_property_string)."""
    shown = {"type": "vzdump", "next-run": 0, **job}
    if isinstance(shown.get("prune-backups"), str):
        shown["prune-backups"] = dict(part.split("=") for part in shown["prune-backups"].split(","))
    return shown


@route("POST", "/cluster/backup")
def create_job(call: Call) -> Any:
    with call.engine.state.mutex:
        name = call.get("id") or f"backup-{secrets.token_hex(4)}-{secrets.token_hex(2)}"
        if name in call.engine.state["jobs"]:
            raise ApiError(f"Job '{name}' already exists")
        job = {"enabled": 1, **_job(call)}
        _check_job(call, job)
        call.engine.state["jobs"][name] = job


@route("GET", "/cluster/backup/{id}")
def one_job(call: Call) -> Any:
    return {"id": call.text("id"), **_shown(_known(call))}


def _known(call: Call) -> dict[str, Any]:
    job: dict[str, Any] | None = call.engine.state["jobs"].get(call.text("id"))
    if job is None:
        raise wrong_parameter("id", f"No such job '{call.text('id')}'")
    return job


@route("PUT", "/cluster/backup/{id}")
def update_job(call: Call) -> Any:
    with call.engine.state.mutex:
        job = dict(_known(call))
        for name in re.split(r"[,;\s]+", call.get("delete", "") or ""):
            job.pop(name, None)
        job.update(_job(call))
        # One way to choose guests puts out the others.
        for chosen in ("vmid", "pool", "all"):
            if call.get(chosen):
                for other in {"vmid", "pool", "all"} - {chosen}:
                    job.pop(other, None)
        _check_job(call, job)
        call.engine.state["jobs"][call.text("id")] = job


@route("DELETE", "/cluster/backup/{id}")
def delete_job(call: Call) -> Any:
    with call.engine.state.mutex:
        _known(call)
        del call.engine.state["jobs"][call.text("id")]
