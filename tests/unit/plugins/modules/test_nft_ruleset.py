"""The module writes and loads what differs, tells it, and in check mode only tells it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.autolabs.platform.plugins.module_utils.flows.ufw.system import FirewallError
from ansible_collections.autolabs.platform.plugins.modules import nft_ruleset

NEW, OLD = "table ip ours {\n\tnew\n}\n", "table ip ours {\n\told\n}\n"


class Kernel:
    """A kernel with one table, which makes of every text what is in it."""

    def __init__(self, has: str, there: bool = True) -> None:
        self.has, self.there = has, there
        self.loaded: list[str] = []

    def run(self, words: Sequence[str], given: str = "") -> tuple[int, str, str]:
        if not self.there:
            return 127, "", "not found"
        if words[0] == "unshare":
            return 0, given, ""
        if words[1] == "-f":
            self.loaded.append(words[2])
            self.has = Path(words[2]).read_text(encoding="utf-8")
            return 0, "", ""
        return (0, self.has, "") if self.has else (1, "", "No such file or directory")


def result(folder: Path, kernel: Kernel, check_mode: bool = False, content: str = NEW) -> dict[str, Any]:
    given = {"path": str(folder / "rules"), "content": content, "tables": ["ip ours"]}
    return nft_ruleset.result(given, check_mode, kernel.run)


def test_the_documentation_names_every_argument() -> None:
    assert yaml.safe_load(nft_ruleset.DOCUMENTATION)["options"].keys() == nft_ruleset.ARGUMENTS.keys()


@pytest.mark.parametrize(
    ("file", "has", "changed", "loaded"),
    [("", "", True, True), (NEW, NEW, False, False), (OLD, NEW, True, False), (NEW, OLD, True, True)],
)
def test_file_and_kernel_are_brought_to_the_rules(
    file: str, has: str, changed: bool, loaded: bool, tmp_path: Path
) -> None:
    if file:
        (tmp_path / "rules").write_text(file, encoding="utf-8")
    kernel = Kernel(has)
    planned = result(tmp_path, kernel, check_mode=True)
    assert (planned["changed"], planned["loaded"], kernel.has, kernel.loaded) == (changed, loaded, has, [])
    done = result(tmp_path, kernel)
    assert done == planned
    assert kernel.has == NEW and (tmp_path / "rules").read_text(encoding="utf-8") == NEW
    assert result(tmp_path, kernel)["changed"] is False


def test_the_difference_of_the_kernel_is_told(tmp_path: Path) -> None:
    told = result(tmp_path, Kernel(OLD), check_mode=True)["diff"]
    assert [(one["before"], one["after"]) for one in told] == [("", NEW), (OLD, NEW)]


def test_without_nft_check_mode_says_when_the_rules_are_known(tmp_path: Path) -> None:
    kernel = Kernel("", there=False)
    assert "known after nft is installed" in result(tmp_path, kernel, check_mode=True)["msg"]
    with pytest.raises(FirewallError, match="install the package nftables"):
        result(tmp_path, kernel)


def test_a_table_that_is_not_named_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FirewallError, match="ip theirs is not one of tables"):
        result(tmp_path, Kernel(""), content="table ip theirs {\n}\n")
    assert not (tmp_path / "rules").exists()
