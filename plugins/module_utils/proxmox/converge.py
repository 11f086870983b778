"""All VMs at the same time: read, plan, carry out, and what came of it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from ansible_collections.autolabs.platform.plugins.module_utils.proxmox import addresses, live, plan, presence
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.carry import Carrier, words
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.client import Session
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.difference import Change, Refusal
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.errors import (
    NoAnswer,
    NotAllowed,
    ProxmoxError,
)
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.making import Ids, is_free
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.plan import Plan, VmPlan
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.progress import (
    Progress,
    Report,
    Seldom,
    Telling,
)
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.vm import (
    ABSENT,
    PRESENT,
    STARTED,
    STOPPED,
    Cluster,
    LiveVm,
    Vm,
)
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.work import (
    BEING_MADE,
    Options,
    Pauses,
    StillLocked,
    Work,
    nameless,
)

NOTICE_SECONDS = 15.0
"""So often at most it is told that the API does not answer."""


@dataclass(frozen=True)
class Outcome:
    """What came of one VM."""

    planned: VmPlan
    vmid: int | None
    node: str
    state: str
    """`started`, `stopped` or `absent`; in check mode, as it would be."""
    changes: tuple[Change, ...] = ()
    address: str = ""
    restart_needed: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    """What PVE warned of, and what people should know."""
    changed: bool = False
    failure: str = ""

    @property
    def name(self) -> str:
        """The VM's."""
        return self.planned.vm.name


class RefusedPlan(ProxmoxError):
    """Some VMs cannot be brought to what is asked; nothing was changed. `refusals` has every reason."""

    def __init__(self, refusals: Sequence[Refusal]) -> None:
        self.refusals = tuple(refusals)
        super().__init__("\n".join(str(refusal) for refusal in refusals))


class AddressMissing(ProxmoxError):
    """A started VM told no address in time."""


def converge(session: Session, vms: Sequence[Vm], options: Options, report: Report) -> tuple[Outcome, ...]:
    """Bring all VMs to what they should be, at the same time; in check mode, only what would be done.

    vms: as they should be. report: told the progress, from any thread. One outcome per VM, in their order: what fails
    for one VM does not stop the others. Raises RefusedPlan before anything is changed, and ProxmoxError where nothing
    can be read.
    """
    noticed = Seldom(report, NOTICE_SECONDS)
    session.retrying = lambda error: noticed(f"asking again for up to {session.patience:g} s: {error}")
    cluster, stuck = _read(session, vms, options, report)
    if options.check_mode:
        cluster = presence.expecting(cluster, options.expected)
    whole = plan.plan([vm for vm in vms if vm.name not in stuck], cluster, allow_restart=options.allow_restart)
    refusals = (*whole.refusals, *_hidden(session, whole))
    if refusals:
        raise RefusedPlan(refusals)
    if options.check_mode:
        found = tuple(live.together(partial(_foreseen, session), whole.vms))
    else:
        found = _carried_out(session, whole, options, report)
    outcomes = {one.name: one for one in found} | stuck
    return tuple(outcomes[vm.name] for vm in vms)


def _hidden(session: Session, whole: Plan) -> Iterator[Refusal]:
    """VMs that are to go and seem to be gone, because the account cannot see them."""
    for planned in whole.vms:
        vm = planned.vm
        if vm.state == ABSENT and vm.vmid and planned.live is None and not is_free(session, vm.vmid):
            message = f"{vm.vmid} exists, though the account cannot see it: give it VM.Audit on /vms/{vm.vmid}"
            yield Refusal(vm.name, "vmid", message)


def _read(session: Session, vms: Sequence[Vm], options: Options, report: Report) -> tuple[Cluster, dict[str, Outcome]]:
    """What is there, and by name the VMs that are half made and do not get whole."""
    cluster = live.read(session, vms, plan.to_read)
    names, ids = {vm.name: vm for vm in vms}, {vm.vmid: vm for vm in vms if vm.vmid}
    # A run that was ended in the middle leaves a clone that goes on without it. Half a config is none to plan from.
    there = {vm.name for vm in cluster.vms}
    # A clone has its name only when its first disk is there.
    maybe = any(vm.vmid is None and vm.state != ABSENT and vm.name not in there for vm in vms)
    half = [
        vm
        for vm in cluster.vms
        if vm.lock in BEING_MADE and (vm.name in names or vm.vmid in ids or (maybe and nameless(vm)))
    ]
    if not half:
        return cluster, {}

    def whole(vm: LiveVm) -> Outcome | None:
        try:
            Work(session, options, Telling(vm.name, report)).unlocked(vm)
        except StillLocked as error:
            wanted = ids.get(vm.vmid) or names.get(vm.name)
            if wanted:
                planned = VmPlan(wanted, vm.vmid, vm.node, live=vm)
                return Outcome(planned, vm.vmid, vm.node, _state(vm), failure=str(error))
        return None

    stuck = {one.name: one for one in live.together(whole, half) if one}
    return live.read(session, vms, plan.to_read), stuck


def _carried_out(session: Session, whole: Plan, options: Options, report: Report) -> tuple[Outcome, ...]:
    reserved = [planned.vmid for planned in whole.vms if planned.vmid is not None]
    ids = Ids(session, reserved)

    def one(planned: VmPlan) -> Outcome:
        started = time.monotonic()
        work = Work(session, options, Telling(planned.vm.name, report))
        carrier = Carrier(work, planned, ids)
        try:
            outcome = _brought(carrier, planned)
        except ProxmoxError as error:
            outcome = _failed(carrier, planned, f"{error}{_way_on(error, session.patience)}{words(work.done)}")
        except Exception as error:
            # A mistake of ours in one VM must not take the others with it.
            outcome = _failed(
                carrier, planned, f"internal error: {error.__class__.__name__}: {error}{words(work.done)}"
            )
        if outcome.changed or outcome.failure:
            what = "failed" if outcome.failure else outcome.state
            reason = f": {outcome.failure}" if outcome.failure else ""
            report(Progress(planned.vm.name, f"{what} after {time.monotonic() - started:.1f} s{reason}"))
        return outcome

    return tuple(live.together(one, whole.vms))


def _brought(carrier: Carrier, planned: VmPlan) -> Outcome:
    work, options = carrier.work, carrier.work.options
    found = carrier.carry_out()
    if found and planned.steps:
        found = live.read_vm(work.session, found, ask_guest=False) or found
    address = ""
    if found and found.running:
        waits = options.wait_for_address if planned.vm.state == STARTED else 0.0
        address = _address(work, found, waits)
    return Outcome(
        planned=planned,
        vmid=found.vmid if found else planned.vmid,
        node=found.node if found else planned.node,
        state=_state(found),
        changes=_changes(planned, carrier.planned, found),
        address=address,
        restart_needed=carrier.planned.restart_needed,
        warnings=(*planned.notes, *work.warnings),
        changed=planned.changed,
    )


def _failed(carrier: Carrier, planned: VmPlan, message: str) -> Outcome:
    found = carrier.live
    return Outcome(
        planned=planned,
        vmid=found.vmid if found else planned.vmid,
        node=found.node if found else planned.node,
        state=_state(found),
        changes=_changes(planned, carrier.planned, found) if carrier.work.done else (),
        restart_needed=carrier.planned.restart_needed,
        warnings=tuple(carrier.work.warnings),
        changed=bool(carrier.work.done),
        failure=message,
    )


def _foreseen(session: Session, planned: VmPlan) -> Outcome:
    found = planned.live
    state = planned.vm.state if planned.vm.state != PRESENT else _state(found) if found else STOPPED
    address = ""
    if found and found.running and state == STARTED:
        address = _agents_or_static(session, found)
    return Outcome(
        planned=planned,
        vmid=planned.vmid,
        node=planned.node,
        state=state,
        changes=planned.changes,
        address=address,
        restart_needed=planned.restart_needed,
        warnings=planned.notes,
        changed=planned.changed,
    )


def _address(work: Work, vm: LiveVm, seconds: float) -> str:
    """The VM's address. Raises AddressMissing where it was to be waited for, and did not come."""
    if not seconds or not addresses.agent_enabled(vm.config):
        return _agents_or_static(work.session, vm)
    work.telling.begin("waiting for its address")
    pauses = Pauses(seconds)
    while not (found := _told_address(work.session, vm)):
        if not pauses():
            raise AddressMissing(
                f"VM {vm.vmid} runs, and its guest agent told no address within {seconds:g} s: look at its console on "
                f"{vm.node} whether it boots, whether qemu-guest-agent runs in it, and whether cloud-init gave it an "
                "address; the next run waits for it again"
            )
        work.telling.still()
    return found


def _agents_or_static(session: Session, vm: LiveVm) -> str:
    """What the agent says at this moment, else what cloud-init was told."""
    try:
        found = _told_address(session, vm)
    except NotAllowed:
        found = ""
    return found or addresses.static_address(vm.config)


def _told_address(session: Session, vm: LiveVm) -> str:
    if not addresses.agent_enabled(vm.config):
        return ""
    return addresses.agent_address(live.interfaces(session, vm), vm.config)


def _state(vm: LiveVm | None) -> str:
    if vm is None:
        return ABSENT
    return STARTED if vm.running else STOPPED


def _changes(first: VmPlan, last: VmPlan, found: LiveVm | None) -> tuple[Change, ...]:
    """Those that were planned at first, and what came up since; for a new VM with the id that it got."""
    changes = {change.field: change for change in first.changes}
    if first.live:
        changes |= {change.field: change for change in last.changes if change.field not in changes}
    elif found and "vmid" in changes:
        changes["vmid"] = Change("vmid", None, found.vmid)
    return tuple(changes.values())


def _way_on(error: ProxmoxError, patience: float) -> str:
    if not isinstance(error, NoAnswer):
        return ""
    return f"; it was asked again for {patience:g} s, and the next run goes on from here"
