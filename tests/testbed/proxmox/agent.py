"""The guest agent (qemu-server, PVE/API2/Qemu/Agent.pm; `agent_available` in PVE/QemuServer/Agent.pm)."""

from __future__ import annotations

from typing import Any

from . import properties, vmfile
from .errors import ApiError
from .routing import Call, route

VM = "/nodes/{node}/qemu/{vmid}"


def _interfaces(call: Call) -> list[dict[str, Any]]:
    """What the agent says, or the real error why none answers."""
    engine, vmid = call.engine, call.vmid
    with engine.state.mutex:
        vm = vmfile.load(engine, vmid, call.node)
        enabled = properties.parse(vm["config"].get("agent", ""), "enabled").get("enabled") == "1"
        silent = vm.get("silent", False)
    if not enabled:
        raise ApiError("No QEMU guest agent configured")
    if not engine.hypervisor.running(vmid):
        raise ApiError(f"VM {vmid} is not running")
    never = silent or engine.faults.of_machine("agent_never", vmid)
    found = None if never else engine.hypervisor.interfaces(vmid)
    if found is None:
        raise ApiError("QEMU guest agent is not running")
    return found


@route("GET", f"{VM}/agent")
def index(call: Call) -> Any:
    return [{"name": name} for name in ("info", "network-get-interfaces", "ping")]


@route("GET", f"{VM}/agent/network-get-interfaces")
def interfaces(call: Call) -> Any:
    return {"result": _interfaces(call)}


@route("POST", f"{VM}/agent/ping")
def ping(call: Call) -> Any:
    _interfaces(call)
    return {"result": {}}


@route("GET", f"{VM}/agent/info")
def info(call: Call) -> Any:
    _interfaces(call)
    names = ("guest-ping", "guest-info", "guest-network-get-interfaces", "guest-shutdown")
    commands = [{"name": name, "enabled": True, "success-response": True} for name in names]
    return {"result": {"version": "7.2.13", "supported_commands": commands}}
