"""A Debian root in the form of the official slim image. This file's text is part of that image's key."""

from __future__ import annotations

import shutil
from pathlib import Path

from testbed.hosts import outer
from testbed.shell import run

# What the official image holds besides Debian: documentation left out, no downloads kept, no service started.
SLIM = """\
path-exclude /usr/share/doc/*
path-include /usr/share/doc/*/copyright
path-exclude /usr/share/man/*
path-exclude /usr/share/locale/*
path-exclude /usr/share/info/*
"""
CLEAN = """\
DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/archives/partial/*.deb"; };
APT::Update::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/archives/partial/*.deb"; };
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
Acquire::Languages "none";
Acquire::GzipIndexes "true";
"""
NO_SERVICES = "#!/bin/sh\nexit 101\n"
EMPTIED = (
    "usr/share/man",
    "usr/share/locale",
    "usr/share/info",
    "var/lib/apt/lists",
    "var/cache/apt",
    "var/log",
    "dev",
)


def make(root: Path, suite: str, log: Path) -> None:
    """Install the release into the folder `root`, from the machine's own mirrors where it names some."""
    mirrors = outer.debian_mirrors()
    source = [mirrors.main] if mirrors.main else []
    secure = ["--include=ca-certificates"] if (mirrors.main or "").startswith("https") else []
    run(["debootstrap", "--variant=minbase", *secure, suite, root, *source], log=log, timeout=1200)
    slim(root, suite, mirrors)


def slim(root: Path, suite: str, mirrors: outer.Mirrors) -> None:
    """Bring a root that debootstrap made to the form of the official slim image."""
    listed = (root / "etc/apt/sources.list").read_text()
    main = mirrors.main or outer.one_line_entries(listed)[0][0].rstrip("/")
    security = mirrors.security or f"{main}-security"
    lines = [f"deb {main} {suite} main", f"deb {main} {suite}-updates main", f"deb {security} {suite}-security main"]
    (root / "etc/apt/sources.list").write_text("\n".join(lines) + "\n")
    (root / "etc/dpkg/dpkg.cfg.d/docker").write_text(SLIM)
    (root / "etc/apt/apt.conf.d/docker").write_text(CLEAN)
    policy = root / "usr/sbin/policy-rc.d"
    policy.write_text(NO_SERVICES)
    policy.chmod(0o755)
    for folder in EMPTIED:
        for entry in (root / folder).iterdir():
            _remove(entry)
    for entry in (root / "usr/share/doc").glob("*/*"):
        if entry.name != "copyright":
            _remove(entry)


def _remove(entry: Path) -> None:
    if entry.is_dir() and not entry.is_symlink():
        shutil.rmtree(entry)
    else:
        entry.unlink()
