"""The CA is made once, may speak for the site only, and is never replaced without being asked to."""

from __future__ import annotations

import ipaddress
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509

pytestmark = pytest.mark.slow

CHECKOUT = Path(__file__).resolve().parents[3]
PLAYBOOK = """
- hosts: all
  gather_facts: false
  tasks:
    - ansible.builtin.include_role: {name: autolabs.platform.site_ca, tasks_from: authority}
"""


def played(folder: Path, *options: str, **variables: Any) -> tuple[int, int, str]:
    """How many tasks changed something, how many failed, and what was said."""
    given = {
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
        "autolabs_site": "test",
        "autolabs_site_folder": str(folder / "site"),
        "flows_networks": {"infrastructure": ["192.168.100.0/24"]},
        **variables,
    }
    (folder / "hosts.yml").write_text(yaml.safe_dump({"all": {"vars": given, "hosts": {"one": {}, "two": {}}}}))
    (folder / "play.yml").write_text(PLAYBOOK)
    settings = {
        "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"),
        "ANSIBLE_HOME": str(folder / "home"),
        "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
    }
    done = subprocess.run(
        [Path(sys.executable).parent / "ansible-playbook", *options, "-i", folder / "hosts.yml", folder / "play.yml"],
        env={**os.environ, **settings},
        cwd=CHECKOUT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout.startswith("{"), done.stdout + done.stderr
    stats = json.loads(done.stdout)["stats"].values()
    counts = (sum(one[key] for one in stats) for key in ("changed", "failures"))
    return (*counts, done.stdout + done.stderr)  # type: ignore[return-value]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a site whose CA was planned first, and then made."""
    folder = tmp_path_factory.mktemp("ca")
    changed, failed, said = played(folder, "--check")
    assert changed > 0 and failed == 0, said
    assert not (folder / "site").exists()
    changed, failed, said = played(folder)
    assert (changed, failed) == (3, 0), said
    return folder


def test_the_key_is_for_its_owner_alone(made: Path) -> None:
    modes = {path.name: path.stat().st_mode & 0o777 for path in (made / "site/ca").iterdir()}
    assert modes == {"ca.key": 0o600, "ca.crt": 0o644}
    assert (made / "site/ca").stat().st_mode & 0o777 == 0o700


def test_the_ca_may_speak_for_the_site_only_and_for_ten_years(made: Path) -> None:
    found = x509.load_pem_x509_certificate((made / "site/ca/ca.crt").read_bytes())
    assert (found.not_valid_after_utc - found.not_valid_before_utc).days == 3650
    extensions = {entry.oid: entry for entry in found.extensions}
    limits = extensions[x509.NameConstraints.oid]
    assert limits.critical
    assert [entry.value for entry in limits.value.permitted_subtrees] == [
        "autolabs.internal",
        "localhost",
        ipaddress.ip_network("127.0.0.0/8"),
        ipaddress.ip_network("::1/128"),
        ipaddress.ip_network("192.168.100.0/24"),
    ]
    assert extensions[x509.BasicConstraints.oid].value == x509.BasicConstraints(ca=True, path_length=0)
    assert x509.SubjectAlternativeName.oid not in extensions


def test_a_second_run_and_a_plan_change_nothing(made: Path) -> None:
    assert [played(made, *options)[:2] for options in ((), ("--check",))] == [(0, 0), (0, 0)]


@pytest.mark.parametrize(
    ("lost", "told"),
    [("ca.key", "is there, and its key"), ("ca.crt", "is there, and its certificate")],
)
def test_what_is_lost_is_told_and_replaced_only_when_asked(lost: str, told: str, made: Path) -> None:
    folder = made / "site/ca"
    kept = {path: path.read_bytes() for path in folder.iterdir()}
    (folder / lost).unlink()
    changed, failed, said = played(made)
    assert (changed, failed) == (0, 1)
    assert told in " ".join(said.split()) and "site_ca_replace=true" in said
    assert not (folder / lost).exists()
    changed, failed, said = played(made, site_ca_replace=True)
    assert failed == 0 and changed > 0, said
    assert (folder / "ca.crt").read_bytes() != kept[folder / "ca.crt"]
    for path, content in kept.items():
        path.write_bytes(content)
