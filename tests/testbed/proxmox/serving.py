"""The process of the stand-in: listens where the Proxmox node would, in the network namespace of the host that is it.

The process itself stays outside, since it makes hosts.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import socket
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from testbed.hosts import machine, registry
from testbed.hosts.registry import Network
from testbed.hosts.site import NotPossible
from testbed.proxmox.machines import Machines
from testbed.proxmox.server import StandIn
from testbed.proxmox.service import PORT, address, folder

NO_NODE = "pve-1"  # the node's name where no host is it
NODE_STORAGE = Path("var/lib/vz")
RESTART_POLL_SECONDS = 0.5
IP_FREEBIND = 15  # linux/in.h
CLONE_NEWNET = 0x40000000  # linux/sched.h


def serve(name: str) -> None:
    """Be the stand-in, until SIGTERM; listens anew when the node's host comes back with a new network namespace."""
    ended = threading.Event()
    wake, waker = os.pipe()

    def end(*_of_signal: Any) -> None:
        ended.set()
        os.write(waker, b".")

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    place = registry.load(name)
    if place is None:
        raise NotPossible(f"there is no network {name!r}")
    state = folder(place)
    settings = json.loads((state / "settings.json").read_text())
    while not ended.is_set():
        pid = _leader(place, settings["node"], ended) if settings["node"] else None
        if ended.is_set():
            return
        _until_gone(place, state, settings, pid, wake)


def _until_gone(place: Network, state: Path, settings: Mapping[str, Any], pid: int | None, wake: int) -> None:
    """Serve until the node's process 1 has ended, or a byte comes through `wake`."""
    node = settings["node"]
    if node:
        _share_storage(place, node, state)
    at = address(place, node)
    with ExitStack() as open_ones:
        awaited = [wake]
        try:
            if pid:
                awaited.append(os.pidfd_open(pid))
                open_ones.callback(os.close, awaited[-1])
            namespace = f"/proc/{pid}/ns/net" if pid else f"/run/netns/{place.namespace}"
            listening = bound(namespace, at, PORT)
        except (ProcessLookupError, FileNotFoundError):
            return  # the host went away meanwhile
        stand_in = StandIn(
            state,
            Machines(place.name),
            nodes=[node or NO_NODE],
            seconds=settings["seconds"],
            password=(state / "password").read_text(),
            address=at,
            sock=listening,
        )
        open_ones.enter_context(stand_in)
        select.select(awaited, [], [])


def _leader(place: Network, node: str, ended: threading.Event) -> int:
    """The pid of the node's process 1, once it is there; 0 when the end comes before."""
    while not ended.is_set():
        found = machine.leader(place, place.hosts[node])
        if found:
            return found
        ended.wait(RESTART_POLL_SECONDS)
    return 0


def _share_storage(place: Network, node: str, state: Path) -> None:
    """Let the storage `local` be the node's own folder: what is written there over ssh is a file of the storage."""
    own = place.host_folder(node) / NODE_STORAGE
    own.mkdir(parents=True, exist_ok=True)
    link = state / "storage/local"
    link.parent.mkdir(exist_ok=True)
    if not link.is_symlink():
        link.symlink_to(own)


def bound(namespace: str, at: str, port: int) -> socket.socket:
    """A socket bound inside another network namespace; this process stays where it is. Raises OSError."""
    made: list[socket.socket] = []
    problems: list[OSError] = []

    def inside() -> None:
        # A namespace is a thread's own, and this thread ends here.
        try:
            _enter(namespace)
            opened = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            # The host's own network may come a moment after its process 1.
            opened.setsockopt(socket.IPPROTO_IP, IP_FREEBIND, 1)
            opened.bind((at, port))
            made.append(opened)
        except OSError as problem:
            problems.append(problem)

    thread = threading.Thread(target=inside)
    thread.start()
    thread.join()
    if problems:
        raise problems[0]
    return made[0]


def _enter(namespace: str) -> None:
    """setns(2), which Python has from 3.12 on."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open(namespace) as opened:
        if libc.setns(opened.fileno(), CLONE_NEWNET):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), namespace)
