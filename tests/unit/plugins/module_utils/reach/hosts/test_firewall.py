"""One packet, one packet filter: the first rule that fits decides, and what is not known is not guessed."""

from __future__ import annotations

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.net.ports import Ports
from ansible_collections.autolabs.platform.plugins.module_utils.net.rules import DENY, PUBLISHED, HostRule
from ansible_collections.autolabs.platform.plugins.module_utils.reach.hosts.firewall import (
    Entry,
    HostFirewall,
    Note,
    both_families,
    described,
    verdict,
)

OWN = ("192.168.100.20", "fd00:1::20")
SSH = HostRule("10.0.0.0/8", Ports(22), flow="admin-ssh")


def firewall(*rules: HostRule, **given: object) -> HostFirewall:
    """The firewall of database-vm."""
    return HostFirewall("database-vm", OWN, rules, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("rules", "source", "asked", "answer"),
    [
        ([SSH], "10.1.2.3", "tcp/22", "allowed"),
        ([SSH], "10.1.2.3", "udp/22", "denied"),
        ([SSH], "11.1.2.3", "tcp/22", "denied"),
        ([SSH], "fd00::1", "tcp/22", "denied"),
        ([HostRule("", Ports(22))], "fd00::1", "tcp/22", "allowed"),
        ([HostRule("0.0.0.0/0", Ports(22))], "fd00::1", "tcp/22", "denied"),
        ([HostRule("", None)], "8.8.8.8", "vrrp", "allowed"),
        ([HostRule("", Ports(8000, "TCP", 8010))], "8.8.8.8", "tcp/8010", "allowed"),
        ([HostRule("", Ports(8000, "TCP", 8010))], "8.8.8.8", "tcp/8011", "denied"),
        ([HostRule("10.0.0.66/32", None, DENY), SSH], "10.0.0.66", "tcp/22", "denied"),
        ([SSH, HostRule("10.0.0.66/32", None, DENY)], "10.0.0.66", "tcp/22", "allowed"),
        ([HostRule("", Ports(22), chain=PUBLISHED)], "10.0.0.66", "tcp/22", "denied"),
        ([HostRule("", Ports(22), destination="192.168.100.20")], "10.0.0.66", "tcp/22", "allowed"),
        ([HostRule("", Ports(22), destination="192.168.100.21")], "10.0.0.66", "tcp/22", "denied"),
        ([HostRule("", Ports(22), interface="wg0")], "10.0.0.66", "tcp/22", "undecided"),
        ([HostRule("", Ports(22), interface="lo")], "10.0.0.66", "tcp/22", "denied"),
        ([HostRule("", Ports(22), interface="wg0"), HostRule("", Ports(22))], "10.0.0.66", "tcp/22", "allowed"),
        # What ufw brings itself.
        ([], "8.8.8.8", "icmp", "allowed"),
        ([], "8.8.8.8", "udp/68", "undecided"),
        ([], "8.8.8.8", "udp/5353", "denied"),
        ([], "127.0.0.1", "tcp/22", "allowed"),
        ([], "192.168.100.20", "tcp/22", "allowed"),
    ],
)
def test_the_first_rule_that_fits_decides(rules: list[HostRule], source: str, asked: str, answer: str) -> None:
    assert verdict(firewall(*rules), source, Ports.parse(asked)).answer == answer


def test_multicast_dns_is_let_in_by_ufw_itself() -> None:
    step = verdict(firewall(), "10.0.0.1", Ports(5353, "UDP"), destination="224.0.0.251")
    assert (step.answer, step.rule[:12]) == ("allowed", "before.rules")


def test_a_step_names_firewall_rule_line_and_flow() -> None:
    guarded = firewall(SSH, notes=(Note("rule 3", "22/tcp ALLOW IN 10.0.0.0/8"),))
    step = verdict(guarded, "10.0.0.1", Ports(22))
    assert (step.where, step.rule, step.flow) == (
        "ufw on database-vm",
        "rule 3: 22/tcp ALLOW IN 10.0.0.0/8",
        "admin-ssh",
    )
    assert "by default everything is kept out" in verdict(guarded, "10.0.0.1", Ports(23)).why


def test_an_interface_that_is_known_decides() -> None:
    guarded = firewall(HostRule("", Ports(22), interface="wg0"))
    assert verdict(guarded, "10.0.0.1", Ports(22), interface="wg0").answer == "allowed"
    assert verdict(guarded, "10.0.0.1", Ports(22), interface="eth0").answer == "denied"


def test_a_condition_leaves_undecided_only_where_it_changes_the_answer() -> None:
    note = Note("rule 1", condition="it comes from port 123")
    either = firewall(HostRule("", Ports(53, "UDP")), HostRule("10.0.0.0/8", None), notes=(note, Note()))
    assert verdict(either, "10.0.0.1", Ports(53, "UDP")).answer == "allowed"
    step = verdict(either, "8.8.8.8", Ports(53, "UDP"))
    assert step.answer == "undecided"
    assert "it comes from port 123: this rule then lets it in" in step.why


def test_a_default_that_nobody_told_is_not_guessed() -> None:
    unknown = firewall(SSH, default="")
    assert verdict(unknown, "10.0.0.1", Ports(22)).answer == "allowed"
    assert "ufw status verbose" in verdict(unknown, "8.8.8.8", Ports(22)).why
    step = verdict(firewall(), "8.8.8.8", Ports(30022), PUBLISHED)
    assert (step.answer, "iptables-save" in step.why) == ("undecided", True)
    assert verdict(firewall(published="allow"), "8.8.8.8", Ports(30022), PUBLISHED).answer == "allowed"


def test_a_firewall_that_is_off_lets_everything_in() -> None:
    assert verdict(firewall(enabled=False), "8.8.8.8", Ports(22)).answer == "allowed"


def test_more_than_one_port_is_no_question() -> None:
    with pytest.raises(ValueError, match="ask about one"):
        verdict(firewall(), "8.8.8.8", Ports(1, "TCP", 2))


def test_a_rule_of_both_families_is_one_and_no_order_changes() -> None:
    any4, any6 = (Entry(HostRule(source, Ports(22))) for source in ("0.0.0.0/0", "::/0"))
    block4, block6 = (Entry(HostRule(source, None, DENY)) for source in ("10.0.0.0/8", "fd00::/8"))
    both = Entry(HostRule("", Ports(22)))
    assert list(both_families([block4, any4], [block6, any6])) == [block4, block6, both]
    assert list(both_families([any4, block4], [block6, any6])) == [block6, both, block4]
    assert list(both_families([any4], [])) == [any4]


def test_a_rule_reads_as_a_sentence() -> None:
    rule = HostRule("", None, DENY, destination="10.0.0.1", interface="eth0")
    assert described(rule) == "deny everything from anywhere to 10.0.0.1 by eth0"
