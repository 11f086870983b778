"""A site's VMs become a file of Terraform, or a list of all that is wrong with them."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.autolabs.platform.plugins.filter.terraform import FilterModule

EXPORT = FilterModule().filters()["terraform_export"]
CONNECTION = {"api_host": "pve-1", "api_token_secret": "0f-0f"}


def test_vms_as_proxmox_vm_takes_them_become_resources() -> None:
    found = EXPORT([{"name": "k8s-vm", "vmid": 130, "node": "pve-1", "template": 9000, "memory": 8192}], CONNECTION)
    machine = found["resource"]["proxmox_virtual_environment_vm"]["k8s_vm"]
    assert machine["memory"] == [{"dedicated": 8192}]
    assert found["import"][0]["id"] == "pve-1/130"


def test_mistakes_are_told_as_one_message() -> None:
    with pytest.raises(AnsibleFilterError, match=r"^terraform_export: .*k8s-vm\.node"):
        EXPORT([{"name": "k8s-vm"}], CONNECTION)


def test_a_vm_that_is_none_is_refused() -> None:
    with pytest.raises(AnsibleFilterError, match="nmae"):
        EXPORT([{"nmae": "k8s-vm"}], CONNECTION)
