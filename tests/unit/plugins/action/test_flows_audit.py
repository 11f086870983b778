"""The audit of flows as a module: what it takes is what it documents, and what it finds is its result."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from ansible_collections.autolabs.platform.plugins.action import flows_audit
from ansible_collections.autolabs.platform.plugins.module_utils.audit import arguments
from ansible_collections.autolabs.platform.plugins.modules import flows_audit as documented
from unit.plugins.module_utils.audit.small_site import SITE, converged

MEANING = ("type", "default", "elements", "required")


def run(monkeypatch: pytest.MonkeyPatch, **given: Any) -> dict[str, Any]:
    """The result of the action for these arguments."""
    action = flows_audit.ActionModule.__new__(flows_audit.ActionModule)
    action._task = SimpleNamespace(check_mode=True, diff=False)
    monkeypatch.setattr(flows_audit.ActionBase, "run", lambda self, tmp, task_vars: {})
    taken = {name: option.get("default") for name, option in arguments.FLOWS_AUDIT.items()} | given
    monkeypatch.setattr(action, "validate_argument_spec", lambda argument_spec: (None, taken), raising=False)
    return action.run()


def test_options_are_taken_as_they_are_documented() -> None:
    options = yaml.safe_load(documented.DOCUMENTATION)["options"]
    meant = {name: {key: option[key] for key in MEANING if key in option} for name, option in options.items()}
    assert meant == arguments.FLOWS_AUDIT
    for task in yaml.safe_load(documented.EXAMPLES):
        assert task.get("autolabs.platform.flows_audit", {}).keys() <= options.keys()


def test_a_good_site_does_not_differ(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    result = run(monkeypatch, flows_site=SITE, live=converged(), folder=str(tmp_path))
    assert (result["failed"], result["changed"], result["differs"], result["findings"]) == (False, False, False, [])
    assert Path(result["reports"]["html"]).read_text(encoding="utf-8").startswith("<!doctype html>")
    returned = yaml.safe_load(documented.RETURN)
    assert result.keys() - {"failed", "changed"} == returned.keys() - {"problems"}


def test_findings_are_told_and_the_module_does_not_fail_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    live = converged()
    live["ufw"]["database-vm"] += "3306/tcp ALLOW IN Anywhere\n"
    result = run(monkeypatch, flows_site=SITE, live=live)
    assert (result["failed"], result["differs"], result["reports"]) == (False, True, {})
    assert result["counts"] == {"missing": 0, "extra": 1, "shadowed": 0, "undecided": 0}
    (block,) = result["lines"]
    assert block.startswith("1. EXTRA firewall of database-vm: everyone over IPv4 can reach database-vm at tcp/3306")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"flows_site": {"grups": {}}, "live": {}}, "flows_site.grups"),
        ({"flows_site": SITE, "live": {"polices": []}}, "live.polices"),
    ],
)
def test_mistakes_are_one_message(monkeypatch: pytest.MonkeyPatch, given: dict[str, Any], message: str) -> None:
    result = run(monkeypatch, **given)
    assert result["failed"] and message in result["msg"] and result["problems"]
