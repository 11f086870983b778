"""The prover as a module: what it takes is what it documents, and what it finds is its result."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from ansible_collections.autolabs.platform.plugins.action import reach_info
from ansible_collections.autolabs.platform.plugins.modules import reach_info as documented
from unit.support import firewalls
from unit.support.firewalls import STUDENT

MEANING = ("type", "default", "elements", "required")


def meant(options: dict[str, Any]) -> dict[str, Any]:
    """Documented options as an argument spec."""
    found = {}
    for name, option in options.items():
        found[name] = {key: option[key] for key in MEANING if key in option}
        if "suboptions" in option:
            found[name]["options"] = meant(option["suboptions"])
    return found


def run(monkeypatch: pytest.MonkeyPatch, **given: Any) -> dict[str, Any]:
    """The result of the action for these arguments."""
    defaults = {name: option.get("default") for name, option in reach_info.OPTIONS.items()}
    action = reach_info.ActionModule.__new__(reach_info.ActionModule)
    action._task = SimpleNamespace(check_mode=True, diff=False)
    monkeypatch.setattr(reach_info.ActionBase, "run", lambda self, tmp, task_vars: {})
    monkeypatch.setattr(action, "validate_argument_spec", lambda argument_spec: (None, defaults | given), raising=False)
    return action.run()


def site() -> dict[str, Any]:
    return {
        "manifests": firewalls.manifests(),
        "ufw": firewalls.ufw(),
        "proxmox": firewalls.proxmox(),
        "addresses": {"database-vm": "192.168.100.20"},
    }


def test_options_are_taken_as_they_are_documented() -> None:
    options = yaml.safe_load(documented.DOCUMENTATION)["options"]
    assert meant(options) == reach_info.OPTIONS
    for task in yaml.safe_load(documented.EXAMPLES):
        assert task.get("autolabs.platform.reach_info", {}).keys() <= options.keys()


def test_a_question_a_matrix_and_a_comparison_are_answered_together(monkeypatch: pytest.MonkeyPatch) -> None:
    question = {"from": "internet", "to": STUDENT, "port": 2222}
    result = run(monkeypatch, **site(), question=question, matrix=True, compare=site())
    assert (result["changed"], result["answer"], result["differences"]["changes"]) == (False, "allowed", [])
    assert result["msg"].startswith(f"internet to {STUDENT} on tcp/2222 is allowed; ")
    returned = yaml.safe_load(documented.RETURN)
    assert result.keys() - {"changed"} == returned.keys() - {"problems"}
    assert result["steps"][0].keys() == returned["steps"]["contains"].keys()
    assert result["matrix"].keys() == returned["matrix"]["contains"].keys()
    assert result["differences"].keys() == returned["differences"]["contains"].keys()
    json.dumps(result)


def test_a_folder_of_manifests_is_read_on_the_controller(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "all.yml").write_text(yaml.safe_dump_all(firewalls.manifests()), encoding="utf-8")
    (tmp_path / "values.yml").write_text("replicas: 2\n", encoding="utf-8")
    question = {"from": STUDENT, "to": "192.168.100.20", "port": 6379}
    result = run(monkeypatch, folder=str(tmp_path), question=question)
    assert (result["answer"], result["skipped"]) == ("denied", [str(tmp_path / "values.yml")])


def test_mistakes_fail_it_all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(monkeypatch, ufw={"a": "what?", "b": ""}, matrix=True)
    assert (result["failed"], len(result["problems"])) == (True, 2)


def test_to_ask_nothing_is_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(monkeypatch, **site())
    assert (result["failed"], "nothing is asked" in result["msg"]) == (True, True)
