"""Serves the mirror to the hosts of one network: files on port 8080, images on port 5000 of the bridge's address."""

from __future__ import annotations

import sys
from pathlib import Path

from testbed.mirror import build, fileserver, registry, service

FILES_PORT = 8080
IMAGES_PORT = 5000
SERVICES = ("files", "images")


def start(namespace: str, address: str, state: Path) -> None:
    """Make what the mirror lacks, then serve it inside the network namespace until `stop`; may be repeated.

    `address` is one of the namespace's own; `state` takes records and logs of the two server processes.
    Raises ServiceFailed when one does not answer, and what building raises.
    """
    build.all()
    state.mkdir(parents=True, exist_ok=True)
    settings = state / "registry.json"
    settings.write_text(registry.configuration(f"{address}:{IMAGES_PORT}", readonly=True))
    inside = ["ip", "netns", "exec", namespace]
    commands: dict[str, list[str | Path]] = {
        "files": [sys.executable, "-I", fileserver.__file__, address, str(FILES_PORT), build.files_folder()],
        "images": [registry.PROGRAM, "serve", settings],
    }
    addresses = {"files": f"http://{address}:{FILES_PORT}/SHA256SUMS", "images": f"http://{address}:{IMAGES_PORT}/v2/"}
    alive = {name: service.ensure(name, [*inside, *commands[name]], state) for name in SERVICES}
    for name in SERVICES:
        log = state / f"{name}.log"
        service.wait_for(f"the mirror's server of {name}", addresses[name], log, alive=alive[name], inside=inside)


def stop(state: Path) -> None:
    """End the two servers that `start` recorded in `state`; those that are gone are fine too."""
    for name in SERVICES:
        service.stop(name, state)
