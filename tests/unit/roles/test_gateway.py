"""What a site's gateway and its names are to be is judged before anything is changed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

pytestmark = pytest.mark.slow

CHECKOUT = Path(__file__).resolve().parents[3]
PLAYBOOK = """
- hosts: proxmox
  gather_facts: false
  tasks:
    - ansible.builtin.include_role: {name: autolabs.platform.gateway, tasks_from: preflight}
    - ansible.builtin.include_role: {name: autolabs.platform.site_names, tasks_from: preflight}
"""
MACHINES = {
    "proxmox": {"hosts": {"pve": {"ansible_host": "192.0.2.1"}}},
    "k8s_control_plane": {"hosts": {"plane": {"ansible_host": "10.0.0.11"}}},
    "database": {"hosts": {"db": {"ansible_host": "10.0.0.2"}}},
}
NETWORKS = {"admin": ["192.0.2.0/24"], "infrastructure": ["10.0.0.0/24"]}


def played(folder: Path, **variables: Any) -> str:
    given = {
        "ansible_connection": "local",
        "flows_networks": NETWORKS,
        "site_names_addresses": ["10.0.0.1"],
        **variables,
    }
    (folder / "hosts.yml").write_text(yaml.safe_dump({"all": {"vars": given, "children": MACHINES}}))
    (folder / "play.yml").write_text(PLAYBOOK)
    settings = {"ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"), "ANSIBLE_HOME": str(folder / "home")}
    done = subprocess.run(
        [Path(sys.executable).parent / "ansible-playbook", "-i", folder / "hosts.yml", folder / "play.yml"],
        env={**os.environ, **settings},
        cwd=CHECKOUT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return " ".join((done.stdout + done.stderr).split())


CASES: list[tuple[dict[str, Any], list[str]]] = [
    ({"site_networks": {"storage": {"cidr": "10.0.5.0/24,fd00:5::/64"}}, "site_names_aliases": {"s3": "db"}}, []),
    # No name server is needed where names are in hosts files.
    ({"site_names_mode": "hosts", "site_names_server": ""}, []),
    (
        {
            "gateway_networks": {"labs": ["192.168.300.0/24"]},
            "gateway_forwards": [{"name": "sql", "ports": [5432], "to": "db"}],
        },
        [
            "gateway_networks: '192.168.300.0/24' is not an address",
            "gateway_forwards[0] (sql): no flow of the catalogue lets 0.0.0.0/0 reach 10.0.0.2 at tcp/5432",
            "nothing was changed",
        ],
    ),
    (
        {"site_names_domain": "autolabs.local", "site_names_aliases": {"s3": "minio"}},
        [
            "site_names_domain: autolabs.local is below .local",
            "site_names_aliases.s3: 'minio' is neither a machine",
            "nothing was changed",
        ],
    ),
    ({"site_names_server": "nobody"}, ["site_names_server is nobody, which is no machine in a group"]),
    ({"site_names_addresses": []}, ["pve has no address in 10.0.0.0/24"]),
]


@pytest.mark.parametrize(("variables", "expected"), CASES)
def test_a_site_is_refused_with_what_is_wrong(variables: dict[str, Any], expected: list[str], tmp_path: Path) -> None:
    said = played(tmp_path, **variables)
    assert [part for part in expected if part not in said] == [], said
    assert bool(re.search(r"failed=[1-9]", said)) == bool(expected), said
