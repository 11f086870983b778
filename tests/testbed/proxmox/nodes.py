"""Nodes: what they are, and their networks (pve-manager, PVE/API2/Nodes.pm and Network.pm)."""

from __future__ import annotations

import copy
import ipaddress
import re
import time
from typing import Any

from .errors import wrong_parameter
from .routing import Call, route

GIB = 1 << 30
NODE = "/nodes/{node}"
CORES, MEMORY, ROOT = 16, 64 * GIB, 100 * GIB

CONFIG_ONLY = {"node", "iface", "delete"}


def fresh(number: int) -> dict[str, Any]:
    """A node as installed: one card, one bridge with the node's address."""
    address = f"192.168.100.{1 + number}"
    bridge = {
        "type": "bridge",
        "method": "static",
        "method6": "manual",
        "address": address,
        "netmask": "24",
        "cidr": f"{address}/24",
        "gateway": "192.168.100.254",
        "bridge_ports": "eno1",
        "bridge_stp": "off",
        "bridge_fd": "0",
        "autostart": 1,
        "active": 1,
        "families": ["inet"],
        "priority": 4,
    }
    card = {
        "type": "eth",
        "method": "manual",
        "method6": "manual",
        "exists": 1,
        "active": 1,
        "families": ["inet"],
        "priority": 3,
    }
    return {
        "number": number + 1,
        "address": address,
        "started": int(time.time()),
        "network": {"eno1": card, "vmbr0": bridge},
        "network_new": None,
        "dns": {"dns1": "192.168.100.254", "search": "autolabs.internal"},
        "timezone": "UTC",
        "disk": ROOT,
    }


@route("GET", "/version")
def version(call: Call) -> Any:
    from .engine import VERSION

    return VERSION


def summary(call: Call, name: str) -> dict[str, Any]:
    """A node as lists show it; figures for whoever may look."""
    node = call.engine.state["nodes"][name]
    found: dict[str, Any] = {"node": name, "status": "online", "id": f"node/{name}", "type": "node"}
    if call.engine.access.allows(call.who, f"/nodes/{name}", ["Sys.Audit"]):
        found.update(cpu=0.01, maxcpu=CORES, mem=4 * GIB, maxmem=MEMORY, disk=5 * GIB, maxdisk=ROOT, level="")
        found.update(uptime=int(time.time()) - node["started"] + 1)
    return found


@route("GET", "/nodes")
def nodes(call: Call) -> Any:
    return [{**summary(call, name), "ssl_fingerprint": ":".join(["00"] * 32)} for name in call.engine.nodes]


@route("GET", NODE)
def index(call: Call) -> Any:
    return [{"name": name} for name in ("dns", "firewall", "network", "qemu", "status", "storage", "tasks", "version")]


@route("GET", f"{NODE}/version")
def node_version(call: Call) -> Any:
    return version(call)


@route("GET", f"{NODE}/status")
def status(call: Call) -> Any:
    found = call.engine.state["nodes"][call.node]
    return {
        "uptime": int(time.time()) - found["started"] + 1,
        "cpu": 0.01,
        "loadavg": ["0.10", "0.10", "0.10"],
        "cpuinfo": {"cpus": CORES, "cores": CORES // 2, "sockets": 1, "model": "stand-in", "mhz": "3000.000"},
        "memory": {"total": MEMORY, "used": 4 * GIB, "free": MEMORY - 4 * GIB, "available": MEMORY - 4 * GIB},
        "swap": {"total": 0, "used": 0, "free": 0},
        "rootfs": {"total": ROOT, "used": 5 * GIB, "free": ROOT - 5 * GIB, "avail": ROOT - 5 * GIB},
        "pveversion": "pve-manager/8.4.1/2a5fa54a8503f96d",
        "kversion": "Linux 6.8.12-10-pve",
        "boot-info": {"mode": "efi", "secureboot": 0},
    }


@route("GET", f"{NODE}/time")
def clock(call: Call) -> Any:
    now = int(time.time())
    return {"time": now, "localtime": now, "timezone": call.engine.state["nodes"][call.node]["timezone"]}


@route("GET", f"{NODE}/dns")
def dns(call: Call) -> Any:
    return call.engine.state["nodes"][call.node]["dns"]


@route("PUT", f"{NODE}/dns")
def set_dns(call: Call) -> Any:
    with call.engine.state.mutex:
        call.engine.state["nodes"][call.node]["dns"] = {name: str(value) for name, value in call.sent().items()}


@route("GET", f"{NODE}/lxc")
def containers(call: Call) -> Any:
    return []


def _interfaces(call: Call) -> dict[str, dict[str, Any]]:
    """The networks as they will be after a reload."""
    node = call.engine.state["nodes"][call.node]
    found: dict[str, dict[str, Any]] = node["network_new"] if node["network_new"] is not None else node["network"]
    return found


def _shown(name: str, entry: dict[str, Any]) -> dict[str, Any]:
    return {"iface": name, **entry}


@route("GET", f"{NODE}/network")
def networks(call: Call) -> Any:
    kind, listed = call.get("type"), []
    with call.engine.state.mutex:
        for name, entry in sorted(_interfaces(call).items()):
            if kind in ("any_bridge", "any_local_bridge", "include_sdn"):
                fits = entry["type"] in ("bridge", "OVSBridge")
            else:
                fits = kind in (None, entry["type"])
            # Bridges are shown to whoever may use them (PVE/API2/Network.pm).
            path = f"/sdn/zones/localnetwork/{name}"
            access = call.engine.access
            seen = access.allows(call.who, f"/nodes/{call.node}", ["Sys.Audit"]) or (
                entry["type"] == "bridge" and access.allows(call.who, path, ["SDN.Audit", "SDN.Use"], any_of=True)
            )
            if fits and seen:
                listed.append(_shown(name, entry))
    return listed


@route("GET", f"{NODE}/network/{{iface}}")
def one_network(call: Call) -> Any:
    entry = _interfaces(call).get(call.text("iface"))
    if entry is None:
        raise wrong_parameter("iface", "interface does not exist")
    return dict(entry)


def _changed(call: Call) -> dict[str, dict[str, Any]]:
    node = call.engine.state["nodes"][call.node]
    if node["network_new"] is None:
        node["network_new"] = copy.deepcopy(node["network"])
    found: dict[str, dict[str, Any]] = node["network_new"]
    return found


def _read(call: Call, name: str) -> dict[str, Any]:
    """An interface's settings as sent, both ways of writing its address filled in."""
    entry: dict[str, Any] = {key: value for key, value in call.sent().items() if key not in CONFIG_ONLY}
    for key in ("autostart", "bridge_vlan_aware", "mtu", "vlan-id"):
        if key in entry:
            entry[key] = int(entry[key])
    if entry.get("autostart") == 0:
        del entry["autostart"]
    for cidr, address, mask in (("cidr", "address", "netmask"), ("cidr6", "address6", "netmask6")):
        if cidr in entry:
            if address in entry:
                raise wrong_parameter(address, f"mutually exclusive with '{cidr}'")
            entry[address], entry[mask] = entry[cidr].split("/")
        elif address in entry:
            if mask not in entry:
                raise wrong_parameter(mask, "property is missing and it is not optional")
            entry[cidr] = str(ipaddress.ip_interface(f"{entry[address]}/{entry[mask]}").with_prefixlen)
    entry["method"] = "static" if "address" in entry else "manual"
    entry["method6"] = "static" if "address6" in entry else "manual"
    entry["families"] = [family for family, key in (("inet", "address"), ("inet6", "address6")) if key in entry] or [
        "inet"
    ]
    if "gateway" in entry and "address" not in entry:
        raise wrong_parameter("gateway", f"{name}: gateway given without an address")
    if entry["type"] == "bridge":
        entry.setdefault("bridge_ports", "")
        entry.setdefault("bridge_stp", "off")
        entry.setdefault("bridge_fd", "0")
    for key in ("comments", "comments6"):
        if key in entry:
            entry[key] = entry[key].rstrip("\n") + "\n"
    return entry


def _check_gateway(interfaces: dict[str, dict[str, Any]], name: str, entry: dict[str, Any]) -> None:
    for key in ("gateway", "gateway6"):
        for other, known in interfaces.items():
            if key in entry and other != name and key in known:
                raise wrong_parameter(key, f"Default gateway already exists on interface '{other}'.")


@route("POST", f"{NODE}/network")
def create_network(call: Call) -> Any:
    name = call.text("iface")
    with call.engine.state.mutex:
        interfaces = _changed(call)
        if name in interfaces:
            raise wrong_parameter("iface", "interface already exists")
        if call.text("type") == "bridge" and not re.fullmatch(r"[a-zA-Z][a-zA-Z0-9_]{0,9}", name):
            raise wrong_parameter("iface", "invalid bridge name")
        entry = _read(call, name)
        _check_gateway(interfaces, name, entry)
        interfaces[name] = {**entry, "priority": len(interfaces) + 3}


@route("PUT", f"{NODE}/network/{{iface}}")
def update_network(call: Call) -> Any:
    name = call.text("iface")
    with call.engine.state.mutex:
        if name not in _interfaces(call):
            raise wrong_parameter("iface", "interface does not exist")
        interfaces = _changed(call)
        old = interfaces[name]
        kept = {key: old[key] for key in ("active", "exists", "priority") if key in old}
        # Settings that are not sent are gone, as with the real one; `delete` names further ones.
        interfaces[name] = {**_read(call, name), **kept}
        for word in re.split(r"[,;\s]+", call.get("delete", "") or ""):
            interfaces[name].pop(word, None)
        _check_gateway(interfaces, name, interfaces[name])


@route("DELETE", f"{NODE}/network/{{iface}}")
def delete_network(call: Call) -> Any:
    with call.engine.state.mutex:
        if call.text("iface") not in _interfaces(call):
            raise wrong_parameter("iface", "interface does not exist")
        _changed(call).pop(call.text("iface"))


@route("DELETE", f"{NODE}/network")
def revert_networks(call: Call) -> Any:
    with call.engine.state.mutex:
        call.engine.state["nodes"][call.node]["network_new"] = None


@route("PUT", f"{NODE}/network")
def reload_networks(call: Call) -> Any:
    engine, name = call.engine, call.node

    def work(log: Any) -> None:
        engine.linger()
        with engine.state.mutex:
            node = engine.state["nodes"][name]
            if node["network_new"] is not None:
                node["network"] = {key: {**entry, "active": 1} for key, entry in node["network_new"].items()}
                node["network_new"] = None

    return engine.tasks.start("srvreload", "networking", name, call.who.name, work)
