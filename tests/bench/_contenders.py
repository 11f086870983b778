"""Who applies the same class to the same cluster; each is a process of its own with the worker's account."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from _workload import documented_objects, objects, write
from ansible_collections.autolabs.platform.plugins.module_utils.kube.account import CONNECTIONS
from ansible_collections.autolabs.platform.plugins.module_utils.kube.resources import object_path
from ansible_collections.autolabs.platform.plugins.module_utils.kube.session import FIELD_MANAGER
from running import Site, environment
from testbed.mirror import manifest, parts
from testbed.paths import REPOSITORY

HERE = Path(__file__).resolve().parent
LOOPED = 10
"""Instances that the loop is measured with; it would take ten minutes for 200."""

Figures = dict[str, float]


@dataclass
class Contenders:
    """All contenders on one site; each returns its figures, with the wall-clock `seconds` among them."""

    site: Site
    folder: Path
    count: int
    ansible_start: float = field(default=0.0)
    """Seconds that `ansible-playbook` and the module need for a loop over nothing."""

    def raw(self, count: int | None = None) -> Figures:
        """Prebuilt bodies over plain HTTP; building them does not count."""
        kubeconfig = yaml.safe_load(self.site.worker_kubeconfig.read_text())
        cluster, user = kubeconfig["clusters"][0]["cluster"], kubeconfig["users"][0]["user"]
        requests = [
            (object_path(wanted, fieldManager=FIELD_MANAGER, force="true"), json.dumps(wanted, separators=(",", ":")))
            for wanted in objects(count or self.count)
        ]
        given = {
            "host": cluster["server"].removeprefix("https://"),
            "ca": base64.b64decode(cluster["certificate-authority-data"]).decode(),
            "token": user["token"],
            "connections": CONNECTIONS,
            "requests": requests,
        }
        return self._python("_raw.py", self._file("raw.json", given))

    def action(self, count: int | None = None) -> Figures:
        """The class action in a process that has imported it."""
        return self._python("_action.py", self.site.worker_kubeconfig, str(count or self.count))

    def playbook(self, count: int | None = None) -> Figures:
        """The playbook that a teacher runs, Ansible's start included."""
        lab, roster = write(self.folder, count or self.count)
        variables = {
            "autolabs_site_folder": str(self.site.folder),
            "lab_file": str(lab),
            "lab_roster": str(roster),
            "lab_credentials_file": str(self.folder / "credentials.json"),
            "lab_wait": False,
        }
        inventories: list[str | Path] = [
            "-i",
            REPOSITORY / "inventories/demo",
            "-i",
            self.site.network.folder / "inventory.yml",
        ]
        chosen: list[str | Path] = ["autolabs.platform.lab_start", "-e", f"@{self._file('variables.json', variables)}"]
        return self._run("ansible-playbook", *inventories, *chosen)

    def kubectl(self) -> Figures:
        """Client-side apply, as people do it; what it learns of the API is in its cache already."""
        program = parts.folder(manifest.load().parts["kubernetes"]) / "kubectl"
        listed = {"apiVersion": "v1", "kind": "List", "items": documented_objects(self.count)}
        options: list[str | Path] = [
            "--kubeconfig",
            self.site.worker_kubeconfig,
            "--cache-dir",
            self.folder / "kubectl-cache",
        ]
        return self._run(program, *options, "apply", "-f", self._file("objects.json", listed))

    def whole_list(self) -> Figures:
        """kubernetes.core.k8s with the whole list in one task."""
        return self._k8s("list.yml", documented_objects(self.count))

    def loop(self) -> Figures:
        """kubernetes.core.k8s in a loop over the objects of ten instances, scaled to the whole class."""
        self.ansible_start = self.ansible_start or self._k8s("loop.yml", [])["seconds"]
        some = documented_objects(LOOPED)
        measured = self._k8s("loop.yml", some)["seconds"]
        scale = len(documented_objects(self.count)) / len(some)
        return {"seconds": self.ansible_start + (measured - self.ansible_start) * scale, "measured": measured}

    def _k8s(self, name: str, manifests: list[Any]) -> Figures:
        variables = {"bench_objects": manifests, "bench_kubeconfig": str(self.site.worker_kubeconfig)}
        return self._run(
            "ansible-playbook", HERE / "playbooks" / name, "-e", f"@{self._file('variables.json', variables)}"
        )

    def _python(self, script: str, *words: str | Path) -> Figures:
        command: list[str | Path] = [sys.executable, HERE / script, *words]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=900)
        assert done.returncode == 0, f"{script}: {done.stderr[-3000:]}"
        return dict(json.loads(done.stdout))

    def _run(self, *words: str | Path) -> Figures:
        """Run a program to its end: seconds, and the memory of the largest process among it and its children."""
        with (self.folder / "output.log").open("wb") as log:
            began = time.monotonic()
            process = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**os.environ, **environment()}
            )
            _pid, status, usage = os.wait4(process.pid, 0)
            seconds = time.monotonic() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        text = Path(log.name).read_text(errors="replace")
        assert process.returncode == 0, f"{words[0]}: {text[-3000:]}"
        return {"seconds": seconds, "peak_mib": usage.ru_maxrss / 1024, "cpu": usage.ru_utime + usage.ru_stime}

    def _file(self, name: str, content: Any) -> Path:
        path = self.folder / name
        path.write_text(json.dumps(content))
        path.chmod(0o600)
        return path
