"""The table of a VM's changes, held against the plan: once, and a second time on what became of the VM."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox import hotplug, values
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.difference import LIVE as AT_ONCE
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.difference import PENDING
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.difference import RESTART as LATER
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.plan import (
    AddDisk,
    Configure,
    Create,
    Grow,
    Join,
    Leave,
    Plan,
    Regenerate,
    Remove,
    Restart,
    Shutdown,
    Start,
    VmPlan,
    plan,
    plan_one,
    to_read,
)
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.vm import Cluster, LiveVm, read_vms
from unit.plugins.module_utils.proxmox.vm_cases import (
    CASES,
    LIVE,
    NAME,
    NODE,
    REFUSED,
    RESTART,
    TEMPLATE,
    TEMPLATE_CONFIG,
    UNCHANGED,
    VMID,
    Case,
    config_of,
    vm_of,
)

IMAGES = frozenset({"images", "rootdir"})
TEMPLATE_VM = LiveVm(TEMPLATE, "debian-12", NODE, "stopped", TEMPLATE_CONFIG, template=True)


def before(case: Case) -> LiveVm | None:
    """The VM as it is before."""
    if not case.there:
        return None
    status = "running" if case.running else "stopped"
    return LiveVm(VMID, NAME, NODE, status, config_of(case), case.pending, case.drive, pool=case.pool)


def cluster(live: LiveVm | None) -> Cluster:
    """What is there besides."""
    return Cluster(
        vms=(TEMPLATE_VM, *([live] if live else [])),
        nodes=(NODE, "pve-2"),
        storages={NODE: {"local-lvm": IMAGES, "other-lvm": IMAGES, "local": frozenset({"iso", "snippets"})}},
        bridges={NODE: frozenset({"vmbr0", "vmbr1"})},
        pools=frozenset({"autolabs", "other"}),
    )


def planned(case: Case, live: LiveVm | None) -> Plan:
    return plan(read_vms([vm_of(case)]), cluster(live), allow_restart=case.allow_restart)


def carried_out(entry: VmPlan, live: LiveVm | None) -> LiveVm | None:
    """What the server would make of the steps, by the rules of its own."""
    for step in entry.steps:
        if isinstance(step, Create):
            cloned = {**TEMPLATE_CONFIG, "name": step.name, "scsi0": "local-lvm:vm-130-disk-0,size=3G"}
            del cloned["template"]
            cloned["net0"] = "virtio=BC:24:11:AA:00:01,bridge=vmbr0"
            live = LiveVm(step.newid or VMID, step.name, step.node, "stopped", cloned, pool=step.pool or "")
            return carried_out(plan_one(entry.vm, live), live)
        assert live
        if isinstance(step, Configure):
            live = written(live, {**step.set, **dict.fromkeys(step.delete)})
        elif isinstance(step, AddDisk):
            live = written(live, {step.disk: made(step.value)})
        elif isinstance(step, Grow):
            config = dict(live.config)
            config[step.disk] = values.written({**values.disk(config[step.disk]), "size": step.size}, "file")
            live = replace(live, config=config)
        elif isinstance(step, Join | Leave):
            live = replace(live, pool=step.pool if isinstance(step, Join) else "")
        elif isinstance(step, Regenerate):
            live = replace(live, on_drive={})
        elif isinstance(step, Shutdown):
            live = replace(live, status="stopped")
        elif isinstance(step, Start | Restart):
            live = replace(live, status="running", config=after_start(live), pending={}, on_drive={})
        elif isinstance(step, Remove):
            assert not live.running
            return None
    return live


def written(live: LiveVm, changes: Mapping[str, str | int | None]) -> LiveVm:
    config, pending, drive = dict(live.config), dict(live.pending), dict(live.on_drive)
    for key, value in changes.items():
        pending.pop(key, None)
        if hotplug.is_cloud_init(key) and live.running and is_told(key, config, value):
            drive.setdefault(key, config.get(key))
        at_once = hotplug.is_cloud_init(key) or hotplug.at_once(key, config.get(key), value, hotplug.features(config))
        if live.running and not at_once and config.get(key) != value:
            pending[key] = value
        elif value is None:
            config.pop(key, None)
        else:
            config[key] = value
    # What was deleted is told without the value that the drive has.
    drive = {key: value if key in config else None for key, value in drive.items()}
    return replace(live, config=config, pending=pending, on_drive=drive)


def is_told(key: str, config: Mapping[str, str | int], after: str | int | None) -> bool:
    """Whether the server, or the agent, tells that the guest knows another value of cloud-init."""
    if not hotplug.IPCONFIG.fullmatch(key) or key not in config or after is None:
        return True
    return key == "ipconfig0" and "agent" in config and "ip=dhcp" not in str(after)


def made(value: str) -> str:
    found = values.disk(value)
    storage, size = found["file"].split(":")
    return values.written({**found, "file": f"{storage}:vm-130-disk-1", "size": f"{size}G"}, "file")


def after_start(live: LiveVm) -> dict[str, str | int]:
    config = {**live.config, **live.pending}
    return {key: value for key, value in config.items() if value is not None}


def comparable(config: Mapping[str, str | int]) -> dict[str, object]:
    """A config in which the order of properties, the unit of sizes and line ends say nothing."""
    found: dict[str, object] = {}
    for key, value in config.items():
        parts = {name: text.lower() for name, text in values.properties(str(value).rstrip("\n")).items()}
        if "size" in parts:
            parts["size"] = str(values.size_of(parts["size"]))
        found[key] = parts
    return found


def expected(case: Case) -> dict[str, object]:
    first = config_of(case) if case.there else TEMPLATE_CONFIG | {"net0": "virtio=BC:24:11:AA:00:01,bridge=vmbr0"}
    if not case.there:
        first = {**first, "name": NAME, "scsi0": "local-lvm:vm-130-disk-0,size=3G"}
        del first["template"]
    config = {**first, **case.pending, **case.after}
    return comparable({key: value for key, value in config.items() if value is not None})


def test_the_table_is_as_large_as_was_promised_and_no_name_comes_twice() -> None:
    assert len(CASES) >= 60
    names = [(case.expect, case.name) for case in CASES]
    assert sorted(set(names)) == sorted(names)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.expect}: {case.name}")
def test_a_field_becomes_what_was_asked_and_the_second_time_nothing_is_left_to_do(case: Case) -> None:
    live = before(case)
    found = planned(case, live)
    if case.expect == REFUSED:
        assert case.says in " ".join(map(str, found.refusals))
        assert not found.changed
        return
    assert found.refusals == ()
    (entry,) = found.vms
    hows = {change.how for change in entry.changes}
    assert sorted(change.field for change in entry.changes) == sorted(case.fields)
    if case.expect == UNCHANGED:
        assert entry.steps == ()
        assert hows <= {PENDING}
        assert entry.restart_needed == case.waits
        return
    assert entry.changed
    assert hows == {AT_ONCE} if case.expect == LIVE else hows & {LATER, PENDING}
    assert any(isinstance(step, Restart) for step in entry.steps) == case.allow_restart
    assert bool(entry.restart_needed) == (case.expect == RESTART and not case.allow_restart)
    then = carried_out(entry, live)
    if then is None:
        assert case.ends == "absent"
    else:
        assert comparable(after_start(then)) == expected(case)
        assert then.status == (case.ends or ("running" if case.running else "stopped"))
        assert then.pool == (case.pool if case.joins is None else case.joins)
    again = planned(case, then)
    assert again.refusals == ()
    assert again.vms[0].steps == ()
    assert again.vms[0].restart_needed == (() if case.forgotten else entry.restart_needed)


def test_configs_are_read_of_the_vms_that_are_meant_and_of_the_templates_of_new_ones() -> None:
    listed = [
        replace(TEMPLATE_VM, config={}),
        LiveVm(130, "old", NODE, "running"),
        LiveVm(131, "other", NODE, "running"),
    ]
    vms = read_vms([{"name": "old"}, {"name": "new", "template": "debian-12"}, {"name": "gone", "state": "absent"}])
    assert [vm.vmid for vm in to_read(vms, listed)] == [130, 9000]
