"""Storages: their settings and their content (pve-storage, PVE/API2/Storage/*.pm)."""

from __future__ import annotations

import hashlib
import json
import re
import time
from typing import TYPE_CHECKING, Any

from . import volumes
from .errors import ApiError, changed_meanwhile, no_permission, wrong_parameter
from .routing import Call, route

if TYPE_CHECKING:
    from .engine import Engine

GIB = 1 << 30
NODE = "/nodes/{node}/storage"
FOLDERS = {"iso": "template/iso", "vztmpl": "template/cache", "backup": "dump"}
FILES = "iso vztmpl backup snippets import"
TYPES = {
    "dir": ("path", "images rootdir vztmpl iso backup snippets import none"),
    "lvmthin": ("thinpool vgname", "images rootdir none"),
    "lvm": ("vgname", "images rootdir none"),
    "zfspool": ("pool", "images rootdir none"),
    "nfs": ("server export", "images rootdir vztmpl iso backup snippets import none"),
    "cifs": ("server share", "images rootdir vztmpl iso backup snippets import none"),
    "rbd": ("", "images rootdir none"),
    "cephfs": ("", "vztmpl iso backup snippets import none"),
    "btrfs": ("path", "images rootdir vztmpl iso backup snippets import none"),
    "pbs": ("server datastore", "backup none"),
}


def fresh() -> dict[str, dict[str, Any]]:
    """The storages of a new installation."""
    return {
        "local": {"type": "dir", "path": "/var/lib/vz", "content": "backup,iso,vztmpl", "total": 100 * GIB},
        "local-lvm": {
            "type": "lvmthin",
            "thinpool": "data",
            "vgname": "pve",
            "content": "images,rootdir",
            "total": 1000 * GIB,
        },
    }


def make_folders(engine: Engine) -> None:
    """Make the folders of files that tests, or the host's roles, put there: snippets above all."""
    for name, known in engine.state["storages"].items():
        if known["type"] in volumes.FILES:
            for kind in FILES.split():
                (engine.storage_folder(name) / FOLDERS.get(kind, kind)).mkdir(parents=True, exist_ok=True)


def _digest(engine: Engine) -> str:
    return hashlib.sha1(json.dumps(engine.state["storages"], sort_keys=True).encode()).hexdigest()


def _shown(engine: Engine, name: str) -> dict[str, Any]:
    entry = {key: value for key, value in engine.state["storages"][name].items() if key not in ("total", "password")}
    return {"storage": name, "digest": _digest(engine), **entry}


@route("GET", "/storage")
def storages(call: Call) -> Any:
    engine, names = call.engine, ["Datastore.Audit", "Datastore.AllocateSpace"]
    return [
        _shown(engine, name)
        for name, entry in engine.state["storages"].items()
        if engine.access.allows(call.who, f"/storage/{name}", names, any_of=True)
        and call.get("type", entry["type"]) == entry["type"]
    ]


@route("GET", "/storage/{storage}")
def one_storage(call: Call) -> Any:
    if call.text("storage") not in call.engine.state["storages"]:
        raise ApiError(f"storage '{call.text('storage')}' does not exist")
    return _shown(call.engine, call.text("storage"))


def _settings(call: Call, kind: str, drop: tuple[str, ...] = ("storage", "digest", "delete")) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in call.sent().items():
        if name in drop:
            continue
        found[name] = int(value) if name in ("shared", "disable", "sparse") else value
    if "content" in found:
        words = [word for word in re.split(r"[,;\s]+", str(found["content"])) if word]
        for word in words:
            if word not in TYPES[kind][1].split():
                raise ApiError(f"storage does not support content type '{word}'")
        found["content"] = ",".join(sorted(set(words)))
    return found


@route("POST", "/storage")
def create_storage(call: Call) -> Any:
    engine, name, kind = call.engine, call.text("storage"), call.text("type")
    with engine.state.mutex:
        if name in engine.state["storages"]:
            raise ApiError(f"create storage failed: storage ID '{name}' already defined")
        if kind not in TYPES:
            raise wrong_parameter("type", f"storage type '{kind}' is not part of the stand-in")
        for needed in TYPES[kind][0].split():
            if not call.get(needed):
                raise wrong_parameter(needed, "property is missing and it is not optional")
        entry = {"content": "images,rootdir" if "images" in TYPES[kind][1] else "backup", **_settings(call, kind)}
        engine.state["storages"][name] = {**entry, "type": kind, "total": 1000 * GIB}
        make_folders(engine)
    return {"storage": name, "type": kind}


@route("PUT", "/storage/{storage}")
def update_storage(call: Call) -> Any:
    engine, name = call.engine, call.text("storage")
    with engine.state.mutex:
        changed_meanwhile(call.get("digest"), _digest(engine))
        if name not in engine.state["storages"]:
            raise ApiError(f"update storage failed: storage '{name}' does not exist")
        entry = engine.state["storages"][name]
        for option in re.split(r"[,;\s]+", call.get("delete", "") or ""):
            entry.pop(option, None)
        entry.update(_settings(call, entry["type"]))
        make_folders(engine)
    return {"storage": name, "type": entry["type"]}


@route("DELETE", "/storage/{storage}")
def delete_storage(call: Call) -> Any:
    engine, name = call.engine, call.text("storage")
    with engine.state.mutex:
        if name not in engine.state["storages"]:
            raise ApiError(f"delete storage failed: storage '{name}' does not exist")
        del engine.state["storages"][name]


def figures(engine: Engine, node: str, name: str) -> dict[str, Any]:
    """What is known of a storage on a node, as lists and the status show it."""
    entry = engine.state["storages"][name]
    used = sum(int(volume["size"]) for volume in volumes.of_storage(engine, node, name).values())
    enabled = int(str(entry.get("disable", 0)) != "1")
    total = int(entry.get("total", 0))
    return {
        "type": entry["type"],
        "content": entry["content"],
        "shared": int(volumes.is_shared(entry)),
        "enabled": enabled,
        "active": enabled,
        "total": total,
        "used": min(used, total),
        "avail": max(total - used, 0),
        "used_fraction": min(used, total) / total if total else 0,
    }


def on_node(engine: Engine, node: str, name: str) -> bool:
    """Whether a storage is one of this node."""
    nodes = engine.state["storages"][name].get("nodes")
    return not nodes or node in re.split(r"[,;\s]+", nodes)


@route("GET", NODE)
def node_storages(call: Call) -> Any:
    engine, listed = call.engine, []
    for name in engine.state["storages"]:
        found = figures(engine, call.node, name)
        names = ["Datastore.Audit", "Datastore.AllocateSpace"]
        wanted = set(re.split(r"[,;\s]+", call.get("content", "") or "")) - {""}
        if (
            on_node(engine, call.node, name)
            and call.get("storage", name) == name
            and (not call.flag("enabled") or found["enabled"])
            and (not wanted or wanted & set(found["content"].split(",")))
            and engine.access.allows(call.who, f"/storage/{name}", names, any_of=True)
        ):
            listed.append({"storage": name, **found})
    return listed


@route("GET", f"{NODE}/{{storage}}/status")
def storage_status(call: Call) -> Any:
    volumes.storage(call.engine, call.text("storage"), call.node)
    return figures(call.engine, call.node, call.text("storage"))


def _entry(volid: str, known: dict[str, Any]) -> dict[str, Any]:
    shown = {"volid": volid, "format": known["format"], "size": known["size"], "content": known["content"]}
    for key in ("vmid", "parent", "ctime", "notes"):
        if key in known:
            shown[key] = known[key]
    return shown


@route("GET", f"{NODE}/{{storage}}/content")
def content(call: Call) -> Any:
    engine, name = call.engine, call.text("storage")
    volumes.storage(engine, name, call.node)
    listed = []
    for volid, known in sorted(volumes.of_storage(engine, call.node, name).items()):
        if call.get("content", known["content"]) != known["content"]:
            continue
        if call.get("vmid", str(known.get("vmid"))) != str(known.get("vmid")):
            continue
        listed.append(_entry(volid, known))
    known_entry = engine.state["storages"][name]
    if known_entry["type"] in volumes.FILES and call.get("content", "snippets") == "snippets" and not call.get("vmid"):
        for path in sorted((engine.storage_folder(name) / "snippets").glob("*")):
            entry = {"format": "snippet", "size": path.stat().st_size, "content": "snippets"}
            listed.append({"volid": f"{name}:snippets/{path.name}", "ctime": int(path.stat().st_mtime), **entry})
    return listed


def _volid(call: Call) -> str:
    volume, name = call.text("volume"), call.text("storage")
    return volume if volume.startswith(f"{name}:") else f"{name}:{volume}"


@route("GET", f"{NODE}/{{storage}}/content/{{volume}}")
def one_volume(call: Call) -> Any:
    volid = _volid(call)
    known = volumes.find(call.engine, call.node, volid)
    if known is None:
        raise ApiError(f"volume '{volid}' does not exist")
    path = call.engine.storage_folder(call.text("storage")) / volid.partition(":")[2]
    return {"path": str(path), "size": known["size"], "used": known["size"], "format": known["format"]}


@route("DELETE", f"{NODE}/{{storage}}/content/{{volume}}")
def delete_volume(call: Call) -> Any:
    engine, volid, name = call.engine, _volid(call), call.text("storage")
    with engine.state.mutex:
        volumes.storage(engine, name, call.node)
        known = volumes.need(engine, call.node, volid)
        right = "AllocateTemplate" if known["content"] in ("iso", "vztmpl", "import", "snippets") else "AllocateSpace"
        mine = engine.access.allows(call.who, f"/vms/{known.get('vmid')}", ["VM.Config.Disk"])
        if (
            "vmid" in known
            and not mine
            and not engine.access.allows(call.who, f"/storage/{name}", ["Datastore.Allocate"])
        ):
            raise no_permission(f"/storage/{name}, Datastore.Allocate")
        engine.access.check(call.who, f"/storage/{name}", [f"Datastore.{right}"])

    def work(log: Any) -> None:
        engine.linger()
        with engine.state.mutex:
            volumes.free(engine, call.node, volid)
        path = engine.storage_folder(name) / FOLDERS.get(known["content"], known["content"]) / volid.split("/")[-1]
        path.unlink(missing_ok=True)
        log(f"Removed volume '{volid}'")

    # pve-storage, PVE/API2/Storage/Content.pm: the owner and the storage, and nothing of the volume's name.
    owner = f"{known['vmid']}@" if "vmid" in known else ""
    upid = engine.tasks.start("imgdel", f"{owner}{name}", call.node, call.who.name, work)
    delay = call.get("delay")
    end = time.monotonic() + float(delay or 0)
    while delay and time.monotonic() < end:
        if engine.state["tasks"][upid]["status"] == "stopped":
            return None
        engine.closed.wait(0.02)
    return upid
