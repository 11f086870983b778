"""Both sides of a comparison are in nft's own writing, and what nft says reaches people."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.flows.gateway import kernel
from ansible_collections.autolabs.platform.plugins.module_utils.flows.ufw.system import FirewallError

ONE = "table ip a {\n\tset site {\n\t}\n}\n"
TWO = "table inet b {\n}\n"


def answering(status: int, output: str = "", errors: str = "") -> kernel.Runner:
    return lambda words, given: (status, output, errors)


def test_wanted_tables_are_what_a_kernel_makes_of_the_text() -> None:
    asked: list[tuple[Sequence[str], str]] = []

    def run(words: Sequence[str], given: str) -> tuple[int, str, str]:
        asked.append((words, given))
        return 0, ONE + TWO, ""

    assert kernel.wanted("rules", run).listed == {"ip a": ONE, "inet b": TWO}
    [(words, given)] = asked
    assert [*words[:2]] == ["unshare", "--net"] and given == "rules"


def test_tables_that_are_not_there_are_none() -> None:
    answers = {"a": (0, ONE, ""), "b": (1, "", "Error: No such file or directory")}
    assert kernel.present(["ip a", "inet b"], lambda words, given: answers[words[-1]]).listed == {"ip a": ONE}


def test_a_program_that_is_not_there_is_told() -> None:
    for ask in (lambda run: kernel.wanted("x", run), lambda run: kernel.present(["ip a"], run)):
        with pytest.raises(kernel.NotInstalled, match="install the package nftables"):
            ask(answering(127, "", "sh: nft: not found"))


def test_what_the_kernel_refuses_is_told_with_the_state_of_the_host() -> None:
    with pytest.raises(FirewallError, match=r"Nothing was changed: the kernel refuses the rules\. syntax error"):
        kernel.wanted("x", answering(1, "", "syntax error\n"))
    with pytest.raises(FirewallError, match="cannot be read: Operation not permitted"):
        kernel.present(["ip a"], answering(1, "", "Operation not permitted"))
    with pytest.raises(FirewallError, match="is not in force, the old rules are: no memory"):
        kernel.load("/x", answering(1, "", "no memory"))
