"""Cloning a template, once, whoever else clones at the same time and whatever becomes of the answer."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.proxmox import live
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.client import Session
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.errors import (
    Invalid,
    OutcomeUnknown,
    ProxmoxError,
    Refused,
    Taken,
    TaskFailed,
)
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.plan import Create
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.vm import LiveVm
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.work import (
    BEING_MADE,
    StillLocked,
    Work,
    nameless,
)

ATTEMPTS = 10
"""Ids that others took before us, until we give up."""


class Ids:
    """Hands out ids of new VMs, never the same one twice in a run."""

    def __init__(self, session: Session, reserved: Iterable[int]) -> None:
        """reserved: ids that VMs of this run have by their description."""
        self._session = session
        self._reserved = set(reserved)
        self._given: set[int] = set()
        self.clones: set[str] = set()
        """The tasks that clone for this run."""
        self._lock = threading.Lock()

    def choose(self) -> int:
        """A free id. Nobody but this run knows of it before the clone is begun. Raises ProxmoxError."""
        with self._lock:
            vmid = int(self._session.get("cluster/nextid"))
            while vmid in self._reserved or vmid in self._given or not self._free(vmid):
                vmid += 1
            self._given.add(vmid)
            return vmid

    def lose(self, vmid: int) -> None:
        """Somebody else has taken this id, or we gave it up."""
        self._given.discard(vmid)

    def gave(self, vmid: int) -> bool:
        """Whether this id is one of this run's."""
        return vmid in self._given or vmid in self._reserved

    def _free(self, vmid: int) -> bool:
        return is_free(self._session, vmid)


def is_free(session: Session, vmid: int) -> bool:
    """Whether nobody has this id, the guests that the account cannot see among them."""
    try:
        session.get("cluster/nextid", vmid=vmid)
    except (Taken, Invalid):
        return False
    return True


def create(work: Work, step: Create, ids: Ids) -> LiveVm:
    """The VM that `step` asks for, cloned by this run or by another that was faster. Raises ProxmoxError."""
    for _attempt in range(ATTEMPTS):
        if step.newid is None and (twin := _named(work, step.name, ids)):
            work.telling.say(f"another run makes VM {twin.vmid} of this name; going on with it")
            return twin
        newid = ids.choose() if step.newid is None else step.newid
        try:
            _clone(work, step, newid, ids)
        except OutcomeUnknown:
            work.telling.say(f"the answer to the clone as VM {newid} was lost; looking whether it takes place")
            work.settled(step.template_node, step.template, "qmclone")
            found = _whole(work, newid)
            if found and found.name == step.name:
                work.done.append(f"cloning template {step.template} to VM {newid}")
                return _only(work, step, found, ids)
            if found and step.newid is not None:
                raise Taken(_taken(step, found)) from None
        except (Taken, TaskFailed) as error:
            if isinstance(error, TaskFailed) and not error.taken:
                raise
            ids.lose(newid)
            found = _whole(work, newid)
            if found is None and step.newid is not None:
                # A clone comes into its pool at its end: who has rights by the pool only cannot see it before.
                work.settled(step.template_node, step.template, "qmclone")
                found = _whole(work, newid)
            if found and found.name == step.name:
                work.telling.say(f"another run has made VM {newid}; going on with it")
                return found
            if step.newid is not None:
                raise Taken(_taken(step, found)) from error
        else:
            return _only(work, step, _there(work, step, newid), ids)
    raise Refused(f"{ATTEMPTS} ids were taken before VM {step.name} could be made; give it one (vmid)")


def _clone(work: Work, step: Create, newid: int, ids: Ids) -> None:
    parameters = {
        "newid": newid,
        "name": step.name,
        "full": step.full,
        "target": step.node if step.node != step.template_node else None,
        "storage": step.storage if step.full else None,
        "pool": step.pool or None,
    }

    def request() -> Any:
        task = work.session.post(f"nodes/{step.template_node}/qemu/{step.template}/clone", **parameters)
        ids.clones.add(str(task))
        return task

    work.run(f"cloning template {step.template} to VM {newid}", request)


def _there(work: Work, step: Create, newid: int) -> LiveVm:
    made = LiveVm(vmid=newid, name=step.name, node=step.node, status="stopped", pool=step.pool or "")
    found = live.read_vm(work.session, made)
    if found is None:
        raise ProxmoxError(f"VM {newid} was cloned, and is not there any more: somebody removed it; run this again")
    return found


def _named(work: Work, name: str, ids: Ids) -> LiveVm | None:
    """A VM of this name that was not there when the plan was made: another run makes it at this moment."""
    for vm in live.listed_vms(work.session):
        if vm.template or ids.gave(vm.vmid):
            continue
        if nameless(vm) and vm.lock in BEING_MADE:
            # It gets its name with its first disk; somebody else's may take long, and is no reason to fail.
            try:
                named = work.unlocked(vm)
            except StillLocked:
                continue
            if named is None:
                continue
            vm = named
        if vm.name == name and (found := _whole(work, vm.vmid)):
            return found
    return None


def _only(work: Work, step: Create, made: LiveVm, ids: Ids) -> LiveVm:
    """The VM that stays where two runs made one of this name at the same moment: that of the lower id.

    Each looks when its own is there, so that at least the later one sees the other, and waits for the clones that
    others make at that moment: who has rights by the pool only cannot see one before its end. Only the clone that this
    run made just now, which nobody has used, is ever given up.
    """
    if step.newid is not None:
        return made
    work.ended(step.template_node, step.template, "qmclone", ids.clones)
    twin = _named(work, step.name, ids)
    if twin is None or twin.vmid > made.vmid:
        return made
    work.telling.say(f"another run made VM {twin.vmid} of this name as well; going on with it, without {made.vmid}")
    path = f"nodes/{made.node}/qemu/{made.vmid}"
    work.run(f"removing our clone {made.vmid}", lambda: work.session.delete(path, purge=True))
    ids.lose(made.vmid)
    return twin


def _whole(work: Work, vmid: int) -> LiveVm | None:
    """The VM that has this id, when it is made; None where there is none."""
    for vm in live.listed_vms(work.session):
        if vm.vmid == vmid:
            if vm.lock in BEING_MADE and work.unlocked(vm) is None:
                return None
            # A clone for another node moves there at its end.
            moved = next((one for one in live.listed_vms(work.session) if one.vmid == vmid), None)
            return moved and live.read_vm(work.session, moved)
    return None


def _taken(step: Create, found: LiveVm | None) -> str:
    if found is None:
        return (
            f"VMID {step.newid} exists, though the account cannot see it: it belongs to a container, or to a VM for "
            f"which it lacks VM.Audit; choose another vmid for {step.name}, or give the account that privilege"
        )
    return f"VMID {step.newid} belongs to VM {found.name} on {found.node}; choose another vmid for {step.name}"
