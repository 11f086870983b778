"""The lab engine's filters tell what is wrong in Ansible's way."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.autolabs.platform.plugins.filter.labs import lab_manifests, lab_network_policies

LAB = "name: a-lab\nservices:\n  linux:\n    image: registry.example/linux:1\nx-lab: {access: ssh, internet: true}\n"


def test_a_class_is_shown_as_its_objects() -> None:
    assert {found["kind"] for found in lab_network_policies(LAB)} == {"NetworkPolicy"}
    assert "Pod" in {found["kind"] for found in lab_manifests(LAB, ["anna"], pod_networks=["10.1.0.0/16"])}


@pytest.mark.parametrize(
    ("text", "settings", "message"),
    [
        ("a: 1", {}, "services"),
        (LAB, {"class_id": "a,b"}, "class_id"),
        (LAB, {"nothing": 1}, "nothing"),
        (LAB, {"pod_networks": ["pods"]}, "pods"),
        (LAB, {"cluster_networks": ["10.1.0.1/16"]}, "10.1.0.0/16"),
    ],
    ids=["lab", "class", "setting", "no range", "range"],
)
def test_what_cannot_be_shown_is_an_error_of_the_filter(text: str, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(AnsibleFilterError, match=message):
        lab_network_policies(text, **settings)
