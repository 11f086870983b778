"""What the renderer for ufw writes is what the prover reads: rule by rule, and verdict by verdict."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.flows.catalogue.reading import read_catalogue
from ansible_collections.autolabs.platform.plugins.module_utils.flows.resolve import resolve
from ansible_collections.autolabs.platform.plugins.module_utils.flows.ufw.files import user_rules
from ansible_collections.autolabs.platform.plugins.module_utils.flows.ufw.published import before_block
from ansible_collections.autolabs.platform.plugins.module_utils.flows.ufw.rules import ufw_rules
from ansible_collections.autolabs.platform.plugins.module_utils.net.addresses import EVERYWHERE
from ansible_collections.autolabs.platform.plugins.module_utils.net.ports import Ports
from ansible_collections.autolabs.platform.plugins.module_utils.net.rules import CHAINS, INPUT, PUBLISHED, HostRule
from ansible_collections.autolabs.platform.plugins.module_utils.reach.hosts.firewall import HostFirewall, verdict
from ansible_collections.autolabs.platform.plugins.module_utils.reach.hosts.iptables import read_rules
from ansible_collections.autolabs.platform.plugins.module_utils.reach.hosts.sets import Difference, differences
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.support.sites import SITE

OWN = ("192.168.100.31", "fd00:1::31")
SOURCES = st.sampled_from(["", "10.0.0.0/8", "10.1.0.0/16", "192.168.100.20/32", "fd00::/8", "fd00:1::7/128"])
NUMBERS = st.integers(1, 65535)
RANGES = st.builds(lambda one, other: Ports(min(one, other), "TCP", max(one, other)), NUMBERS, NUMBERS).filter(
    lambda ports: ports.last > ports.first
)
ONE_PORT = st.builds(Ports, NUMBERS, st.sampled_from(["TCP", "UDP"]))
WHOLE = st.sampled_from([Ports(0, "ESP"), Ports(0, "VRRP"), None])
NAMES = st.sampled_from(["worker-postgresql", "vxlan", "admin-ssh"])
INPUT_RULES = st.builds(HostRule, SOURCES, st.one_of(ONE_PORT, RANGES, WHOLE), flow=NAMES)
PUBLISHED_RULES = st.builds(HostRule, SOURCES, st.one_of(ONE_PORT, RANGES), chain=st.just(PUBLISHED), flow=NAMES)
ASKED = ("10.1.2.3", "10.9.9.9", "192.168.100.20", "8.8.8.8", "fd00:1::7", "2001:db8::1")


def read_back(rules: list[HostRule]) -> HostFirewall:
    four, six = (before_block(rules, family) + user_rules(rules, family) for family in (4, 6))
    return read_rules(four, six, host="k8s-1", addresses=OWN, default="deny")


def by_family(rules: Iterable[HostRule]) -> set[HostRule]:
    """Each rule for both families as one for each: files hold them apart."""
    return {replace(rule, source=source) for rule in rules for source in ([rule.source] if rule.source else EVERYWHERE)}


@settings(max_examples=40, deadline=None)
@given(st.lists(INPUT_RULES, max_size=6, unique=True), st.lists(PUBLISHED_RULES, max_size=4, unique=True))
def test_rendered_rules_are_read_back(incoming: list[HostRule], published: list[HostRule]) -> None:
    rules = [*incoming, *published]
    found = read_back(rules)
    assert by_family(found.rules) == by_family(rules)
    meant = HostFirewall("k8s-1", OWN, tuple(rules), published="deny")
    assert differences(meant, found) == Difference()
    assert differences(meant, found, PUBLISHED) == Difference()
    for rule in rules:
        if rule.ports is None or rule.ports.protocol not in ("TCP", "UDP"):
            continue
        for number in {rule.ports.first, rule.ports.end}:
            for source in ASKED:
                asked = Ports(number, rule.ports.protocol)
                for chain in CHAINS:
                    answers = {verdict(one, source, asked, chain).answer for one in (meant, found)}
                    assert len(answers) == 1


@pytest.mark.parametrize("host", sorted(host.name for host in SITE.machines()))
def test_the_rules_of_the_whole_catalogue_are_read_back(host: str) -> None:
    rules = ufw_rules(resolve(read_catalogue(), SITE).flows, host, SITE)
    asked = {rule for rule in rules if rule.ports is None or rule.ports.protocol != "ICMP"}
    assert asked and {*read_back(list(rules)).rules} >= asked
    assert differences(HostFirewall(host, OWN, rules, published="deny"), read_back(list(rules))) == Difference()


def test_ping_for_named_sources_is_read_back() -> None:
    ping = HostRule("10.0.0.0/8", Ports(0, "ICMP"), chain=INPUT, flow="admin-ping")
    assert read_back([ping]).rules == (ping,)
