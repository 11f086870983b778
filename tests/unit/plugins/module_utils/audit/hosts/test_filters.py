"""Packet filters of a host, held against each other; published ports; the ways of others around ours."""

from __future__ import annotations

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.audit.hosts.filters import compare
from ansible_collections.autolabs.platform.plugins.module_utils.audit.hosts.port_sets import (
    EVERYTHING,
    NO_PORT,
    PortSet,
)
from ansible_collections.autolabs.platform.plugins.module_utils.audit.hosts.ranges import merged, span, spans, words
from ansible_collections.autolabs.platform.plugins.module_utils.audit.live import without_the_clusters_own
from ansible_collections.autolabs.platform.plugins.module_utils.net.addresses import Block
from ansible_collections.autolabs.platform.plugins.module_utils.net.ports import Ports
from ansible_collections.autolabs.platform.plugins.module_utils.net.rules import DENY, INPUT, PUBLISHED, HostRule
from ansible_collections.autolabs.platform.plugins.module_utils.reach.host_rules import HostFirewall

NODE_PORTS = PortSet.of([Ports(30000, last=32767)])


def firewall(*rules: HostRule) -> HostFirewall:
    """A firewall that lets in what these rules say."""
    return HostFirewall("k8s-1", ("192.168.100.31",), rules, published=DENY)


def test_a_published_port_that_is_open_is_seen_where_ports_are_published_only() -> None:
    live = firewall(HostRule("", Ports(31000), chain=PUBLISHED))
    (found,) = compare(firewall(), live, NODE_PORTS)
    assert (found.kind, found.chain, found.ports.words()) == ("extra", PUBLISHED, ("tcp/31000",))
    assert compare(firewall(), live, NO_PORT) == []


def test_rules_that_mean_the_same_are_no_difference() -> None:
    wanted = firewall(HostRule("10.0.0.0/8", Ports(22), flow="a"))
    live = firewall(HostRule("10.0.0.0/9", Ports(22)), HostRule("10.128.0.0/9", Ports(22)))
    assert compare(wanted, live) == []


def test_a_part_of_a_flow_that_is_closed_is_told_with_its_flow() -> None:
    wanted = firewall(HostRule("10.0.0.0/8", Ports(22, last=25), flow="a"))
    live = firewall(HostRule("10.0.0.0/9", Ports(22, last=25)))
    (found,) = compare(wanted, live)
    assert (found.kind, found.chain, found.flow, words(found.spans)) == ("missing", INPUT, "a", "10.128.0.0/9")


def test_the_chains_of_the_cluster_are_left_out_and_all_else_stays() -> None:
    text = "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -m comment -j cali-INPUT\n-A INPUT -j KUBE-FIREWALL\n-A INPUT -p tcp"
    assert without_the_clusters_own(text) == "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -p tcp"


@pytest.mark.parametrize(
    ("ports", "without", "left"),
    [
        (["tcp/1-100"], ["tcp/50"], ("tcp/1-49", "tcp/51-100")),
        (["tcp/1-10", "tcp/11-20"], [], ("tcp/1-20",)),
        (["udp/53", "vrrp"], ["udp/1-65535"], ("vrrp",)),
        (["tcp/22"], ["udp/22"], ("tcp/22",)),
    ],
)
def test_port_sets(ports: list[str], without: list[str], left: tuple[str, ...]) -> None:
    one, other = (PortSet.of(map(Ports.parse, texts)) for texts in (ports, without))
    assert (one - other).words() == left
    assert (one & other) | (one - other) == one and EVERYTHING.words() == ()


def test_addresses_in_words() -> None:
    assert words(spans([Block("10.0.0.0/8", ("10.128.0.0/9",))])) == "10.0.0.0/9"
    assert words(map(span, ("10.0.0.1", "10.0.0.2", "10.0.0.3"))) == "10.0.0.1-10.0.0.3"
    assert words(map(span, ("0.0.0.0/0", "::/0"))) == "every address"
    assert len(merged(map(span, ("10.0.0.0/9", "10.128.0.0/9", "fd00::/8")))) == 2
