"""The connection options become a session, or a message with every mistake in them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox import arguments
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.errors import NotSetUp
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.vm import Expected

HELD = {"user": "autolabs@pve", "token_id": "automation", "secret": "a-secret"}


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [*arguments.ENVIRONMENT.values(), *arguments.SECRETS_OF_ENVIRONMENT.values()]:
        monkeypatch.delenv(name, raising=False)


def token_file(folder: Path, held: Any = HELD, mode: int = 0o600) -> str:
    path = folder / "token.json"
    path.write_text(json.dumps(held), encoding="utf-8")
    path.chmod(mode)
    return str(path)


def test_a_token_has_its_user_and_its_secret() -> None:
    made = arguments.session({"api_host": "pve-1", "api_token_id": "automation", "api_token_secret": "a-secret"})
    assert str(made.account) == "token autolabs@pve!automation"
    assert (made.endpoint.url, made.endpoint.verify, made.endpoint.timeout) == ("https://pve-1:8006", True, 30.0)


def test_a_token_may_be_given_by_its_whole_id() -> None:
    given = {"api_host": "pve-1", "api_token_id": "ops@pam!ci", "api_token_secret": "a-secret"}
    assert str(arguments.session(given).account) == "token ops@pam!ci"


def test_a_token_may_come_from_a_file(tmp_path: Path) -> None:
    made = arguments.session({"api_host": "pve-1", "api_token_file": token_file(tmp_path)})
    assert str(made.account) == "token autolabs@pve!automation"
    assert made.endpoint.secret == "a-secret"


def test_the_environment_fills_in_what_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in [("HOST", "pve-9"), ("PORT", "443"), ("USER", "root@pam"), ("PASSWORD", "a-secret")]:
        monkeypatch.setenv(f"PROXMOX_{name}", value)
    made = arguments.session({})
    assert (made.endpoint.url, str(made.account)) == ("https://pve-9:443", "user root@pam")


def test_the_environment_adds_no_second_way_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PROXMOX_PASSWORD", "another")
    made = arguments.session({"api_host": "pve-1", "api_token_file": token_file(tmp_path)})
    assert str(made.account) == "token autolabs@pve!automation"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, ["api_host is not given", "no way to sign in"]),
        ({"api_host": "p", "api_password": "a", "api_token_file": "/x"}, ["api_password and api_token_file"]),
        ({"api_host": "p", "api_token_id": "a"}, ["api_token_secret is missing"]),
        ({"api_host": "p", "api_token_secret": "a"}, ["api_token_id is missing"]),
        ({"api_host": "p", "api_user": "root", "api_password": "a"}, ["api_user: root has no realm"]),
        ({"api_host": "p", "api_password": "a", "api_ca": "/no/such.pem"}, ["api_ca: /no/such.pem cannot be read"]),
        ({"api_host": "p", "api_token_file": "/no/such"}, ["/no/such is not there; role proxmox_host writes it"]),
    ],
)
def test_mistakes_are_told_all_at_once(given: dict[str, Any], told: list[str]) -> None:
    with pytest.raises(NotSetUp) as wrong:
        arguments.session(given)
    assert all(part in str(wrong.value) for part in told), wrong.value


@pytest.mark.parametrize(
    ("held", "mode", "told"),
    [(HELD, 0o644, "chmod 600"), ({"user": "x"}, 0o600, "holds no"), ("text", 0o600, "holds no")],
)
def test_a_token_file_is_complete_and_nobody_elses(tmp_path: Path, held: Any, mode: int, told: str) -> None:
    with pytest.raises(NotSetUp, match=told) as wrong:
        arguments.session({"api_host": "p", "api_token_file": token_file(tmp_path, held, mode)})
    assert "a-secret" not in str(wrong.value)


def test_what_earlier_tasks_make_is_an_option_of_the_run() -> None:
    template = {"vmid": 9000, "name": "debian-12", "node": "pve-1"}
    found = arguments.options({"expected": {"template": template, "pools": ["autolabs"]}}, check_mode=True).expected
    assert found.template and (found.template.vmid, found.template.name, found.template.node) == (*template.values(),)
    assert (found.template.template, found.pools) == (True, {"autolabs"})


@pytest.mark.parametrize("given", [{}, {"expected": None}, {"expected": {"template": None, "pools": []}}])
def test_nothing_has_to_be_expected(given: dict[str, Any]) -> None:
    assert arguments.options(given, check_mode=True).expected == Expected()


def test_a_session_does_not_show_its_secret() -> None:
    made = arguments.session({"api_host": "p", "api_password": "a-secret"})
    assert "a-secret" not in repr(made.endpoint)
