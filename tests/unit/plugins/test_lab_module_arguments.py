"""What the lab modules document is what they take."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible_collections.autolabs.platform.plugins.doc_fragments.lab import ModuleDocFragment
from ansible_collections.autolabs.platform.plugins.module_utils.labs import arguments
from ansible_collections.autolabs.platform.plugins.modules import lab_class, lab_class_info

SHARED: dict[str, Any] = yaml.safe_load(ModuleDocFragment.DOCUMENTATION)["options"]
MEANING = ("type", "default", "choices", "elements", "required")


def documented(documentation: str) -> dict[str, dict[str, Any]]:
    own: dict[str, Any] = yaml.safe_load(documentation).get("options", {})
    assert not own.keys() & SHARED.keys()
    return {name: {key: option[key] for key in MEANING if key in option} for name, option in (SHARED | own).items()}


@pytest.mark.parametrize(
    ("documentation", "taken"),
    [(lab_class.DOCUMENTATION, arguments.LAB_CLASS), (lab_class_info.DOCUMENTATION, arguments.LAB_CLASS_INFO)],
    ids=["lab_class", "lab_class_info"],
)
def test_options_are_taken_as_they_are_documented(documentation: str, taken: dict[str, Any]) -> None:
    assert documented(documentation) == taken


def test_the_options_of_the_cluster_are_the_same_for_all() -> None:
    assert {name: documented("{}")[name] for name in arguments.CLUSTER} == arguments.CLUSTER


@pytest.mark.parametrize("module", [lab_class, lab_class_info])
def test_the_shared_options_come_from_the_fragment(module: Any) -> None:
    documentation = yaml.safe_load(module.DOCUMENTATION)
    assert documentation["extends_documentation_fragment"] == ["autolabs.platform.lab"]


@pytest.mark.parametrize("module", [lab_class, lab_class_info])
def test_examples_use_only_options_that_are_there(module: Any) -> None:
    options = documented(module.DOCUMENTATION)
    name = f"autolabs.platform.{yaml.safe_load(module.DOCUMENTATION)['module']}"
    for task in yaml.safe_load(module.EXAMPLES):
        assert task[name].keys() <= options.keys()
