"""Changing a VM's configuration, at once or as a task (qemu-server, PVE/API2/Qemu.pm, update_vm)."""

from __future__ import annotations

import re
import time
from typing import Any

from . import drives, hotplug, options, properties, rights, vmfile, volumes
from .errors import ApiError, wrong_parameter
from .routing import Call, route

VM = "/nodes/{node}/qemu/{vmid}"
NOT_OPTIONS = {"digest", "skiplock", "delete", "revert", "force", "background_delay", "import-working-storage"}


@route("PUT", f"{VM}/config")
def change_now(call: Call) -> Any:
    prepared = Change(call)
    prepared.early_checks()
    with call.engine.locks.held(call.vmid, call.engine.lock_seconds), call.engine.state.mutex:
        prepared.carry_out()


@route("POST", f"{VM}/config")
def change_as_task(call: Call) -> Any:
    prepared = Change(call)
    prepared.early_checks()
    engine, vmid = call.engine, call.vmid

    def work(log: Any) -> None:
        with engine.locks.held(vmid, engine.lock_seconds):
            engine.linger()
            with engine.state.mutex:
                log(f"update VM {vmid}: " + " ".join(f"-{name}" for name in sorted(call.sent())))
                prepared.carry_out()

    upid = engine.tasks.start("qmconfig", vmid, call.node, call.who.name, work)
    delay = call.get("background_delay")
    if delay:
        end = time.monotonic() + float(delay)
        while time.monotonic() < end and engine.state["tasks"][upid]["status"] == "running":
            engine.closed.wait(0.02)
        task = engine.state["tasks"][upid]
        if task["status"] == "stopped":
            if task["exitstatus"] != "OK" and not task["exitstatus"].startswith("WARNINGS"):
                raise ApiError(f"failed to update VM {vmid}: {task['exitstatus']}")
            return None
    return upid


class Change:
    """One change of a configuration: what is asked, whether it may be, and carrying it out."""

    def __init__(self, call: Call) -> None:
        self.call, self.engine = call, call.engine
        sent = {name: str(value) for name, value in call.sent().items()}
        if "cdrom" in sent:
            sent["ide2"] = sent.pop("cdrom") + ",media=cdrom"
        self.settings = {name: value for name, value in sent.items() if name not in NOT_OPTIONS}
        self.delete = _words(sent.get("delete", ""))
        self.revert = set(_words(sent.get("revert", "")))
        self.modified: set[str] = set()

    def early_checks(self) -> None:
        """What is refused before a task is started or a lock is waited for."""
        call = self.call
        if call.flag("skiplock") and not call.who.root:
            raise wrong_parameter("skiplock", "Only root may use this option.")
        if not (self.settings or self.delete or self.revert):
            raise ApiError("no options specified")
        rights.check_known(self.settings)
        for kind, names in (("revert", self.revert), ("delete", self.delete)):
            for option in names:
                if not options.exists(option):
                    raise wrong_parameter(kind, f"unknown option '{option}'")
                if option in self.settings:
                    raise wrong_parameter("delete", f"you can't use '-{option}' and -{kind} {option}' at the same time")
        if both := self.revert & set(self.delete):
            option = sorted(both)[0]
            raise wrong_parameter("revert", f"you can't use '-delete {option}' and -revert {option}' at the same time")
        with self.engine.state.mutex:
            rights.check_values(self.settings)
            self.settings = {name: vmfile.normal(name, value) for name, value in self.settings.items()}
            rights.check_privileges(call, call.vmid, None, [*self.delete, *self.settings])
            for option, value in self.settings.items():
                if properties.DRIVES.fullmatch(option):
                    drives.check_access(self.engine, call.who, call.vmid, option, value)
            rights.check_bridges(call, self.settings)
            self._load()

    def _load(self) -> vmfile.Vm:
        vm = vmfile.load(self.engine, self.call.vmid, self.call.node)
        given = self.call.get("digest")
        if given and given != vmfile.digest(vm):
            raise ApiError("checksum mismatch (file change by other user?)")
        if not self.call.flag("skiplock"):
            vmfile.check_lock(vm)
        self._check_memory(vm)
        return vm

    def _check_memory(self, vm: vmfile.Vm) -> None:
        if "memory" in self.settings or "balloon" in self.settings:
            merged = {**vm["config"], **vm["pending"], **self.settings}
            memory = int(properties.parse(merged.get("memory", "512"), "current")["current"])
            if int(merged.get("balloon", "0")) > memory:
                raise ApiError("balloon value too large (must be smaller than assigned memory)")

    def carry_out(self) -> None:
        """Write it as pending, then apply what can be; under the VM's lock and the state's mutex."""
        vm = self._load()
        for option in self.revert:
            if option in vm["config"]:
                self.settings[option] = vm["config"][option]
            elif option in vm["pending"]:
                self.delete.append(option)
        for option in self.delete:
            self._delete(vm, option)
        for option, value in sorted(self.settings.items()):
            self._set(vm, option, value)
        vmfile.cleanup(vm)
        if not (vm["pending"] or vm["delete"]):
            return
        if self.engine.hypervisor.running(self.call.vmid):
            errors = hotplug.apply_running(self.engine, vm, self.call.vmid, self.modified)
            if errors:
                raise ApiError("Parameter verification failed.", 400, errors)
        else:
            hotplug.apply_stopped(self.engine, vm, self.call.vmid)

    def _delete(self, vm: vmfile.Vm, option: str) -> None:
        value = vm["config"].get(option, vm["pending"].get(option))
        if value is None:
            return  # only a warning in the log: cannot delete - not set in current configuration
        self.modified.add(option)
        was_pending = vm["pending"].pop(option, None)
        order = _boot_order(vm)
        if option in order:
            vm["pending"]["boot"] = "order=" + ";".join(name for name in order if name != option)
            self.modified.add("boot")
        if option.startswith("unused"):
            vmfile.check_protection(vm, f"can't remove unused disk '{value}'")
            rights.check_vm(self.call, "VM.Config.Disk")
            if not _owned(self.call.vmid, value):
                del vm["config"][option]
                return
            name = value.partition(":")[0]
            self.engine.access.check(self.call.who, f"/storage/{name}", ["Datastore.AllocateSpace"])
            volumes.free(self.engine, vm["node"], properties.parse_drive(value)["file"])
            del vm["config"][option]
        elif properties.DRIVES.fullmatch(option):
            vmfile.check_protection(vm, f"can't remove drive '{option}'")
            rights.check_drive(self.call, value)
            if was_pending:
                drives.set_aside(vm, was_pending)
            vm["delete"][option] = self.call.flag("force")
        elif option == "tags":
            vmfile.set_now(vm, option, None)
        else:
            vm["delete"][option] = self.call.flag("force")

    def _set(self, vm: vmfile.Vm, option: str, value: str) -> None:
        self.modified.add(option)
        if vm["pending"].get(option) == value:
            return
        if properties.DRIVES.fullmatch(option):
            if option in vm["config"]:
                rights.check_drive(self.call, vm["config"][option])
            rights.check_drive(self.call, value)
            before = vm["pending"].get(option, vm["config"].get(option))
            made = drives.create(self.engine, vm["node"], self.call.vmid, option, value, before)
            if option in vm["pending"]:
                drives.set_aside(vm, vm["pending"][option])
            vm["pending"][option] = made
            order = _boot_order(vm)
            if order and properties.is_cdrom(properties.parse_drive(made)) and option not in order:
                vm["pending"]["boot"] = "order=" + ";".join([*order, option])
                self.modified.add("boot")
        elif option == "cipassword":
            vmfile.set_now(vm, option, rights.encrypted(value))
        else:
            if option == "boot":
                self._check_boot(vm, value)
            vm["pending"][option] = value
        vm["delete"].pop(option, None)

    def _check_boot(self, vm: vmfile.Vm, value: str) -> None:
        for device in _order(value):
            known = {**vm["config"], **vm["pending"], **self.settings}
            if device not in known or device in self.delete:
                raise ApiError(f"invalid bootorder: device '{device}' does not exist'")


@route("PUT", f"{VM}/unlink")
def unlink(call: Call) -> Any:
    force = {"force": "1"} if call.flag("force") else {}
    parameters = {"node": call.node, "vmid": str(call.vmid), "delete": call.text("idlist"), **force}
    return change_now(Call(call.engine, call.who, "PUT", f"{VM}/config", parameters))


def _words(text: str) -> list[str]:
    return ["ide2" if word == "cdrom" else word for word in re.split(r"[,;\s]+", text) if word]


def _order(value: str) -> list[str]:
    order = properties.parse(value, "legacy").get("order", "")
    return [device for device in order.split(";") if device]


def _boot_order(vm: vmfile.Vm) -> list[str]:
    return _order(vm["pending"].get("boot", vm["config"].get("boot", "")))


def _owned(vmid: int, volid: str) -> bool:
    found = re.search(r"(?:vm|base)-(\d+)-", volid.split("/")[-1].split(":")[-1])
    return bool(found and int(found[1]) == vmid)
