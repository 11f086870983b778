"""Policies by which the site itself would open labs are refused, whatever the catalogue was made of."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.autolabs.platform.plugins.module_utils.flows.labs import LAB_NAMESPACES

CHECKOUT = Path(__file__).resolve().parents[3]
LABS = list(LAB_NAMESPACES.values())
PLAYBOOK = """
- hosts: localhost
  gather_facts: false
  tasks:
    - ansible.builtin.import_role:
        name: autolabs.platform.network_policies
        tasks_from: labs.yml
"""


def policy(namespace: str, name: str) -> dict[str, Any]:
    return {"metadata": {"namespace": namespace, "name": name}}


CLOSED = [policy(namespace, "default-deny") for namespace in LABS]


def test_roles_and_catalogue_mean_the_same_namespaces_of_labs() -> None:
    for role in ("lab_namespaces", "network_policies"):
        variables = yaml.safe_load((CHECKOUT / f"roles/{role}/vars/main.yml").read_text())
        assert variables[f"__{role}_labs"] == LABS


@pytest.mark.slow
@pytest.mark.parametrize(
    ("policies", "said"),
    [
        ([*CLOSED, policy("platform", "frontend")], ""),
        ([*CLOSED, policy("labs-baseline", "lab")], "would open every lab in labs-baseline to its own flows: lab."),
        (CLOSED[1:], "closes no longer labs, where labs run."),
    ],
)
def test_where_labs_run_the_site_has_default_deny_and_nothing_else(
    policies: list[dict[str, Any]], said: str, tmp_path: Path
) -> None:
    (tmp_path / "play.yml").write_text(PLAYBOOK)
    variables = {"__network_policies_all": policies, "flows_networks": {"admin": ["192.0.2.0/24"]}}
    done = subprocess.run(
        [Path(sys.executable).parent / "ansible-playbook", "-e", json.dumps(variables), tmp_path / "play.yml"],
        env={**os.environ, "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"), "ANSIBLE_HOME": str(tmp_path / "home")},
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode == 0) == (not said), done.stdout + done.stderr
    assert said in " ".join(done.stdout.split())
