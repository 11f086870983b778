"""The check of labs as a module: what it takes is what it documents, and what it finds is its result."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from ansible_collections.autolabs.platform.plugins.action import lab_check
from ansible_collections.autolabs.platform.plugins.module_utils.labs import arguments
from ansible_collections.autolabs.platform.plugins.modules import lab_check as documented

LAB = "name: shop\nservices: {linux: {image: 'r.example/linux:1'}}\nx-lab: {access: ssh}\n"
MEANING = ("type", "default", "elements", "required")


def run(monkeypatch: pytest.MonkeyPatch, labs: Path, **given: Any) -> dict[str, Any]:
    """The result of the action for these arguments."""
    defaults = {name: option.get("default") for name, option in arguments.LAB_CHECK.items()}
    action = lab_check.ActionModule.__new__(lab_check.ActionModule)
    action._task = SimpleNamespace(check_mode=True, diff=False)
    monkeypatch.setattr(lab_check.ActionBase, "run", lambda self, tmp, task_vars: {})
    taken = defaults | {"folder": str(labs)} | given
    monkeypatch.setattr(action, "validate_argument_spec", lambda argument_spec: (None, taken), raising=False)
    return action.run()


def test_options_are_taken_as_they_are_documented() -> None:
    options = yaml.safe_load(documented.DOCUMENTATION)["options"]
    meant = {name: {key: option[key] for key in MEANING if key in option} for name, option in options.items()}
    assert meant == arguments.LAB_CHECK
    for task in yaml.safe_load(documented.EXAMPLES):
        assert task.get("autolabs.platform.lab_check", {}).keys() <= options.keys()


def test_good_labs_are_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "shop.yml").write_text(LAB, encoding="utf-8")
    result = run(monkeypatch, tmp_path, class_size=7)
    assert (result["failed"], result["changed"], result["msg"]) == (False, False, "1 lab, no mistake")
    assert [entry["id"] for entry in result["labs"]] == ["shop"]
    assert result["problems"] == [] and "7 students" in result["tables"]
    returned = yaml.safe_load(documented.RETURN)
    assert result.keys() - {"failed", "changed"} == returned.keys()
    assert result["labs"][0].keys() == returned["labs"]["contains"].keys()


def test_the_sites_limits_make_the_price(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "shop.yml").write_text(LAB, encoding="utf-8")
    limits = [{"type": "Container", "default": {"cpu": "1"}, "defaultRequest": {"cpu": "25m"}}]
    price = run(monkeypatch, tmp_path, limits=limits)["labs"][0]["price"]
    assert (price["cpu"], price["cpu_limit"], price["memory_limit"]) == (0.025, 1.0, None)


def test_mistakes_fail_it_and_the_good_labs_are_told_all_the_same(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "bad.yml").write_text("name: x", encoding="utf-8")
    (tmp_path / "shop.yml").write_text(LAB, encoding="utf-8")
    result = run(monkeypatch, tmp_path)
    assert result["failed"] and result["msg"] == "2 labs, 1 of them with 2 mistakes"
    assert len(result["problems"]) == 2
    assert all(problem.startswith(f"{tmp_path}/bad.yml:") for problem in result["problems"])
    assert "each student" in result["tables"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"folder": "/nowhere"}, "/nowhere: the folder cannot be read"),
        ({"class_size": 0}, "class_size: 0 is less than 1"),
        ({"group_size": 0}, "group_size: 0 is less than 1"),
        ({"limits": [{"type": "Container", "default": {"cpu": "much"}}]}, "limits: this is no list of limits"),
    ],
)
def test_what_cannot_be_checked_is_one_message(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, given: dict[str, Any], message: str
) -> None:
    (tmp_path / "shop.yml").write_text(LAB, encoding="utf-8")
    result = run(monkeypatch, tmp_path, **given)
    assert result["failed"] and message in result["msg"]
    assert len(result["problems"]) == 1 and "tables" not in result
