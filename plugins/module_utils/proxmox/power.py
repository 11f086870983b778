"""Switching a VM on and off, in order."""

from __future__ import annotations

from ansible_collections.autolabs.platform.plugins.module_utils.proxmox import live
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.errors import ProxmoxError, Refused, TaskFailed
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.vm import LiveVm
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.work import Work

GRACE_SECONDS = 60.0
"""So much longer than the guest the task that waits for it may take."""


class NotShutDown(ProxmoxError):
    """A guest goes on running though it was asked to end."""


def start(work: Work, vm: LiveVm) -> None:
    """Switch it on. Raises ProxmoxError."""
    try:
        work.run("starting", lambda: work.session.post(f"{path(vm)}/status/start"))
    except (Refused, TaskFailed) as error:
        if "already running" not in str(error):
            raise


def shutdown(work: Work, vm: LiveVm) -> None:
    """Ask the guest to end, and wait. It is cut off only where `force_stop` says so. Raises ProxmoxError."""
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


def restart(work: Work, vm: LiveVm) -> None:
    """Off and on again: a reboot of the guest alone would leave what is pending undone. Raises ProxmoxError."""
    shutdown(work, vm)
    start(work, vm)


def path(vm: LiveVm) -> str:
    """The VM's path in the API."""
    return f"nodes/{vm.node}/qemu/{vm.vmid}"
