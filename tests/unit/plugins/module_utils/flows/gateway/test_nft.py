"""The gateway's rules: what they hide, what they lead inwards, and what they close."""

from __future__ import annotations

import re
from typing import Any

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.flows.gateway.forwards import Forward
from ansible_collections.autolabs.platform.plugins.module_utils.flows.gateway.nft import (
    dns_rules,
    ruleset,
    site_ranges,
)
from ansible_collections.autolabs.platform.plugins.module_utils.net.addresses import AddressError
from ansible_collections.autolabs.platform.plugins.module_utils.net.ports import Ports

NETWORKS = {"infrastructure": ["192.168.100.0/24"], "storage": ["192.168.200.0/24"], "admin": ["203.0.113.0/28"]}
BOTH = {"infrastructure": ["192.168.100.0/24", "fd00:64::/64"]}
WEB = Forward("web", (Ports(80), Ports(443)), ("192.168.100.30",))


def lines(*forwards: Forward, networks: dict[str, list[str]] | None = None, masquerade: bool = True) -> list[str]:
    return [line.strip() for line in ruleset(networks or NETWORKS, forwards, masquerade).splitlines() if line.strip()]


def test_our_tables_are_replaced_in_one_transaction_and_no_others() -> None:
    assert lines()[:5] == [
        "table ip autolabs_gateway",
        "delete table ip autolabs_gateway",
        "table ip6 autolabs_gateway",
        "delete table ip6 autolabs_gateway",
        "table ip autolabs_gateway {",
    ]
    assert "flush ruleset" not in "\n".join(lines())


def test_what_leaves_the_site_is_hidden_and_nothing_within_it() -> None:
    assert "elements = { 192.168.100.0/24, 192.168.200.0/24, 203.0.113.0/28 }" in lines()
    assert "ip saddr @site ip daddr != @site masquerade" in lines()


def test_from_outside_only_forwards_come_through() -> None:
    found = lines(WEB)
    first = found.index("ct state established,related accept")
    assert found[first + 1 : first + 3] == [
        'ip daddr 192.168.100.30 tcp dport { 80, 443 } accept comment "web"',
        "ip saddr != @site ip daddr @site drop",
    ]


def test_without_masquerading_routers_around_know_the_site() -> None:
    found = "\n".join(lines(WEB, masquerade=False))
    assert "masquerade" not in found and "@site drop" not in found and "dnat to 192.168.100.30" in found


# A forward, and the rule that leads it inwards.
CASES: list[tuple[Forward, str]] = [
    (WEB, 'ip saddr != 192.168.100.0/24 tcp dport { 80, 443 } dnat to 192.168.100.30 comment "web"'),
    (
        Forward("g", (Ports(8443),), ("192.168.100.10",), 443),
        'ip saddr != 192.168.100.0/24 tcp dport 8443 dnat to 192.168.100.10:443 comment "g"',
    ),
    (
        Forward("labs", (Ports(30000, "UDP", 32767),), ("192.168.200.30",), 0, ("198.51.100.0/24", "fd01::/64")),
        "ip saddr 198.51.100.0/24 ip saddr != 192.168.200.0/24 udp dport 30000-32767 dnat to 192.168.200.30 "
        'comment "labs"',
    ),
    # Not behind this gateway's networks, so nobody is its neighbour.
    (Forward("x", (Ports(1),), ("172.16.0.1",)), 'tcp dport 1 dnat to 172.16.0.1 comment "x"'),
    (Forward('"; drop', (Ports(1),), ("172.16.0.1",)), 'tcp dport 1 dnat to 172.16.0.1 comment " drop"'),
]


@pytest.mark.parametrize(("forward", "expected"), CASES)
def test_a_forward_leads_inwards_and_keeps_who_comes(forward: Forward, expected: str) -> None:
    assert f"fib daddr type local {expected}" in lines(forward)


def test_ipv6_is_there_where_the_site_has_it_and_hides_local_addresses_only() -> None:
    both = Forward("web", (Ports(443),), ("192.168.100.30", "fd00:64::30"), 8443)
    found = lines(both, networks=BOTH)
    assert "table ip6 autolabs_gateway {" in found
    assert "ip6 saddr fc00::/7 ip6 saddr @site ip6 daddr != @site masquerade" in found
    assert (
        'fib daddr type local ip6 saddr != fd00:64::/64 tcp dport 443 dnat to [fd00:64::30]:8443 comment "web"' in found
    )
    assert "table ip6 autolabs_gateway {" not in lines(both)


def test_sources_of_one_family_open_nothing_in_the_other() -> None:
    forward = Forward("web", (Ports(443),), ("192.168.100.30", "fd00:64::30"), 0, ("198.51.100.0/24",))
    assert not [line for line in lines(forward, networks=BOTH) if "fd00:64::30" in line]


def test_no_redirects_are_sent() -> None:
    assert {"icmp type redirect drop", "icmpv6 type nd-redirect drop"} <= {*lines(networks=BOTH)}


@pytest.mark.parametrize(
    ("networks", "expected"),
    [
        ({"a": ["10.0.0.0/25", "10.0.0.128/25"]}, ("10.0.0.0/24",)),
        ({"admin": ["0.0.0.0/0", "::/0"], "a": ["10.0.0.0/24"]}, ("10.0.0.0/24",)),
        ({}, ()),
    ],
)
def test_networks_of_a_site_are_joined_and_everywhere_is_none(networks: Any, expected: tuple[str, ...]) -> None:
    assert site_ranges(networks) == expected


def test_a_range_that_is_none_is_told() -> None:
    with pytest.raises(AddressError, match=re.escape("192.168.300.0/24")):
        site_ranges({"labs": ["192.168.300.0/24"]})


@pytest.mark.parametrize(
    ("listening", "sources", "expected"),
    [
        (
            ["192.168.100.1"],
            ["192.168.100.20/32", "192.168.100.30/32"],
            ["ip daddr 192.168.100.1 ip saddr != { 192.168.100.20/32, 192.168.100.30/32 }"],
        ),
        (["10.0.0.1"], [], ["ip daddr 10.0.0.1"]),
        (["10.0.0.1", "fd00::1"], ["10.0.0.0/24"], ["ip daddr 10.0.0.1 ip saddr != 10.0.0.0/24", "ip6 daddr fd00::1"]),
        (["10.0.0.1"], ["0.0.0.0/0"], []),
    ],
)
def test_only_some_may_ask_for_names(listening: list[str], sources: list[str], expected: list[str]) -> None:
    found = [line.strip() for line in dns_rules(listening, sources).splitlines() if line.endswith("drop")]
    assert found == [f"{one} {protocol} dport 53 drop" for one in expected for protocol in ("udp", "tcp")]
