"""A VM as it should be held against what is there: what changes, field by field, and what the server is told. Pure.

What is compared is what the VM will have after its next start: its config with the pending values over it. What it runs
with now decides whether a change takes effect at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.proxmox import disks, hotplug
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.fields import (
    NETWORK,
    Wanted,
    joined,
    parts,
    same,
    shown,
    wanted,
)
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.values import Raw
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.vm import LiveVm, Vm

LIVE, RESTART, PENDING = "live", "restart", "pending"
NOT_TOLD = "what it was before"
NOT_YET = "{} is attached at the next start of the VM, and can grow only then: restart the VM first (`allow_restart`)"
NUMBERED = re.compile(r"(net|ipconfig)(\d+)")


@dataclass(frozen=True)
class Change:
    """What becomes of one field, in the words of who wrote it."""

    field: str
    """Dotted path within the VM: `memory`, `disks.scsi0.size`, `networks[0].tag`."""
    before: Any
    """What it would have had after its next start; for PENDING, what it runs with. None: not there."""
    after: Any
    how: str = LIVE
    """LIVE: it takes effect at once (or the VM is off); RESTART: it is written, and the running VM takes it at its
    next start; PENDING: that is so already, and nothing is written."""


@dataclass(frozen=True)
class Refusal:
    """Why a VM cannot be brought to what is asked: found before anything is changed."""

    name: str
    """The VM's."""
    field: str
    message: str
    """What is wrong, and the way out."""

    def __str__(self) -> str:
        return ": ".join(part for part in (self.name, self.field, self.message) if part)


@dataclass(frozen=True)
class Difference:
    """What of a VM's config becomes other than it is."""

    changes: tuple[Change, ...] = ()
    set: Mapping[str, Raw] = field(default_factory=dict)
    """Keys and values of PUT .../config."""
    delete: tuple[str, ...] = ()
    grow: tuple[disks.Growth, ...] = ()
    add: Mapping[str, str] = field(default_factory=dict)
    """Disks that are to be made, by their slots."""
    grow_first: bool = False
    """Whether disks grow before the config is written: else a pending value would bring back their old size."""
    live: bool = True
    """Whether all of PUT .../config takes effect at once."""
    cloud_init: bool = False
    """Whether cloud-init is told something else."""
    refusals: tuple[Refusal, ...] = ()


def difference(vm: Vm, live: LiveVm) -> Difference:
    """What of `live` becomes other, so that it is as `vm` says. Power, pool and node are not looked at here."""
    state = _State.of(live)
    found = disks.differences(vm, state.later)
    stale = dict(_stale_sizes(vm, live, state))
    rows = [*wanted(vm), *found.rows]
    touched = {row.key for row in rows if row.of(state.later) != row.value}
    after = dict(state.later)
    for row in rows:
        if row.key in touched:
            row.into(after)
    for key in _surplus(vm, state.later):
        del after[key]
    differs = {key for key in {*after, *state.later} if after.get(key) != state.later.get(key)} | stale.keys()
    how = {key: state.how(key, after.get(key)) for key in sorted(differs)}
    unplugged = [growth.slot for growth in found.grow if growth.slot not in state.now]
    found.refusals += [(f"disks.{slot}.size", NOT_YET.format(slot)) for slot in unplugged]
    # The server writes the new size into the value that runs only, never into one that waits.
    waiting = [growth for growth in found.grow if how.get(growth.slot) == RESTART or growth.slot in live.pending]
    for growth in waiting:
        after[growth.slot] = joined(growth.slot, {**parts(growth.slot, after[growth.slot]), "size": growth.text})
        how[growth.slot] = state.how(growth.slot, after[growth.slot])
    changes = [
        *_field_changes(rows, state, how),
        *_removed_networks(vm, state, how),
        *(Change(f"disks.{growth.slot}.size", growth.before, growth.text, LIVE) for growth in found.grow),
        *(stale[slot] for slot in sorted(stale.keys() - {growth.slot for growth in found.grow})),
        *(Change(f"disks.{slot}", None, said, state.how(slot, found.add[slot])) for slot, said in found.said.items()),
        *_waiting_disks(vm, state),
    ]
    return Difference(
        tuple(changes),
        {key: after[key] for key in how if key in after},
        tuple(key for key in how if key not in after),
        found.grow,
        found.add,
        bool(waiting),
        RESTART not in how.values(),
        any(hotplug.is_cloud_init(key) for key in how),
        tuple(Refusal(vm.name, path, message) for path, message in (*found.refusals, *_lacking(vm, state, after))),
    )


@dataclass(frozen=True)
class _State:
    """What a VM has."""

    running: bool
    now: Mapping[str, Raw]
    """What it runs with, and of cloud-init what its guest can know."""
    later: Mapping[str, Raw]
    """What it will have after its next start."""
    plug: frozenset[str]
    unknown: frozenset[str] = frozenset()
    """Keys of which the cloud-init drive has a value that the server does not tell: they were deleted since."""

    @classmethod
    def of(cls, live: LiveVm) -> _State:
        later = _over(live.config, live.pending) | _sized(live)
        if not live.running:
            return cls(False, later, later, frozenset())
        drive = {key: value for key, value in live.on_drive.items() if hotplug.is_cloud_init(key)}
        unknown = frozenset(key for key, value in drive.items() if value is None and key not in live.config)
        return cls(True, _over(live.config, drive), later, hotplug.features(live.config), unknown)

    def how(self, key: str, after: Raw | None) -> str:
        """When a change of a key takes effect."""
        before = self.now.get(key)
        if not self.running or same(key, before, after):
            return LIVE
        return LIVE if hotplug.at_once(key, before, after, self.plug) else RESTART


def _over(config: Mapping[str, Raw], pending: Mapping[str, Raw | None]) -> dict[str, Raw]:
    found = {key: pending.get(key, value) for key, value in {**config, **pending}.items()}
    return {key: value for key, value in found.items() if value is not None}


def _sized(live: LiveVm) -> dict[str, Raw]:
    """Disks of which something waits, with the size that they have: the text that waits may be older than it."""
    found: dict[str, Raw] = {}
    for key, waits in live.pending.items():
        if waits is not None and key in live.config and hotplug.DISK.fullmatch(key):
            now, later = parts(key, live.config[key]), parts(key, waits)
            if "size" in now and now.get("file") == later.get("file"):
                found[key] = joined(key, {**later, "size": now["size"]})
    return found


def _stale_sizes(vm: Vm, live: LiveVm, state: _State) -> Iterator[tuple[str, Change]]:
    """Disks that grew after something else of them was written: that would bring back their old size."""
    for slot in (disk.slot for disk in vm.disks if disk.size is not None):
        waits = live.pending.get(slot)
        if waits is not None and not same(slot, waits, state.later[slot]):
            before, size = parts(slot, waits).get("size"), parts(slot, state.later[slot])["size"]
            yield slot, Change(f"disks.{slot}.size", before, size, LIVE)


def _field_changes(rows: list[Wanted], state: _State, how: Mapping[str, str]) -> Iterator[Change]:
    for row in rows:
        before, now = row.of(state.later), row.of(state.now)
        if before != row.value:
            yield Change(row.path, shown(before), shown(row.value), how.get(row.key, LIVE))
        elif now != row.value and not (hotplug.DISK.fullmatch(row.key) and row.key not in state.now):
            yield Change(row.path, shown(now), shown(row.value), PENDING)
        elif row.key in state.unknown:
            yield Change(row.path, NOT_TOLD, shown(row.value), PENDING)


def _surplus(vm: Vm, keys: Iterable[str]) -> list[str]:
    """The keys of networks beyond the list."""
    if vm.networks is None:
        return []
    numbered = {key: found for key in keys if (found := NUMBERED.fullmatch(key))}
    return sorted(key for key, found in numbered.items() if int(found[2]) >= len(vm.networks or ()))


def _removed_networks(vm: Vm, state: _State, how: Mapping[str, str]) -> Iterator[Change]:
    surplus = _surplus(vm, {*state.later, *state.now, *state.unknown})
    for number in sorted({int(NUMBERED.sub(r"\2", key)) for key in surplus}):
        keys = {f"{kind}{number}" for kind in ("net", "ipconfig")}
        goes = bool(keys & state.later.keys())
        there = state.later if goes else state.now
        rows = [Wanted(row.name, row.key.format(number), row, None) for row in NETWORK]
        before = {row.path: shown(value) for row in rows if (value := row.of(there)) != row.field.default}
        later = RESTART if any(how.get(key) == RESTART for key in keys) else LIVE
        yield Change(f"networks[{number}]", before, None, later if goes else PENDING)


def _waiting_disks(vm: Vm, state: _State) -> Iterator[Change]:
    for disk in vm.disks:
        if disk.slot in state.later and disk.slot not in state.now:
            known = {"size": parts(disk.slot, state.later[disk.slot]).get("size")}
            yield Change(
                f"disks.{disk.slot}", None, {**known, "storage": disks.storage_of(state.later, disk.slot)}, PENDING
            )


def _lacking(vm: Vm, state: _State, after: Mapping[str, Raw]) -> Iterator[tuple[str, str]]:
    for number in range(len(vm.networks or ())):
        key = f"net{number}"
        if key not in state.later and "bridge" not in parts(key, after.get(key, "")):
            yield f"networks[{number}].bridge", "is missing: a new network card needs the bridge that it is plugged in"
