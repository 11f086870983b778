"""What a host takes from the machine it runs on: package mirrors, proxy settings, DNS, certificate authorities."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from testbed.shell import CommandFailed, run

CA_BUNDLE = Path("etc/ssl/certs/ca-certificates.crt")
APT_SETTINGS = ("Acquire::http", "Acquire::https", "Acquire::ftp", "Acquire::Check-", "Acquire::Retries")
CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


@dataclass(frozen=True)
class Mirrors:
    """Addresses of the Debian archive; None where the machine names none (it is not Debian)."""

    main: str | None = None
    security: str | None = None


def debian_mirrors(sources: Path = Path("/etc/apt")) -> Mirrors:
    """The machine's own Debian mirrors, read from its apt sources of either format."""
    files = [*sources.glob("sources.list"), *sorted(sources.glob("sources.list.d/*.list"))]
    deb822 = sorted(sources.glob("sources.list.d/*.sources"))
    entries = [entry for file in files for entry in one_line_entries(file.read_text())]
    entries += [entry for file in deb822 for entry in deb822_entries(file.read_text())]
    return choose_mirrors(entries)


def one_line_entries(text: str) -> list[tuple[str, str]]:
    """(address, suite) of each `deb [options] ADDRESS SUITE COMPONENT…` (sources.list(5))."""
    found = re.findall(r"^deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)", text, re.MULTILINE)
    return [(address, suite) for address, suite in found]


def deb822_entries(text: str) -> list[tuple[str, str]]:
    """(address, suite) of each stanza that is of type deb and not disabled (sources.list(5))."""
    found = []
    visible = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    for stanza in re.split(r"\n\s*\n", visible):
        fields = {key.lower(): value.split() for key, value in re.findall(r"^([\w-]+):\s*(.*)$", stanza, re.MULTILINE)}
        if "deb" in fields.get("types", []) and fields.get("enabled") != ["no"]:
            found += [(address, suite) for address in fields.get("uris", []) for suite in fields.get("suites", [])]
    return found


def choose_mirrors(entries: Iterable[tuple[str, str]]) -> Mirrors:
    """Those addresses that end as Debian's archives do, whatever release the machine itself runs."""
    main = security = None
    for address, suite in entries:
        path = address.rstrip("/").rsplit("/", 1)[-1]
        if path == "debian" and not suite.endswith("-backports"):
            main = main or address.rstrip("/")
        if path == "debian-security":
            security = security or address.rstrip("/")
    return Mirrors(main, security)


def apt_settings() -> str:
    """The machine's apt settings for reaching a mirror (proxy, certificates, clock), as an apt.conf."""
    try:
        dumped = run(["apt-config", "dump"])
    except (CommandFailed, FileNotFoundError):
        return ""
    return "".join(f"{line}\n" for line in dumped.splitlines() if line.startswith(APT_SETTINGS))


def resolver() -> str:
    """A resolv.conf that works in another namespace: a stub on a loopback address does not."""
    text = Path("/etc/resolv.conf").read_text()
    servers = re.findall(r"^nameserver\s+(\S+)", text, re.MULTILINE)
    behind = Path("/run/systemd/resolve/resolv.conf")
    if behind.exists() and all(server.startswith("127.") or server == "::1" for server in servers):
        return behind.read_text()
    return text


def extra_certificates(trusted: str, base: str) -> list[str]:
    """The certificates of the first bundle that the second does not have, in order."""
    known = set(CERTIFICATE.findall(base))
    return [certificate for certificate in CERTIFICATE.findall(trusted) if certificate not in known]


def mtu() -> int:
    """That of the machine's own way out, in bytes: larger packets from the hosts would not pass it."""
    default = json.loads(run(["ip", "-4", "-json", "route", "show", "default"]))
    if not default:
        return 1500
    return int(json.loads(run(["ip", "-json", "link", "show", default[0]["dev"]]))[0]["mtu"])
