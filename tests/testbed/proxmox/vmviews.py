"""A VM's configuration as it is read, and its cloud-init drive (qemu-server, PVE/API2/Qemu.pm)."""

from __future__ import annotations

from typing import Any

from . import cloudinit, options, vmfile
from .errors import ApiError
from .routing import Call, route

VM = "/nodes/{node}/qemu/{vmid}"


@route("GET", f"{VM}/config")
def config(call: Call) -> Any:
    vm = vmfile.load(call.engine, call.vmid, call.node)
    if call.get("snapshot"):
        raise ApiError(f"snapshot '{call.get('snapshot')}' does not exist")
    chosen = vm["config"] if call.flag("current") else vmfile.wanted(vm)
    return {**vmfile.shown(chosen), "digest": vmfile.digest(vm)}


@route("GET", f"{VM}/pending")
def pending(call: Call) -> Any:
    vm = vmfile.load(call.engine, call.vmid, call.node)
    current, later = vmfile.shown(vm["config"]), vmfile.shown(vm["pending"])
    listed = []
    for option in sorted(set(current) | set(later)):
        entry: dict[str, Any] = {"key": option}
        if option in current:
            entry["value"] = current[option]
        if option in later:
            entry["pending"] = later[option]
        if option in vm["delete"]:
            entry["delete"] = 2 if vm["delete"][option] else 1
        listed.append(entry)
    return [*listed, {"key": "digest", "value": vmfile.digest(vm)}]


@route("GET", f"{VM}/cloudinit")
def cloud_init(call: Call) -> Any:
    vm = vmfile.load(call.engine, call.vmid, call.node)
    current = vmfile.shown(vm["config"])
    made: dict[str, str | None] = vm["cloudinit"]
    # As PVE does it: other addresses and cards are not told unless they came or went, and a "0" is taken for nothing.
    listed: list[dict[str, Any]] = [
        {"key": name, "pending": current[name]} for name, old in made.items() if old is None and name in current
    ]
    for name in sorted(options.CLOUD_INIT):
        if current.get(name) and not (name in made and made[name] is None):
            old = made.get(name)
            if old in (None, "", "0"):
                listed.append({"key": name, "value": current[name]})
            else:
                shown = vmfile.shown({name: str(old)})[name]
                listed.append({"key": name, "value": shown, "pending": current[name]})
    return listed + [
        {"key": name, "delete": 1} for name, old in made.items() if old is not None and not current.get(name)
    ]


@route("PUT", f"{VM}/cloudinit")
def regenerate(call: Call) -> Any:
    engine = call.engine
    with engine.locks.held(call.vmid, engine.lock_seconds), engine.state.mutex:
        vm = vmfile.load(engine, call.vmid, call.node)
        vmfile.check_lock(vm)
        if cloudinit.drive(vm["config"]):
            cloudinit.generate(engine, call.node, call.vmid, vm["config"])
            vm["cloudinit"] = {}


@route("GET", f"{VM}/cloudinit/dump")
def dump(call: Call) -> Any:
    vm = vmfile.load(call.engine, call.vmid, call.node)
    texts = cloudinit.generate(call.engine, call.node, call.vmid, vm["config"])
    return {"user": texts.user_data, "network": texts.network_config, "meta": texts.meta_data}[call.text("type")]


@route("GET", f"{VM}/snapshot")
def snapshots(call: Call) -> Any:
    vm = vmfile.load(call.engine, call.vmid, call.node)
    running = int(call.engine.hypervisor.running(call.vmid))
    return [{"name": "current", "description": "You are here!", "digest": vmfile.digest(vm), "running": running}]
