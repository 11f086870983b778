"""How fast VMs are made: 1, 5 and 10 in one task, beside community.proxmox's modules in a loop.

On the stand-in, whose tasks take about as long as on a server with local SSDs: the numbers say what waiting is saved,
not how fast a hypervisor is. Both sides are whole processes of ansible-playbook that make the same VMs of the same
template and start them. Writes build/bench/vms.json.
"""

from __future__ import annotations

import json
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from proxmoxer import ProxmoxAPI
from proxmoxer.tools import Tasks
from testbed.paths import REPOSITORY
from testbed.progress import say
from testbed.proxmox.hypervisor import Nowhere
from testbed.proxmox.server import StandIn

SIZES = (1, 5, 10)
ROUNDS = 3
# Seconds: a full clone of a cloud image of 3 GiB, a disk grown, a start until the machine runs.
TASKS = {"qmclone": 8.0, "resize": 0.5, "qmstart": 2.0}
TEMPLATE = 9000
NODE = "pve-1"
RESULT = REPOSITORY / "build/bench/vms.json"
PLAYBOOKS = REPOSITORY / "tests/bench/playbooks"


def main() -> int:
    """Measure, and print one line of JSON last."""
    seconds = {size: [measured("vms", size) for _round in range(ROUNDS)] for size in SIZES}
    loop = measured("vms_loop", SIZES[-1])
    medians = {size: round(statistics.median(rounds), 2) for size, rounds in seconds.items()}
    figures = {
        "seconds": medians,
        "loop_seconds_10": round(loop, 2),
        "ratio_loop_10": round(loop / medians[SIZES[-1]], 2),
        "ratio_10_to_1": round(medians[SIZES[-1]] / medians[SIZES[0]], 2),
        "task_seconds": TASKS,
        "rounds": seconds,
    }
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps(figures, indent=1) + "\n")
    print(json.dumps(figures))
    return 0


def measured(playbook: str, count: int) -> float:
    """The seconds of one playbook on an empty stand-in; every VM runs afterwards."""
    password = secrets.token_urlsafe(16)
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        StandIn(Path(folder) / "pve", Nowhere(), seconds=TASKS, password=password) as stand_in,
    ):
        host, port = stand_in.url.removeprefix("https://").split(":")
        api = ProxmoxAPI(host, port=int(port), user="root@pam", password=password, verify_ssl=str(stand_in.ca))
        add_template(api)
        given = {"bench_host": host, "bench_port": int(port), "bench_password": password, "bench_ca": str(stand_in.ca)}
        variables = Path(folder) / "variables.json"
        variables.write_text(json.dumps(given | {"bench_vms": vms(count)}))
        started = time.monotonic()
        play(playbook, variables, {"REQUESTS_CA_BUNDLE": str(stand_in.ca)})
        taken = time.monotonic() - started
        running = [vm for vm in api.cluster.resources.get(type="vm") if vm["status"] == "running"]
        assert len(running) == count, f"{len(running)} of {count} VMs run"
    say(f"{playbook}, {count} VMs: {taken:.2f} s")
    return taken


def add_template(api: ProxmoxAPI) -> None:
    """A VM with a disk and a cloud-init drive, as proxmox_template leaves one."""
    node = api.nodes(NODE)
    drives = {"scsi0": "local-lvm:3", "ide2": "local-lvm:cloudinit"}
    done(api, node.qemu.post(vmid=TEMPLATE, name="debian-12", scsihw="virtio-scsi-single", **drives))
    done(api, node.qemu(TEMPLATE).template.post())


def done(api: ProxmoxAPI, upid: str) -> None:
    """Wait for a task's good end."""
    status = Tasks.blocking_status(api, upid, timeout=60, polling_interval=0.1)
    assert status is not None and status["exitstatus"] == "OK", f"{upid}: {status}"


def vms(count: int) -> list[dict[str, Any]]:
    """VMs as proxmox_vm takes them."""
    return [
        {
            "name": f"bench-{number}",
            "vmid": 200 + number,
            "node": NODE,
            "template": TEMPLATE,
            "storage": "local-lvm",
            "cores": 2,
            "memory": 4096,
            "onboot": True,
            "tags": ["bench"],
            "disks": {"scsi0": {"size": "20G"}},
            "networks": [{"bridge": "vmbr0", "ip": f"192.0.2.{10 + number}/24", "gateway": "192.0.2.1"}],
            "cloud_init": {"user": "autolabs", "ssh_keys": ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBench bench"]},
            "state": "started",
        }
        for number in range(count)
    ]


def play(name: str, variables: Path, environment: Mapping[str, str]) -> None:
    """One ansible-playbook, to its end."""
    command = ["ansible-playbook", str(PLAYBOOKS / f"{name}.yml"), "-i", "localhost,", "-e", f"@{variables}"]
    settings = {"ANSIBLE_CONFIG": str(REPOSITORY / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"}
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        command,
        env={**os.environ, **settings, **environment, "PATH": path},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]


if __name__ == "__main__":
    sys.exit(main())
