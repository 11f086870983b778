"""What came of a run, as a module's result. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml
from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.converge import Outcome, RefusedPlan
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.diff import diff_of
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.errors import ProxmoxError
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.vm import ABSENT


def result(outcomes: Sequence[Outcome], *, check_mode: bool, diff: bool) -> dict[str, Any]:
    """`changed`, `failed`, `msg`, `vms`, `failures` where there are any, and `diff` where it is asked for."""
    failures = [{"name": one.name, "message": one.failure} for one in outcomes if one.failure]
    found: dict[str, Any] = {
        "changed": any(one.changed for one in outcomes),
        "failed": bool(failures),
        "msg": sentence(outcomes, check_mode=check_mode),
        "vms": [_vm(one) for one in outcomes],
    }
    if failures:
        found["failures"] = failures
    warnings = [f"{one.name}: {warning}" for one in outcomes for warning in one.warnings]
    if warnings:
        found["warnings"] = warnings
    if diff:
        found["diff"] = [_diff(one) for one in outcomes if one.planned.changed]
    return found


def sentence(outcomes: Sequence[Outcome], *, check_mode: bool) -> str:
    """Such as `3 VMs: 1 made, 2 unchanged`; every failure with its reason."""
    counts: dict[str, int] = {}
    for one in outcomes:
        what = _what(one, check_mode=check_mode)
        counts[what] = counts.get(what, 0) + 1
    told = ", ".join(f"{count} {what}" for what, count in counts.items()) or "none is asked for"
    waiting = sorted(one.name for one in outcomes if one.restart_needed and not one.failure)
    parts = [f"{len(outcomes)} VM{'s' * (len(outcomes) != 1)}: {told}"]
    if waiting:
        parts.append(f"changes wait for a restart (allow_restart) of {', '.join(waiting)}")
    parts += [f"{one.name}: {one.failure}" for one in outcomes if one.failure]
    return "; ".join(parts)


def told(error: InvalidInput | ProxmoxError) -> dict[str, Any]:
    """The result of a run that came to nothing."""
    if isinstance(error, InvalidInput):
        count = len(error.problems)
        message = f"{count} mistake{'s' * (count > 1)}, nothing was changed:\n{error}"
        return {"failed": True, "msg": message, "problems": [str(problem) for problem in error.problems]}
    if isinstance(error, RefusedPlan):
        failures = [{"name": refusal.name, "message": str(refusal)} for refusal in error.refusals]
        return {"failed": True, "msg": f"nothing was changed:\n{error}", "failures": failures}
    return {"failed": True, "msg": str(error)}


def _what(one: Outcome, *, check_mode: bool) -> str:
    if one.failure:
        return "failed"
    if not one.changed:
        return "unchanged"
    verb = "made" if one.planned.live is None else "removed" if one.planned.vm.state == ABSENT else "changed"
    return f"would be {verb}" if check_mode else verb


def _vm(one: Outcome) -> dict[str, Any]:
    return {
        "name": one.name,
        "vmid": one.vmid,
        "node": one.node,
        "state": one.state,
        "address": one.address,
        "changes": [
            {"field": change.field, "before": change.before, "after": change.after, "how": change.how}
            for change in one.changes
        ],
        "restart_needed": list(one.restart_needed),
    }


def _diff(one: Outcome) -> dict[str, str]:
    return {
        part: _text(fields) if part in ("before", "after") else str(fields)
        for part, fields in diff_of(one.planned).items()
    }


def _text(fields: Any) -> str:
    return str(yaml.safe_dump(fields, sort_keys=False, allow_unicode=True, default_flow_style=False)) if fields else ""
