"""A class as it would be, without a cluster."""

from __future__ import annotations

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput
from ansible_collections.autolabs.platform.plugins.module_utils.labs.preview.manifests import (
    manifests,
    network_policies,
)
from ansible_collections.autolabs.platform.plugins.module_utils.labs.settings import Settings

LAB = """
name: linux-basics
services:
  linux:
    image: registry.example/linux:1
x-lab:
  access: ssh
"""


def test_every_object_is_shown_in_the_order_in_which_it_comes_to_be() -> None:
    found = [(entry["kind"], entry["metadata"]["name"]) for entry in manifests(LAB, ["anna", "boris"])]
    of_each = ["Secret", "Service", "Pod"]
    assert found == [
        ("NetworkPolicy", "lab-linux-basics"),
        *((kind, "lab-linux-basics-student-anna") for kind in of_each),
        *((kind, "lab-linux-basics-student-boris") for kind in of_each),
    ]


def test_it_is_the_same_each_time_since_no_credentials_are_made() -> None:
    assert manifests(LAB, ["anna"]) == manifests(LAB, ["anna"])
    (secret,) = [entry for entry in manifests(LAB, ["anna"]) if entry["kind"] == "Secret"]
    assert set(secret["data"].values()) == {""}


def test_policies_need_no_students_and_are_those_of_the_class() -> None:
    settings = Settings(pod_networks=("10.1.0.0/16",))
    found = network_policies(LAB, "2", settings)
    assert found == [entry for entry in manifests(LAB, ["anna"], "2", settings) if entry["kind"] == "NetworkPolicy"]
    assert "10.1.0.0/16" in str(found)
    assert found[0]["metadata"]["name"] == "lab-linux-basics-class-2"


SEVERAL = LAB.replace("x-lab:", "  db:\n    image: registry.example/db:1\nx-lab:").replace(
    "access: ssh", "access: {type: ssh, component: linux}"
)


def test_a_lab_of_several_components_is_shown_with_all_that_they_need() -> None:
    found = [(entry["kind"], entry["metadata"]["name"]) for entry in manifests(SEVERAL, ["anna"])]
    assert [kind for kind, _name in found].count("NetworkPolicy") == 3
    assert ("Service", "lab-linux-basics-student-anna-internal") in found
    assert [name.rpartition("-")[2] for kind, name in found if kind == "Pod"] == ["linux", "db"]
    of_class = [entry["metadata"]["name"] for entry in network_policies(SEVERAL)]
    assert of_class == [name for kind, name in found if kind == "NetworkPolicy"][:2]


def test_a_groups_passwords_are_shown_as_entries_and_empty() -> None:
    lab = LAB + "  deployment_mode: per_group\n"
    found = manifests(lab, [{"id": "anna", "group": "7"}, {"id": "bob", "group": "7"}])
    (secret,) = [entry for entry in found if entry["kind"] == "Secret"]
    assert secret["data"] == dict.fromkeys(["password", "ssh_host_ed25519_key", "password.anna", "password.bob"], "")


@pytest.mark.parametrize(
    ("lab", "students", "class_id", "wrong"),
    [("name: 1", ["anna"], "1", "services"), (LAB, [], "1", "no students"), (LAB, ["anna"], "A", "class_id")],
)
def test_what_cannot_be_a_class_is_refused(lab: str, students: list[str], class_id: str, wrong: str) -> None:
    with pytest.raises(InvalidInput, match=wrong):
        manifests(lab, students, class_id)


def test_a_class_id_that_cannot_be_one_is_refused_for_policies_too() -> None:
    with pytest.raises(InvalidInput, match="class_id"):
        network_policies(LAB, "my-class")
