"""Starts the process of a run, so that it outlives the process that starts it."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from webapi.runs.folder import Folder
from webapi.runs.model import Run
from webapi.runs.processes import MARKER, process

PACKAGE_FOLDER = Path(__file__).resolve().parents[2]
PASSED = ("HOME", "USER", "LOGNAME", "TMPDIR", "TZ", "KUBECONFIG", "SSH_AUTH_SOCK")
"""What a run gets of the environment besides ANSIBLE_*: ansible-runner writes it down, so it may hold no secret."""
KEEP_BACK = ("PASS", "SECRET", "TOKEN", "KEY_DATA")


@dataclass(frozen=True)
class Launcher:
    """How runs are carried out on this machine."""

    collections_path: Path
    inventories: tuple[Path, ...]
    site_folder: Path | None = None

    def start(self, folder: Folder) -> subprocess.Popen[bytes]:
        """Start the process of the run in `folder`; it says itself when it runs. Raises OSError.

        It has a session of its own, so no signal from a terminal or to the web app's group reaches it, and all that
        it prints goes to the run's log.
        """
        descriptor = os.open(folder.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            return subprocess.Popen(
                [sys.executable, "-m", "webapi.runner", str(folder.path)],
                # Where Python finds this package, without a variable that Ansible's own programs would inherit.
                cwd=PACKAGE_FOLDER,
                env=self.environment(folder.path.name),
                stdin=subprocess.DEVNULL,
                stdout=descriptor,
                stderr=descriptor,
                start_new_session=True,
            )
        finally:
            os.close(descriptor)

    def environment(self, run_id: str) -> dict[str, str]:
        """The environment of a run's processes."""
        kept = {name: value for name, value in os.environ.items() if name in PASSED or _harmless(name)}
        ours = {
            MARKER: run_id,
            "PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', os.defpath)}",
            # Ansible refuses to start in another encoding.
            "LANG": "C.UTF-8",
            "ANSIBLE_COLLECTIONS_PATH": str(self.collections_path),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_LOCALHOST_WARNING": "0",
            "AUTOLABS_COLLECTIONS_PATH": str(self.collections_path),
            "AUTOLABS_INVENTORIES": ":".join(map(str, self.inventories)),
            "PYTHONUNBUFFERED": "1",
        }
        return kept | ours | ({"AUTOLABS_SITE_FOLDER": str(self.site_folder)} if self.site_folder else {})


def _harmless(name: str) -> bool:
    return name.startswith("ANSIBLE_") and not any(word in name for word in KEEP_BACK if "_FILE" not in name)


def known_processes(run: Run, started: subprocess.Popen[bytes] | None) -> set[tuple[int, int]]:
    """Pid and start time of the process of a run: of the one that was started, and of the one that says it runs."""
    own = process(started.pid) if started else None
    known = {(own.pid, own.started)} if own else set()
    return known | ({(run.pid, run.process_started)} if run.pid else set())
