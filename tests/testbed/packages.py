"""Programs of the distribution that the test bed needs on the machine it runs on."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence

from testbed import progress
from testbed.shell import CommandFailed, run


class PackagesMissing(Exception):
    """Packages are missing and could not be installed; the message says what to do."""


def ensure(packages: Sequence[str]) -> None:
    """Install those of the Debian packages that are not there, by apt-get.

    Raises PackagesMissing on a machine without dpkg and when apt-get fails.
    """
    if not shutil.which("dpkg-query"):
        raise PackagesMissing("this machine has no dpkg; the test bed needs Debian or a relative of it")
    missing = [package for package in packages if not installed(package)]
    if not missing:
        return
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "--yes", "--no-install-recommends", *missing]
    with progress.step(f"installing {', '.join(missing)}"):
        try:
            run(["apt-get", "update"], timeout=300, env=environment)
            run(install, timeout=900, env=environment)
        except CommandFailed as failed:
            raise PackagesMissing(f"install these packages and try again: {' '.join(missing)}\n{failed}") from failed


def installed(package: str) -> bool:
    """True when dpkg knows the package as wholly installed."""
    try:
        return run(["dpkg-query", "--show", "--showformat=${db:Status-Status}", package]) == "installed"
    except CommandFailed:
        return False
