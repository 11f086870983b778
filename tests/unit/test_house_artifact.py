"""The built collection works elsewhere, and a checkout works as it is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from artifact import REPOSITORY, ArtifactError, ansible, installed

SHIPPED = {"CHANGELOG.rst", "FILES.json", "LICENSE", "MANIFEST.json", "README.md", "changelogs", "docs", "meta"}
SHIPPED |= {"playbooks", "plugins", "requirements", "roles", "tests"}
PLAYBOOKS = sorted(path.stem for path in (REPOSITORY / "playbooks").glob("*.yml"))
MODULES = sorted(path.stem for path in (REPOSITORY / "plugins" / "modules").glob("[!_]*.py"))


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The root of the installed collection; three folders above it lies nothing else."""
    return installed(REPOSITORY, tmp_path_factory.mktemp("elsewhere"))


def test_the_artifact_holds_what_a_site_needs_and_nothing_of_the_workshop(collection: Path) -> None:
    assert {path.name for path in collection.iterdir()} - SHIPPED == set()
    assert {str(path.relative_to(collection)) for path in (collection / "tests").rglob("*") if path.is_file()} == {
        "tests/config.yml",
        "tests/sanity/ignore-2.19.txt",
    }
    assert [path for path in collection.rglob("*") if path.name.startswith(".") or path.suffix == ".pyc"] == []


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_a_playbook_is_found_by_its_full_name(playbook: str, collection: Path) -> None:
    name = f"autolabs.platform.{playbook}"
    printed = ansible("playbook", "-i", "localhost,", name, "--syntax-check", folder=collection.parents[2])
    assert f"{collection.name}/playbooks/{playbook}.yml" in printed


@pytest.mark.parametrize("module", MODULES)
def test_a_module_has_documentation(module: str, collection: Path) -> None:
    printed = ansible("doc", "-t", "module", f"autolabs.platform.{module}", folder=collection.parents[2])
    assert f"autolabs.platform.{module}" in printed


def test_the_names_that_the_documentation_promises_are_there() -> None:
    assert {"site", "lab_start", "lab_stop", "lab_status", "lab_delete"} <= set(PLAYBOOKS)
    assert {"lab_class", "lab_class_info"} <= set(MODULES)


def test_what_is_missing_from_the_collection_is_noticed(collection: Path) -> None:
    with pytest.raises(ArtifactError, match="could not be found"):
        ansible(
            "playbook", "-i", "localhost,", "autolabs.platform.nowhere", "--syntax-check", folder=collection.parents[2]
        )


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (["ansible-playbook", "-i", "localhost,", "autolabs.platform.site", "--syntax-check"], "playbooks/site.yml"),
        (["ansible-doc", "-t", "module", "autolabs.platform.lab_class"], "autolabs.platform.lab_class"),
    ],
)
def test_a_checkout_resolves_the_same_names(command: list[str], told: str) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    program = Path(sys.executable).with_name(command[0])
    result = subprocess.run(
        [program, *command[1:]], cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    assert told in result.stdout
