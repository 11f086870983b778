"""Carrying out what is planned for one VM, and planning again where things turn out otherwise."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.proxmox import live, making, power
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.errors import (
    Conflict,
    OutcomeUnknown,
    ProxmoxError,
    Refused,
)
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.plan import (
    AddDisk,
    Configure,
    Create,
    Grow,
    Join,
    Leave,
    Regenerate,
    Remove,
    Restart,
    Shutdown,
    Start,
    Step,
    VmPlan,
    plan_one,
)
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.vm import ABSENT, LiveVm
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.work import Work

ROUNDS = 5
"""So often a VM is planned anew because somebody else changed it, or an answer was lost."""


class Carrier:
    """Brings one VM to what is planned for it."""

    def __init__(self, work: Work, planned: VmPlan, ids: making.Ids) -> None:
        self.work = work
        self.planned = planned
        """The plan as it stands; its changes are those that were planned first, and whatever came up since."""
        self._ids = ids
        self.live = planned.live
        """The VM as it was read last; None where it is not there."""
        # The one that the plan was made from guards the first change; each change has a new one.
        self._digest = planned.live.digest if planned.live else ""

    def carry_out(self) -> LiveVm | None:
        """Do all of it; the VM as it was read last, None where it is absent. Raises ProxmoxError."""
        rounds = old = 0
        while self.planned.steps:
            try:
                steps = self.planned.steps
                if self.live and any(isinstance(step, Shutdown | Restart) for step in steps):
                    power.may_end(self.work, self.live)
                for number, step in enumerate(steps, 1):
                    self._do(step)
                    if isinstance(step, Create):
                        break
                    # Where the server never takes over what it is told, this must end all the same.
                    if old < len(steps) + ROUNDS and self._is_old(step, steps[number:]):
                        old += 1
                        break
                else:
                    return self.live
            except (Conflict, OutcomeUnknown) as error:
                rounds += 1
                if rounds > ROUNDS:
                    raise
                self._look_again(error)
            if self.live is None:
                return None
            self._plan_again(self.live)
        return self.live

    def _is_old(self, done: Step, left: tuple[Step, ...]) -> bool:
        """Whether what is left to do is to be planned anew; the VM is read again then.

        A task takes long enough for somebody to change the config meanwhile, which whole property strings of the old
        plan would undo.
        """
        if not isinstance(done, Grow | AddDisk) or not any(isinstance(step, Configure) for step in left):
            return False
        if self.live:
            self._read_again(self.live)
        return True

    def _look_again(self, error: ProxmoxError) -> None:
        vm = self.live
        if vm is None:
            raise error
        if isinstance(error, OutcomeUnknown):
            self.work.telling.say("an answer was lost; looking what came of the request")
            self.work.settled(vm.node, vm.vmid)
        else:
            self.work.telling.say("somebody else changed it meanwhile; planning it again")
        self._read_again(vm)

    def _read_again(self, vm: LiveVm) -> None:
        self.live = live.read_vm(self.work.session, vm)
        if self.live is None and self.planned.vm.state != ABSENT:
            raise ProxmoxError(f"VM {vm.vmid} was removed while it was worked on; run this again to make it anew")

    def _plan_again(self, vm: LiveVm) -> None:
        self._digest = vm.digest
        # Pools are not in the config; what was planned of them is done or comes again.
        self.planned = plan_one(self.planned.vm, vm, allow_restart=self.work.options.allow_restart)

    def _do(self, step: Step) -> None:
        if isinstance(step, Create):
            self.live = making.create(self.work, step, self._ids)
            return
        vm = self.live
        if vm is None:
            raise ProxmoxError(f"there is no VM to do this with: {step}")
        if isinstance(step, Start):
            power.start(self.work, vm)
        elif isinstance(step, Shutdown):
            power.shutdown(self.work, vm)
        elif isinstance(step, Restart):
            power.restart(self.work, vm)
        elif isinstance(step, Remove):
            self._remove(vm)
        elif isinstance(step, Join | Leave):
            self._pool(vm, step)
        else:
            self._configure(vm, step)

    def _configure(self, vm: LiveVm, step: Configure | AddDisk | Grow | Regenerate) -> None:
        session, path = self.work.session, power.path(vm)
        if isinstance(step, Regenerate):
            self.work.run("writing the cloud-init drive", lambda: session.put(f"{path}/cloudinit"))
            return
        digest = self._digest or live.digest(session, vm)
        if isinstance(step, Configure):
            changes: dict[str, Any] = {**step.set, "digest": digest}
            if step.delete:
                changes["delete"] = ",".join(step.delete)
            self.work.run("configuring", lambda: session.put(f"{path}/config", **changes))
        elif isinstance(step, AddDisk):
            added = {step.disk: step.value, "digest": digest}
            self.work.run(f"adding disk {step.disk}", lambda: session.post(f"{path}/config", **added))
        else:
            size = {"disk": step.disk, "size": step.size, "digest": digest}
            self.work.run(f"growing {step.disk} to {step.size}", lambda: session.put(f"{path}/resize", **size))
        self._digest = ""

    def _pool(self, vm: LiveVm, step: Join | Leave) -> None:
        session = self.work.session
        extra = {"delete": True} if isinstance(step, Leave) else {"allow-move": True}
        text = f"leaving pool {step.pool}" if isinstance(step, Leave) else f"joining pool {step.pool}"
        try:
            self.work.run(text, lambda: session.put("pools", poolid=step.pool, vms=vm.vmid, **extra))
        except Refused as error:
            # It was done already: the first time its answer was lost.
            if not any(told in str(error) for told in ("is already a pool member", "is not a pool member")):
                raise

    def _remove(self, vm: LiveVm) -> None:
        self.work.run("removing", lambda: self.work.session.delete(power.path(vm), purge=True))
        self.live = None


def words(done: Iterable[str]) -> str:
    """What is behind us, for a message; empty for nothing."""
    told = ", ".join(done)
    return f"; done before: {told}" if told else ""
