"""The mirror's servers: started once, found again, and nothing but them is ever ended."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from testbed.hosts import processes
from testbed.mirror import fileserver, registry, service

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    service.stop("one", tmp_path)


def recorded(state: Path) -> processes.Identity:
    return processes.Identity(**json.loads((state / "one.json").read_text())["process"])


def test_a_server_is_started_once_and_ended_by_its_record(state: Path) -> None:
    service.ensure("one", SLEEP, state)
    first = recorded(state)
    assert service.ensure("one", SLEEP, state)()
    assert recorded(state) == first
    service.stop("one", state)
    assert not processes.lives(first)
    service.stop("one", state)


def test_a_server_with_another_command_is_replaced(state: Path) -> None:
    service.ensure("one", SLEEP, state)
    first = recorded(state)
    service.ensure("one", [*SLEEP, "another"], state)
    assert not processes.lives(first)
    assert processes.lives(recorded(state))


def test_a_process_that_only_has_the_same_pid_is_left_alone(state: Path) -> None:
    with subprocess.Popen(SLEEP) as stranger:
        who = {"pid": stranger.pid, "started": 1, "boot": processes.boot_id()}
        (state / "one.json").write_text(json.dumps({"process": who, "command": SLEEP}))
        service.stop("one", state)
        service.ensure("one", SLEEP, state)
        assert stranger.poll() is None
        assert recorded(state).pid != stranger.pid
        stranger.kill()


def test_a_server_that_dies_tells_its_last_words(state: Path) -> None:
    alive = service.ensure("one", [sys.executable, "-c", "import sys; sys.exit('port is taken')"], state)
    with pytest.raises(service.ServiceFailed, match=r"(?s)one ended before it answered at .*port is taken"):
        service.wait_for("one", "http://127.0.0.1:1/", state / "one.log", alive=alive)


def test_a_server_that_does_not_answer_is_not_waited_for_without_end(state: Path) -> None:
    alive = service.ensure("one", SLEEP, state)
    with pytest.raises(service.ServiceFailed, match=r"one does not answer at http://127\.0\.0\.1:1/ after 0\.2 s"):
        service.wait_for("one", "http://127.0.0.1:1/", state / "one.log", alive=alive, seconds=0.2)


def test_the_file_server_serves_files(state: Path) -> None:
    root = state / "root"
    root.mkdir()
    (root / "SHA256SUMS").write_text("sums")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-I", fileserver.__file__, "127.0.0.1", str(port), root]
    alive = service.ensure("one", command, state)
    service.wait_for("one", f"http://127.0.0.1:{port}/SHA256SUMS", state / "one.log", alive=alive)
    for method, status, body in (("GET", "200", "sums"), ("HEAD", "200", "")):
        with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
            client.sendall(f"{method} /SHA256SUMS HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
            answer = b"".join(iter(lambda: client.recv(4096), b"")).decode()
        head, _, content = answer.partition("\r\n\r\n")
        assert head.split()[1] == status
        assert content == body


def test_what_is_served_to_hosts_cannot_be_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AUTOLABS_CACHE", str(tmp_path))
    settings = json.loads(registry.configuration("10.0.0.1:5000", readonly=True))
    assert settings["storage"]["maintenance"]["readonly"] == {"enabled": True}
    assert settings["storage"]["filesystem"] == {"rootdirectory": str(tmp_path / "registry")}
    assert settings["http"]["addr"] == "10.0.0.1:5000"
