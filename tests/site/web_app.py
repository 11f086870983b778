"""The web app beside a site: a process of its own that outlives the one that starts it, and what a program asks it."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from running import Site, environment
from testbed.hosts import processes
from testbed.hosts.processes import Identity
from testbed.paths import REPOSITORY

from webapi.runs.processes import end_all
from webapi.runs.store import FolderRunStore

ADDRESS = "127.0.0.1"
USUAL_PORT = 8765
MODULE = "webapi.server"


class WebAppFailed(Exception):
    """The web app did not come up, or answered what nobody hoped for."""


@dataclass(frozen=True)
class WebApp:
    """A web app whose files are below `folder`; its record there says which process it is."""

    site: Site
    folder: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    """Further variables AUTOLABS_*."""

    @property
    def store(self) -> FolderRunStore:
        """Its runs."""
        return FolderRunStore(self.folder / "state/runs")

    @property
    def log(self) -> Path:
        """What it prints."""
        return self.folder / "log.txt"

    @property
    def port(self) -> int:
        """Where it listens, or did."""
        return int(self._record()["port"])

    @property
    def url(self) -> str:
        """The address of the first page, without the slash at its end."""
        return f"http://{ADDRESS}:{self.port}"

    def start(self) -> None:
        """Start it, in the place of the one that runs already; back when it answers. Raises WebAppFailed."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        before = self._record()
        self.stop()
        port = int(before.get("port") or self.settings.get("AUTOLABS_PORT") or USUAL_PORT)
        port = port if _free(port) else _any_free()
        with open(self.log, "ab") as log:
            started = subprocess.Popen(
                [sys.executable, "-m", MODULE],
                cwd=REPOSITORY,
                env=self._environment(port),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        who = processes.identity(started.pid)
        (self.folder / "process.json").write_text(json.dumps({"port": port, **(asdict(who) if who else {})}))
        deadline = time.monotonic() + 60
        while not self.healthy():
            if started.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise WebAppFailed(f"the web app does not answer:\n{self.log.read_text()[-2000:]}")
            time.sleep(0.1)

    def stop(self, sign: int = signal.SIGTERM) -> None:
        """End it, as far as it runs; its runs go on."""
        record = self._record()
        if not {"pid", "started", "boot"} <= record.keys():
            return
        who = Identity(record["pid"], record["started"], record["boot"])

        def ours(pid: int) -> bool:
            # The one that is recorded is the leader of its session, in which gunicorn's worker is too.
            return os.getsid(pid) == who.pid and MODULE in processes.command_line(pid)

        if processes.lives(who):
            members = [pid for pid in processes.having(lambda pid: _session(pid) == who.pid) if ours(pid)]
            processes.end(members if sign == signal.SIGKILL else [who.pid], ours, sign=sign)

    def remove(self) -> None:
        """End it with all its runs."""
        self.stop()
        if (self.folder / "state/runs").is_dir():
            for run in self.store.find():
                if not run.state.ended:
                    end_all(run.id)

    def healthy(self) -> bool:
        """Whether it answers, and says that it is well."""
        try:
            return self.ask("GET", "/healthz")[0] == 200
        except OSError:
            return False

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Status and answer of a JSON route; a body that is a text is sent as YAML. Raises OSError."""
        connection = http.client.HTTPConnection(ADDRESS, self.port, timeout=30)
        kind = "application/yaml" if isinstance(body, str) else "application/json"
        content = body.encode() if isinstance(body, str) else None if body is None else json.dumps(body).encode()
        try:
            connection.request(method, path, content, {"Origin": self.url, "Content-Type": kind})
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        return answer.status, json.loads(text) if text else None

    def done(self, method: str, path: str, body: Any = None) -> Any:
        """The same, where the answer has to be a good one. Raises WebAppFailed."""
        status, answer = self.ask(method, path, body)
        if status >= 400:
            raise WebAppFailed(f"{method} {path}: {json.dumps(answer, ensure_ascii=False)}")
        return answer

    def wait(self, run: str, seconds: float = 120) -> dict[str, Any]:
        """A run, once it has ended. Raises WebAppFailed."""
        deadline = time.monotonic() + seconds
        while True:
            found: dict[str, Any] = self.done("GET", f"/api/v1/runs/{run}")
            if found["state"] not in ("queued", "running"):
                return found
            if time.monotonic() > deadline:
                raise WebAppFailed(f"the run is still {found['state']} after {seconds:g} s:\n{self.store.log(run)}")
            time.sleep(0.2)

    def _environment(self, port: int) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AUTOLABS_")}
        ours = {
            "AUTOLABS_STATE_FOLDER": str(self.folder / "state"),
            "AUTOLABS_INVENTORIES": f"{REPOSITORY}/inventories/demo:{self.site.network.folder}/inventory.yml",
            "AUTOLABS_SITE_FOLDER": str(self.site.folder),
            "AUTOLABS_ADDRESS": ADDRESS,
        }
        return {**kept, **environment(), **ours, **self.settings, "AUTOLABS_PORT": str(port)}

    def _record(self) -> dict[str, Any]:
        try:
            return dict(json.loads((self.folder / "process.json").read_text()))
        except FileNotFoundError:
            return {}


@contextmanager
def serving(site: Site, name: str, **settings: str) -> Iterator[WebApp]:
    """A web app for a test, in a folder of its own; afterwards nothing is left of it and of its classes."""
    web = WebApp(site, site.folder / name, {"AUTOLABS_PORT": str(_any_free()), **settings})
    try:
        web.start()
        yield web
    finally:
        try:
            for lab in _clear(web):
                site.kubectl("-n", "labs", "delete", "pvc", "-l", f"lab_id={lab}", "--wait=false")
        finally:
            # Also where a class cannot be deleted.
            try:
                web.remove()
            finally:
                shutil.rmtree(web.folder)


def _clear(web: WebApp) -> set[str]:
    """Delete every class; the labs that had one."""
    if not web.healthy():
        web.start()
    runs = web.store.find()
    for run in runs:
        if not run.state.ended:
            web.done("POST", f"/api/v1/runs/{run.id}/cancel")
    for lab, class_id in {(run.lab, run.class_id) for run in runs if run.kind != "preview"}:
        begun = web.done("DELETE", f"/api/v1/labs/{lab}/classes/{class_id}")
        ended = web.wait(begun["run"])
        if ended["state"] != "succeeded":
            raise WebAppFailed(f"class {class_id} of {lab} is still there: {ended['message']}")
    return {run.lab for run in runs}


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return 0


def _free(port: int) -> bool:
    with socket.socket() as asked:
        asked.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            asked.bind((ADDRESS, port))
        except OSError:
            return False
    return True


def _any_free() -> int:
    with socket.socket() as asked:
        asked.bind((ADDRESS, 0))
        return int(asked.getsockname()[1])
