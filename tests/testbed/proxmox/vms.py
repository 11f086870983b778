"""VMs that are made, cloned, turned into templates and removed (qemu-server, PVE/API2/Qemu.pm)."""

from __future__ import annotations

import re
import time
import uuid
from typing import Any

from . import drives, properties, rights, vmconfig, vmfile, volumes
from .errors import ApiError, no_permission, wrong_parameter
from .routing import Call, route
from .tasks import TaskFailed

QEMU = "/nodes/{node}/qemu"
VM = f"{QEMU}/{{vmid}}"
NOT_OPTIONS = {"vmid", "pool", "start", "storage", "archive", "force", "unique", "bwlimit", "live-restore"}
QEMU_VERSION = "9.2.0"


def exists(call: Call, vmid: int) -> None:
    """Refuse a VMID that is taken anywhere (`check_vmid_unused` of pve-cluster, PVE/Cluster.pm)."""
    if known := call.engine.state["vms"].get(str(vmid)):
        raise ApiError(f"VM {vmid} already exists on node '{known['node']}'")


def check_pool(call: Call, pool: str | None) -> None:
    """Refuse a pool that there is not."""
    if pool and pool not in call.engine.state["pools"]:
        raise ApiError(f"pool '{pool}' does not exist")


@route("GET", QEMU)
def listed(call: Call) -> Any:
    from .power import status

    engine, found = call.engine, []
    with engine.state.mutex:
        for vmid, vm in engine.state["vms"].items():
            if vm["node"] == call.node and engine.access.allows(call.who, f"/vms/{vmid}", ["VM.Audit"]):
                found.append(status(engine, int(vmid), vm))
    return found


@route("POST", QEMU)
def create(call: Call) -> Any:
    engine, vmid, pool = call.engine, call.vmid, call.get("pool")
    if call.get("archive"):
        raise ApiError("restoring backups is not part of the stand-in", 501)
    settings = {
        name: str(value) for name, value in call.sent().items() if name not in NOT_OPTIONS | vmconfig.NOT_OPTIONS
    }
    if "cdrom" in settings:
        settings["ide2"] = settings.pop("cdrom") + ",media=cdrom"
    storage = call.get("storage")
    with engine.state.mutex:
        check_pool(call, pool)
        _may_allocate(call, vmid, pool)
        rights.check_known(settings)
        rights.check_values(settings)
        rights.check_privileges(call, vmid, pool, list(settings))
        for option, value in settings.items():
            if properties.DRIVES.fullmatch(option):
                if storage and re.match(r"(cloudinit|[\d.]+)(,|$)", value):
                    settings[option] = value = f"{storage}:{value}"
                rights.check_drive(call, value, pool, vmid)
                drives.check_access(engine, call.who, vmid, option, value)
        rights.check_bridges(call, settings)
        memory = properties.parse(settings.get("memory", "512"), "current")["current"]
        if int(settings.get("balloon", "0")) > int(memory):
            raise ApiError("balloon value too large (must be smaller than assigned memory)")
        try:
            exists(call, vmid)
        except ApiError as taken:
            raise ApiError(f"unable to create VM {vmid} - {taken.text}") from None
        engine.state["vms"][str(vmid)] = vmfile.new(call.node, {"lock": "create"})

    def work(log: Any) -> None:
        with engine.locks.held(vmid, 1.0):
            made: list[str] = []
            try:
                engine.linger()
                with engine.state.mutex:
                    config = _made(call, vmid, settings, made)
                    engine.state["vms"][str(vmid)].update(vmfile.new(call.node, config))
                    if pool:
                        engine.state["pools"][pool]["vms"].append(vmid)
            except Exception as failed:
                if engine.cut_off():
                    raise  # the power went: `lock: create` stays
                with engine.state.mutex:
                    for volid in made:
                        volumes.free(engine, call.node, volid)
                    engine.state["vms"].pop(str(vmid), None)
                if isinstance(failed, ApiError):
                    raise TaskFailed(f"unable to create VM {vmid} - {failed.text}") from None
                raise
            log(f"created VM {vmid}")
        if call.flag("start"):
            from .power import start_machine

            start_machine(engine, vmid, call.node, log)

    return engine.tasks.start("qmcreate", vmid, call.node, call.who.name, work)


def _may_allocate(call: Call, vmid: int, pool: str | None) -> None:
    access = call.engine.access
    if access.allows(call.who, f"/vms/{vmid}", ["VM.Allocate"]):
        return
    if pool and access.allows(call.who, f"/pool/{pool}", ["VM.Allocate"]):
        return
    raise no_permission()


def _made(call: Call, vmid: int, settings: dict[str, str], made: list[str]) -> dict[str, str]:
    """The configuration of a new VM; volumes that were made are noted in `made`."""
    config = {}
    for option, value in settings.items():
        if properties.DRIVES.fullmatch(option):
            config[option] = drives.create(call.engine, call.node, vmid, option, value, None)
            file = properties.parse_drive(config[option])["file"]
            if properties.is_cloudinit({"file": file}) or drives.NEW_DISK.fullmatch(value.split(",")[0]):
                made.append(file)
        elif option == "cipassword":
            config[option] = rights.encrypted(value)
        else:
            config[option] = vmfile.normal(option, value)
    if not config.get("description", "x"):
        del config["description"]
    if "boot" not in config:
        order = [name for name in ("scsi0", "virtio0", "sata0", "ide0", "ide2", "net0") if name in config]
        config["boot"] = "order=" + ";".join(order)
    config["vmgenid"] = settings.get("vmgenid", str(uuid.uuid4()))
    config.setdefault("smbios1", f"uuid={uuid.uuid4()}")
    config["meta"] = f"creation-qemu={QEMU_VERSION},ctime={int(time.time())}"
    return config


@route("DELETE", VM)
def destroy(call: Call) -> Any:
    engine, vmid = call.engine, call.vmid
    if call.flag("skiplock") and not call.who.root:
        raise wrong_parameter("skiplock", "Only root may use this option.")

    def checked() -> vmfile.Vm:
        vm = vmfile.load(engine, vmid, call.node)
        vmfile.check_protection(vm, f"can't remove VM {vmid}")
        if engine.hypervisor.running(vmid):
            raise ApiError(f"VM {vmid} is running - destroy failed")
        return vm

    with engine.state.mutex:
        checked()

    def work(log: Any) -> None:
        with engine.locks.held(vmid, engine.lock_seconds):
            with engine.state.mutex:
                vm = checked()
                if not call.flag("skiplock"):
                    vmfile.check_lock(vm)
                _check_bases(call, vm)
            engine.linger()
            engine.hypervisor.remove(vmid)
            with engine.state.mutex:
                _forget(call, vm, vmid, log)

    return engine.tasks.start("qmdestroy", vmid, call.node, call.who.name, work)


def _check_bases(call: Call, vm: vmfile.Vm) -> None:
    for file in drives.used(vm["config"]):
        for entry in call.engine.state["volumes"].values():
            if entry.get("parent") == file:
                raise ApiError(f"base volume '{file}' is still in use by linked cloned")


def _forget(call: Call, vm: vmfile.Vm, vmid: int, log: Any) -> None:
    state, engine = call.engine.state, call.engine
    merged = {**vm["config"], **{f"{name}-": value for name, value in vm["pending"].items()}}
    doomed = set(drives.used(merged)) | set(drives.used(vm["pending"]))
    owned = volumes.of_vm(engine, vm["node"], vmid)
    if call.flag("destroy-unreferenced-disks"):
        doomed |= set(owned)
    for volid in sorted(doomed & set(owned)):
        volumes.free(engine, vm["node"], volid)
        log(f'Logical volume "{volid.partition(":")[2]}" successfully removed.')
    del state["vms"][str(vmid)]
    for pool in state["pools"].values():
        pool["vms"] = [member for member in pool["vms"] if member != vmid]
    state["acl"] = [entry for entry in state["acl"] if entry["path"] != f"/vms/{vmid}"]
    state["firewall"]["vms"].pop(str(vmid), None)
    if call.flag("purge"):
        log(f"purging VM {vmid} from related configurations..")
        for identifier, job in list(state["jobs"].items()):
            left = [member for member in str(job.get("vmid", "")).split(",") if member and member != str(vmid)]
            if job.get("vmid") and left:
                job["vmid"] = ",".join(left)
            elif job.get("vmid"):
                del state["jobs"][identifier]


@route("GET", VM)
def index(call: Call) -> Any:
    words = "config cloudinit pending status unlink resize snapshot agent firewall"
    return [{"subdir": word} for word in words.split()]
