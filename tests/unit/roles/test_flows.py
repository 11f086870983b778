"""A site's flow catalogue is judged before anything is changed, with everything that is wrong with it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

pytestmark = pytest.mark.slow

CHECKOUT = Path(__file__).resolve().parents[3]
PLAYBOOK = """
- hosts: k8s
  gather_facts: false
  tasks:
    - ansible.builtin.import_role:
        name: autolabs.platform.flows
      run_once: true
    - ansible.builtin.debug:
        msg: "{{ flows_site }}"
      run_once: true
"""
CATALOGUE = """
endpoints:
  printers: {title: Printers, zone: infrastructures, addresses: [192.168.300.0/24]}
"""
ADMIN = {"admin": ["192.0.2.0/24"]}


def played(folder: Path, variables: dict[str, Any], *inventories: Path) -> dict[str, Any]:
    """The result of the last task of a run at a site of three machines."""
    return results(folder, variables, *inventories)[-1]


def results(folder: Path, variables: dict[str, Any], *inventories: Path) -> list[dict[str, Any]]:
    """The results of the tasks of a run at a site of three machines."""
    groups = {
        "k8s": {"hosts": {"one": {"ansible_host": "10.0.0.1"}, "demo-k8s": {"ansible_host": "10.0.0.3"}}},
        "database": {"hosts": {"db": {"ansible_host": "db.example", "flows_host_addresses": ["{{ db_address }}"]}}},
    }
    known = {"ansible_connection": "local", "db_address": "10.0.0.2", **variables}
    (folder / "hosts.yml").write_text(yaml.safe_dump({"all": {"vars": known, "children": groups}}))
    (folder / "play.yml").write_text(PLAYBOOK)
    settings = {
        "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"),
        "ANSIBLE_HOME": str(folder / "home"),
        "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
    }
    named = [word for path in (*inventories, folder / "hosts.yml") for word in ("-i", path)]
    done = subprocess.run(
        [Path(sys.executable).parent / "ansible-playbook", *named, folder / "play.yml"],
        env={**os.environ, **settings},
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stdout.startswith("{"), done.stdout + done.stderr
    tasks = json.loads(done.stdout)["plays"][0]["tasks"]
    return [dict(result) for task in tasks for result in task["hosts"].values()]


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, ["flows_networks: does not say where administrators", "flows_networks: {admin: [192.0.2.10/32]}"]),
        ({"flows_networks": {"admin": []}}, ["flows_networks: does not say where administrators"]),
        ({"flows_networks": ADMIN, "flows_features": ["monitorin"]}, ["did you mean `monitoring`?"]),
        ({"flows_networks": ADMIN, "flows_phase": "production"}, ["flows_phase", "production"]),
        (
            {"flows_files": ["{{ inventory_dir }}/flows.yml"], "flows_networks": {"lan": ["x"]}, "db_address": "y"},
            [
                "flows_networks.lan[0]: 'x' is not an address range",
                "db: flows_host_addresses[0]: 'y' is not an address",
                "/flows.yml:3: endpoints.printers.zone: there is no zone infrastructures; did you mean",
                "/flows.yml:3: endpoints.printers.addresses[0]: '192.168.300.0/24' is not an address range",
                "flows_networks: does not say where administrators",
                "nothing was changed",
            ],
        ),
    ],
)
def test_a_site_is_refused_with_everything_that_is_wrong(
    variables: dict[str, Any], expected: list[str], tmp_path: Path
) -> None:
    (tmp_path / "flows.yml").write_text(CATALOGUE)
    result = played(tmp_path, variables)
    assert result.get("failed"), result
    assert [part for part in expected if part not in result["msg"] + json.dumps(result.get("argument_errors"))] == []


def test_a_site_becomes_the_input_of_the_renderers(tmp_path: Path) -> None:
    assert played(tmp_path, {"flows_networks": ADMIN, "kubeadm_pod_subnet": "10.1.0.0/16,fd00::/48"})["msg"] == {
        "files": [],
        "groups": {"k8s": {"one": ["10.0.0.1"], "demo-k8s": ["10.0.0.3"]}, "database": {"db": ["10.0.0.2"]}},
        "networks": {
            "pods": ["10.1.0.0/16", "fd00::/48"],
            "services": ["10.96.0.0/12"],
            "api_endpoint": [],
            **ADMIN,
        },
        "phase": "",
        "features": [],
        "masquerade": True,
    }


def test_a_site_hears_which_flows_it_has_not_and_why(tmp_path: Path) -> None:
    variables = {"flows_networks": ADMIN, "kubeadm_control_plane_endpoint": "192.0.2.10:6443"}
    *_before, told, last = results(tmp_path, variables)
    assert last["msg"]["networks"]["api_endpoint"] == ["192.0.2.10"]
    assert "no machine is in the group gitlab: gitlab-web, " in told["msg"]
    assert "; the feature mail is off: zitadel-mail; " in told["msg"]
    assert "\n" not in told["msg"]


def test_the_demo_lets_in_the_machine_that_its_test_hosts_run_on(tmp_path: Path) -> None:
    variables = {"testbed_bridge_address": "10.77.3.1"}
    site = played(tmp_path, variables, CHECKOUT / "inventories" / "demo")["msg"]
    assert (site["networks"]["admin"], site["phase"]) == (["10.77.3.254"], "demo")


def test_the_demo_on_a_host_of_your_own_asks_where_you_come_from(tmp_path: Path) -> None:
    assert "does not say where administrators" in played(tmp_path, {}, CHECKOUT / "inventories" / "demo")["msg"]
