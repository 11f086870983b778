"""Tasks: what takes longer than a request runs on, is known by its UPID, and ends with an exit status."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .errors import ApiError
from .routing import Call, route

if TYPE_CHECKING:
    from .engine import Engine

Log = Callable[[str], None]
Work = Callable[[Log], None]
KEPT = 1000


class TaskFailed(Exception):
    """Ends a task with this text as its exit status."""


class Tasks:
    """All tasks of all nodes, in the state's document; the running ones as threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._threads: dict[str, threading.Thread] = {}
        self._stops: dict[str, threading.Event] = {}
        self._cut: set[str] = set()
        # A worker whose server is gone has no end (PVE::Tools::upid_read_status: `unexpected status`).
        for task in engine.state["tasks"].values():
            if task["status"] == "running":
                task.update(status="stopped", exitstatus="unexpected status", endtime=int(time.time()))

    def start(self, kind: str, identifier: str | int, node: str, user: str, work: Work) -> str:
        """Run `work` as a task; returns its UPID (`PVE::RPCEnvironment::fork_worker`).

        The task first lasts as long as its kind is told to; `work` is called then, with a function that writes log
        lines, and may raise ApiError or TaskFailed.
        """
        state = self._engine.state
        with state.mutex:
            number = state["counter"] = state["counter"] + 1
            begun = int(time.time())
            where = f"{node}:{0xA000 + number:08X}:{int(time.monotonic() * 100):08X}:{begun:08X}"
            upid = f"UPID:{where}:{kind}:{identifier}:{user}:"
            state["tasks"][upid] = {
                "upid": upid,
                "node": node,
                "pid": 0xA000 + number,
                "pstart": int(time.monotonic() * 100),
                "starttime": begun,
                "type": kind,
                "id": str(identifier),
                "user": user,
                "status": "running",
                "log": [],
            }
            for old in list(state["tasks"])[:-KEPT]:
                del state["tasks"][old]
        self._stops[upid] = threading.Event()
        thread = threading.Thread(target=self._run, args=(upid, kind, work), name=f"task {kind} {identifier}")
        thread.daemon = True
        self._threads[upid] = thread
        state.save()
        thread.start()
        return upid

    def log(self, upid: str, line: str) -> None:
        """Add a line to a task's log."""
        with self._engine.state.mutex:
            self._engine.state["tasks"][upid]["log"].append(line)

    def pause(self, upid: str, seconds: float) -> None:
        """Let a task last this long, unless it is stopped meanwhile."""
        if self._stops[upid].wait(seconds):
            raise TaskFailed("interrupted by signal")

    def stop(self, upid: str) -> None:
        """Stop a task that still lasts."""
        if upid in self._stops:
            self._stops[upid].set()

    def is_cut(self, upid: str) -> bool:
        """Whether a task was cut off."""
        return upid in self._cut

    def cut(self) -> None:
        """End all tasks that run, without an end of their own, as a node's reboot does."""
        with self._engine.state.mutex:
            for upid, task in self._engine.state["tasks"].items():
                if task["status"] == "running":
                    self._cut.add(upid)
                    task.update(status="stopped", exitstatus="unexpected status", endtime=int(time.time()))
        for upid in list(self._cut):
            self.stop(upid)
        self._engine.state.save()

    def close(self) -> None:
        """Leave running tasks as they are: their server goes away under them."""
        self._engine.closed.set()
        for stop in self._stops.values():
            stop.set()
        for thread in list(self._threads.values()):
            thread.join(timeout=10)

    def _run(self, upid: str, kind: str, work: Work) -> None:
        end = "OK"
        try:
            work_log: Log = lambda line: self.log(upid, line)  # noqa: E731
            fault = self._engine.faults.of_task(kind)
            self._engine.current.upid = upid
            self._engine.current.seconds = (
                self._engine.seconds.get(kind, 0.0) if fault.seconds is None else fault.seconds
            )
            if fault.failure and not fault.after:
                raise TaskFailed(fault.failure)
            work(work_log)
            if fault.failure:
                raise TaskFailed(fault.failure)
            if fault.warnings:
                for number in range(fault.warnings):
                    work_log(f"WARN: told to warn ({number + 1})")
                end = f"WARNINGS: {fault.warnings}"
        except (TaskFailed, ApiError) as failed:
            end = getattr(failed, "text", str(failed))
        except Exception as problem:
            end = f"internal error: {problem!r}"
        if self.is_cut(upid) or (self._engine.closed.is_set() and end == "interrupted by signal"):
            return  # its worker was killed: this task has no end of its own
        with self._engine.state.mutex:
            task = self._engine.state["tasks"].get(upid, {})
            if end != "OK" and not end.startswith("WARNINGS"):
                task["log"].append(f"TASK ERROR: {end}")
            else:
                task["log"].append(f"TASK {end}")
            task.update(status="stopped", exitstatus=end, endtime=int(time.time()))
        self._engine.state.save()
        self._threads.pop(upid, None)
        self._stops.pop(upid, None)


UPID = re.compile(r"UPID:([A-Za-z0-9-]+):[0-9A-F]{8}:[0-9A-F]{8,9}:[0-9A-F]{8}:[^:\s]+:[^:\s]*:[^:\s]+:")


def _task(call: Call) -> dict[str, Any]:
    upid = call.text("upid")
    if not UPID.fullmatch(upid):
        raise ApiError(f"unable to parse worker upid '{upid}'")
    task: dict[str, Any] | None = call.engine.state["tasks"].get(upid)
    if task is None:
        raise ApiError("no such task")
    if task["user"] != call.who.name and task["user"].split("!")[0] != call.who.name:
        # pve-manager, PVE/API2/Tasks.pm: others' tasks by Sys.Audit, by Sys.Modify to end them.
        call.engine.access.check(
            call.who, f"/nodes/{call.node}", ["Sys.Modify" if call.method == "DELETE" else "Sys.Audit"]
        )
    return task


@route("GET", "/nodes/{node}/tasks/{upid}/status")
def task_status(call: Call) -> Any:
    task = _task(call)
    shown = {key: value for key, value in task.items() if key not in ("log", "endtime")}
    shown["tokenid"] = task["user"].split("!")[1] if "!" in task["user"] else None
    shown["user"] = task["user"].split("!")[0]
    return {key: value for key, value in shown.items() if value is not None}


@route("GET", "/nodes/{node}/tasks/{upid}/log")
def task_log(call: Call) -> Any:
    lines = _task(call)["log"] or ["no content"]
    start, limit = int(call.get("start", "0") or 0), int(call.get("limit", "50") or 50)
    chosen = list(enumerate(lines, 1))[start : start + limit if limit else None]
    return [{"n": number, "t": line} for number, line in chosen]


@route("DELETE", "/nodes/{node}/tasks/{upid}")
def task_stop(call: Call) -> Any:
    call.engine.tasks.stop(_task(call)["upid"])


def _listed(call: Call, tasks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    all_of_them = call.engine.access.allows(call.who, "/", ["Sys.Audit"])
    shown = []
    for task in reversed(tasks):
        if not all_of_them and task["user"] != call.who.name:
            continue
        entry = {key: value for key, value in task.items() if key not in ("log", "status", "exitstatus")}
        if task["status"] == "stopped":
            entry["status"] = task["exitstatus"]
        shown.append(entry)
    return shown


@route("GET", "/nodes/{node}/tasks")
def node_tasks(call: Call) -> Any:
    source = call.get("source", "archive")
    tasks = [
        task
        for task in call.engine.state["tasks"].values()
        if task["node"] == call.node
        and (source == "all" or (task["status"] == "running") == (source == "active"))
        and call.get("typefilter", task["type"]) == task["type"]
        and call.get("vmid", task["id"]) == task["id"]
        and (not call.flag("errors") or task.get("exitstatus") != "OK")
    ]
    start, limit = int(call.get("start", "0") or 0), int(call.get("limit", "50") or 50)
    return _listed(call, tasks)[start : start + limit]


@route("GET", "/cluster/tasks")
def cluster_tasks(call: Call) -> Any:
    return _listed(call, list(call.engine.state["tasks"].values())[-25:])
