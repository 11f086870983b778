"""Switching a VM on and off, in order.

Of a VM under high availability, the task of a start or a shutdown ends when the wish is noted; the node's manager acts
on it later, and where a guest does not end in time, it is cut off (qemu-server, PVE/API2/Qemu.pm, `vm_start` and
`vm_shutdown`).
"""

from __future__ import annotations

from ansible_collections.autolabs.platform.plugins.module_utils.proxmox import live
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.errors import ProxmoxError, Refused, TaskFailed
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.vm import RUNNING, LiveVm
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.work import Pauses, Work

OFF = "stopped"
GRACE_SECONDS = 60.0
"""So much longer than the guest the task that waits for it may take."""


class NotShutDown(ProxmoxError):
    """A guest goes on running though it was asked to end."""


class UnderHighAvailability(ProxmoxError):
    """High availability has the VM, and does not do with it what was asked for."""


def may_end(work: Work, vm: LiveVm) -> None:
    """Make sure that a VM which is to be shut down would not be cut off unasked.

    Raises UnderHighAvailability where high availability has it and `force_stop` does not allow that; ProxmoxError.
    """
    if not work.options.force_stop and _status(work, vm)[1]:
        raise UnderHighAvailability(
            f"VM {vm.vmid} is under high availability, which cuts a guest off that does not shut down in time: allow "
            f"that (force_stop), or take it out of there first (ha-manager remove vm:{vm.vmid} on {vm.node})"
        )


def start(work: Work, vm: LiveVm) -> None:
    """Switch it on. Raises ProxmoxError."""
    try:
        work.run("starting", lambda: work.session.post(f"{path(vm)}/status/start"))
    except (Refused, TaskFailed) as error:
        if "already running" not in str(error):
            raise
    _becomes(work, vm, RUNNING, work.options.timeout)


def shutdown(work: Work, vm: LiveVm) -> None:
    """Ask the guest to end, and wait. It is cut off only where `force_stop` says so; see `may_end`.

    Raises ProxmoxError; NotShutDown where it goes on.
    """
    seconds = int(work.options.shutdown_timeout)
    force = work.options.force_stop
    try:
        work.run(
            "shutting down",
            lambda: work.session.post(f"{path(vm)}/status/shutdown", timeout=seconds, forceStop=force),
            timeout=seconds + GRACE_SECONDS,
        )
    except (Refused, TaskFailed) as error:
        if isinstance(error, Refused) and "not running" not in str(error):
            raise
        found = live.with_state(work.session, vm)
        if found and found.running:
            raise NotShutDown(
                f"VM {vm.vmid} did not shut down within {seconds} s and was left running ({error}); end it by hand, "
                "give it longer (shutdown_timeout), or let it be cut off (force_stop)"
            ) from error
    _becomes(work, vm, OFF, seconds + GRACE_SECONDS)


def restart(work: Work, vm: LiveVm) -> None:
    """Off and on again: a reboot of the guest alone would leave what is pending undone. Raises ProxmoxError."""
    shutdown(work, vm)
    start(work, vm)


def _becomes(work: Work, vm: LiveVm, wanted: str, seconds: float) -> None:
    """Wait until a VM under high availability is so; for others the task has waited."""
    pauses = Pauses(seconds)
    while True:
        status, managed = _status(work, vm)
        if status == wanted or not managed:
            return
        if not pauses():
            raise UnderHighAvailability(
                f"VM {vm.vmid} is under high availability and {status}, not {wanted}, {seconds:g} s after that was "
                f"asked for: see what ha-manager status says of it on {vm.node}"
            )
        work.telling.still()


def _status(work: Work, vm: LiveVm) -> tuple[str, bool]:
    """`running` or `stopped`, and whether high availability has the VM (GET .../status/current)."""
    answer = work.session.get(f"{path(vm)}/status/current")
    return str(answer.get("status", "")), bool(int((answer.get("ha") or {}).get("managed") or 0))


def path(vm: LiveVm) -> str:
    """The VM's path in the API."""
    return f"nodes/{vm.node}/qemu/{vm.vmid}"
