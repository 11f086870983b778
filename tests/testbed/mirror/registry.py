"""The registry that serves the images: Debian's docker-registry over one storage in the cache.

Each image is there under its tag and under a tag made of its key, both naming the same manifest, so the storage
itself says what it holds. One process writes while images are made; any number serve it read-only at the same time.
"""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from testbed.mirror.manifest import Image
from testbed.mirror.service import wait_for
from testbed.paths import cache

PROGRAM = "docker-registry"
PACKAGE = "docker-registry"


def storage() -> Path:
    """Where the registry keeps everything."""
    return cache() / "registry"


def key_tag(key: str) -> str:
    """The tag that says by which recipe an image was made."""
    return f"key-{key}"


def holds(image: Image, key: str) -> bool:
    """Whether the image's own tag names what was made under this key."""
    named = digest_of(image, image.tag)
    return bool(named) and named == digest_of(image, key_tag(key))


def digest_of(image: Image, tag: str) -> str:
    """The manifest's digest that a tag of the image's repository names; empty for none."""
    link = _store() / "repositories" / image.repository / "_manifests" / "tags" / tag / "current" / "link"
    return link.read_text() if link.exists() else ""


def size(image: Image) -> int:
    """Bytes that a host downloads for the image; 0 when it is not there."""
    digest = digest_of(image, image.tag).removeprefix("sha256:")
    if not digest:
        return 0
    manifest = json.loads((_store() / "blobs" / "sha256" / digest[:2] / digest / "data").read_text())
    # A list of platforms, as some registries publish, has no layers of its own.
    return sum(layer["size"] for layer in manifest.get("layers", ()))


def configuration(address: str, *, readonly: bool) -> str:
    """The registry's configuration file (JSON is YAML too); `address` is HOST:PORT."""
    return json.dumps(
        {
            "version": 0.1,
            "log": {"level": "warn", "accesslog": {"disabled": True}},
            "storage": {
                # No cache of blob descriptors: another process may write the same storage.
                "filesystem": {"rootdirectory": str(storage())},
                "maintenance": {"readonly": {"enabled": readonly}, "uploadpurging": {"enabled": False}},
            },
            # The secret signs the state of uploads, which stay on one process here.
            "http": {"addr": address, "secret": "autolabs"},
        },
        indent=2,
    )


@contextmanager
def writable(folder: Path, log: Path) -> Iterator[str]:
    """Run a registry that takes images, on a free port of the loopback; yields HOST:PORT.

    Its configuration is written to `folder`, its output to `log`. Raises ServiceFailed when it does not answer.
    """
    address = f"127.0.0.1:{_free_port()}"
    settings = folder / "registry.json"
    settings.write_text(configuration(address, readonly=False))
    with log.open("w") as output:
        process = subprocess.Popen([PROGRAM, "serve", settings], stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        wait_for("registry", f"http://{address}/v2/", log, alive=lambda: process.poll() is None)
        yield address
    finally:
        process.terminate()
        process.wait(timeout=10)


def _store() -> Path:
    return storage() / "docker" / "registry" / "v2"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
