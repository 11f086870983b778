"""The privileges that each path asks for, as the `permissions` of PVE/API2/*.pm say (release 8.4).

`all`: whoever is logged in, the handler checks more; `world`: nobody need be. A path that is not here is root's alone.
"""

from __future__ import annotations

from typing import Any

Check = tuple[Any, ...]


def _perm(path: str, *names: str, any_of: bool = False) -> Check:
    return ("perm", path, list(names), "any", 1) if any_of else ("perm", path, list(names))


def _either(path: str, *names: str) -> Check:
    return _perm(path, *names, any_of=True)


AUDIT, MODIFY = _perm("/", "Sys.Audit"), _perm("/", "Sys.Modify")
NODE_AUDIT, NODE_MODIFY = _perm("/nodes/{node}", "Sys.Audit"), _perm("/nodes/{node}", "Sys.Modify")
VM_AUDIT, VM_NETWORK = _perm("/vms/{vmid}", "VM.Audit"), _perm("/vms/{vmid}", "VM.Config.Network")
VM_POWER, VM_MONITOR = _perm("/vms/{vmid}", "VM.PowerMgmt"), _perm("/vms/{vmid}", "VM.Monitor")
VM_ALLOCATE, VM_DISK = _perm("/vms/{vmid}", "VM.Allocate"), _perm("/vms/{vmid}", "VM.Config.Disk")
CONFIG = "Disk CDROM CPU Memory Network HWType Options Cloudinit".split()
VM_CONFIG = _either("/vms/{vmid}", *(f"VM.Config.{part}" for part in CONFIG))
USER = ("userid-group", ["User.Modify"])
SELF = ("userid-param", "self")
REALM = ("userid-param", "Realm.AllocateUser")
TOKENS: Check = ("or", SELF, USER)
STORES = _either("/storage/{storage}", "Datastore.Audit", "Datastore.AllocateSpace")
ROLES = _perm("/access", "Sys.Modify")
GROUPS = _perm("/access/groups", "Group.Allocate")
POOLS = _perm("/pool/{poolid}", "Pool.Allocate")
STORAGE = _perm("/storage", "Datastore.Allocate")
CLONE: Check = (
    "and",
    _perm("/vms/{vmid}", "VM.Clone"),
    ("or", _perm("/vms/{newid}", "VM.Allocate"), ("perm", "/pool/{pool}", ["VM.Allocate"], "require_param", "pool")),
)
REACH: Check = ("or", _perm("/", "Sys.Audit", "Sys.Modify"), _perm("/nodes/{node}", "Sys.AccessNetwork"))
DOWNLOAD: Check = ("and", _perm("/storage/{storage}", "Datastore.AllocateTemplate"), REACH)

PERMISSIONS: dict[tuple[str, str], Any] = {}


def _paths(prefix: str, **methods: Any) -> None:
    for method, check in methods.items():
        PERMISSIONS[(prefix, method)] = check


_paths("/version", GET="all")
_paths("/access/ticket", GET="world", POST="world")
_paths("/access/domains", GET="world")
_paths("/access/permissions", GET="all")
_paths("/access/acl", GET="all", PUT=("perm-modify", "{path}"))
_paths("/access/roles", GET="all", POST=ROLES)
_paths("/access/roles/{roleid}", GET="all", PUT=ROLES, DELETE=ROLES)
_paths("/access/groups", GET="all", POST=GROUPS)
_paths(
    "/access/groups/{groupid}", GET=_either("/access/groups", "Sys.Audit", "Group.Allocate"), PUT=GROUPS, DELETE=GROUPS
)
_paths("/access/users", GET="all", POST=("and", REALM, ("userid-group", ["User.Modify"], "groups_param", "create")))
_paths(
    "/access/users/{userid}",
    GET=("userid-group", ["User.Modify", "Sys.Audit"]),
    PUT=("userid-group", ["User.Modify"], "groups_param", "update"),
    DELETE=("and", REALM, USER),
)
_paths("/access/password", PUT=("or", SELF, ("and", REALM, USER)))
_paths("/access/users/{userid}/token", GET=TOKENS)
_paths("/access/users/{userid}/token/{tokenid}", GET=TOKENS, POST=TOKENS, PUT=TOKENS, DELETE=TOKENS)

_paths("/pools", GET="all", POST=POOLS, PUT=POOLS, DELETE=POOLS)
_paths("/pools/{poolid}", GET=_perm("/pool/{poolid}", "Pool.Audit"), PUT=POOLS, DELETE=POOLS)
_paths("/storage", GET="all", POST=STORAGE)
_paths("/storage/{storage}", GET=_perm("/storage/{storage}", "Datastore.Allocate"), PUT=STORAGE, DELETE=STORAGE)

for _path in ("resources", "nextid", "tasks"):
    _paths(f"/cluster/{_path}", GET="all")
_paths("/cluster/status", GET=AUDIT)
_paths("/cluster/options", GET=AUDIT, PUT=MODIFY)
_paths("/cluster/backup", GET=AUDIT, POST=MODIFY)
_paths("/cluster/backup/{id}", GET=AUDIT, PUT=MODIFY, DELETE=MODIFY)
_paths("/cluster/ha/resources", GET=AUDIT)
_paths("/cluster/sdn/zones", GET="all")
_paths("/cluster/sdn/vnets", GET="all")
_paths("/cluster/firewall/groups", GET="all", POST=MODIFY)
_paths("/cluster/firewall/groups/{group}", GET=AUDIT, POST=MODIFY, DELETE=MODIFY)
_paths("/cluster/firewall/groups/{group}/{pos}", GET=AUDIT, PUT=MODIFY, DELETE=MODIFY)

for _prefix, _look, _change in (
    ("/cluster/firewall", AUDIT, MODIFY),
    ("/nodes/{node}/firewall", NODE_AUDIT, NODE_MODIFY),
    ("/nodes/{node}/qemu/{vmid}/firewall", VM_AUDIT, VM_NETWORK),
):
    _paths(f"{_prefix}/options", GET=_look, PUT=_change)
    _paths(f"{_prefix}/rules", GET=_look, POST=_change)
    _paths(f"{_prefix}/rules/{{pos}}", GET=_look, PUT=_change, DELETE=_change)
    if "qemu" in _prefix or "cluster" in _prefix:
        _paths(f"{_prefix}/refs", GET=_look)
        _paths(f"{_prefix}/ipset", GET=_look, POST=_change)
        _paths(f"{_prefix}/ipset/{{name}}", GET=_look, POST=_change, DELETE=_change)
        _paths(f"{_prefix}/ipset/{{name}}/{{cidr}}", GET=_look, PUT=_change, DELETE=_change)
        _paths(f"{_prefix}/aliases", GET=_look, POST=_change)
        _paths(f"{_prefix}/aliases/{{name}}", GET=_look, PUT=_change, DELETE=_change)

_paths("/nodes", GET="all")
_paths("/nodes/{node}", GET="all")
_paths("/nodes/{node}/version", GET="all")
_paths("/nodes/{node}/status", GET=NODE_AUDIT)
_paths("/nodes/{node}/time", GET=NODE_AUDIT)
_paths("/nodes/{node}/dns", GET=NODE_AUDIT, PUT=NODE_MODIFY)
_paths("/nodes/{node}/network", GET="all", POST=NODE_MODIFY, PUT=NODE_MODIFY, DELETE=NODE_MODIFY)
_paths("/nodes/{node}/network/{iface}", GET=NODE_AUDIT, PUT=NODE_MODIFY, DELETE=NODE_MODIFY)
_paths("/nodes/{node}/tasks", GET="all")
_paths("/nodes/{node}/tasks/{upid}", GET="all", DELETE="all")
_paths("/nodes/{node}/tasks/{upid}/status", GET="all")
_paths("/nodes/{node}/tasks/{upid}/log", GET="all")
_paths("/nodes/{node}/storage", GET="all")
_paths("/nodes/{node}/storage/{storage}/status", GET=STORES)
_paths("/nodes/{node}/storage/{storage}/content", GET=STORES)
_paths("/nodes/{node}/storage/{storage}/content/{volume}", GET="all", DELETE="all")
_paths("/nodes/{node}/storage/{storage}/download-url", POST=DOWNLOAD)
_paths("/nodes/{node}/query-url-metadata", GET=REACH)
_paths("/nodes/{node}/storage/{storage}/upload", POST=_perm("/storage/{storage}", "Datastore.AllocateTemplate"))
_paths("/nodes/{node}/lxc", GET="all")
_paths("/nodes/{node}/qemu", GET="all", POST="all")

_VM = "/nodes/{node}/qemu/{vmid}"
_paths(_VM, GET="all", DELETE=VM_ALLOCATE)
_paths(f"{_VM}/config", GET=VM_AUDIT, PUT=VM_CONFIG, POST=VM_CONFIG)
_paths(f"{_VM}/pending", GET=VM_AUDIT)
_paths(f"{_VM}/cloudinit", GET=VM_AUDIT, PUT=_perm("/vms/{vmid}", "VM.Config.Cloudinit"))
_paths(f"{_VM}/cloudinit/dump", GET=VM_AUDIT)
_paths(f"{_VM}/clone", POST=CLONE)
_paths(f"{_VM}/template", POST=VM_ALLOCATE)
_paths(f"{_VM}/resize", PUT=VM_DISK)
_paths(f"{_VM}/unlink", PUT=VM_DISK)
_paths(f"{_VM}/snapshot", GET=VM_AUDIT)
_paths(f"{_VM}/agent", GET="all")
_paths(f"{_VM}/agent/ping", POST=VM_MONITOR)
for _path in ("info", "network-get-interfaces", "get-osinfo", "get-host-name"):
    _paths(f"{_VM}/agent/{_path}", GET=VM_MONITOR)
_paths(f"{_VM}/status", GET="all")
_paths(f"{_VM}/status/current", GET=VM_AUDIT)
for _path in ("start", "stop", "shutdown", "reboot", "reset"):
    _paths(f"{_VM}/status/{_path}", POST=VM_POWER)
