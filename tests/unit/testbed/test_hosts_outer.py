"""A host takes mirrors, proxy and authorities from the machine it runs on."""

from __future__ import annotations

from pathlib import Path

from testbed.hosts import inside, outer
from testbed.hosts.outer import Mirrors

DEB822 = """\
Types: deb
# a comment inside a stanza
URIs: http://mirror.example/debian
Suites: trixie trixie-updates
Components: main

Types: deb deb-src
URIs: http://mirror.example/debian-security/
Suites: trixie-security
Components: main

Enabled: no
Types: deb
URIs: http://off.example/debian
Suites: trixie
"""
ONE_LINE = """\
# deb http://commented.example/debian bookworm main
deb [arch=amd64 signed-by=/k.gpg] http://old.example/debian bookworm main contrib
deb-src http://old.example/debian bookworm main
deb http://old.example/debian-security bookworm-security main
deb http://vendor.example/apt stable main
"""


def certificate(body: str) -> str:
    return f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----"


def test_mirrors_are_read_from_either_format(tmp_path: Path) -> None:
    (tmp_path / "sources.list").write_text(ONE_LINE)
    assert outer.debian_mirrors(tmp_path) == Mirrors("http://old.example/debian", "http://old.example/debian-security")
    (tmp_path / "sources.list").unlink()
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list.d/debian.sources").write_text(DEB822)
    assert outer.debian_mirrors(tmp_path) == Mirrors(
        "http://mirror.example/debian", "http://mirror.example/debian-security"
    )


def test_a_machine_that_is_not_debian_names_no_mirror(tmp_path: Path) -> None:
    (tmp_path / "sources.list").write_text("deb http://archive.example/ubuntu noble main\n")
    assert outer.debian_mirrors(tmp_path) == Mirrors(None, None)


def test_a_disabled_stanza_is_left_out() -> None:
    assert ("http://off.example/debian", "trixie") not in outer.deb822_entries(DEB822)


def test_the_hosts_sources_have_release_updates_and_security() -> None:
    text = inside.sources(Mirrors("http://m.example/debian", "http://s.example/debian-security"))
    assert outer.deb822_entries(text) == [
        ("http://m.example/debian", "bookworm"),
        ("http://m.example/debian", "bookworm-updates"),
        ("http://s.example/debian-security", "bookworm-security"),
    ]


def test_only_the_authorities_that_debian_lacks_are_added() -> None:
    known, own = certificate("AAA"), certificate("BBB")
    assert outer.extra_certificates(f"{known}\n{own}\n", f"{known}\n") == [own]
    assert outer.extra_certificates(known, known) == []
