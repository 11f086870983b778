"""The module's arguments in, its results out; and everything that it imports travels to the host with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.testing import patch_module_args
from ansible_collections.autolabs.platform.plugins.module_utils.flows.ufw.host import Firewall
from ansible_collections.autolabs.platform.plugins.module_utils.flows.ufw.plan import BadRules
from ansible_collections.autolabs.platform.plugins.module_utils.flows.ufw.system import FirewallError
from ansible_collections.autolabs.platform.plugins.modules import ufw_ruleset
from unit.house.sources import CHECKOUT, imports
from unit.plugins.module_utils.flows.ufw.test_host import Machine

SSH = {"source": "192.0.2.0/24", "ports": "tcp/22", "flow": "admin-ssh"}


@pytest.fixture
def firewall(tmp_path: Path) -> Firewall:
    machine = Machine(tmp_path)
    return Firewall(tmp_path, machine.run)


def rules(*values: dict[str, Any], needed: tuple[str, ...] = ("tcp/22",)) -> Any:
    return ufw_ruleset.checked({"rules": list(values), "needed": list(needed)})


def test_the_documentation_names_every_argument() -> None:
    documented = yaml.safe_load(ufw_ruleset.DOCUMENTATION)["options"]
    assert documented.keys() == ufw_ruleset.ARGUMENTS.keys()
    assert documented["rules"]["suboptions"].keys() == ufw_ruleset.RULE.keys()


def test_a_change_is_told_in_words_and_waits(firewall: Firewall) -> None:
    result = ufw_ruleset.applied(firewall, rules(SSH), 60, check_mode=False)
    assert (result["changed"], result["pending"]) == (True, True)
    assert "allow tcp 22 from 192.0.2.0/24 (admin-ssh)" in result["added"]
    assert "allow tcp 22 from 192.0.2.0/24 (admin-ssh)\n" in result["diff"]["after"]
    assert "###" not in result["diff"]["after"]
    confirmed = ufw_ruleset.confirmed(firewall, rules(SSH), result["change"], check_mode=False)
    assert confirmed == {"changed": True, "pending": False}


def test_check_mode_tells_the_same_and_changes_nothing(firewall: Firewall) -> None:
    planned = ufw_ruleset.applied(firewall, rules(SSH), 60, check_mode=True)
    assert not firewall.state.exists()
    assert planned["diff"] == ufw_ruleset.applied(firewall, rules(SSH), 60, check_mode=False)["diff"]


def test_check_mode_knows_the_rules_of_a_new_host_later(tmp_path: Path) -> None:
    result = ufw_ruleset.applied(Firewall(tmp_path), rules(SSH), 60, check_mode=True)
    assert (result["changed"], result["pending"], "diff" in result) == (True, False, False)


def test_what_was_taken_back_cannot_be_confirmed(firewall: Firewall) -> None:
    with pytest.raises(FirewallError, match="taken the new rules back"):
        ufw_ruleset.confirmed(firewall, rules(SSH), "word", check_mode=False)


def test_rules_that_let_nobody_in_are_refused() -> None:
    with pytest.raises(BadRules, match="No rule lets anybody in at tcp/2222"):
        rules(SSH, needed=("tcp/2222",))


@pytest.mark.parametrize("needed", [["tcp/22"], ["tcp/2222"]])
def test_to_judge_rules_nobody_reads_the_host(needed: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """As an ordinary user, who may not look into the folder of pending changes."""

    def forbidden(*_given: object) -> bool:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Firewall, "pending", property(forbidden))
    monkeypatch.setattr(Firewall, "_look", forbidden)
    told = judged({"state": "checked", "rules": [SSH], "needed": needed}, monkeypatch)
    assert told["pending"] is False and ("No rule lets" in told.get("msg", "")) == (needed == ["tcp/2222"])


def test_a_confirmation_needs_its_word(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "change" in judged({"state": "confirmed", "rules": [SSH]}, monkeypatch)["msg"]


def judged(arguments: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the module says, however it ends."""
    told: dict[str, Any] = {}

    def end(_self: object, **result: Any) -> None:
        told.update(result)
        raise SystemExit

    monkeypatch.setattr(AnsibleModule, "exit_json", end)
    monkeypatch.setattr(AnsibleModule, "fail_json", lambda self, msg="", **more: end(self, msg=msg, **more))
    with patch_module_args(arguments), pytest.raises(SystemExit):
        ufw_ruleset.main()
    return told


def test_every_bad_rule_is_told_at_once() -> None:
    with pytest.raises(BadRules) as caught:
        rules({"ports": "22", "flow": "first"}, SSH, {"ports": "tcp/0", "flow": "second"})
    assert [line.split(":")[0] for line in str(caught.value).splitlines()] == ["first", "second"]


def test_the_host_needs_nothing_but_python() -> None:
    """A host has no PyYAML; so what the module imports, and what that imports, is the standard library."""
    seen, waiting = set[str](), ["plugins.modules.ufw_ruleset"]
    while waiting:
        name = waiting.pop()
        path = CHECKOUT / (name.replace(".", "/") + ".py")
        if name in seen or not path.exists():
            continue
        seen.add(name)
        waiting += [entry.module for entry in imports(path) if entry.own]
        foreign = {entry.module.split(".")[0] for entry in imports(path) if not entry.own}
        assert not foreign & {"yaml", "jinja2", "cryptography", "kubernetes"}, name
    assert "plugins.module_utils.flows.ufw.plan" in seen
