"""Running programs: no standard input, a time limit, and the output in the error."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path


class CommandFailed(Exception):
    """A program ended badly; the message holds its last lines."""


def run(
    command: Sequence[str | Path],
    *,
    timeout: float = 120,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    log: Path | None = None,
    keep: Sequence[int] = (),
) -> str:
    """Run a program and return its standard output.

    With `log`, both streams are appended there as they come and nothing is returned.
    `keep` are file descriptors for the program to inherit: a lock's stays held until the program has ended too,
    even when the caller is killed meanwhile.
    Raises CommandFailed with the last 40 lines when it fails or takes over `timeout` seconds.
    """
    words = [str(word) for word in command]
    try:
        if log is None:
            done = subprocess.run(
                words,
                cwd=cwd,
                env=env,
                timeout=timeout,
                text=True,
                capture_output=True,
                stdin=subprocess.DEVNULL,
                pass_fds=keep,
            )
            output = done.stdout + done.stderr
        else:
            with log.open("a") as stream:
                done = subprocess.run(
                    words,
                    cwd=cwd,
                    env=env,
                    timeout=timeout,
                    text=True,
                    stdout=stream,
                    stderr=stream,
                    stdin=subprocess.DEVNULL,
                    pass_fds=keep,
                )
            output = log.read_text(errors="replace")
    except subprocess.TimeoutExpired as late:
        raise CommandFailed(f"{' '.join(words)}: not finished after {timeout:g} s") from late
    if done.returncode:
        tail = "\n".join(output.splitlines()[-40:])
        raise CommandFailed(f"{' '.join(words)}: exit status {done.returncode}\n{tail}")
    return done.stdout or ""
