"""Serves the web app on loopback: `python -m webapi.server`."""

from __future__ import annotations

import ipaddress
import os
import sys
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter

from webapi import create_app
from webapi.config import Config, ConfigError
from webapi.runs.claim import AlreadyServed

THREADS = 256
"""A page that listens holds a thread: 100 pages, and room for everybody else."""
NOT_LOOPBACK = (
    "AUTOLABS_ADDRESS is {!r}. There are no accounts yet, so whoever reaches this address could start and delete "
    "classes: it is served on a loopback address only, such as 127.0.0.1. From another machine, use an ssh tunnel: "
    "ssh -L {port}:127.0.0.1:{port} THIS_MACHINE"
)


class Server(BaseApplication):  # type: ignore[misc]
    """gunicorn with one process, which looks after the runs, and threads."""

    def __init__(self, config: Config) -> None:
        self._config = config
        super().__init__()

    def load_config(self) -> None:
        """Give gunicorn its settings."""
        settings: dict[str, Any] = {
            "bind": f"{bracketed(self._config.address)}:{self._config.port}",
            "workers": 1,
            "worker_class": "gthread",
            "threads": THREADS,
            "graceful_timeout": 2,
            "keepalive": 5,
            "accesslog": None,
            "control_socket_disable": True,
            "worker_exit": leave,
            "proc_name": "autolabs-webapi",
        }
        for name, value in settings.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """The app, in the process that serves it."""
        try:
            return create_app(self._config)
        except (AlreadyServed, ConfigError, OSError) as error:
            print(f"AutoLabs cannot start: {error}", file=sys.stderr, flush=True)
            # The code by which gunicorn knows that another try would end in the same way.
            sys.exit(Arbiter.APP_LOAD_ERROR)


def leave(_arbiter: Arbiter, worker: Any) -> None:
    """End the process that serves; gunicorn calls this at its end, before Python waits for its threads.

    A thread that serves a listener goes on as long as the listener does, and with it the claim on the runs.
    """
    # gunicorn also calls it in the arbiter for a process that is gone; and one that could not begin has a code to give.
    if worker.pid == os.getpid() and worker.booted:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


def bracketed(address: str) -> str:
    """An address as it stands in a URL."""
    return f"[{address}]" if ":" in address else address


def main() -> None:
    """Serve until a signal ends it; a run goes on, and is followed again by the next one."""
    try:
        config = Config.from_environment()
    except ConfigError as error:
        sys.exit(f"AutoLabs cannot start:\n{error}")
    if not ipaddress.ip_address(config.address).is_loopback:
        sys.exit(NOT_LOOPBACK.format(config.address, port=config.port))
    print(
        f"AutoLabs: http://{bracketed(config.address)}:{config.port}/ (this machine only: there are no accounts yet)",
        flush=True,
    )
    Server(config).run()


if __name__ == "__main__":
    main()
