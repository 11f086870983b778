"""Which VM of the server is meant, and whether what it needs is there: what is refused before anything starts. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from ansible_collections.autolabs.platform.plugins.module_utils.documents.shapes import did_you_mean
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox import disks
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.difference import Refusal
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.vm import (
    ABSENT,
    FULL,
    Cluster,
    Expected,
    LiveVm,
    Vm,
)

NOT_MADE_YET = {"scsi0": "", "ide2": "cloudinit", "net0": "virtio"}
"""The config of a template that is not there: it will have a disk of whatever size and place, a drive for cloud-init
and a network card, as module proxmox_template makes it."""


def meant(vm: Vm, there: Sequence[LiveVm]) -> LiveVm | None:
    """The VM that `vm` speaks of: by its VMID, or else by its name; None where there is none, or it is not clear."""
    if vm.vmid is not None:
        return next((live for live in there if live.vmid == vm.vmid), None)
    named = _named(vm, there)
    return named[0] if len(named) == 1 else None


def _named(vm: Vm, there: Sequence[LiveVm]) -> list[LiveVm]:
    """VMs of this name; templates only where there are no others."""
    named = [live for live in there if live.name == vm.name]
    return [live for live in named if not live.template] or named


def template_of(vm: Vm, there: Sequence[LiveVm]) -> LiveVm | None:
    """The template that a new VM is cloned from, by VMID or name; None where there is none, or it is not clear."""
    found = [live for live in there if live.template and vm.template in (live.vmid, live.name)]
    return found[0] if len(found) == 1 else None


def to_be_made(vmid: int, name: str, node: str) -> LiveVm:
    """A template that is not there yet, as far as it can be known."""
    return LiveVm(vmid, name, node, "stopped", NOT_MADE_YET, template=True)


def expecting(cluster: Cluster, expected: Expected) -> Cluster:
    """All that is there, and what is expected as if it were. What is there already stays as it is.

    A VMID that belongs to something else makes no template of it; what was left half made will become one.
    """
    vms, template = cluster.vms, expected.template
    if template and template.vmid not in cluster.containers:
        there = next((vm for vm in vms if vm.vmid == template.vmid), None)
        if there is None or (there.name == template.name and not there.template):
            vms = (*(vm for vm in vms if vm is not there), template)
    return replace(cluster, vms=vms, pools=cluster.pools | expected.pools)


def refusals(vm: Vm, cluster: Cluster) -> list[Refusal]:
    """Why `vm` cannot be what is asked, as far as others than its own config are concerned."""
    live = meant(vm, cluster.vms)
    found = [*_identity(vm, live, cluster)]
    if not found and vm.state != ABSENT:
        found = [*_place(vm, live, cluster), *_template(vm, live, cluster), *_surroundings(vm, live, cluster)]
    elif not found and live:
        found = [*_removal(vm, live, cluster)]
    return [Refusal(vm.name, path, message) for path, message in found]


def _identity(vm: Vm, live: LiveVm | None, cluster: Cluster) -> Iterator[tuple[str, str]]:
    same_name = _named(vm, cluster.vms)
    if vm.vmid is not None and vm.vmid in cluster.containers:
        yield "vmid", f"{vm.vmid} is the container {cluster.containers[vm.vmid]}; take another one"
    elif live is None and vm.vmid is None and len(same_name) > 1:
        yield "name", f"is that of several VMs: {_listed(same_name)}. Give the `vmid` of the one that is meant"
    elif live is None and vm.vmid is not None and same_name and vm.state != ABSENT:
        yield (
            "vmid",
            (f"there is no VM {vm.vmid}, but {_listed(same_name)} has this name. Give its VMID, or another name"),
        )
    elif live and live.name != vm.name:
        yield "vmid", f"{vm.vmid} is the VM {live.name or 'without a name'} on {live.node}; take another one"
    elif live and live.template:
        yield "name", f"VM {live.vmid} of this name is a template; give the VM another name"


def _listed(vms: Iterable[LiveVm]) -> str:
    return ", ".join(f"{vm.vmid} on {vm.node}" for vm in vms)


def _place(vm: Vm, live: LiveVm | None, cluster: Cluster) -> Iterator[tuple[str, str]]:
    if live:
        if live.node not in cluster.nodes:
            yield "node", f"{live.node}, which the VM is on, is offline. Start the node, or recover the VM by hand"
        elif vm.node and vm.node != live.node:
            yield (
                "node",
                (
                    f"is {vm.node}, and the VM is on {live.node}: VMs are not migrated. Migrate it "
                    f"(qm migrate {live.vmid} {vm.node}), or write {live.node}"
                ),
            )
    elif vm.node is None:
        yield "node", "is missing: there is no such VM yet, and a new one needs its node"
    elif vm.node not in cluster.nodes:
        yield "node", f"{vm.node} is no node that is online{_known(vm.node, cluster.nodes)}"


def _template(vm: Vm, live: LiveVm | None, cluster: Cluster) -> Iterator[tuple[str, str]]:
    if live:
        return
    if vm.template is None:
        yield "template", "is missing: there is no such VM yet, and a new one is cloned from a template"
        return
    found = [other for other in cluster.vms if vm.template in (other.vmid, other.name)]
    templates = [other for other in found if other.template]
    if len(templates) > 1:
        yield "template", f"{vm.template} is the name of several templates: {_listed(templates)}. Give its VMID"
    elif found and not templates:
        yield "template", f"VM {vm.template} on {found[0].node} is no template; make one of it, or give another"
    elif not found:
        names = [other.name for other in cluster.vms if other.template]
        yield "template", f"there is no template {vm.template}{_known(str(vm.template), names)}"


def _surroundings(vm: Vm, live: LiveVm | None, cluster: Cluster) -> Iterator[tuple[str, str]]:
    if vm.pool and vm.pool not in cluster.pools:
        yield "pool", f"there is no pool {vm.pool}{_known(vm.pool, cluster.pools)}"
    node = live.node if live else vm.node
    if node is None or node not in cluster.nodes:
        return
    wanted = {} if live and not _needs_storage(vm, live) else {"storage": vm.storage}
    # A disk that is there and is elsewhere than is asked has a refusal of its own.
    wanted |= {
        f"disks.{disk.slot}.storage": disk.storage for disk in vm.disks if not (live and disk.slot in live.config)
    }
    storages = cluster.storages.get(node, {})
    for path, storage in wanted.items():
        if storage and storage not in storages:
            yield path, f"{node} has no storage {storage}{_known(storage, storages)}"
        elif storage and "images" not in storages[storage]:
            yield path, f"{storage} on {node} is not for disks: its content has no `images`. Add it, or take another"
    bridges = cluster.bridges.get(node)
    for number, network in enumerate(vm.networks or ()):
        if network.bridge and bridges is not None and network.bridge not in bridges:
            yield (
                f"networks[{number}].bridge",
                f"{node} has no bridge {network.bridge}{_known(network.bridge, bridges)}",
            )


def _needs_storage(vm: Vm, live: LiveVm) -> bool:
    return any(disk.storage is None and disk.slot not in live.config for disk in vm.disks)


def _removal(vm: Vm, live: LiveVm, cluster: Cluster) -> Iterator[tuple[str, str]]:
    if live.node not in cluster.nodes:
        yield "node", f"{live.node}, which the VM is on, is offline: it cannot be removed. Start the node"
    elif vm.protection is not False and str(live.config.get("protection", "0")) == "1":
        yield (
            "protection",
            (f"VM {live.vmid} is protected from removal. Give `protection: false` as well if it is to go"),
        )


def as_cloned(vm: Vm, template: LiveVm) -> LiveVm:
    """A new VM as it will be when it has been cloned, as far as can be known: its MAC addresses cannot."""
    config = dict(template.config)
    moved = vm.storage if vm.clone == FULL else None
    for slot in (disk.slot for disk in vm.disks):
        if moved and disks.storage_of(config, slot):
            volume = str(config[slot]).replace(f"{disks.storage_of(config, slot)}:", f"{moved}:", 1)
            config[slot] = volume
    return LiveVm(0, vm.name, vm.node or template.node, "stopped", config, pool=vm.pool or "")


def _known(name: str, known: Iterable[str]) -> str:
    names = sorted(known)
    return did_you_mean(name, names) or (f"; there is {', '.join(names)}" if names else "; there is none")
