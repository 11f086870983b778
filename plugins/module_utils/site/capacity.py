"""Whether the VMs of a site fit on its nodes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import Problem
from ansible_collections.autolabs.platform.plugins.module_utils.documents.shapes import did_you_mean
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.vm import Vm
from ansible_collections.autolabs.platform.plugins.module_utils.site.model import Machine, Node, SiteData

GIB = 1 << 30
CAPACITY = "proxmox_node_capacity"


def check(site: SiteData) -> Iterator[Problem]:
    """VMs on nodes that are not there, or that have too little for them."""
    nodes: dict[str, Node] = {}
    for node in site.nodes:
        if node.proxmox_name in nodes:
            other = nodes[node.proxmox_name].name
            message = f"{node.proxmox_name} is what {other} is called too; a node of Proxmox is one machine"
            yield Problem("", 0, f"hosts.{node.name}.proxmox_node", message)
        nodes[node.proxmox_name] = node
        if node.cores is None and node.memory is None:
            message = "is missing; without it nobody can tell whether the VMs fit"
            example = f"{CAPACITY}: {{cores: 24, memory: 32768, disk: {{local-lvm: 850}}}}"
            yield Problem("", 0, f"hosts.{node.name}.{CAPACITY}", message, example)
    placed: dict[str, list[tuple[Machine, Vm]]] = {}
    for machine, vm in site.vms():
        field = machine.field("node")
        if "node" in machine.broken:
            continue
        if vm.node is None:
            names = ", ".join(nodes)
            yield Problem("", 0, field, "is missing; say on which node the VM is to be", names)
        elif vm.node not in nodes:
            message = f"{vm.node!r} is no node of the group proxmox ({', '.join(nodes)}){did_you_mean(vm.node, nodes)}"
            yield Problem("", 0, field, message)
        else:
            placed.setdefault(vm.node, []).append((machine, vm))
    for name, vms in placed.items():
        yield from _memory(nodes[name], vms, site.reserved_memory)
        yield from _cores(nodes[name], vms)
        yield from _disks(nodes[name], vms, site.shared_storage)
    for storage, size in site.shared_storage.items():
        yield from _storage(f"site_shared_storage.{storage}", storage, size, site.vms())
    yield from _clones(site)


def _memory(node: Node, vms: Sequence[tuple[Machine, Vm]], reserved: int) -> Iterator[Problem]:
    wanted = {machine.name: vm.memory for machine, vm in vms if vm.memory}
    total = sum(wanted.values())
    if node.memory is not None and total + reserved > node.memory:
        listed = ", ".join(f"{name} {memory}" for name, memory in wanted.items())
        message = (
            f"{node.memory} MiB are too little: its VMs have {total} ({listed}), and {reserved} are the node's own "
            f"(site_reserved_memory), together {total + reserved}. Give VMs less, or another node"
        )
        yield Problem("", 0, f"hosts.{node.name}.{CAPACITY}.memory", message)


def _cores(node: Node, vms: Sequence[tuple[Machine, Vm]]) -> Iterator[Problem]:
    for machine, vm in vms:
        cores = (vm.cores or 0) * (vm.sockets or 1)
        if node.cores is not None and cores > node.cores:
            message = f"{cores} are more than the {node.cores} of {node.name}, and Proxmox would not start it"
            yield Problem("", 0, machine.field("cores"), message, str(node.cores))


def _disks(node: Node, vms: Sequence[tuple[Machine, Vm]], shared: Mapping[str, int]) -> Iterator[Problem]:
    if node.disk is None:
        return
    for machine, vm in vms:
        for storage in sorted({disk.storage or vm.storage or "" for disk in vm.disks} - {"", *node.disk, *shared}):
            known = [*node.disk, *shared]
            message = f"{storage!r} is no storage of {node.name} ({', '.join(known)}){did_you_mean(storage, known)}"
            yield Problem("", 0, machine.field("storage"), message)
    for storage, size in node.disk.items():
        yield from _storage(f"hosts.{node.name}.{CAPACITY}.disk.{storage}", storage, size, vms)


def _storage(field: str, storage: str, size: int, vms: Sequence[tuple[Machine, Vm]]) -> Iterator[Problem]:
    wanted: dict[str, int] = {}
    for machine, vm in vms:
        sizes = [disk.size or 0 for disk in vm.disks if (disk.storage or vm.storage) == storage]
        if any(sizes):
            wanted[machine.name] = sum(sizes)
    total = sum(wanted.values())
    if total > size * GIB:
        listed = ", ".join(f"{name} {wanted[name] / GIB:g}" for name in wanted)
        message = (
            f"{size} GiB are too little: VMs have {total / GIB:g} there ({listed}). Give them less, or another storage"
        )
        yield Problem("", 0, field, message)


def _clones(site: SiteData) -> Iterator[Problem]:
    """VMs on another node than their template, which Proxmox clones on shared storage only (qemu-server, clone_vm)."""
    template = site.template
    if template is None or not template.url or len(site.nodes) < 2:
        return
    there = template.node or site.nodes[0].proxmox_name
    for machine, vm in site.vms():
        used = [
            ("proxmox_vms_template.storage", template.storage),
            (machine.field("storage"), vm.storage),
        ]
        for field, storage in used:
            if vm.node not in (None, there) and storage and storage not in site.shared_storage:
                message = (
                    f"{storage} is one node's own, and VMs of the template on {there} are wanted on other nodes, which "
                    "Proxmox clones on shared storage only. Name such a storage here and in site_shared_storage"
                )
                yield Problem("", 0, field, message, "ceph")
