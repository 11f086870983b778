"""Packet filters of a host, held against each other; published ports; the ways of others around ours."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.audit.hosts.filters import compare
from ansible_collections.autolabs.platform.plugins.module_utils.audit.hosts.port_sets import (
    EVERYTHING,
    NO_PORT,
    PortSet,
)
from ansible_collections.autolabs.platform.plugins.module_utils.audit.hosts.ranges import merged, span, spans, words
from ansible_collections.autolabs.platform.plugins.module_utils.audit.live import without_the_clusters_own
from ansible_collections.autolabs.platform.plugins.module_utils.flows.ufw.published import HOOKS, before_block
from ansible_collections.autolabs.platform.plugins.module_utils.net.addresses import Block
from ansible_collections.autolabs.platform.plugins.module_utils.net.ports import Ports
from ansible_collections.autolabs.platform.plugins.module_utils.net.rules import DENY, INPUT, PUBLISHED, HostRule
from ansible_collections.autolabs.platform.plugins.module_utils.reach.hosts.firewall import HostFirewall
from ansible_collections.autolabs.platform.plugins.module_utils.reach.hosts.iptables import read_rules

NODE_PORTS = PortSet.of([Ports(30000, last=32767)])


def firewall(*rules: HostRule) -> HostFirewall:
    """A firewall that lets in what these rules say."""
    return HostFirewall("k8s-1", ("192.168.100.31",), rules, published=DENY)


@pytest.mark.parametrize("published", [NODE_PORTS, NO_PORT])
def test_a_published_port_that_is_open_is_seen_on_every_machine(published: PortSet) -> None:
    live = firewall(HostRule("", Ports(31000), chain=PUBLISHED))
    (found,) = compare(firewall(), live, published)
    assert (found.kind, found.chain, found.ports.words()) == ("extra", PUBLISHED, ("tcp/31000",))


def test_where_nobody_told_of_published_ports_only_those_of_the_catalogue_are_in_doubt() -> None:
    unknown = replace(firewall(), published="")
    assert compare(firewall(), unknown, NO_PORT) == []
    assert {one.kind for one in compare(firewall(), unknown, NODE_PORTS)} == {"undecided"}


def saved(*jumps: str) -> HostFirewall:
    """The firewall of a machine with these jumps into our chains, as iptables-save shows it."""
    tables = []
    for family, prefix in ((4, "ufw"), (6, "ufw6")):
        block = "".join(
            line for line in before_block([], family).splitlines(keepends=True) if line[:2] in ("-A", "*m", ":a", "CO")
        )
        chains = f":PREROUTING ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n{''.join(f'{jump}' for jump in jumps)}"
        own = f"*filter\n:INPUT DROP [0:0]\n:{prefix}-user-input - [0:0]\nCOMMIT\n"
        tables.append(own + block.replace("*mangle\n", f"*mangle\n{chains}"))
    return read_rules(*tables, host="k8s-1", addresses=["192.168.100.31"])


def test_a_chain_for_published_ports_that_nothing_jumps_to_is_open_at_every_port() -> None:
    hooks = [f"-A {hook} -j {chain}\n" for hook, chain in HOOKS.items()]
    assert compare(firewall(), saved(*hooks), NO_PORT) == []
    for left in ([], hooks[:1], hooks[1:]):
        found = compare(firewall(), saved(*left), NO_PORT)
        assert {(one.kind, one.chain) for one in found} == {("extra", PUBLISHED)}


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
