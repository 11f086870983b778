"""The check of a folder of labs, as people run it; it needs no site."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from running import environment
from testbed.paths import REPOSITORY

DEMO = ("-i", f"{REPOSITORY}/inventories/demo")


def checked(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the playbook, where no cluster can be found."""
    return subprocess.run(
        ["ansible-playbook", "autolabs.platform.lab_check", "-e", f"lab_folder={folder}", *options],
        env={**os.environ, **environment(), "KUBECONFIG": "/nowhere"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.parametrize("options", [(), ("--check",)], ids=["run", "check mode"])
def test_the_labs_of_the_documentation_are_good(options: tuple[str, ...]) -> None:
    found = checked(REPOSITORY / "docs/labs", *options)
    assert found.returncode == 0, found.stdout + found.stderr
    count = len(list((REPOSITORY / "docs/labs").glob("*.yml")))
    for words in (f"LABS: {count} labs, no mistake", "PRICE", "OBJECTS", "FLOWS", "changed=0"):
        assert words in found.stdout
    assert "MISTAKES" not in found.stdout


def test_prices_are_those_of_the_site() -> None:
    default, demo = (checked(REPOSITORY / "docs/labs", *options).stdout for options in ((), DEMO))
    assert _price_line(default, "linux-basics") == "0.5 cores 0.5 cores 512 Mi 512 Mi 1 Gi 1"
    assert _price_line(demo, "linux-basics") == "0.025 cores 0.5 cores 64 Mi 512 Mi 1 Gi 1"


def _price_line(output: str, lab: str) -> str:
    """What the table of prices has for one instance of a lab, after the number of its pods."""
    (line,) = [line for line in output.partition("PRICE")[2].partition("OBJECTS")[0].splitlines() if lab in line]
    return " ".join(line.split()).partition("each student 1 ")[2]


def test_mistakes_are_told_below_the_tables_of_the_good_labs(tmp_path: Path) -> None:
    bad = sorted((REPOSITORY / "tests/data/labs/bad").glob("*.yml"))
    for path in bad:
        shutil.copy(path, tmp_path / f"bad-{path.name}")
    shutil.copy(REPOSITORY / "docs/labs/linux-basics.yml", tmp_path)
    shutil.copy(REPOSITORY / "docs/labs/linux-basics.yml", tmp_path / "twice.yml")
    (tmp_path / "loop.yml").symlink_to("loop.yml")
    found = checked(tmp_path)
    assert found.returncode != 0
    assert f"{len(bad) + 3} labs, {len(bad) + 2} of them with " in found.stdout
    assert _price_line(found.stdout, "linux-basics")
    mistakes = found.stdout.partition("MISTAKES")[2].partition("TASK")[0]
    for path in bad:
        assert f"{tmp_path}/bad-{path.name}:" in mistakes
    assert "Too many levels of symbolic links" in mistakes
    assert f"{tmp_path}/twice.yml: name: the id 'linux-basics' is also that of {tmp_path}/linux-basics.yml" in mistakes
    assert "Traceback" not in found.stdout + found.stderr


@pytest.mark.parametrize(("name", "message"), [("empty", "the folder holds no lab"), ("nowhere", "cannot be read")])
def test_a_folder_without_labs_fails_with_its_name(name: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    found = checked(tmp_path / name)
    assert found.returncode != 0
    # Ansible breaks long lines.
    told = " ".join(found.stdout.split())
    assert f"{tmp_path / name}: the folder" in told
    assert message in told
