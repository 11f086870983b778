"""A VM's changes before and after, as `--diff` shows them. Pure, and without secrets: no field of a VM holds one."""

from __future__ import annotations

from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.difference import PENDING
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.plan import Restart, VmPlan


def diff_of(planned: VmPlan) -> dict[str, Any]:
    """The fields that become other, by their paths, as `before` and `after`, each with its header.

    What a field waits for already is shown where the VM is restarted for it.
    """
    restarts = any(isinstance(step, Restart) for step in planned.steps)
    changes = [change for change in planned.changes if restarts or change.how != PENDING]
    place = f" (VM {planned.vmid} on {planned.node})" if planned.vmid else f" (on {planned.node})"
    return {
        "before": {change.field: change.before for change in changes if change.before is not None},
        "after": {change.field: change.after for change in changes if change.after is not None},
        "before_header": f"{planned.vm.name}{place}",
        "after_header": f"{planned.vm.name}{place}",
    }
