"""Settings come from the environment, and every mistake in them is told at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from webapi import collection
from webapi.config import Config, ConfigError
from webapi.runs.launch import Launcher


def environment(folder: Path, **changes: str) -> dict[str, str]:
    """One that is right, with changes."""
    (folder / "hosts.yml").touch()
    return {"AUTOLABS_STATE_FOLDER": str(folder), "AUTOLABS_INVENTORIES": f"{folder}/hosts.yml"} | changes


def test_two_settings_are_enough(tmp_path: Path) -> None:
    config = Config.from_environment(environment(tmp_path))
    assert config.runs_folder == tmp_path / "runs" and config.inventories == (tmp_path / "hosts.yml",)
    assert (config.address, config.languages) == ("127.0.0.1", ("en", "ru"))
    assert (config.collections_path / "ansible_collections/autolabs/platform/plugins").is_dir()


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("AUTOLABS_INVENTORIES", "", "is not set; write the path"),
        ("AUTOLABS_INVENTORIES", "/nowhere/hosts.yml", "names '/nowhere/hosts.yml', which is not there"),
        ("AUTOLABS_COLLECTIONS_PATH", "/nowhere", "there is no ansible_collections/autolabs/platform below it"),
        ("AUTOLABS_SITE_FOLDER", "/nowhere", "which is no folder"),
        ("AUTOLABS_LANGUAGES", "en,de", "choose among en, ru"),
        ("AUTOLABS_MOST_RUNS", "0", "write a number from 1 to 64"),
        ("AUTOLABS_KEEP_DAYS", "-1", "write a number from 1"),
        ("AUTOLABS_PORT", "http", "write a number from 1 to 65535"),
        ("AUTOLABS_ADDRESS", "localhost", "write an address"),
    ],
)
def test_a_mistake_is_told_by_name_with_the_way_out(name: str, value: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        Config.from_environment(environment(tmp_path, **{name: value}))
    (line,) = str(raised.value).splitlines()
    assert line.startswith(name) and told in line


def test_all_mistakes_are_told_together(tmp_path: Path) -> None:
    wrong = environment(tmp_path, AUTOLABS_PORT="x", AUTOLABS_MOST_RUNS="x")
    with pytest.raises(ConfigError) as raised:
        Config.from_environment(wrong)
    assert len(str(raised.value).splitlines()) == 2


def test_a_run_inherits_no_secret_of_the_web_app(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SECRET_KEY", "DATABASE_URL", "ANSIBLE_BECOME_PASS", "K8S_AUTH_API_KEY", "ANSIBLE_GALAXY_TOKEN"):
        monkeypatch.setenv(name, "hidden")
    for name in ("ANSIBLE_FORKS", "ANSIBLE_VAULT_PASSWORD_FILE"):
        monkeypatch.setenv(name, "given")
    passed = Launcher(collection.find(), (Path("/a"), Path("/b"))).environment("run-1")
    assert "hidden" not in passed.values()
    assert (passed["ANSIBLE_FORKS"], passed["ANSIBLE_VAULT_PASSWORD_FILE"]) == ("given", "given")
    assert (passed["AUTOLABS_RUN_ID"], passed["AUTOLABS_INVENTORIES"]) == ("run-1", "/a:/b")
