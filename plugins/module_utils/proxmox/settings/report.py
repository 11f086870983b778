"""Changes in words: the diff, the result of a task, and one sentence. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.settings.difference import (
    CREATE,
    REMOVE,
    RENEW,
    UPDATE,
    Change,
)
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.settings.kinds import VM_START
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.settings.reading import TOKEN, Wanted
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.settings.there import There

LATER = "known after it is made"
WORDS = {CREATE: "made", REMOVE: "removed", RENEW: "made anew"}


def as_diff(change: Change) -> dict[str, str]:
    """The changed fields of one object before and after, as Ansible shows them."""
    before = {entry.field: entry.before for entry in change.fields if entry.before is not None}
    after = {entry.field: entry.after for entry in change.fields if entry.after is not None}
    if change.wanted.kind.name == TOKEN and change.action in (CREATE, RENEW):
        before |= {"secret": "(lost)"} if change.action == RENEW else {}
        after |= {"secret": f"{LATER}, in {change.wanted.secret_file}"}
    title = change.wanted.title
    return {
        "before": "" if change.action == CREATE else _text(before),
        "after": "" if change.action == REMOVE else _text(after),
        "before_header": f"{title} ({'not there' if change.action == CREATE else 'as it is'})",
        "after_header": f"{title} ({'removed' if change.action == REMOVE else 'as it will be'})",
    }


def _text(fields: Mapping[str, Any]) -> str:
    # An object without fields is there all the same.
    return yaml.safe_dump(dict(fields), allow_unicode=True) if fields else "present\n"


def as_result(change: Change) -> dict[str, Any]:
    """One object of the task's result."""
    return {
        "object": change.wanted.title,
        "action": change.action,
        "changes": [
            {"field": entry.field, "before": entry.before, "after": entry.after, "how": entry.how}
            for entry in change.fields
        ],
    }


def known(wanted: Sequence[Wanted], there: There) -> list[dict[str, Any]]:
    """What there is to know of the nodes and VMs that were only looked up."""
    looked_up = ((one, there.get((one.kind.name, one.key))) for one in wanted if one.kind.told)
    return [
        {"kind": one.kind.name, **{name: entry.get(name) for name in one.kind.told}}
        for one, entry in looked_up
        if entry
    ]


def sentence(changes: Sequence[Change], total: int, *, check_mode: bool) -> str:
    """What came of it, or would."""
    if not changes:
        return "the object is as it should be" if total == 1 else f"all {total} objects are as they should be"
    told = ", ".join(f"{change.wanted.title} {WORDS.get(change.action, 'changed')}" for change in changes)
    later = [one.wanted.title for one in changes if one.action == UPDATE and VM_START in {f.how for f in one.fields}]
    if later:
        told += f"; VMs that run have it from their next start on: {', '.join(later)}"
    return f"would be done: {told}" if check_mode else told
