"""Objects as they should be, held against what there is: the changes, field by field. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput, Problem
from ansible_collections.autolabs.platform.plugins.module_utils.documents.shapes import did_you_mean
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.settings.kinds import KINDS, LIVE, Field
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.settings.reading import (
    ABSENT,
    KNOWN,
    TOKEN,
    Wanted,
)
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.settings.there import SEVERAL, There

CREATE, UPDATE, REMOVE, RENEW = "create", "update", "remove", "renew"
ACL = "acl"
HIDDEN = "(not shown)"
WHOLE_TOKEN = "{}!{}"


@dataclass(frozen=True)
class FieldChange:
    """What becomes of one field."""

    field: str
    before: Any
    after: Any
    how: str = LIVE
    """LIVE, RELOAD or VM_START of the table."""


@dataclass(frozen=True)
class Change:
    """What becomes of one object."""

    wanted: Wanted
    action: str
    fields: tuple[FieldChange, ...] = ()
    there: Mapping[str, Any] = field(default_factory=dict)
    """The object as the API told it."""


def differences(
    wanted: Sequence[Wanted],
    there: There,
    secrets: Mapping[str, tuple[str, str]],
    own_roles: Sequence[str] = (),
) -> list[Change]:
    """The changes in the order in which objects were asked for; nothing for those that are as they should be.

    secrets: whose token each file of a secret holds. own_roles: those of which every right is among `wanted`, so that
    others are removed, behind all else. Raises InvalidInput with everything that cannot be brought about.
    """
    problems: list[Problem] = []
    changes: list[Change] = []
    anew: set[str] = set()
    for one in wanted:
        entry = there.get((one.kind.name, one.key))
        if one.kind.name == ACL and one.key[-1] in anew:
            # The rights of a token go with it, and so are given again.
            entry = None
        found = _change(one, entry, secrets, problems, there)
        if found:
            changes.append(found)
            if one.kind.name == TOKEN and found.action in (REMOVE, RENEW):
                anew.add(WHOLE_TOKEN.format(*one.key))
    if problems:
        raise InvalidInput(problems)
    return [*changes, *_stray(wanted, there, own_roles)]


def _stray(wanted: Sequence[Wanted], there: There, own_roles: Sequence[str]) -> Iterator[Change]:
    keys = {one.key for one in wanted if one.kind.name == ACL}
    for (kind, key), entry in there.items():
        if kind == ACL and key not in keys and key[1] in own_roles:
            one = Wanted(KINDS[ACL], key, ABSENT)
            yield Change(one, REMOVE, tuple(_gone(one, entry)), entry)


def _change(
    one: Wanted,
    entry: Mapping[str, Any] | None,
    secrets: Mapping[str, tuple[str, str]],
    problems: list[Problem],
    there: There,
) -> Change | None:
    if one.state == ABSENT:
        return None if entry is None else Change(one, REMOVE, tuple(_gone(one, entry)), entry)
    if one.state == KNOWN:
        if entry is None:
            problems.append(Problem("", 0, one.title, f"is not there{_others(one, there)}"))
        elif entry.get(SEVERAL):
            problems.append(Problem("", 0, one.title, "there is more than one of this name; give them different names"))
        return None
    if entry is None:
        missing = [name for name in one.kind.needed if one.fields.get(name) in (None, "")]
        problems += [Problem("", 0, f"{one.title}.{name}", "is needed to make it") for name in missing]
        return Change(one, CREATE, tuple(_new(one)))
    fields = tuple(_fields(one, entry, problems))
    if one.kind.name == TOKEN and secrets.get(one.secret_file) != one.key:
        if not one.renew:
            problems.append(Problem("", 0, one.title, _lost(one)))
        return Change(one, RENEW, fields, entry)
    return Change(one, UPDATE, fields, entry) if fields else None


def _lost(one: Wanted) -> str:
    return (
        f"it is there, and its secret is not in {one.secret_file}: Proxmox tells a secret only once. Bring that file "
        "back, or have the token made anew (renew: true), which ends the old secret wherever it is used"
    )


def _others(one: Wanted, there: There) -> str:
    names = sorted(key[-1] for kind, key in there if kind == one.kind.name)
    if not names:
        return ", nor any other"
    return f"; there are {', '.join(names)}{did_you_mean(one.key[-1], names)}"


def _fields(one: Wanted, entry: Mapping[str, Any], problems: list[Problem]) -> Iterator[FieldChange]:
    for name, asked in one.fields.items():
        known = one.described(name)
        if known.secret:
            continue
        shown = known.adds_to or name
        before = _canon(one.described(shown), entry.get(shown))
        after = asked if asked is not None else known.default
        if known.adds_to:
            after = sorted({*(before or ()), *(asked or ())})
        if before == after:
            continue
        if known.fixed:
            message = f"is {before} and cannot become {after}: Proxmox takes it for a new {one.kind.name} only"
            problems.append(Problem("", 0, f"{one.title}.{name}", message))
            continue
        yield FieldChange(shown, before, after, known.how)


def _new(one: Wanted) -> Iterator[FieldChange]:
    for name, value in one.fields.items():
        known = one.described(name)
        if value is not None:
            yield FieldChange(known.adds_to or name, None, HIDDEN if known.secret else value, known.how)


def _gone(one: Wanted, entry: Mapping[str, Any]) -> Iterator[FieldChange]:
    for name, known in one.kind.fields.items():
        if name in entry and not known.secret:
            yield FieldChange(name, _canon(known, entry[name]), None, known.how)


def _canon(known: Field, value: Any) -> Any:
    return known.default if value is None else known.form.canon(value)
