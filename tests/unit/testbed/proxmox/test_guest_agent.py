"""The guest agent is asked on a socket, and its silence is no error."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from testbed.proxmox import guest_agent

ANSWER = [{"name": "eth0", "hardware-address": "bc:24:11:00:00:01"}]


@contextmanager
def agent(folder: Path, speak: Callable[[socket.socket], None], connections: int = 1) -> Iterator[None]:
    """Somebody who listens on the socket `port` in `folder` and serves some connections, one after the other."""
    folder.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as listening:
        # The folder's path may be too long for a socket's.
        opened = os.open(folder, os.O_PATH)
        listening.bind(f"/proc/self/fd/{opened}/port")
        os.close(opened)
        listening.listen(1)

        def serve() -> None:
            for _ in range(connections):
                with listening.accept()[0] as connection:
                    speak(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield
        thread.join(5)


def talk(connection: socket.socket) -> None:
    """What qemu-ga says: here it first ends an answer that somebody else did not wait for."""
    lines = connection.makefile("rb")
    asked = json.loads(lines.readline().removeprefix(guest_agent.DELIMITER))
    assert asked["execute"] == "guest-sync-delimited"
    left_over = b'{"return": {"an": "answer"}}\n'
    connection.sendall(left_over + b"\xff" + json.dumps({"return": asked["arguments"]["id"]}).encode() + b"\n")
    assert json.loads(lines.readline()) == {"execute": "guest-network-get-interfaces"}
    text = json.dumps({"return": ANSWER}).encode() + b"\n"
    connection.sendall(text[:10])
    connection.sendall(text[10:])


def test_the_answer_is_the_agents_own(tmp_path: Path) -> None:
    deep = tmp_path / "a-folder-whose-name-is-long" / ("x" * 100)
    with agent(deep, talk):
        assert guest_agent.ask(deep, "port", "guest-network-get-interfaces") == ANSWER


def test_several_who_ask_at_once_are_all_answered(tmp_path: Path) -> None:
    with agent(tmp_path / "vm", talk, 20), ThreadPoolExecutor(20) as pool:
        words = (tmp_path / "vm", "port", "guest-network-get-interfaces")
        asked = [pool.submit(guest_agent.ask, *words) for _ in range(20)]
        assert [answer.result() for answer in asked] == [ANSWER] * 20


def listen(connection: socket.socket) -> None:
    """Hear everything and say nothing, until the other side gives up."""
    while connection.recv(1 << 16):
        continue


def test_an_agent_that_is_silent_has_no_answer(tmp_path: Path) -> None:
    with agent(tmp_path / "vm", listen):
        assert guest_agent.ask(tmp_path / "vm", "port", "guest-network-get-interfaces", seconds=0.2) is None


def test_an_agent_that_goes_away_has_no_answer(tmp_path: Path) -> None:
    with agent(tmp_path / "vm", lambda connection: None):
        assert guest_agent.ask(tmp_path / "vm", "port", "guest-network-get-interfaces") is None


def test_where_nobody_listens_there_is_no_answer(tmp_path: Path) -> None:
    assert guest_agent.ask(tmp_path / "none", "port", "guest-network-get-interfaces") is None
    socket.socket(socket.AF_UNIX).bind(str(tmp_path / "port"))
    assert guest_agent.ask(tmp_path, "port", "guest-network-get-interfaces") is None
