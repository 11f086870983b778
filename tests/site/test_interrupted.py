"""A run that is killed in the middle of a class start: the next run completes it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from pathlib import Path

from ansible_collections.autolabs.platform.plugins.module_utils.kube.session import Session
from running import Site
from testbed.paths import REPOSITORY

LAB = REPOSITORY / "docs/labs/linux-basics.yml"
CLASS_ID = "killed"
SELECTOR = f"lab_id=linux-basics,class_id={CLASS_ID}"
STUDENTS = 40
"""More than the engine has workers."""
SMALL = "    mem_limit: 64m\n    deploy: {resources: {reservations: {cpus: '0.01', memory: 16M}}}\n"
"""The least that the namespace takes, so that all of them fit on one host."""


def test_the_next_run_completes_what_a_killed_one_began(site: Site, tmp_path: Path) -> None:
    lab, roster = tmp_path / "lab.yml", tmp_path / "roster.csv"
    lab.write_text(LAB.read_text().replace("    volumes:\n", f"{SMALL}    volumes:\n", 1))
    roster.write_text("id\n" + "".join(f"s{number}\n" for number in range(STUDENTS)))
    variables = {"lab_file": str(lab), "lab_roster": str(roster), "lab_class_id": CLASS_ID}
    try:
        kill_in_the_middle(site, variables, tmp_path)
        begun = len(site.objects("secret", "labs", SELECTOR))
        assert begun > 0, "the run was killed before it began"
        ready = site.playbook("lab_start", variables)
        assert ready.succeeded, ready.output[-5000:]
        result = ready.result("autolabs.platform.lab_class")
        assert result["changed"], "the run was killed after it had ended"
        assert [entry["state"] for entry in result["instances"]] == ["ready"] * STUDENTS
    finally:
        site.playbook("lab_delete", {"lab_id": "linux-basics", "lab_class_id": CLASS_ID})
        site.kubectl("-n", "labs", "delete", "pvc", "-l", SELECTOR)


def kill_in_the_middle(site: Site, variables: dict[str, str], folder: Path) -> None:
    """Start a class by the command line, and kill all of it once the first Secret is there."""
    session = Session(str(site.kubeconfig))
    labels = {"lab_id": "linux-basics", "class_id": CLASS_ID}
    first_secrets = session.watch("Secret", "labs", labels, session.list("Secret", "labs", labels)[1], seconds=60)
    with (folder / "output").open("wb") as output:
        run = subprocess.Popen(
            site.command("lab_start", variables),
            env=site.environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        assert any(seen["type"] == "ADDED" for seen in first_secrets), (folder / "output").read_text()
    finally:
        # Stopped, it starts no more workers while they are looked for.
        os.kill(run.pid, signal.SIGSTOP)
        for pid in (run.pid, *descendants(run.pid)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        run.wait()


def descendants(pid: int) -> list[int]:
    """All processes that a process started: Ansible's workers have sessions of their own, so no group holds them."""
    listed = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False).stdout
    children = [int(word) for word in listed.split()]
    return [found for child in children for found in (*descendants(child), child)]
