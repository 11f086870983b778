"""The stand-in without its network side: state, tasks, rights, machines, and one request carried out."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from . import locks, parts, permissions, storages
from .access import Access
from .errors import ApiError
from .faults import Faults
from .hypervisor import Hypervisor
from .identity import NOBODY, Identity, identify, password_hash
from .locks import Locks
from .routing import ROUTES, Call
from .schema import Schema
from .state import State
from .tasks import Tasks

VERSION = {"version": "8.4.1", "release": "8.4", "repoid": "2a5fa54a8503f96d"}
LOCK_SECONDS = 10.0


class Current(threading.local):
    """What the thread of a task works on."""

    upid = ""
    seconds = 0.0


class Engine:
    """Everything behind the API."""

    def __init__(
        self,
        folder: Path,
        hypervisor: Hypervisor,
        nodes: Sequence[str],
        seconds: Mapping[str, float],
        password: str,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.hypervisor = folder, hypervisor
        self.seconds = dict(seconds)
        self.lock_seconds = LOCK_SECONDS
        """How long a synchronous call waits for a VM's lock."""
        self.cluster = "pve"
        self.state = State(folder / "state.json", parts.fresh(nodes))
        self.state["users"]["root@pam"]["password"] = password_hash(password)
        self.nodes = list(self.state["nodes"])
        self.closed = threading.Event()
        self.current = Current()
        self.faults, self.locks = Faults(), Locks()
        self.schema, self.access = Schema(), Access(self)
        self.tasks = Tasks(self)
        storages.make_folders(self)
        self.state.save()

    def storage_folder(self, storage: str) -> Path:
        """The folder of a storage that keeps files."""
        return self.folder / "storage" / storage

    def cut_off(self) -> bool:
        """Whether the current task was ended from outside: it leaves all as it is, locks included."""
        return self.closed.is_set() or self.tasks.is_cut(self.current.upid)

    def linger(self) -> None:
        """Let the current task last as long as its kind is told to."""
        if self.current.upid:
            self.tasks.pause(self.current.upid, self.current.seconds)

    def answer(self, method: str, path: str, sent: Mapping[str, Any], headers: Mapping[str, str]) -> Any:
        """Carry out one request of `path` (without /api2/json); raises ApiError."""
        if self.faults.locks_out(method, path):
            vmid = next((word for word in path.split("/") if word.isdigit()), "100")
            raise locks.lock_timeout(int(vmid))
        found = ROUTES.find(path)
        handler = ROUTES.handlers[found[0]].get(method) if found else None
        if found is None or handler is None:
            known = self.schema.knows(method, path)
            why = "is not part of the stand-in" if known else "not implemented"
            raise ApiError(f"Method '{method} {path}' {why}", 501)
        template, of_path = found
        parameters = {**of_path, **sent}
        public = self.access_is_public(template, method)
        who: Identity = NOBODY if public else identify(self, method, headers)
        # In the order of PVE/HTTPServer.pm: rights, then the node that it is passed on to, then the parameters.
        with self.state.mutex:
            self.access.check_path(who, template, method, parameters)
            node = parameters.get("node")
            if "{node}" in template and node not in self.state["nodes"]:
                raise ApiError(
                    f"hostname lookup '{node}' failed - failed to get address info for: {node}: "
                    "Name or service not known"
                )
        if wrong := self.schema.errors(template, method, parameters):
            raise ApiError("Parameter verification failed.", 400, wrong)
        call = Call(self, who, method, template, parameters)
        if method == "GET" and not template.endswith("/query-url-metadata") and "/agent/" not in template:
            # What is read is of one moment; an agent, or another server, may take its time, though.
            with self.state.mutex:
                return handler(call)
        answered = handler(call)
        if method != "GET":
            self.state.save()
        return answered

    def access_is_public(self, template: str, method: str) -> bool:
        """Whether nobody need be logged in."""
        return bool(permissions.PERMISSIONS.get((template, method)) == "world")

    def close(self) -> None:
        """End; tasks that run have no end, as after a power cut."""
        self.tasks.close()
        self.state.save()
