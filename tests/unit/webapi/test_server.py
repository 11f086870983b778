"""The server: on loopback only, one for a state folder, and replaced without a loss."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from unit.webapi.conftest import REPOSITORY, asked

from webapi.runs.events import append
from webapi.runs.processes import process
from webapi.runs.store import FolderRunStore

pytestmark = pytest.mark.slow


def free_port() -> int:
    """A port of loopback on which nobody listens."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class Servers:
    """Starts servers of one state folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.started: list[subprocess.Popen[str]] = []
        (folder / "hosts.yml").write_text("all: {}\n", encoding="utf-8")

    def start(self, port: int, **changes: str) -> subprocess.Popen[str]:
        """Start one."""
        ours = {
            "AUTOLABS_STATE_FOLDER": str(self.folder / "state"),
            "AUTOLABS_INVENTORIES": str(self.folder / "hosts.yml"),
            "AUTOLABS_PORT": str(port),
        }
        started = subprocess.Popen(
            [sys.executable, "-m", "webapi.server"],
            cwd=REPOSITORY,
            env=os.environ | ours | changes,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.started.append(started)
        return started


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Servers]:
    """None yet; all are ended after the test."""
    made = Servers(tmp_path)
    yield made
    for server in made.started:
        server.terminate()
        server.communicate(timeout=20)


@contextmanager
def listening(servers: Servers, port: int) -> Iterator[None]:
    """A page that follows a run which never ends."""
    run = FolderRunStore(servers.folder / "state/runs").create(asked())
    append(servers.folder / "state/runs" / run.id / "events.jsonl", "state", {"state": "queued", "message": ""})
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/runs/{run.id}/events", timeout=5) as stream:
        assert stream.readline().startswith(b"retry:")
        yield


def worker(server: subprocess.Popen[str]) -> int:
    """The process that serves."""
    return int(Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()[0])


def wait_until_healthy(port: int, address: str = "127.0.0.1") -> None:
    """Until a server answers."""
    until = time.monotonic() + 30
    while True:
        try:
            with urllib.request.urlopen(f"http://{address}:{port}/healthz", timeout=5) as answer:
                assert answer.status == 200
                return
        except OSError:
            assert time.monotonic() < until, "the server does not answer"
            time.sleep(0.1)


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.0.2.7"])
def test_no_other_address_than_loopback_is_served(address: str, servers: Servers) -> None:
    printed, _errors = servers.start(free_port(), AUTOLABS_ADDRESS=address).communicate(timeout=20)
    assert "There are no accounts yet" in printed and "ssh -L" in printed and "Traceback" not in printed


def test_settings_that_cannot_be_used_are_told(servers: Servers) -> None:
    printed, _errors = servers.start(free_port(), AUTOLABS_INVENTORIES="").communicate(timeout=20)
    assert printed.startswith("AutoLabs cannot start:\nAUTOLABS_INVENTORIES is not set")


def test_one_server_looks_after_a_state_folder_and_another_takes_over_when_it_was_killed(servers: Servers) -> None:
    port = free_port()
    first = servers.start(port)
    wait_until_healthy(port)
    second = servers.start(free_port())
    printed, _errors = second.communicate(timeout=30)
    assert second.returncode != 0
    assert "another web app looks after the runs" in printed and "Traceback" not in printed
    first.kill()
    first.wait()
    port = free_port()
    servers.start(port)
    wait_until_healthy(port)


def test_a_page_that_listens_does_not_keep_the_runs_from_the_next_server(servers: Servers) -> None:
    port = free_port()
    first = servers.start(port)
    wait_until_healthy(port)
    serves = worker(first)
    with listening(servers, port):
        first.kill()
        first.wait()
        port = free_port()
        servers.start(port)
        wait_until_healthy(port)
        assert process(serves) is None


def test_a_configured_address_is_answered_and_no_other(servers: Servers) -> None:
    port = free_port()
    servers.start(port, AUTOLABS_ADDRESS="127.0.0.2")
    wait_until_healthy(port, "127.0.0.2")
    request = urllib.request.Request(f"http://127.0.0.2:{port}/healthz", headers={"Host": "127.0.0.3"})
    with pytest.raises(urllib.error.HTTPError, match="421"):
        urllib.request.urlopen(request, timeout=5)
