"""What the modules for VMs document is what they take."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible_collections.autolabs.platform.plugins.doc_fragments.proxmox import ModuleDocFragment
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox import arguments
from ansible_collections.autolabs.platform.plugins.modules import proxmox_template, proxmox_vm

SHARED: dict[str, Any] = yaml.safe_load(ModuleDocFragment.DOCUMENTATION)["options"]
MEANING = ("type", "default", "choices", "elements", "required")
MODULES = [(proxmox_vm, arguments.PROXMOX_VM), (proxmox_template, arguments.PROXMOX_TEMPLATE)]


def documented(documentation: str) -> dict[str, dict[str, Any]]:
    own: dict[str, Any] = yaml.safe_load(documentation).get("options", {})
    assert not own.keys() & SHARED.keys()
    return {name: {key: option[key] for key in MEANING if key in option} for name, option in (SHARED | own).items()}


def taken(spec: dict[str, Any]) -> dict[str, Any]:
    return {name: {key: option[key] for key in MEANING if key in option} for name, option in spec.items()}


@pytest.mark.parametrize(("module", "spec"), MODULES)
def test_options_are_taken_as_they_are_documented(module: Any, spec: dict[str, Any]) -> None:
    assert documented(module.DOCUMENTATION) == taken(spec)


def test_the_options_of_the_connection_are_the_same_for_all() -> None:
    assert documented("{}") == taken(arguments.CONNECTION)


@pytest.mark.parametrize("name", ["api_password", "api_token_secret"])
def test_secrets_are_marked_so_that_ansible_hides_them(name: str) -> None:
    assert arguments.CONNECTION[name]["no_log"] is True


@pytest.mark.parametrize(("module", "spec"), MODULES)
def test_examples_use_only_options_that_are_there(module: Any, spec: dict[str, Any]) -> None:
    name = f"autolabs.platform.{yaml.safe_load(module.DOCUMENTATION)['module']}"
    for task in yaml.safe_load(module.EXAMPLES):
        assert task[name].keys() <= spec.keys()
