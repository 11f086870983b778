"""Asking the QEMU guest agent of a VM, which listens on a socket in the VM's folder (QEMU's qga/qapi-schema.json)."""

from __future__ import annotations

import json
import os
import socket
import time
from pathlib import Path
from typing import Any

DELIMITER = b"\xff"
SECONDS = 3.0


def ask(folder: Path, name: str, command: str, seconds: float = SECONDS) -> Any:
    """What the agent behind the socket `name` in `folder` answers; None while none answers within `seconds`.

    An agent serves one connection at a time, so of several who ask at once the others wait.
    """
    deadline = time.monotonic() + seconds
    try:
        opened = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            # A socket's path has at most 107 characters; that of the folder may have more.
            _connect(connection, f"/proc/self/fd/{opened}/{name}", deadline)
            return _exchange(connection, command, deadline)
    except (OSError, ValueError):
        return None
    finally:
        os.close(opened)


def _connect(connection: socket.socket, path: str, deadline: float) -> None:
    """Connect by the deadline; raises OSError."""
    connection.setblocking(False)
    while True:
        try:
            connection.connect(path)
            return
        except BlockingIOError:  # its queue is full; for sockets of this kind nothing tells when that ends
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def _exchange(connection: socket.socket, command: str, deadline: float) -> Any:
    # The agent may still hold half a command, or an answer, of somebody who gave up: this makes both start anew.
    synchronise = json.dumps({"execute": "guest-sync-delimited", "arguments": {"id": os.getpid()}})
    connection.sendall(DELIMITER + synchronise.encode() + b"\n")
    _line(connection, deadline, after=DELIMITER)
    connection.sendall(json.dumps({"execute": command}).encode() + b"\n")
    answer = json.loads(_line(connection, deadline))
    return answer.get("return")


def _line(connection: socket.socket, deadline: float, after: bytes = b"") -> bytes:
    """The next whole line, from the mark `after` on; raises TimeoutError, and ConnectionError at the end."""
    read = b""
    while True:
        connection.settimeout(max(deadline - time.monotonic(), 0.001))
        piece = connection.recv(65536)
        if not piece:
            raise ConnectionError("the agent has gone")
        read += piece
        _, found, rest = read.partition(after) if after else (b"", b"", read)
        if (found or not after) and b"\n" in rest:
            return rest.partition(b"\n")[0]
