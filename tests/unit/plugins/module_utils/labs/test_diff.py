"""The diff shows what changes, instance by instance, and never a secret."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.labs.credentials import Credentials
from ansible_collections.autolabs.platform.plugins.module_utils.labs.diff import class_diff
from ansible_collections.autolabs.platform.plugins.module_utils.labs.live import Live
from ansible_collections.autolabs.platform.plugins.module_utils.labs.model import FileMount, LabClass
from ansible_collections.autolabs.platform.plugins.module_utils.labs.plan import plan_class
from unit.support.classes import CREDENTIALS, LAB, SETTINGS, class_of, component, live_with

ANNA = class_of("anna")
NAME = "lab-123-student-anna"
OTHER = Credentials.generate()
FLAGS = [
    replace(component(secrets=(FileMount("flag", "/flag"),)), secrets={"flag": flag}) for flag in ("f1ag", "0ther")
]


def diff(wanted: LabClass, live: Live, credentials: Credentials = CREDENTIALS, *, recreate: bool = False) -> str:
    given = {instance.name: credentials for instance in wanted.instances}
    plan = plan_class(wanted, live, given, SETTINGS, recreate=recreate)
    return "\n".join("\n".join(entry.values()) for entry in class_diff(plan))


@pytest.mark.parametrize(
    ("wanted", "live", "shown"),
    [
        (class_of("anna", lab=FLAGS[0]), Live("labs"), "password: (not shown)"),
        (ANNA, live_with(ANNA), "data.password: (not shown)"),
        (class_of("boris"), live_with(ANNA), f"Secret/{NAME}: will be deleted"),
        (class_of("anna", lab=FLAGS[1]), live_with(class_of("anna", lab=FLAGS[0])), "data.flag: (not shown)"),
        (class_of("boris"), live_with(class_of("anna", lab=FLAGS[0])), "Secret/lab-123: will be deleted"),
    ],
    ids=["created", "updated", "deleted", "the lab's own updated", "the lab's own deleted"],
)
def test_no_value_of_a_secret_is_shown(wanted: LabClass, live: Live, shown: str) -> None:
    text = diff(wanted, live, OTHER)
    assert shown in text
    hidden = [CREDENTIALS.password, OTHER.password, CREDENTIALS.host_key, OTHER.host_key, "f1ag", "0ther"]
    for value in hidden:
        assert value not in text
        assert base64.b64encode(value.encode()).decode() not in text


def test_nothing_is_shown_where_nothing_changes() -> None:
    assert diff(ANNA, live_with(ANNA)) == ""


def test_every_instance_has_its_own_entry() -> None:
    live = live_with(class_of("anna", "boris"))
    wanted = class_of("boris", "clara", lab=component(environment={"A": "1"}))
    given = {instance.name: CREDENTIALS for instance in wanted.instances}
    entries = class_diff(plan_class(wanted, live, given, SETTINGS, recreate=False))
    assert [entry["after_header"] for entry in entries] == [
        "lab-123-student-boris (wanted)",
        "lab-123-student-clara (wanted)",
        "no longer wanted (wanted)",
    ]


@pytest.mark.parametrize(
    ("recreate", "note"),
    [(False, "differs from the lab config and stays as it is"), (True, "will be replaced by a new one")],
)
def test_a_changed_pod_shows_its_fields_and_what_comes_of_it(recreate: bool, note: str) -> None:
    live = live_with(class_of("anna", lab=component(working_dir="/old")))
    text = diff(class_of("anna", lab=component(working_dir="/new")), live, recreate=recreate)
    assert f"Pod/{NAME}: {note}" in text
    assert "spec.containers[linux].workingDir: /old" in text
    assert "spec.containers[linux].workingDir: /new" in text


def test_a_changed_policy_is_the_classes() -> None:
    assert diff(class_of("anna", lab=replace(LAB, internet=True)), live_with(ANNA)).startswith("the class (live)")
