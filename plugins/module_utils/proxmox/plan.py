"""What a run will do: all VMs as they should be, held against all that is there. Pure.

The steps of a VM are carried out in their order. A new VM has one step, Create; when it is there, `plan_one` tells the
others from its fresh config, which has the MAC addresses and the disks that the template gave it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from ansible_collections.autolabs.platform.plugins.module_utils.proxmox import disks, fields, hotplug, presence
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.difference import (
    LIVE,
    Change,
    Difference,
    Refusal,
    difference,
)
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.errors import ProxmoxError
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.values import Raw
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.vm import (
    ABSENT,
    FULL,
    PRESENT,
    STARTED,
    STOPPED,
    Cluster,
    LiveVm,
    Vm,
)

CHOSEN = "the next free one"
"""Shown for the VMID of a new VM that names none."""


@dataclass(frozen=True)
class Create:
    """Clone the template: POST /nodes/{template_node}/qemu/{template}/clone with `target` where the nodes differ."""

    name: str
    template: int
    template_node: str
    node: str
    full: bool
    storage: str | None
    """For a full clone only; None: where the template's disks are."""
    pool: str | None
    newid: int | None
    """None: choose one (GET /cluster/nextid), and another when somebody else was faster."""


@dataclass(frozen=True)
class Configure:
    """PUT /nodes/{node}/qemu/{vmid}/config, with the digest that was read. Needs no task."""

    set: Mapping[str, Raw]
    delete: tuple[str, ...]
    live: bool
    """Whether all of it takes effect at once."""


@dataclass(frozen=True)
class AddDisk:
    """POST /nodes/{node}/qemu/{vmid}/config with {disk: value}: a task, since it allocates the disk."""

    disk: str
    value: str


@dataclass(frozen=True)
class Grow:
    """PUT /nodes/{node}/qemu/{vmid}/resize: a task."""

    disk: str
    size: str
    """The whole size as the API takes it: `200G`."""


@dataclass(frozen=True)
class Regenerate:
    """PUT /nodes/{node}/qemu/{vmid}/cloudinit: write the cloud-init drive anew."""


@dataclass(frozen=True)
class Join:
    """PUT /pools/{pool} (or /pools with poolid) with `vms` and `allow-move`, which takes it out of another one."""

    pool: str


@dataclass(frozen=True)
class Leave:
    """The same with `delete`."""

    pool: str


@dataclass(frozen=True)
class Start:
    """POST .../status/start: a task."""


@dataclass(frozen=True)
class Shutdown:
    """POST .../status/shutdown: a task. The guest ends in order; What follows when it does not is the caller's."""


@dataclass(frozen=True)
class Restart:
    """Shut down and start again, so that what is pending takes effect (a reboot of the guest alone would not do)."""


@dataclass(frozen=True)
class Remove:
    """DELETE /nodes/{node}/qemu/{vmid} with `purge`: a task. The VM is off then.

    Without `destroy-unreferenced-disks`: on storage that several sites share, those are disks of others.
    """


Step: TypeAlias = (
    "Create | Configure | AddDisk | Grow | Regenerate | Join | Leave | Start | Shutdown | Restart | Remove"
)


@dataclass(frozen=True)
class VmPlan:
    """What happens to one VM."""

    vm: Vm
    vmid: int | None
    """None: not there yet, and to be chosen."""
    node: str
    steps: tuple[Step, ...] = ()
    changes: tuple[Change, ...] = ()
    """For people; for a new VM all that it will have."""
    restart_needed: tuple[str, ...] = ()
    """Fields that the running VM takes at its next start, and that no step of this plan restarts it for."""
    notes: tuple[str, ...] = ()
    """What people should know: a lock that is waited for."""
    live: LiveVm | None = None
    """The VM as it is."""
    refusals: tuple[Refusal, ...] = ()
    """Why it cannot be; there are no steps then."""

    @property
    def changed(self) -> bool:
        """Whether the server will be other than before."""
        return bool(self.steps)


@dataclass(frozen=True)
class Plan:
    """What happens to all VMs; with refusals, nothing does."""

    vms: tuple[VmPlan, ...]
    refusals: tuple[Refusal, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether the server will be other than before."""
        return any(vm.changed for vm in self.vms)


def to_read(vms: Sequence[Vm], listed: Sequence[LiveVm]) -> tuple[LiveVm, ...]:
    """Those of all VMs whose config and pending values `plan` needs: the ones that are meant, and templates."""
    found: dict[int, LiveVm] = {}
    for vm in vms:
        live = presence.meant(vm, listed)
        if live is None and vm.state != ABSENT:
            live = presence.template_of(vm, listed)
        if live:
            found[live.vmid] = live
    return tuple(found.values())


def plan(vms: Sequence[Vm], cluster: Cluster, *, allow_restart: bool = False) -> Plan:
    """What brings all VMs to what they should be, and all that is refused.

    allow_restart: whether running VMs are shut down and started where a change needs that.
    """
    planned = tuple(_planned(vm, cluster, allow_restart) for vm in vms)
    return Plan(planned, tuple(refusal for entry in planned for refusal in entry.refusals))


def plan_one(vm: Vm, live: LiveVm, *, allow_restart: bool = False) -> VmPlan:
    """The steps of a VM that is there: a fresh clone, or one that somebody else changed meanwhile.

    Raises ProxmoxError where it cannot be brought to what is asked any more.
    """
    planned = _existing(vm, live, allow_restart)
    if planned.refusals:
        raise ProxmoxError("; ".join(f"{refusal.field}: {refusal.message}" for refusal in planned.refusals))
    return planned


def _planned(vm: Vm, cluster: Cluster, allow_restart: bool) -> VmPlan:
    live = presence.meant(vm, cluster.vms)
    template = presence.template_of(vm, cluster.vms)
    if live and live.name == vm.name and not live.template:
        found = _existing(vm, live, allow_restart)
    elif live is None and template and vm.state != ABSENT:
        found = _new(vm, template)
    else:
        found = VmPlan(vm, vm.vmid, vm.node or "")
    refusals = presence.refusals(vm, cluster)
    if not refusals:
        return found
    told = {refusal.field for refusal in refusals}
    own = [refusal for refusal in found.refusals if refusal.field not in told]
    return replace(found, steps=(), changes=(), restart_needed=(), refusals=(*refusals, *own))


def _new(vm: Vm, template: LiveVm) -> VmPlan:
    node = vm.node or template.node
    cloned = presence.as_cloned(vm, template)
    found = difference(vm, cloned)
    full = vm.clone == FULL
    create = Create(
        vm.name, template.vmid, template.node, node, full, vm.storage if full else None, vm.pool or None, vm.vmid
    )
    return VmPlan(
        vm,
        vm.vmid,
        node,
        () if found.refusals else (create,),
        tuple(_all_of(vm)),
        notes=tuple(_notes(vm, template)),
        refusals=found.refusals,
    )


def _all_of(vm: Vm) -> Iterator[Change]:
    yield Change("state", None, STOPPED if vm.state == PRESENT else vm.state)
    yield Change("vmid", None, vm.vmid or CHOSEN)
    for name in ("node", "template", "clone", "storage", "pool"):
        if getattr(vm, name):
            yield Change(name, None, getattr(vm, name))
    for row in fields.wanted(vm):
        if row.value != "":
            yield Change(row.path, None, fields.shown(row.value))
    for disk in vm.disks:
        yield Change(f"disks.{disk.slot}", None, disks.described(disk, vm.storage if vm.clone == FULL else None))


def _existing(vm: Vm, live: LiveVm, allow_restart: bool) -> VmPlan:
    base = VmPlan(vm, live.vmid, live.node, notes=tuple(_notes(vm, live)), live=live)
    if vm.state == ABSENT:
        return _removed(base, live)
    ends = vm.state == STOPPED and live.running
    # What is shut down first takes everything at once.
    found = difference(vm, replace(live, status="stopped", on_drive={}) if ends else live)
    if found.refusals:
        return replace(base, refusals=found.refusals)
    waiting = tuple(dict.fromkeys(change.field for change in found.changes if change.how != LIVE))
    restarts = bool(waiting) and allow_restart and live.running and not ends
    steps = [
        *([Shutdown()] if ends else []),
        *_written(found),
        *_pool(vm, live),
        *([Regenerate()] if _regenerates(found, live, ends) else []),
        *([Restart()] if restarts else []),
        *([Start()] if vm.state == STARTED and not live.running else []),
    ]
    changes = (*_power(vm, live), *found.changes, *_pool_change(vm, live))
    return replace(base, steps=tuple(steps), changes=changes, restart_needed=() if restarts else waiting)


def _removed(base: VmPlan, live: LiveVm) -> VmPlan:
    steps: list[Step] = [Shutdown()] if live.running else []
    if str(live.config.get("protection", "0")) == "1":
        steps.append(Configure({"protection": 0}, (), live=True))
    state = STARTED if live.running else STOPPED
    return replace(base, steps=(*steps, Remove()), changes=(Change("state", state, ABSENT),))


def _written(found: Difference) -> list[Step]:
    grow: list[Step] = [Grow(growth.slot, growth.text) for growth in found.grow]
    written: list[Step] = [Configure(found.set, found.delete, found.live)] if found.set or found.delete else []
    added: list[Step] = [AddDisk(slot, value) for slot, value in found.add.items()]
    return [*grow, *written, *added] if found.grow_first else [*written, *added, *grow]


def _regenerates(found: Difference, live: LiveVm, ends: bool) -> bool:
    # A running VM's drive is written at its start (vm_start_nolock of PVE/QemuServer.pm). Until then it tells what the
    # guest does not know yet.
    return found.cloud_init and (ends or not live.running) and disks.has_cloud_init_drive(live.config)


def _pool(vm: Vm, live: LiveVm) -> list[Step]:
    if vm.pool is None or vm.pool == live.pool:
        return []
    return [Join(vm.pool)] if vm.pool else [Leave(live.pool)]


def _pool_change(vm: Vm, live: LiveVm) -> list[Change]:
    return [Change("pool", live.pool, vm.pool)] if _pool(vm, live) else []


def _power(vm: Vm, live: LiveVm) -> list[Change]:
    before = STARTED if live.running else STOPPED
    return [Change("state", before, vm.state)] if vm.state in (STARTED, STOPPED) and vm.state != before else []


def _notes(vm: Vm, live: LiveVm) -> Iterator[str]:
    if live.lock and not live.template:
        yield f"VM {live.vmid} is locked ({live.lock}): what changes it waits until the lock is gone"
    told = any(hotplug.is_cloud_init(row.key) for row in fields.wanted(vm))
    if told and vm.state != ABSENT and not disks.has_cloud_init_drive(live.config):
        what = "the template" if live.template else "the VM"
        yield f"{what} {live.vmid} has no cloud-init drive: addresses and what cloud_init says reach no guest"
