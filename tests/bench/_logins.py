"""Thirty students on real Pods: from the command to each one's first login by ssh."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from _shares import PHASES, Phases, cpu_seconds
from _stage import CORE
from _workload import write
from ansible_collections.autolabs.platform.plugins.module_utils.kube.session import Session
from ansible_collections.autolabs.platform.plugins.module_utils.labs.connection import connections
from ansible_collections.autolabs.platform.plugins.module_utils.labs.credentials import Credentials
from ansible_collections.autolabs.platform.plugins.module_utils.labs.progress import Progress
from running import Site, environment, ssh
from testbed.paths import REPOSITORY

STUDENTS = 30
AT_ONCE = 8
"""Logins at a time: a client costs CPU that the node needs as well."""
LONGEST_SECONDS = 300.0


def thirty_students(site: Site, session: Session, folder: Path) -> dict[str, Any]:
    """Start the class, log in as everybody, and tell where the time went. The caller deletes the class."""
    phases = Phases(session)
    before = cpu_seconds(site)
    began = time.monotonic()
    told, first_logins = _start_and_log_in(site, session, folder, began)
    ended = time.monotonic()
    phases.stop()
    used = {name: value - before[name] for name, value in cpu_seconds(site).items()}
    steps = [
        {phase: moments[phase] - began for phase in PHASES} | {"told": told[name], "login": first_logins[name]}
        for name, moments in phases.moments.items()
        if name in told
    ]
    assert len(steps) == STUDENTS, f"{len(steps)} of {STUDENTS} Pods were seen on their way"
    return {
        "login_seconds": spread(list(first_logins.values())),
        "last_login_seconds": max(first_logins.values()),
        "seconds_until": {name: spread([entry[name] for entry in steps]) for name in steps[0]},
        "cpu_seconds": {name: round(value, 2) for name, value in used.items()},
        "wall_seconds": ended - began,
    }


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median and 95th percentile (the nearest rank)."""
    ordered = sorted(values)
    return {"p50": statistics.median(ordered), "p95": ordered[-(-95 * len(ordered) // 100) - 1]}


def _start_and_log_in(
    site: Site, session: Session, folder: Path, began: float
) -> tuple[dict[str, float], dict[str, float]]:
    """When each instance's progress line came, and when its student was first in; seconds since `began`."""
    lab, roster = write(folder, STUDENTS)
    handout = folder / "credentials.json"
    handout.unlink(missing_ok=True)
    variables = {"autolabs_site_folder": site.folder, "lab_file": lab, "lab_roster": roster}
    chosen = json.dumps(
        {name: str(value) for name, value in variables.items()} | {"lab_credentials_file": str(handout)}
    )
    inventories: list[str | Path] = ["-i", REPOSITORY / "inventories/demo", "-i", site.network.folder / "inventory.yml"]
    command: list[str | Path] = ["ansible-playbook", *inventories, "autolabs.platform.lab_start", "-e", chosen]
    told: dict[str, float] = {}
    logins: dict[str, Future[tuple[float, str]]] = {}
    with ThreadPoolExecutor(AT_ONCE) as workers:
        with subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, env={**os.environ, **environment()}
        ) as process:
            assert process.stdout
            lines = []
            for line in process.stdout:
                lines.append(line)
                progress = Progress.parse(line)
                if progress and progress.state == "ready":
                    told[progress.instance] = time.monotonic() - began
                    logins[progress.instance] = workers.submit(_log_in, session, progress.instance, folder)
        assert process.returncode == 0, "".join(lines[-40:])
        done = {name: future.result() for name, future in logins.items()}
    passwords = {entry["instance"]: entry["password"] for entry in json.loads(handout.read_text())}
    assert passwords == {name: password for name, (_moment, password) in done.items()}
    return told, {name: moment - began for name, (moment, _password) in done.items()}


def _log_in(session: Session, instance: str, folder: Path) -> tuple[float, str]:
    """Try until a command ran; returns when that was, and the password that was used.

    The credentials file comes when the whole class is there, so the student's password is read from the Secret.
    """
    live = {kind: session.request("GET", f"{CORE}/{kind}/{instance}") for kind in ("secrets", "services", "pods")}
    credentials = Credentials.from_secret(live["secrets"])
    assert credentials
    found: Mapping[str, Any] = connections([live["services"]], [live["pods"]], credentials, "")[0].as_result()
    deadline = time.monotonic() + LONGEST_SECONDS
    while True:
        done = ssh(found, credentials.password, "true", folder)
        if done.returncode == 0:
            return time.monotonic(), credentials.password
        assert time.monotonic() < deadline, f"{instance}: {done.stderr}"
        time.sleep(0.1)
