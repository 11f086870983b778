"""Buildah with a storage of its own: a workspace that may be emptied at any time."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from testbed import paths
from testbed.hosts import outer
from testbed.mirror import debian
from testbed.mirror.manifest import digest
from testbed.shell import run

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Buildah:
    """Makes and moves images; what it says goes to `log`. `registry` is HOST:PORT of one without TLS."""

    def __init__(self, registry: str, log: Path) -> None:
        self.registry = registry
        self.log = log
        self.root = folder() / "storage"
        # Mounts do not outlive a boot, and so neither does the record of them.
        self.runroot = paths.runtime() / f"buildah-{digest(str(self.root))}"

    def build(self, name: str, context: Path) -> None:
        """Build the Dockerfile of a folder. Its base images must be here already."""
        settings = context.with_name("apt.conf")
        settings.write_text(outer.apt_settings())
        machine = ["--volume", f"{settings}:/etc/apt/apt.conf.d/80machine:ro"]
        self._run("bud", "--isolation", "chroot", "--network", "host", "--pull-never", *machine, "-t", name, context)

    def debian(self, name: str, suite: str) -> None:
        """Make a base image by debootstrap, as slim as the official one."""
        root = folder() / "debian.partial"
        shutil.rmtree(root, ignore_errors=True)
        debian.make(root, suite, self.log)
        container = self._run("from", "scratch")
        self._run("add", container, root, "/")
        self._run("config", "--cmd", "bash", "--env", f"PATH={PATH}", container)
        self._run("commit", "--rm", container, name)
        shutil.rmtree(root)

    def pull(self, name: str) -> None:
        """Fetch an image from the registry that its name gives."""
        self._run("pull", "--policy", "always", f"docker://{name}")

    def fetch(self, name: str, repository: str, tag: str) -> None:
        """Fetch an image from our registry and give it its own name."""
        local = f"{self.registry}/{repository}:{tag}"
        self._run("pull", "--tls-verify=false", f"docker://{local}")
        self._run("tag", local, name)

    def push(self, name: str, repository: str, tag: str) -> None:
        """Send an image to our registry."""
        self._run("push", "--tls-verify=false", name, f"docker://{self.registry}/{repository}:{tag}")

    def unpack(self, repository: str, tag: str, target: Path) -> None:
        """Write the files of an image in our registry to the folder `target`."""
        container = self._run("from", "--tls-verify=false", f"docker://{self.registry}/{repository}:{tag}")
        mounted = self._run("mount", container)
        run(["cp", "-a", "--reflink=auto", mounted, target])
        self._run("rm", container)

    def clear(self) -> None:
        """Remove every working container and image, whoever left them."""
        self._run("rm", "--all")
        self._run("rmi", "--all", "--force")

    def _run(self, command: str, *arguments: str | Path) -> str:
        words = ["buildah", "--root", self.root, "--runroot", self.runroot, command, *arguments]
        environment = {**os.environ, "STORAGE_DRIVER": "overlay"}
        output = run(words, env=environment, timeout=1800, log=None if command in ("from", "mount") else self.log)
        return output.strip()


def folder() -> Path:
    """Where images are made."""
    found = paths.cache() / "buildah"
    found.mkdir(parents=True, exist_ok=True)
    return found
