"""A run that is killed in the middle of a class start: the next run completes it."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

from running import Site, environment
from testbed.paths import REPOSITORY

LAB = REPOSITORY / "docs/labs/linux-basics.yml"
CLASS_ID = "killed"
SELECTOR = f"lab_id=linux-basics,class_id={CLASS_ID}"
STUDENTS = 8


def test_the_next_run_completes_what_a_killed_one_began(site: Site, tmp_path: Path) -> None:
    roster = tmp_path / "roster.csv"
    roster.write_text("id\n" + "".join(f"s{number}\n" for number in range(STUDENTS)))
    variables = {"lab_file": str(LAB), "lab_roster": str(roster), "lab_class_id": CLASS_ID}
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
    words = ["ansible-playbook", "autolabs.platform.lab_start", "-e", f"autolabs_site_folder={site.folder}"]
    words += ["-i", f"{REPOSITORY}/inventories/demo", "-i", f"{site.network.folder}/inventory.yml"]
    for name, value in variables.items():
        words += ["-e", f"{name}={value}"]
    watch = subprocess.Popen(
        ["ssh", "-F", str(site.network.folder / "ssh_config"), "demo-k8s"]
        + [f"timeout 60 kubectl --kubeconfig /etc/kubernetes/admin.conf -n labs get secret -l {SELECTOR} -w -o name"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    )
    with (folder / "output").open("wb") as output:
        # A session of its own, so that the kill reaches Ansible's workers too.
        run = subprocess.Popen(
            words,
            env={**os.environ, **environment()},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        assert watch.stdout is not None
        assert watch.stdout.readline().startswith(b"secret/"), (folder / "output").read_text()
    finally:
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
        watch.terminate()
        watch.wait()
