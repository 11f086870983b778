"""Where time and CPU go while real Pods start: seen by a watch of our own, and read from /proc."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

from _workload import LAB_ID, NAMESPACE
from ansible_collections.autolabs.platform.plugins.module_utils.kube.errors import ApiError
from ansible_collections.autolabs.platform.plugins.module_utils.kube.resources import Manifest
from ansible_collections.autolabs.platform.plugins.module_utils.kube.session import Session
from running import HOST, Site
from testbed.hosts import machine

CREATED, SCHEDULED, RUNNING, READY = PHASES = ("created", "scheduled", "running", "ready")
SHOWN = ("kubelet", "containerd", "containerd-shim", "kube-apiserver", "etcd", "kube-controller", "kube-scheduler")
TICKS = os.sysconf("SC_CLK_TCK")
TASK_COMM_LENGTH = 15


class Phases:
    """When each Pod of the class came to each phase: seconds of the monotonic clock, by Pod and phase."""

    def __init__(self, session: Session) -> None:
        self.moments: dict[str, dict[str, float]] = {}
        self._session, self._over = session, threading.Event()
        self._labels = {"lab_id": LAB_ID}
        _found, self._version = session.list("Pod", NAMESPACE, self._labels)
        threading.Thread(target=self._follow, daemon=True, name="phases").start()

    def stop(self) -> None:
        """Write down nothing more."""
        self._over.set()

    def _follow(self) -> None:
        while not self._over.is_set():
            try:
                for event in self._session.watch("Pod", NAMESPACE, self._labels, self._version, 300):
                    self._version = event["object"]["metadata"]["resourceVersion"]
                    if not self._over.is_set() and event["type"] in ("ADDED", "MODIFIED"):
                        self._saw(event["object"], time.monotonic())
            except ApiError:
                self._over.wait(0.5)

    def _saw(self, pod: Manifest, now: float) -> None:
        moments = self.moments.setdefault(pod["metadata"]["name"], {})
        status = pod["status"]
        true = {entry["type"] for entry in status.get("conditions", ()) if entry["status"] == "True"}
        runs = any("running" in container["state"] for container in status.get("containerStatuses", ()))
        reached = {CREATED: True, SCHEDULED: "PodScheduled" in true, RUNNING: runs, READY: "Ready" in true}
        for phase in PHASES:
            if reached[phase]:
                moments.setdefault(phase, now)


def cpu_seconds(site: Site) -> dict[str, float]:
    """CPU seconds that the programs of the host's control plane and node have used so far, children that ended too.

    `machine` is what all processors did since they were started, idle time aside.
    """
    leader = machine.leader(site.network, site.network.hosts[HOST])
    assert leader is not None, "the host does not run"
    home = os.readlink(f"/proc/{leader}/ns/net")
    used: dict[str, float] = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdecimal():
            continue
        try:
            # All of them are in the host's own network; what is in a Pod's is the Pod's.
            if os.readlink(folder / "ns/net") == home:
                name, fields = _stat(folder)
                used[name] = used.get(name, 0.0) + sum(int(ticks) for ticks in fields[11:15]) / TICKS
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return {"machine": _machine_seconds()} | {name: used.get(name[:TASK_COMM_LENGTH], 0.0) for name in SHOWN}


def _stat(folder: Path) -> tuple[str, list[str]]:
    """The name of a process, and the fields of its `stat` from the third on (proc(5))."""
    name, _bracket, rest = (folder / "stat").read_text().partition("(")[2].rpartition(")")
    return name, rest.split()


def _machine_seconds() -> float:
    fields = [int(field) for field in Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
    user, nice, system, _idle, _waiting, interrupts, soft, stolen = fields[:8]
    return (user + nice + system + interrupts + soft + stolen) / TICKS
