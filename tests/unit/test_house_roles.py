"""Every role's defaults equal its argument_specs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from unit.house import roles
from unit.house.sources import CHECKOUT

OPTION = {"type": "str", "description": "A version."}

# Options of argument_specs, defaults, part of the finding.
BREACHES: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({}, {"demo_version": "1"}, "has a default and is not in argument_specs"),
    ({"demo_version": OPTION}, {}, "has no default and is not required"),
    ({"demo_version": {**OPTION, "required": True}}, {"demo_version": "1"}, "is required and has a default"),
    ({"demo_version": {**OPTION, "default": "2"}}, {"demo_version": "1"}, "'2' in argument_specs"),
    ({"demo_version": OPTION}, {"demo_version": 1.5}, "is of type str and has the default 1.5"),
    ({"demo_size": {**OPTION, "type": "int"}}, {"demo_size": True}, "is of type int and has the default True"),
    ({"demo_mode": {**OPTION, "choices": ["a", "b"]}}, {"demo_mode": "c"}, "none of its choices"),
    ({"demo_version": {"type": "str"}}, {"demo_version": "1"}, "has no description"),
    ({"version": OPTION}, {"version": "1"}, "does not carry the role's name"),
]


def tree(root: Path, options: dict[str, Any], defaults: dict[str, Any]) -> Path:
    """A tree with one role, demo."""
    role = root / "roles" / "demo"
    for name, content in {
        "meta/argument_specs.yml": {"argument_specs": {"main": {"options": options}}},
        "defaults/main.yml": defaults,
    }.items():
        (role / name).parent.mkdir(parents=True, exist_ok=True)
        (role / name).write_text(yaml.safe_dump(content), encoding="utf-8")
    return root


def test_the_roles_of_the_checkout_agree() -> None:
    assert list(roles.findings(CHECKOUT)) == []


@pytest.mark.parametrize(("options", "defaults", "finding"), BREACHES)
def test_a_difference_is_found(options: dict[str, Any], defaults: dict[str, Any], finding: str, tmp_path: Path) -> None:
    (found,) = roles.findings(tree(tmp_path, options, defaults))
    assert finding in found


def test_a_role_that_agrees_is_not_found(tmp_path: Path) -> None:
    options = {
        "demo_version": {**OPTION, "default": "1"},
        "demo_size": {**OPTION, "type": "int"},
        "demo_name": {**OPTION, "required": True},
    }
    assert list(roles.findings(tree(tmp_path, options, {"demo_version": "1", "demo_size": "{{ 2 * 3 }}"}))) == []


def test_a_role_without_argument_specs_is_found(tmp_path: Path) -> None:
    (tmp_path / "roles" / "demo").mkdir(parents=True)
    assert list(roles.findings(tmp_path)) == ["roles/demo: there is no meta/argument_specs.yml"]
