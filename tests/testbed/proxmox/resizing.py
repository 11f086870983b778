"""Growing a VM's disk (qemu-server, PVE/API2/Qemu.pm, resize_vm)."""

from __future__ import annotations

import re
from typing import Any

from . import properties, vmfile, volumes
from .errors import ApiError, changed_meanwhile, wrong_parameter
from .routing import Call, route

VM = "/nodes/{node}/qemu/{vmid}"


@route("PUT", f"{VM}/resize")
def resize(call: Call) -> Any:
    engine, disk, asked = call.engine, call.text("disk"), call.text("size")

    def checked() -> tuple[vmfile.Vm, dict[str, str], int]:
        vm = vmfile.load(engine, call.vmid, call.node)
        changed_meanwhile(call.get("digest"), vmfile.digest(vm))
        if not call.flag("skiplock"):
            vmfile.check_lock(vm)
        if disk not in vm["config"]:
            raise ApiError(f"disk '{disk}' does not exist")
        drive = properties.parse_drive(vm["config"][disk])
        if ":" not in drive["file"]:
            raise ApiError(f"disk '{disk}' has no associated volume")
        if properties.is_cdrom(drive):
            raise ApiError("you can't resize a cdrom")
        engine.access.check(call.who, f"/storage/{drive['file'].partition(':')[0]}", ["Datastore.AllocateSpace"])
        size = int(volumes.need(engine, vm["node"], drive["file"])["size"])
        found = re.fullmatch(r"(\+?)(\d+(?:\.\d+)?[KMGT]?)", asked)
        if not found:
            raise wrong_parameter("size", "value does not match the regex pattern")
        fresh = properties.size_bytes(found[2]) + (size if found[1] else 0)
        if fresh < size:
            raise ApiError("shrinking disks is not supported")
        return vm, drive, fresh

    with engine.state.mutex:
        checked()

    def work(log: Any) -> None:
        with engine.locks.held(call.vmid, engine.lock_seconds):
            engine.linger()
            with engine.state.mutex:
                vm, drive, fresh = checked()
                volume = volumes.need(engine, vm["node"], drive["file"])
                if volume["size"] == fresh:
                    return
                volume["size"] = fresh
                drive["size"] = properties.size_text(fresh)
                vm["config"][disk] = properties.show_drive(drive)
                log(f"update VM {call.vmid}: resize --disk {disk} --size {asked}")

    return engine.tasks.start("resize", call.vmid, call.node, call.who.name, work)
