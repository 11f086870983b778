"""All that a packet filter lets in, and how two of them differ."""

from __future__ import annotations

import ipaddress

from ansible_collections.autolabs.platform.plugins.module_utils.net.ports import Ports
from ansible_collections.autolabs.platform.plugins.module_utils.net.rules import ALLOW, DENY, PUBLISHED, HostRule
from ansible_collections.autolabs.platform.plugins.module_utils.reach.hosts.firewall import HostFirewall, Note, verdict
from ansible_collections.autolabs.platform.plugins.module_utils.reach.hosts.sets import (
    Difference,
    admitted,
    differences,
    shadowed,
)
from hypothesis import given, settings
from hypothesis import strategies as st

SSH = HostRule("10.0.0.0/8", Ports(22))
POSTGRESQL = HostRule("192.168.100.0/24", Ports(5432))


def firewall(*rules: HostRule, **known: object) -> HostFirewall:
    """A firewall without rules of its program's own."""
    return HostFirewall("db", (), rules, before=(), **known)  # type: ignore[arg-type]


def told(difference: Difference) -> tuple[list[str], ...]:
    return tuple([str(area) for area in areas] for areas in (difference.added, difference.removed, difference.unsure))


def test_what_is_let_in_is_ranges_by_ports() -> None:
    guarded = firewall(HostRule("10.6.6.0/24", None, DENY), SSH, HostRule("", Ports(80)), HostRule("", Ports(81)))
    assert [str(area) for area in admitted(guarded)] == [
        "tcp/22 from 10.0.0.0/8 without 10.6.6.0/24",
        "tcp/80-81 from 0.0.0.0/0 without 10.6.6.0/24, ::/0",
    ]
    assert [str(area) for area in admitted(firewall(HostRule("", None)))] == ["everything from anywhere"]
    assert [str(area) for area in admitted(firewall(enabled=False))] == ["everything from anywhere"]
    assert admitted(firewall(SSH), PUBLISHED)[0].answer == "undecided"


def test_a_rule_for_one_address_or_interface_says_where() -> None:
    guarded = firewall(SSH, HostRule("", Ports(9000), destination="192.168.100.20", interface="eth0"))
    assert [str(area) for area in admitted(guarded)] == [
        "tcp/22 from 10.0.0.0/8",
        "tcp/9000 from 0.0.0.0/0 to 192.168.100.20 by eth0",
    ]


def test_a_condition_makes_an_area_undecided() -> None:
    guarded = firewall(HostRule("", Ports(53, "UDP")), notes=(Note(condition="it comes from port 53"),))
    assert [(area.answer, str(area)) for area in admitted(guarded)] == [("undecided", "udp/53 from anywhere")]


def test_the_difference_of_two() -> None:
    before = firewall(SSH, POSTGRESQL)
    after = firewall(SSH, HostRule("192.168.100.32/27", Ports(5432)), HostRule("", Ports(8080)))
    assert told(differences(before, after)) == (
        ["tcp/8080 from anywhere"],
        ["tcp/5432 from 192.168.100.0/24 without 192.168.100.32/27"],
        [],
    )
    assert told(differences(before, before)) == ([], [], [])
    assert told(differences(before, firewall(SSH, POSTGRESQL, default="")))[:2] == ([], [])
    assert differences(before, firewall(SSH, POSTGRESQL, default="")).unsure


def test_another_order_of_rules_is_no_difference_where_none_overlap() -> None:
    assert told(differences(firewall(SSH, POSTGRESQL), firewall(POSTGRESQL, SSH))) == ([], [], [])


def test_a_rule_that_never_decides_is_shadowed() -> None:
    part = HostRule("10.6.0.0/16", Ports(22), DENY)
    halves = [HostRule(source, Ports(22)) for source in ("10.0.0.0/9", "10.128.0.0/9")]
    [found] = shadowed(firewall(SSH, part))
    assert (found.number, found.rule, found.by, found.harmless) == (1, part, (SSH,), False)
    [found] = shadowed(firewall(*halves, SSH))
    assert (found.rule, found.by, found.harmless) == (SSH, tuple(halves), True)
    assert shadowed(firewall(part, SSH)) == ()
    assert shadowed(firewall(halves[0], SSH)) == ()


def test_a_rule_with_a_condition_hides_none() -> None:
    assert shadowed(firewall(SSH, SSH, notes=(Note(condition="it is day"), Note()))) == ()


def test_rules_of_the_program_itself_hide_rules_too() -> None:
    ping = HostRule("10.0.0.0/8", Ports(0, "ICMP"), DENY)
    assert [one.rule for one in shadowed(HostFirewall("db", (), (SSH, ping)))] == [ping]


SOURCES = st.sampled_from(["", "10.0.0.0/8", "10.1.0.0/16", "10.1.2.3/32", "0.0.0.0/0", "::/0", "fd00::/8"])
PORTS = st.one_of(
    st.none(),
    st.builds(Ports, st.integers(1, 6), st.sampled_from(["TCP", "UDP"])),
    st.builds(lambda first, more: Ports(first, "TCP", first + more), st.integers(1, 4), st.integers(1, 3)),
    st.just(Ports(0, "ICMP")),
)
RULES = st.lists(st.builds(HostRule, SOURCES, PORTS, st.sampled_from([ALLOW, DENY])), max_size=5)
ASKED = ("tcp/1", "tcp/4", "tcp/9", "udp/2", "icmp", "esp")
ADDRESSES = ("10.1.2.3", "10.1.9.9", "10.9.9.9", "8.8.8.8", "fd00::1", "2001:db8::1")


@settings(max_examples=60, deadline=None)
@given(RULES, RULES)
def test_sets_and_single_verdicts_agree(first: list[HostRule], second: list[HostRule]) -> None:
    one, other = firewall(*first), firewall(*second)
    areas, difference = admitted(one), differences(one, other)
    for address in ADDRESSES:
        for asked in map(Ports.parse, ASKED):
            answers = [verdict(each, address, asked).answer for each in (one, other)]

            def within(found: tuple, address: str = address, asked: Ports = asked) -> bool:
                return any(
                    (area.ports is None or _covers(area.ports, asked))
                    and _holds(block.cidr, address)
                    and not any(_holds(entry, address) for entry in block.excepts)
                    for area in found
                    for block in area.sources
                )

            assert within(areas) == (answers[0] == "allowed")
            assert within(difference.added) == (answers == ["denied", "allowed"])
            assert within(difference.removed) == (answers == ["allowed", "denied"])


@settings(max_examples=60, deadline=None)
@given(RULES)
def test_without_its_shadowed_rules_a_firewall_is_the_same(rules: list[HostRule]) -> None:
    hidden = {one.number for one in shadowed(firewall(*rules))}
    rest = [rule for number, rule in enumerate(rules) if number not in hidden]
    assert differences(firewall(*rules), firewall(*rest)) == Difference()


def _covers(ports: Ports, asked: Ports) -> bool:
    return ports.protocol == asked.protocol and ports.first <= asked.first <= ports.end


def _holds(cidr: str, address: str) -> bool:
    return ipaddress.ip_address(address) in ipaddress.ip_network(cidr)
