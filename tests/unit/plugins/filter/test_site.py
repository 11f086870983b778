"""An inventory becomes one description, and that the VMs."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.autolabs.platform.plugins.filter.site import site_described, site_problems, site_vms

GROUPS = {
    "all": ["pve-1", "db", "one"],
    "ungrouped": [],
    "proxmox": ["pve-1"],
    "database": ["db"],
    "k8s": ["one"],
    "k8s_control_plane": ["one"],
    "planned": ["db"],
}
HOSTVARS: dict[str, dict[str, Any]] = {
    "pve-1": {"proxmox_node": "pve", "secret": "x"},
    "db": {"ansible_host": "192.0.2.20", "proxmox_vm": {"cores": 1}},
    "one": {"kubeadm_pod_subnet": "10.1.0.0/16"},
}


def test_a_description_has_every_machine_with_its_groups_and_what_is_known_of_it() -> None:
    assert site_described(GROUPS, HOSTVARS, {"autolabs_site": "dev"}) == {
        "autolabs_site": "dev",
        "kubeadm_pod_subnet": "10.1.0.0/16",
        "hosts": {
            "pve-1": {"groups": ["proxmox"], "proxmox_node": "pve"},
            "db": {"groups": ["database"], "ansible_host": "192.0.2.20", "proxmox_vm": {"cores": 1}},
            "one": {"groups": ["k8s", "k8s_control_plane"]},
        },
    }


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"kubeadm_pod_subnet": "10.2.0.0/16"}, "10.1.0.0/16"),
        ({"kubeadm_service_subnet": "10.3.0.0/16"}, "10.1.0.0/16"),
    ],
)
def test_a_variable_of_the_cluster_is_that_of_its_machines(variables: dict[str, str], expected: str) -> None:
    described = site_described(GROUPS, HOSTVARS, variables)
    assert described["kubeadm_pod_subnet"] == expected
    assert described.get("kubeadm_service_subnet") == variables.get("kubeadm_service_subnet")


def test_what_is_empty_counts_as_not_given() -> None:
    variables = {"flows_phase": "", "proxmox_vms_template": {"vmid": 9000, "checksum": ""}, "site_networks": {}}
    described = site_described({}, {}, variables)
    assert described == {"proxmox_vms_template": {"vmid": 9000}, "site_networks": {}, "hosts": {}}


def test_the_controller_is_no_machine_of_the_site() -> None:
    assert site_described({"all": ["localhost"]}, {"localhost": {}}, {})["hosts"] == {}


def test_a_site_without_mistakes_has_no_problems_and_its_vms() -> None:
    described = {
        "autolabs_site": "own",
        "flows_networks": {"admin": ["192.0.2.0/28"]},
        "hosts": {"db": {"groups": ["database"], "ansible_host": "192.0.2.20"}},
    }
    assert site_problems(described) == []
    assert site_vms(described) == []
    assert site_vms(described, "absent") == []


def test_of_a_site_with_mistakes_there_are_no_vms() -> None:
    with pytest.raises(AnsibleFilterError, match="`autolabs_site` is missing"):
        site_vms({"hosts": {}})


def test_vms_are_as_they_should_be_or_absent() -> None:
    with pytest.raises(AnsibleFilterError, match="state is 'gone'"):
        site_vms({}, "gone")
