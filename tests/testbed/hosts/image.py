"""The base roots of the hosts and of the VMs: Debian 12 by debootstrap, made once and kept in the cache."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
from collections.abc import Sequence
from pathlib import Path

from testbed import paths, progress
from testbed.hosts import outer
from testbed.shell import run

SUITE = "bookworm"
PACKAGES = (
    "systemd", "systemd-sysv", "dbus", "python3", "python3-apt", "iproute2", "iptables", "conntrack", "ethtool",
    "socat", "kmod", "procps", "curl", "gpg", "sudo", "openssh-server", "ca-certificates", "iputils-ping",
    "netcat-openbsd",
)  # fmt: skip
# What a cloud image of Debian has beside that, and the guest agent, with which templates are made.
# debootstrap does not find python3-cffi-backend, which cloud-init needs by a virtual name only.
VM_PACKAGES = (*PACKAGES, "cloud-init", "python3-cffi-backend", "systemd-resolved", "qemu-guest-agent")
RECIPE = 1  # raise it when _finish changes
COLD_MINUTES = 1.3


def ensure(packages: Sequence[str] = PACKAGES) -> Path:
    """The folder of the base root with these packages; made when it is not there. Nobody may write to it."""
    roots = paths.cache() / "roots"
    roots.mkdir(exist_ok=True)
    wanted = roots / key(packages)
    if wanted.is_dir():
        return wanted
    with (roots / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not wanted.is_dir():
            what = "hosts" if packages == PACKAGES else "VMs"
            with progress.step(f"base root of the {what}, by debootstrap", COLD_MINUTES):
                _build(wanted, packages, lock.fileno())
    return wanted


def key(packages: Sequence[str] = PACKAGES) -> str:
    """Names the base root by all that decides what is in it."""
    recipe = f"{RECIPE} {' '.join(packages)}"
    return f"{SUITE}-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"


def _build(wanted: Path, packages: Sequence[str], lock: int) -> None:
    """Build beside the final place and rename, so that what is there is whole.

    debootstrap keeps the lock: killed runs leave it working, and nobody may begin anew beside it.
    """
    partial = wanted.with_name(f"{wanted.name}.partial")
    if partial.exists():
        shutil.rmtree(partial)
    log = wanted.with_name(f"{wanted.name}.log")
    mirror = outer.debian_mirrors().main
    command = ["debootstrap", "--variant=minbase", f"--include={','.join(packages)}", SUITE, str(partial)]
    run([*command, *([mirror] if mirror else [])], timeout=1200, log=log, keep=[lock])
    _finish(partial)
    partial.rename(wanted)


def _finish(root: Path) -> None:
    """Remove what must differ from host to host, and what only takes space."""
    run(["chroot", root, "apt-get", "clean"])
    for pattern in ("etc/ssh/ssh_host_*", "etc/machine-id", "var/lib/dbus/machine-id", "etc/resolv.conf",
                    "etc/hostname", "var/lib/apt/lists/*Packages", "var/lib/apt/lists/*Release*",
                    "var/log/*.log", "var/cache/debconf/*-old"):  # fmt: skip
        for path in root.glob(pattern):
            path.unlink()
