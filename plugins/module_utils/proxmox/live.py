"""What is there on Proxmox VE, in as few requests as it takes.

`GET /cluster/resources` tells names and states by what the nodes' status daemon gathered, up to ten seconds ago: a VM
that was made just now has neither there (pve-manager, `PVE/API2Cluster.pm`). So of the VMs that matter, and of those
without a name, the node itself is asked.

`GET .../cloudinit` tells of `ipconfig[n]` only that one came or went, not that it is other than before (qemu-server,
`cloudinit_pending` in PVE/API2/Qemu.pm). Whether a guest has the address that cloud-init is told, its agent knows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from ansible_collections.autolabs.platform.plugins.module_utils.proxmox import addresses, values
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.client import Session
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.disks import has_cloud_init_drive
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.errors import (
    NotAllowed,
    NotThere,
    Refused,
    Unauthorized,
)
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.vm import Cluster, LiveVm, Vm

Entry = Mapping[str, Any]
T = TypeVar("T")
R = TypeVar("R")

AT_ONCE = 16
"""Requests, and VMs, at the same time: pveproxy has three workers, each with many connections."""
TO_READ = Callable[[Sequence[Vm], Sequence[LiveVm]], Iterable[LiveVm]]


def read(session: Session, vms: Sequence[Vm], to_read: TO_READ) -> Cluster:
    """All that a plan for `vms` needs to know. Raises ProxmoxError.

    to_read: which of the VMs that are there it needs config and pending values of.
    """
    entries: list[Entry] = session.get("cluster/resources")
    listed = listed_vms(session, entries)
    nodes = _nodes(entries)
    # A node that is off answers nothing; that its VMs cannot be worked on is the plan's to say.
    wanted = [vm for vm in to_read(vms, listed) if vm.node in nodes]
    concerned = {vm.node for vm in vms} | {vm.node for vm in wanted}
    # Bridges are asked for only where somebody names one.
    with_networks = any(vm.networks for vm in vms)
    asked = [node for node in nodes if node in concerned] if with_networks else []
    answers = together(partial(_asked, session), [*wanted, *asked])
    fresh = dict(zip([vm.vmid for vm in wanted], answers, strict=False))
    bridges = dict(zip(asked, answers[len(wanted) :], strict=True))
    # What was removed since it was listed is not there.
    found = [fresh.get(vm.vmid, vm) for vm in listed]
    return Cluster(
        vms=tuple(vm for vm in found if isinstance(vm, LiveVm)),
        nodes=nodes,
        storages=_storages(entries),
        bridges={node: names for node, names in bridges.items() if isinstance(names, frozenset)},
        pools=frozenset(str(entry["pool"]) for entry in entries if entry.get("type") == "pool"),
        containers={int(entry["vmid"]): str(entry.get("name", "")) for entry in entries if entry.get("type") == "lxc"},
    )


def listed_vms(session: Session, entries: Iterable[Entry] | None = None) -> list[LiveVm]:
    """All VMs with name, node and state, without their configs.

    entries: of GET /cluster/resources, where they have been read already.
    """
    entries = session.get("cluster/resources") if entries is None else list(entries)
    nodes = _nodes(entries)
    listed = [_listed(entry) for entry in entries if entry.get("type") == "qemu"]
    unknown = [vm for vm in listed if vm.node in nodes and not (vm.name and vm.status in ("running", "stopped"))]
    states = together(partial(with_state, session), unknown)
    told = dict(zip([vm.vmid for vm in unknown], states, strict=True))
    found = [told.get(vm.vmid, vm) for vm in listed]
    return [vm for vm in found if vm is not None]


def read_vm(session: Session, vm: LiveVm, *, ask_guest: bool = True) -> LiveVm | None:
    """The VM as its node knows it now, with config, pending values and digest; None where it is no more.

    ask_guest: whether it matters what a running guest was told otherwise than the config says (`on_drive`).
    """
    current = with_state(session, vm)
    if current is None:
        return None
    try:
        entries = session.get(f"nodes/{vm.node}/qemu/{vm.vmid}/pending")
    except NotThere:
        return None
    config = {str(entry["key"]): entry["value"] for entry in entries if entry.get("value") is not None}
    pending = {
        str(entry["key"]): None if entry.get("delete") else entry["pending"]
        for entry in entries
        if entry.get("delete") or entry.get("pending") is not None
    }
    digest = str(config.pop("digest", ""))
    lock = str(config.pop("lock", "") or current.lock)
    name = str(config.get("name", current.name))
    template = bool(int(config.get("template", current.template)))
    found = replace(current, config=config, pending=pending, digest=digest, lock=lock, name=name, template=template)
    if ask_guest and found.running and has_cloud_init_drive(found.config):
        return replace(found, on_drive=_other_address(session, found) | _on_drive(session, found))
    return found


def _on_drive(session: Session, vm: LiveVm) -> dict[str, str | int | None]:
    """What the guest was told otherwise than the config says: a drive that was written before a change."""
    entries = session.get(f"nodes/{vm.node}/qemu/{vm.vmid}/cloudinit")
    return {
        str(entry["key"]): entry.get("value")
        for entry in entries
        if entry.get("pending") is not None or int(entry.get("delete") or 0)
    }


def _other_address(session: Session, vm: LiveVm) -> dict[str, str | int | None]:
    """`ipconfig0` with the IPv4 address that the guest has, where that is another than the config's.

    Empty where nothing can be known: no agent answers, or the guest has no such address (yet).
    """
    told = values.properties(vm.config.get("ipconfig0", ""))
    wanted = told.get("ip", "").partition("/")[0]
    if wanted in ("", "dhcp") or not addresses.agent_enabled(vm.config):
        return {}
    try:
        has = _ipv4(interfaces(session, vm), vm.config)
    except NotAllowed:
        return {}
    if not has or any(entry.partition("/")[0] == wanted for entry in has):
        return {}
    return {"ipconfig0": values.written({**told, "ip": has[0]})}


def _ipv4(found: Iterable[Entry], config: Mapping[str, Any]) -> list[str]:
    """The IPv4 addresses, with their prefixes, of the guest's interfaces that have the MAC of `net0`."""
    mac = addresses.MAC.search(str(config.get("net0", "")))
    return [
        f"{entry['ip-address']}/{entry['prefix']}"
        for interface in found
        if mac and str(interface.get("hardware-address", "")).lower() == mac[0].lower()
        for entry in interface.get("ip-addresses") or ()
        if entry.get("ip-address-type") == "ipv4" and not str(entry["ip-address"]).startswith(("127.", "169.254."))
    ]


def interfaces(session: Session, vm: LiveVm) -> list[dict[str, Any]]:
    """What the guest's agent tells of its interfaces; empty where it does not run (yet).

    Raises ProxmoxError; NotAllowed where the account may not ask it.
    """
    try:
        answer = session.get(f"nodes/{vm.node}/qemu/{vm.vmid}/agent/network-get-interfaces")
    except (NotAllowed, Unauthorized):
        raise
    except Refused:
        return []
    return list(answer.get("result") or ())


def with_state(session: Session, vm: LiveVm) -> LiveVm | None:
    """Name, state and lock as the node knows them now; None where the VM is no more."""
    try:
        state = session.get(f"nodes/{vm.node}/qemu/{vm.vmid}/status/current")
    except NotThere:
        return None
    return replace(
        vm,
        name=str(state.get("name", "")),
        status=str(state.get("status", vm.status)),
        lock=str(state.get("lock", "")),
        template=bool(int(state.get("template") or 0)),
    )


def digest(session: Session, vm: LiveVm) -> str:
    """The digest of its config now. Raises ProxmoxError."""
    config = session.get(f"nodes/{vm.node}/qemu/{vm.vmid}/config", current=True)
    return str(config.get("digest", ""))


def together(work: Callable[[T], R], items: Sequence[T]) -> list[R]:
    """What `work` makes of each, in their order, worked on at the same time. Raises what the first one raised."""
    if len(items) < 2:
        return [work(item) for item in items]
    with ThreadPoolExecutor(min(AT_ONCE, len(items))) as pool:
        return list(pool.map(work, items))


def _listed(entry: Entry) -> LiveVm:
    vmid = int(entry["vmid"])
    return LiveVm(
        vmid=vmid,
        name=str(entry.get("name", "")),
        node=str(entry["node"]),
        status=str(entry.get("status", "")),
        pool=str(entry.get("pool", "")),
        template=bool(int(entry.get("template") or 0)),
        lock=str(entry.get("lock", "")),
    )


def _nodes(entries: Iterable[Entry]) -> tuple[str, ...]:
    return tuple(
        sorted(
            str(entry["node"]) for entry in entries if entry.get("type") == "node" and entry.get("status") == "online"
        )
    )


def _storages(entries: Iterable[Entry]) -> dict[str, dict[str, frozenset[str]]]:
    found: dict[str, dict[str, frozenset[str]]] = {}
    for entry in entries:
        # "unknown" is one that the status daemon has not told of yet; PVE itself says when it cannot be used.
        if entry.get("type") == "storage" and entry.get("status") in ("available", "unknown"):
            content = frozenset(part for part in str(entry.get("content", "")).split(",") if part)
            found.setdefault(str(entry["node"]), {})[str(entry["storage"])] = content
    return found


def _asked(session: Session, about: LiveVm | str) -> LiveVm | frozenset[str] | None:
    return _bridges(session, about) if isinstance(about, str) else read_vm(session, about)


def _bridges(session: Session, node: str) -> frozenset[str]:
    entries = session.get(f"nodes/{node}/network", type="any_bridge")
    return frozenset(str(entry["iface"]) for entry in entries)
