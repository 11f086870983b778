"""What changing ufw needs of the host: commands, files that are replaced as a whole, and locks."""

from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

Runner = Callable[[Sequence[str], str], "tuple[int, str, str]"]
"""Takes a command and its standard input; gives its exit status, output and errors."""
COMMAND_SECONDS = 20
LOCK_SECONDS = 10


class FirewallError(Exception):
    """What could not be done; the message says what, and in which state the host is."""


def command(words: Sequence[str], given: str = "") -> tuple[int, str, str]:
    """Run a command. One that hangs is ended, and fails."""
    environment = {**os.environ, "LC_ALL": "C", "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin:/usr/bin:/bin"}
    try:
        done = subprocess.run(
            list(words),
            input=given,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            env=environment,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return 127, "", str(error)
    return done.returncode, done.stdout, done.stderr


def write(path: Path, text: str, mode: int) -> None:
    """Replace a file as a whole, so that a crash leaves the old or the new one."""
    new = path.with_name(f"{path.name}.autolabs")
    with new.open("w", encoding="utf-8") as file:
        new.chmod(mode)
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    sync(path.parent)


def sync(path: Path) -> None:
    """Have a file or folder on the disk; a sync of everything could outlast the probation on a busy host."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def locked(own: Path, of_ufw: Path) -> Iterator[None]:
    """Alone with the firewall: neither ufw's own commands nor the way back run meanwhile. Raises FirewallError."""
    of_ufw.parent.mkdir(exist_ok=True)
    with own.open("w") as lock, of_ufw.open("w") as ufw:
        _lock(lambda: fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB))
        _lock(lambda: fcntl.lockf(ufw, fcntl.LOCK_EX | fcntl.LOCK_NB))
        yield


def _lock(attempt: Callable[[], None]) -> None:
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            return attempt()
        except BlockingIOError as error:
            if time.monotonic() > deadline:
                raise FirewallError("Nothing was changed: another program is changing the firewall.") from error
            time.sleep(0.1)
