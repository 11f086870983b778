"""One list of rules becomes another, and on the way shuts nobody out and lets nobody in."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.firewall.rules import (
    Add,
    Rule,
    Set,
    after,
    canon,
    emptied,
    steps,
    text_of,
)
from hypothesis import given
from hypothesis import strategies as st


def rule(action: str, source: str, comment: str = "", **fields: Any) -> Rule:
    return canon({"type": "in", "action": action, "source": source, "enable": 1, "comment": comment, **fields})


A, B, C, D = (rule("ACCEPT", name) for name in "abcd")
SHUT = rule("DROP", "")
RULES = st.lists(
    st.builds(rule, st.sampled_from(["ACCEPT", "DROP"]), st.sampled_from(["a", "b", ""]), st.sampled_from(["", "x"])),
    max_size=6,
)


def answer(rules: list[Rule], source: str) -> str:
    """What becomes of a packet of this source."""
    fitting = (one for one in rules if one.get("enable") == "1" and one.get("source", "") in ("", source))
    return next((one["action"] for one in fitting), "DROP")


@given(RULES, RULES)
def test_the_steps_lead_to_the_wanted_list_and_agree_with_both_lists_on_the_way(
    there: list[Rule], wanted: list[Rule]
) -> None:
    found = steps(there, wanted)
    line = there
    for step in (*found.adding, *found.dropping):
        line = after(line, step)
        for source in "abc":
            answers = {answer(there, source), answer(wanted, source)}
            assert answer(line, source) in answers, (step, source)
    assert line == wanted
    again = steps(line, wanted)
    assert (again.adding, again.dropping) == ((), ())


@pytest.mark.parametrize(
    ("there", "wanted", "count"),
    [
        ([A, B, SHUT], [A, B, SHUT], 0),
        ([A, SHUT], [A, B, SHUT], 3),  # made, moved, enabled
        ([A], [B, A], 2),  # made first, where it stays
        ([A, B, C], [A, C], 1),
        ([A], [{**A, "comment": "ssh"}], 1),
        ([], [A, B], 4),
    ],
)
def test_only_what_differs_is_touched(there: list[Rule], wanted: list[Rule], count: int) -> None:
    found = steps(there, wanted)
    assert len(found.adding) + len(found.dropping) == count


def test_a_new_rule_is_disabled_until_all_are_there() -> None:
    adding = steps([], [A, SHUT]).adding
    assert [step.rule.get("enable") for step in adding if isinstance(step, Add)] == ["0", "0"]
    assert adding[-2:] == (Set(0, {"enable": "1"}), Set(1, {"enable": "1"}))


def test_a_comment_is_changed_in_place_and_can_be_taken_away() -> None:
    (step,) = steps([{**A, "comment": "old"}], [A]).adding
    assert step == Set(0, {"comment": ""})
    assert after([{**A, "comment": "old"}], step) == [A]


def test_a_list_is_emptied_from_its_end() -> None:
    line: list[Rule] = [A, B]
    for step in emptied(2).dropping:
        line = after(line, step)
    assert line == []


@pytest.mark.parametrize(
    ("told", "same"),
    [
        ({"enable": True}, {"enable": 1}),
        ({"enable": "1", "log": "nolog"}, {"enable": 1}),
        ({"proto": "ipv6-icmp"}, {"proto": "icmpv6"}),
        ({"pos": 3, "digest": "abc", "ipversion": 4}, {}),
        ({"enable": 0, "comment": ""}, {}),
        ({"dport": 22}, {"dport": "22"}),
    ],
)
def test_what_the_api_adds_or_writes_otherwise_is_no_difference(told: dict[str, Any], same: dict[str, Any]) -> None:
    assert canon(told) == canon(same)


@pytest.mark.parametrize(
    ("given_rule", "line"),
    [
        (
            rule("ACCEPT", "+dc/network-admin", "ssh", proto="tcp", dport="22"),
            "IN ACCEPT -source +dc/network-admin -proto tcp -dport 22 # ssh",
        ),
        (canon({"type": "group", "action": "k8s", "enable": 1}), "GROUP k8s"),
        (canon({"type": "in", "action": "DROP", "macro": "SSH"}), "|IN SSH(DROP)"),
    ],
)
def test_a_rule_reads_as_in_proxmox_own_files(given_rule: Rule, line: str) -> None:
    assert text_of(given_rule) == line
