"""The table of a VM's changes through the API: what check mode tells is what happens, and happens once."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox import values
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.client import Endpoint, Session
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.converge import Outcome, RefusedPlan, converge
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.errors import Account
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.vm import read_vms
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.work import Options
from testbed.proxmox import volumes
from testbed.proxmox.hypervisor import CloudInit, Nowhere
from testbed.proxmox.server import StandIn
from unit.plugins.module_utils.proxmox.vm_cases import (
    CASES,
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

PASSWORD = "a-password"
DISKS = ("ide", "sata", "scsi", "virtio")


class Server:
    """A Proxmox VE that holds the template and, case by case, the VM."""

    def __init__(self, stand_in: StandIn, hypervisor: Nowhere) -> None:
        self.engine: Any = stand_in.engine
        self.hypervisor = hypervisor
        self.session = Session(
            Endpoint("127.0.0.1", Account("root@pam"), PASSWORD, port=stand_in.port, ca=str(stand_in.ca))
        )
        state = self.engine.state
        state["storages"]["other-lvm"] = copy.deepcopy(state["storages"]["local-lvm"]) | {"vgname": "other"}
        for node in state["nodes"].values():
            node["network"]["vmbr1"] = copy.deepcopy(node["network"]["vmbr0"])
        self.session.post("pools", poolid="autolabs")
        self.session.post("pools", poolid="other")
        self._fresh = copy.deepcopy(state.data)

    def holds(self, case: Case) -> None:
        """Forget everything else; have what the case starts from."""
        state = self.engine.state
        with state.mutex:
            for part in ("vms", "volumes", "pools"):
                state[part] = copy.deepcopy(self._fresh[part])
            for vmid in list(self.hypervisor.machines):
                self.hypervisor.remove(vmid)
            self._has(TEMPLATE, TEMPLATE_CONFIG)
            if case.there:
                config = config_of(case)
                pending = {key: value for key, value in case.pending.items() if value is not None}
                delete = {key: False for key, value in case.pending.items() if value is None}
                self._has(VMID, config, pending=pending, delete=delete, cloudinit=dict(case.drive))
                if case.pool:
                    state["pools"][case.pool]["vms"].append(VMID)
                if case.running:
                    drive = {key: value for key, value in case.drive.items() if value is not None}
                    self.hypervisor.start(VMID, config | drive, CloudInit())

    def _has(self, vmid: int, config: Mapping[str, str], **more: Any) -> None:
        nothing: dict[str, Any] = {"pending": {}, "delete": {}, "cloudinit": {}, "started": 0}
        self.engine.state["vms"][str(vmid)] = {"node": NODE, "config": dict(config), **nothing, **more}
        for key, value in config.items():
            if key.startswith(DISKS) and ":" in value:
                disk = values.disk(value)
                entry = {"size": values.size_of(disk["size"]), "format": "raw", "vmid": vmid, "content": "images"}
                volumes.keep(self.engine, NODE, disk["file"], entry | {"ctime": 0})

    def told(self) -> dict[str, Any]:
        """All that a run could change."""
        state = self.engine.state
        return copy.deepcopy({part: state[part] for part in ("vms", "volumes", "pools")}) | {
            "running": sorted(self.hypervisor.machines)
        }

    def becomes(self, case: Case, *, check_mode: bool = False) -> Outcome:
        options = Options(check_mode=check_mode, allow_restart=case.allow_restart, timeout=20, shutdown_timeout=1)
        (outcome,) = converge(self.session, read_vms([vm_of(case)]), options, lambda _progress: None)
        assert outcome.failure == ""
        return outcome


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    hypervisor = Nowhere()
    folder = tmp_path_factory.mktemp("pve")
    with StandIn(folder, hypervisor, nodes=(NODE, "pve-2"), password=PASSWORD) as stand_in:
        yield Server(stand_in, hypervisor)


def later(vm: Mapping[str, Any]) -> dict[str, str]:
    """The config of the stand-in's VM after its next start.

    Without `unusedN` of a disk in use: PVE lists it so when its options change while others wait (`update_vm_api` of
    qemu-server), and nothing comes of that.
    """
    merged = {**vm["config"], **vm["pending"]}
    used = {values.disk(value)["file"] for key, value in merged.items() if key.startswith(DISKS) and ":" in value}
    return {
        key: value
        for key, value in merged.items()
        if key not in vm["delete"] and not (key.startswith("unused") and value in used)
    }


def comparable(config: Mapping[str, str]) -> dict[str, object]:
    """A config in which the order of properties, the unit of sizes and line ends say nothing."""
    found: dict[str, object] = {}
    for key, value in config.items():
        parts = {name: text.lower() for name, text in values.properties(value.rstrip("\n")).items()}
        if "size" in parts:
            parts["size"] = str(values.size_of(parts["size"]))
        found[key] = parts
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.expect}: {case.name}")
def test_check_mode_tells_what_happens_and_the_second_run_does_nothing(server: Server, case: Case) -> None:
    server.holds(case)
    before = server.told()
    if case.expect == REFUSED:
        for check_mode in (True, False):
            with pytest.raises(RefusedPlan) as error:
                server.becomes(case, check_mode=check_mode)
            assert case.says in str(error.value)
            assert server.told() == before
        return
    for _time in range(2):
        foreseen = server.becomes(case, check_mode=True)
        assert server.told() == before
    outcome = server.becomes(case)
    assert outcome.changed == foreseen.changed == (case.expect != UNCHANGED)
    assert sorted(change.field for change in foreseen.changes) == sorted(case.fields)
    assert [(change.field, change.how) for change in outcome.changes] == [
        (change.field, change.how) for change in foreseen.changes
    ]
    assert outcome.state == foreseen.state
    assert outcome.restart_needed == foreseen.restart_needed
    after = server.told()
    if case.expect == UNCHANGED:
        assert after == before
    else:
        holds_what_was_asked(case, after)
    for check_mode in (True, False):
        again = server.becomes(case, check_mode=check_mode)
        assert not again.changed
        assert again.restart_needed == (() if case.forgotten else outcome.restart_needed)
        assert server.told() == after


def holds_what_was_asked(case: Case, after: Mapping[str, Any]) -> None:
    if case.ends == "absent":
        assert str(VMID) not in after["vms"]
        assert not [volume for volume, entry in after["volumes"].items() if entry.get("vmid") == VMID]
        return
    vm = after["vms"][str(VMID)]
    assert (VMID in after["running"]) == (case.ends == "running" or (case.ends == "" and case.running))
    pools = {name for name, pool in after["pools"].items() if VMID in pool["vms"]}
    assert pools == ({case.pool if case.joins is None else case.joins} - {""})
    if case.expect == RESTART and not case.allow_restart:
        assert vm["pending"] or vm["delete"] or vm["cloudinit"]
    elif case.allow_restart:
        assert not (vm["pending"] or vm["delete"] or vm["cloudinit"])
    if case.there:
        wanted = {**config_of(case), **case.pending, **case.after}
        expected = {key: value for key, value in wanted.items() if value is not None}
        assert comparable(later(vm)) == comparable(expected)
    else:
        assert comparable(later(vm)).items() >= comparable({k: v for k, v in case.after.items() if v}).items()
