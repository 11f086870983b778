"""Copies of VMs, full and linked, and templates (qemu-server, PVE/API2/Qemu.pm, clone_vm and template)."""

from __future__ import annotations

import re
import uuid
from typing import Any

from . import drives, properties, rights, vmfile, volumes
from .errors import ApiError
from .routing import Call, route
from .tasks import TaskFailed
from .vms import check_pool

VM = "/nodes/{node}/qemu/{vmid}"


@route("POST", f"{VM}/clone")
def clone(call: Call) -> Any:
    engine, vmid, newid = call.engine, call.vmid, int(call.text("newid"))
    target = call.get("target") or call.node
    if target not in engine.state["nodes"]:
        raise ApiError(f"no such cluster node '{target}'")

    def checked() -> tuple[vmfile.Vm, bool]:
        check_pool(call, call.get("pool"))
        storage = call.get("storage")
        if storage:
            known = volumes.holds_images(engine, storage, call.node)
            if target != call.node:
                volumes.storage(engine, storage, target)
                if not volumes.is_shared(known):
                    raise ApiError(f"can't clone to non-shared storage '{storage}'")
        vm = vmfile.load(engine, vmid, call.node)
        vmfile.check_lock(vm)
        full = call.flag("full", not vmfile.is_template(vm))
        if storage and not full:
            raise ApiError("parameter 'storage' not allowed for linked clones")
        if call.get("format") and not full:
            raise ApiError("parameter 'format' not allowed for linked clones")
        if call.get("snapname"):
            raise ApiError(f"snapshot '{call.get('snapname')}' does not exist")
        _check_clone_storage(call, vm, storage, target)
        rights.check_bridges(call, vm["config"])
        if str(newid) in engine.state["vms"]:
            raise ApiError(f"unable to create VM {newid}: config file already exists")
        if not full and not vmfile.is_template(vm):
            raise ApiError(f"Linked clone feature is not supported for '{_first_disk(vm)}'")
        return vm, full

    with engine.state.mutex:
        checked()

    def work(log: Any) -> None:
        running = engine.hypervisor.running(vmid)
        with engine.locks.held(vmid, 1.0, shared=not running), engine.locks.held(newid, 1.0):
            with engine.state.mutex:
                vm, full = checked()
                # `# qmclone temporary file`: all that is seen of the clone while it is made.
                engine.state["vms"][str(newid)] = vmfile.new(call.node, {"lock": "clone"})
            engine.state.save()
            log(f"create {'full' if full else 'linked'} clone of VM {vmid} with ID {newid}")
            made: list[str] = []
            try:
                engine.linger()
                with engine.state.mutex:
                    fresh = vmfile.new(target, _copied(call, vm, newid, full, target, made))
                    engine.state["vms"][str(newid)] = fresh
                    old = engine.state["firewall"]["vms"].get(str(vmid))
                    if old:
                        engine.state["firewall"]["vms"][str(newid)] = {**old}
                    if pool := call.get("pool"):
                        engine.state["pools"][pool]["vms"].append(newid)
            except (ApiError, TaskFailed) as failed:
                if engine.cut_off():
                    raise  # the power went: the temporary file stays
                with engine.state.mutex:
                    for volid in made:
                        volumes.free(engine, target, volid)
                    engine.state["vms"].pop(str(newid), None)
                raise TaskFailed(f"clone failed: {getattr(failed, 'text', failed)}") from None

    return engine.tasks.start("qmclone", vmid, call.node, call.who.name, work)


def _first_disk(vm: vmfile.Vm) -> str:
    return next((file for file in drives.used(vm["config"]) if "cloudinit" not in file), "")


def _check_clone_storage(call: Call, vm: vmfile.Vm, storage: str | None, target: str) -> None:
    """`$check_storage_access_clone`; and a VM of local disks is cloned on its node only."""
    for option, value in vm["config"].items():
        drive = properties.parse_drive(value) if properties.DRIVES.fullmatch(option) else {}
        file = drive.get("file", "none")
        if ":" not in file:
            continue
        name = file.partition(":")[0]
        shared = volumes.is_shared(volumes.storage(call.engine, name))
        if target != call.node and not shared:
            raise ApiError(f"can't clone VM to node '{target}' (VM uses local storage)")
        if not properties.is_cdrom(drive):
            call.engine.access.check(call.who, f"/storage/{storage or name}", ["Datastore.AllocateSpace"])


def _copied(call: Call, vm: vmfile.Vm, newid: int, full: bool, target: str, made: list[str]) -> dict[str, str]:
    engine, config = call.engine, {}
    for option, value in vm["config"].items():
        if option in ("template", "lock", "parent") or re.fullmatch(r"unused\d+", option):
            continue
        drive = properties.parse_drive(value) if properties.DRIVES.fullmatch(option) else {}
        if option.startswith("net") and option[3:].isdigit():
            value = properties.show_net({**properties.parse_net(value), "macaddr": ""})
        elif properties.is_cloudinit(drive) and ":" in drive["file"]:
            name = call.get("storage") or drive["file"].partition(":")[0]
            size = volumes.CLOUD_INIT_BYTES
            drive["file"] = volumes.allocate(
                engine, target, name, newid, size, kind="cloudinit", form=call.get("format")
            )
            made.append(drive["file"])
            value = properties.show_drive({**drive, "size": properties.size_text(size)})
        elif drive and not properties.is_cdrom(drive) and ":" in drive["file"]:
            old = volumes.need(engine, vm["node"], drive["file"])
            name = (call.get("storage") if full else None) or drive["file"].partition(":")[0]
            parent = None if full else drive["file"]
            file = volumes.allocate(
                engine, target, name, newid, old["size"], form=call.get("format") or old["format"], parent=parent
            )
            made.append(file)
            value = properties.show_drive({**drive, "file": file, "size": properties.size_text(old["size"])})
        config[option] = value
    config["smbios1"] = properties.show(
        {**properties.parse(config.get("smbios1", ""), "uuid"), "uuid": str(uuid.uuid4())}, ""
    )
    if "vmgenid" in config:
        config["vmgenid"] = str(uuid.uuid4())
    config["name"] = call.get("name") or "Copy-of-VM-" + vm["config"].get("name", str(call.vmid))
    if description := call.get("description"):
        config["description"] = vmfile.normal("description", description)
    return config


@route("POST", f"{VM}/template")
def template(call: Call) -> Any:
    engine, vmid, disk = call.engine, call.vmid, call.get("disk")

    def checked() -> vmfile.Vm:
        vm = vmfile.load(engine, vmid, call.node)
        vmfile.check_lock(vm)
        if vmfile.is_template(vm) and not disk:
            raise ApiError("you can't convert a template to a template")
        if engine.hypervisor.running(vmid):
            raise ApiError("you can't convert a VM to template if VM is running")
        return vm

    with engine.state.mutex:
        checked()

    def work(log: Any) -> None:
        with engine.locks.held(vmid, engine.lock_seconds):
            engine.linger()
            with engine.state.mutex:
                vm = checked()
                for option, value in list(vm["config"].items()):
                    drive = properties.parse_drive(value) if properties.DRIVES.fullmatch(option) else {}
                    if (
                        not drive
                        or properties.is_cdrom(drive)
                        or ":" not in drive["file"]
                        or disk not in (None, option)
                    ):
                        continue
                    base = re.sub(rf"vm-{vmid}-", f"base-{vmid}-", drive["file"])
                    volumes.rename(engine, vm["node"], drive["file"], base)
                    vm["config"][option] = properties.show_drive({**drive, "file": base})
                    log(f'Renamed "{drive["file"]}" to "{base}"')
                vm["config"]["template"] = "1"

    return engine.tasks.start("qmtemplate", vmid, call.node, call.who.name, work)
