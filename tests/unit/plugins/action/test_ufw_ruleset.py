"""Rules are applied and confirmed within one task of the host, and a failure says what happened."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.errors import AnsibleConnectionFailure
from ansible_collections.autolabs.platform.plugins.action import ufw_ruleset

APPLIED = {"changed": True, "pending": True, "change": "word", "added": ["a"]}
REFUSED = AnsibleConnectionFailure("Connection timed out")


class Host:
    """Answers the module, call by call; the last answer holds. A connection is new once it was reset."""

    def __init__(self, *answers: dict[str, Any] | Exception) -> None:
        self.answers, self.calls = list(answers), list[tuple[str, ...]]()
        self.connection = SimpleNamespace(reset=lambda: self.calls.append(("reset",)))

    def module(self, module_name: str, module_args: dict[str, Any], task_vars: Any) -> dict[str, Any]:
        self.calls.append((module_args.get("state", ""), module_args.get("change", "")))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    now = [0.0]
    monkeypatch.setattr(
        ufw_ruleset,
        "time",
        SimpleNamespace(monotonic=lambda: now[0], sleep=lambda seconds: now.__setitem__(0, now[0] + seconds)),
    )
    yield
    assert now[0] <= 60


def run(host: Host, monkeypatch: pytest.MonkeyPatch, **given: Any) -> dict[str, Any]:
    action = ufw_ruleset.ActionModule.__new__(ufw_ruleset.ActionModule)
    action._task = SimpleNamespace(args={"rules": [], "rollback_after": 60, **given})
    action._connection = host.connection
    monkeypatch.setattr(ufw_ruleset.ActionBase, "run", lambda self, tmp, task_vars: {})
    monkeypatch.setattr(action, "_execute_module", host.module, raising=False)
    return action.run()


def test_rules_are_confirmed_over_a_new_connection_with_the_word_of_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host(APPLIED, {"changed": True, "pending": False})
    assert run(host, monkeypatch, state="kept") == {**APPLIED, "pending": False}
    assert host.calls == [("applied", ""), ("reset",), ("confirmed", "word")]


def test_a_connection_that_fails_once_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host(APPLIED, REFUSED, REFUSED, {"changed": True})
    assert "failed" not in run(host, monkeypatch, state="kept")
    assert host.calls.count(("reset",)) == 3


def test_no_confirmation_is_sent_that_could_come_too_late(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(Host(APPLIED, REFUSED), monkeypatch, state="kept")
    assert result["failed"] and result["pending"]
    assert "let no new connection of Ansible's in: Connection timed out" in result["msg"]


@pytest.mark.parametrize("answer", [{"failed": True, "msg": "it refuses"}, {"changed": False, "pending": False}])
def test_where_nothing_waits_nothing_is_confirmed(answer: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host(answer)
    assert run(host, monkeypatch, state="kept") == answer
    assert len(host.calls) == 1


def test_what_the_host_says_to_the_confirmation_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(Host(APPLIED, {"failed": True, "msg": "taken back"}), monkeypatch, state="kept")
    assert (result["failed"], result["msg"]) == (True, "taken back")


def test_a_connection_that_is_cut_by_the_rules_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(Host(REFUSED), monkeypatch, state="kept")
    assert result["failed"] and "were not confirmed: Connection timed out" in result["msg"]


@pytest.mark.parametrize("state", ["applied", "confirmed", "checked"])
def test_other_states_are_the_modules_own(state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host(APPLIED)
    assert run(host, monkeypatch, state=state) == APPLIED
    assert host.calls == [(state, "")]
