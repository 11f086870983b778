"""What a run achieved reaches the caller, whatever happens after it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.autolabs.platform.plugins.action import lab_class
from ansible_collections.autolabs.platform.plugins.module_utils.kube.errors import ApiError, KubeError
from ansible_collections.autolabs.platform.plugins.module_utils.labs import arguments
from ansible_collections.autolabs.platform.plugins.module_utils.labs.admission.shortage import (
    Admission,
    NoRoom,
    Shortage,
)
from ansible_collections.autolabs.platform.plugins.module_utils.labs.outcome import ClassOutcome, Outcome
from ansible_collections.autolabs.platform.plugins.module_utils.labs.status import Status

LAB = "name: a-lab\nservices:\n  linux:\n    image: registry.example/linux:1\nx-lab: {access: ssh}\n"
OUTCOME = ClassOutcome((Outcome("lab-a-lab-student-anna", "anna", Status("ready")),), changed=True)


@pytest.fixture
def action(monkeypatch: pytest.MonkeyPatch) -> lab_class.ActionModule:
    """The action, on a cluster where every start ends well."""
    monkeypatch.setattr(lab_class.arguments, "session", lambda given: None)
    monkeypatch.setattr(lab_class.engine, "start", lambda *words: (OUTCOME, {}))
    made = lab_class.ActionModule.__new__(lab_class.ActionModule)
    made._task = SimpleNamespace(check_mode=False, diff=False)
    return made


def given(folder: Path) -> dict[str, Any]:
    (folder / "lab.yml").write_text(LAB, encoding="utf-8")
    defaults = {name: option.get("default") for name, option in arguments.LAB_CLASS.items()}
    own = {"lab": str(folder / "lab.yml"), "students": ["anna"], "credentials_file": str(folder / "out.json")}
    return defaults | own


def test_a_class_that_started_is_told_with_its_instances(action: lab_class.ActionModule, tmp_path: Path) -> None:
    result = action._act(given(tmp_path))
    assert (result["failed"], result["changed"], result["msg"]) == (False, True, OUTCOME.sentence())
    assert [entry["owner"] for entry in result["instances"]] == ["anna"]
    assert (tmp_path / "out.json").read_text() == "[]"


def test_credentials_that_cannot_be_written_do_not_take_the_result_with_them(
    action: lab_class.ActionModule, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(*words: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(lab_class.handout, "write", write)
    result = action._act(given(tmp_path))
    assert result["failed"] and result["changed"]
    assert [entry["owner"] for entry in result["instances"]] == ["anna"]
    assert OUTCOME.sentence() in result["msg"] and "no space left on device" in result["msg"]


def test_numbers_of_an_admission_reach_the_caller(
    action: lab_class.ActionModule, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = Shortage("memory", "on the lab nodes", "1.5 Gi")
    admission = Admission(frozenset({"lab-a-lab-student-anna"}), 2, (short,))
    numbers = {"fits": 1, "of": 2, "shortages": ["memory short by 1.5 Gi on the lab nodes"]}
    monkeypatch.setattr(lab_class.engine, "start", lambda *words: (replace(OUTCOME, admission=admission), {}))
    result = action._act(given(tmp_path))
    assert result["admission"] == numbers
    assert "1 of 2 fit: memory short by 1.5 Gi on the lab nodes" in result["msg"]
    assert lab_class.told(NoRoom(admission))["admission"] == numbers


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            ApiError(
                403,
                'pods is forbidden: User "bob" cannot create resource "pods" in API group "" in the namespace "labs"',
            ),
            "the account bob may not create pods in the namespace labs",
        ),
        (ApiError(0, "connection refused"), "the cluster does not answer (connection refused)"),
        (KubeError("no cluster to talk to"), "no cluster to talk to"),
        (OSError("disk is full"), "disk is full"),
    ],
)
def test_what_goes_wrong_is_told_in_words(error: Exception, message: str) -> None:
    result = lab_class.told(error)
    assert result["failed"] and result["msg"].startswith(message)
