"""The prover in templates."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.autolabs.platform.plugins.filter.reach import FilterModule, reach
from unit.support import firewalls
from unit.support.firewalls import STUDENT

DOCUMENTATION = Path(__file__).parents[4] / "plugins" / "filter" / "reach.yml"


def test_a_question_is_answered() -> None:
    found = reach(
        firewalls.manifests(), STUDENT, "database-vm", 5432, ufw=firewalls.ufw(), addresses=firewalls.ADDRESSES
    )
    assert (found["answer"], found["steps"][-1]["flow"]) == ("allowed", "worker-postgresql")
    assert reach(firewalls.manifests(), STUDENT, "192.168.100.20", 6379)["answer"] == "denied"


def test_a_mistake_fails_the_template() -> None:
    with pytest.raises(AnsibleFilterError, match="'nobody' is no pod"):
        reach(firewalls.manifests(), "nobody", STUDENT, 22)


def test_it_takes_what_it_documents() -> None:
    documented = yaml.safe_load(DOCUMENTATION.read_text(encoding="utf-8"))["DOCUMENTATION"]
    options = {name: option.get("default") for name, option in documented["options"].items() if name != "_input"}
    parameters = list(inspect.signature(FilterModule().filters()["reach"]).parameters.values())[1:]
    taken = {one.name: None if one.default is inspect.Parameter.empty else one.default for one in parameters}
    assert taken == options
