"""Starting and ending VMs, and what is known of one that runs (qemu-server, PVE/API2/Qemu.pm, PVE/QemuServer.pm)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from . import cloudinit, hotplug, properties, vmfile, volumes
from .errors import ApiError
from .hypervisor import CloudInit, HypervisorFailed
from .routing import Call, route
from .tasks import TaskFailed

if TYPE_CHECKING:
    from .engine import Engine

VM = "/nodes/{node}/qemu/{vmid}"
SHUTDOWN_SECONDS = 60.0
MIB = 1 << 20


def status(engine: Engine, vmid: int, vm: vmfile.Vm) -> dict[str, Any]:
    """What `vmstatus` answers of a VM."""
    config, running = vm["config"], engine.hypervisor.running(vmid)
    memory = int(properties.parse(config.get("memory", "512"), "current")["current"]) * MIB
    found: dict[str, Any] = {
        "vmid": vmid,
        "name": config.get("name", f"VM {vmid}"),
        "status": "running" if running else "stopped",
        "cpus": int(config.get("cores", "1")) * int(config.get("sockets", "1")),
        "maxmem": memory,
        "maxdisk": _first_size(engine, vm),
        "mem": memory // 4 if running else 0,
        "disk": 0,
        "cpu": 0,
        "uptime": max(1, int(time.time()) - vm["started"]) if running else 0,
        "netin": 0,
        "netout": 0,
        "diskread": 0,
        "diskwrite": 0,
    }
    if running:
        found["pid"] = 1000 + vmid
    if vmfile.is_template(vm):
        found["template"] = 1
    for key in ("tags", "lock"):
        if key in config:
            found[key] = config[key]
    return found


def _first_size(engine: Engine, vm: vmfile.Vm) -> int:
    order = properties.parse(vm["config"].get("boot", ""), "legacy").get("order", "").split(";")
    for option in [*order, *sorted(vm["config"])]:
        if properties.DRIVES.fullmatch(option) and option in vm["config"]:
            drive = properties.parse_drive(vm["config"][option])
            if not properties.is_cdrom(drive) and (known := volumes.find(engine, vm["node"], drive.get("file", ""))):
                return int(known["size"])
    return 0


@route("GET", f"{VM}/status")
def commands(call: Call) -> Any:
    vmfile.load(call.engine, call.vmid, call.node)
    return [{"subdir": word} for word in ("current", "start", "stop")]


@route("GET", f"{VM}/status/current")
def current(call: Call) -> Any:
    engine = call.engine
    vm = vmfile.load(engine, call.vmid, call.node)
    # No VM is under high availability here, unless a test says so.
    found = {**status(engine, call.vmid, vm), "ha": vm.get("ha", {"managed": 0})}
    found["qmpstatus"] = found["status"]
    if properties.parse(vm["config"].get("agent", ""), "enabled").get("enabled") == "1":
        found["agent"] = 1
    if found["status"] == "running":
        found["running-qemu"], found["running-machine"] = "9.2.0", "pc-i440fx-9.2+pve1"
    return found


def start_machine(engine: Engine, vmid: int, node: str, log: Any, skiplock: bool = False) -> None:
    """Start a VM, in a task: what is pending is written first, then its cloud-init drive is made anew."""
    with engine.locks.held(vmid, 10.0):
        with engine.state.mutex:
            vm = vmfile.load(engine, vmid, node)
            if vmfile.is_template(vm):
                raise TaskFailed("you can't start a vm if it's a template")
            if not skiplock:
                vmfile.check_lock(vm)
            if engine.hypervisor.running(vmid):
                raise TaskFailed(f"VM {vmid} already running")
            hotplug.apply_stopped(engine, vm, vmid)
            _check_bridges(engine, vm)
            texts = CloudInit()
            if cloudinit.drive(vm["config"]):
                texts = cloudinit.generate(engine, node, vmid, vm["config"])
                vm["cloudinit"] = {}
                log("generating cloud-init ISO")
            config = dict(vm["config"])
        engine.linger()
        if engine.faults.of_machine("boots_never", vmid):
            config["testbed-boots-never"] = "1"
            texts = CloudInit()
        try:
            engine.hypervisor.start(vmid, config, texts)
        except HypervisorFailed as failed:
            raise TaskFailed(f"start failed: {failed}") from None
        with engine.state.mutex:
            vm["started"] = int(time.time())
            vm["silent"] = "testbed-boots-never" in config


def _check_bridges(engine: Engine, vm: vmfile.Vm) -> None:
    there = engine.state["nodes"][vm["node"]]["network"]
    for option, value in vm["config"].items():
        if option.startswith("net") and option[3:].isdigit():
            bridge = properties.parse_net(value).get("bridge")
            if bridge and bridge not in there:
                raise TaskFailed(f"bridge '{bridge}' does not exist")


@route("POST", f"{VM}/status/start")
def start(call: Call) -> Any:
    engine = call.engine
    with engine.state.mutex:
        vmfile.load(engine, call.vmid, call.node)

    def work(log: Any) -> None:
        start_machine(engine, call.vmid, call.node, log, call.flag("skiplock"))

    return engine.tasks.start("qmstart", call.vmid, call.node, call.who.name, work)


def end_machine(engine: Engine, vmid: int, node: str, *, orderly: bool, seconds: float, force: bool, log: Any) -> None:
    """End a VM, in a task (`vm_stop`): in order within these seconds, then by force where told."""
    with engine.locks.held(vmid, 10.0):
        with engine.state.mutex:
            vm = vmfile.load(engine, vmid, node)
            vmfile.check_lock(vm)
        engine.linger()
        if not engine.hypervisor.running(vmid):
            return
        if orderly:
            never = engine.faults.of_machine("shutdown_never", vmid) or vm.get("silent")
            if not never and engine.hypervisor.shutdown(vmid, seconds):
                return
            if never:
                engine.closed.wait(min(seconds, 0.2))
            if not force:
                raise TaskFailed("VM quit/powerdown failed - got timeout")
            log("VM still running - terminating now with SIGTERM")
        engine.hypervisor.stop(vmid)


@route("POST", f"{VM}/status/stop")
def stop(call: Call) -> Any:
    engine = call.engine
    with engine.state.mutex:
        vmfile.load(engine, call.vmid, call.node)

    def work(log: Any) -> None:
        end_machine(engine, call.vmid, call.node, orderly=False, seconds=0, force=True, log=log)

    return engine.tasks.start("qmstop", call.vmid, call.node, call.who.name, work)


@route("POST", f"{VM}/status/shutdown")
def shutdown(call: Call) -> Any:
    engine = call.engine
    with engine.state.mutex:
        vm = vmfile.load(engine, call.vmid, call.node)
    seconds = _patience(call, vm)

    def work(log: Any) -> None:
        end_machine(engine, call.vmid, call.node, orderly=True, seconds=seconds, force=call.flag("forceStop"), log=log)

    return engine.tasks.start("qmshutdown", call.vmid, call.node, call.who.name, work)


def _patience(call: Call, vm: vmfile.Vm) -> float:
    startup = properties.parse(vm["config"].get("startup", ""), "order")
    return float(call.get("timeout") or startup.get("down") or SHUTDOWN_SECONDS)


@route("POST", f"{VM}/status/reboot")
def reboot(call: Call) -> Any:
    engine = call.engine
    with engine.state.mutex:
        vm = vmfile.load(engine, call.vmid, call.node)
    if not engine.hypervisor.running(call.vmid):
        raise ApiError(f"VM {call.vmid} not running")

    def work(log: Any) -> None:
        patience = _patience(call, vm)
        end_machine(engine, call.vmid, call.node, orderly=True, seconds=patience, force=False, log=log)
        # qmeventd starts it again; what was pending is written then.
        start_machine(engine, call.vmid, call.node, log)

    return engine.tasks.start("qmreboot", call.vmid, call.node, call.who.name, work)


@route("POST", f"{VM}/status/reset")
def reset(call: Call) -> Any:
    engine = call.engine
    with engine.state.mutex:
        vm = vmfile.load(engine, call.vmid, call.node)
    if not engine.hypervisor.running(call.vmid):
        raise ApiError(f"VM {call.vmid} not running")

    def work(log: Any) -> None:
        with engine.locks.held(call.vmid, 10.0):
            with engine.state.mutex:
                vmfile.check_lock(vm)
                config, texts = dict(vm["config"]), CloudInit()
                if cloudinit.drive(config):
                    texts = cloudinit.generate(engine, call.node, call.vmid, config)
            engine.linger()
            # The same QEMU process goes on: nothing that is pending is written.
            engine.hypervisor.stop(call.vmid)
            engine.hypervisor.start(call.vmid, config, texts)

    return engine.tasks.start("qmreset", call.vmid, call.node, call.who.name, work)
