"""Which machines get a firewall, and what is refused before any of them is changed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.autolabs.platform.plugins.module_utils.flows.site import CLUSTER_GROUPS

CHECKOUT = Path(__file__).resolve().parents[3]
PLAYBOOK = """
- hosts: all
  gather_facts: false
  any_errors_fatal: true
  tasks:
    - ansible.builtin.import_role:
        name: autolabs.platform.firewall
        tasks_from: preflight
    - ansible.builtin.debug:
        msg: "{{ [inventory_hostname, firewall_guarded_ports, firewall_neighbours] | to_json }}"
"""
MACHINES = {
    "k8s_control_plane": {"hosts": {"plane": {"ansible_host": "10.0.0.1"}}},
    "k8s_worker": {"hosts": {"worker": {"ansible_host": "10.0.0.2"}}},
    "database": {"hosts": {"10.0.0.3": {}}},
}


def played(folder: Path, told: str = "inactive", **variables: Any) -> str:
    """What a run says at hosts whose systemd tells `told` of every unit."""
    given = {
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
        "flows_networks": {"admin": ["192.0.2.0/24"]},
        **variables,
    }
    (folder / "hosts.yml").write_text(yaml.safe_dump({"all": {"vars": given, "children": MACHINES}}))
    (folder / "play.yml").write_text(PLAYBOOK)
    (folder / "systemctl").write_text(f"#!/bin/sh\nprintf '{told}\\n'\n")
    (folder / "systemctl").chmod(0o755)
    settings = {"ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"), "ANSIBLE_HOME": str(folder / "home")}
    done = subprocess.run(
        [Path(sys.executable).parent / "ansible-playbook", "-i", folder / "hosts.yml", folder / "play.yml"],
        env={**os.environ, **settings, "PATH": f"{folder}:{os.environ['PATH']}"},
        cwd=CHECKOUT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return " ".join((done.stdout + done.stderr).split())


def test_every_play_of_machines_names_every_group_of_the_cluster() -> None:
    plays = yaml.safe_load((CHECKOUT / "playbooks/site.yml").read_text(encoding="utf-8"))
    patterns = [play["hosts"].split(":") for play in plays if "k8s" in play.get("hosts", "").split(":")]
    assert len(patterns) == 4
    assert len(patterns) == 4
    assert all(set(pattern) >= {"gitlab", "database", *CLUSTER_GROUPS} for pattern in patterns)


@pytest.mark.slow
def test_node_ports_are_guarded_on_machines_of_the_cluster_alone(tmp_path: Path) -> None:
    said = played(tmp_path)
    for name in ("plane", "worker"):
        assert f'["{name}", ["tcp/30000-32767", "udp/30000-32767"], []]' in said
    assert '["10.0.0.3", [], []]' in said


@pytest.mark.slow
def test_without_a_tunnel_the_cluster_reaches_pods_by_their_own_addresses(tmp_path: Path) -> None:
    said = played(tmp_path, calico_vxlan_mode="CrossSubnet")
    assert '"udp/30000-32767"], ["10.244.0.0/16", "10.0.0.1", "10.0.0.2"]]' in said
    assert '["10.0.0.3", [], []]' in said


@pytest.mark.slow
@pytest.mark.parametrize("told", ["active\\nenabled", "active\\ndisabled", "inactive\\nenabled"])
def test_another_firewall_is_refused_with_what_to_do(told: str, tmp_path: Path) -> None:
    said = played(tmp_path, told)
    assert "systemctl disable --now firewalld nftables netfilter-persistent" in said
    assert re.search(r"failed=[1-9]", said) and "firewall_guarded" not in said
