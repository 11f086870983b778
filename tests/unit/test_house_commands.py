"""The few commands, and what the next release will say."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from unit.house.sources import CHECKOUT


def test_make_help_lists_the_commands() -> None:
    printed = subprocess.run(["make", "-s"], cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout
    commands = [line.split()[1] for line in printed.splitlines()]
    assert commands == ["help", "demo", "demo-down", "check", "test", "bench"]


def changelog_lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run antsibull-changelog on a tree."""
    program = Path(sys.executable).with_name("antsibull-changelog")
    return subprocess.run([program, "lint"], cwd=folder, capture_output=True, text=True, check=False)


def test_changelog_fragments_are_valid() -> None:
    result = changelog_lint(CHECKOUT)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(
    ("fragment", "finding"),
    [
        ("improvements:\n  - Faster.\n", "invalid section"),
        ("bugfixes: Faster.\n", "must be type list"),
        ("bugfixes:\n  - a ``b\n", "Inline literal start-string"),
    ],
)
def test_a_wrong_fragment_is_found(fragment: str, finding: str, tmp_path: Path) -> None:
    for name in ("galaxy.yml", "changelogs/config.yaml", "changelogs/changelog.yaml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(CHECKOUT / name, tmp_path / name)
    (tmp_path / "changelogs" / "fragments").mkdir()
    (tmp_path / "changelogs" / "fragments" / "a.yml").write_text(fragment, encoding="utf-8")
    result = changelog_lint(tmp_path)
    assert result.returncode != 0
    assert finding in result.stdout
