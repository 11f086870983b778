"""The rules of one machine are what the flows let in there, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.flows.catalogue.reading import read_catalogue
from ansible_collections.autolabs.platform.plugins.module_utils.flows.flow import (
    Addresses,
    Flow,
    Host,
    Hosts,
    Pods,
    Published,
)
from ansible_collections.autolabs.platform.plugins.module_utils.flows.resolve import resolve
from ansible_collections.autolabs.platform.plugins.module_utils.flows.site import Site
from ansible_collections.autolabs.platform.plugins.module_utils.flows.ufw.plan import host_rule
from ansible_collections.autolabs.platform.plugins.module_utils.flows.ufw.rules import rule_dict, ufw_rules
from ansible_collections.autolabs.platform.plugins.module_utils.net.addresses import EVERYWHERE, Block, internet
from ansible_collections.autolabs.platform.plugins.module_utils.net.ports import Ports
from hypothesis import given
from hypothesis import strategies as st

DB = Host("db", ("192.168.100.20", "fd00::20"))
NODES = tuple(Host(f"node{number}", (f"192.168.100.3{number}",)) for number in (1, 2, 3))
DATABASE, K8S = Hosts("database", (DB,)), Hosts("k8s", NODES)
SITE = Site(groups={"database": (DB,), "k8s": NODES}, networks={"pods": ("10.244.0.0/16",)})
EVERYONE = Addresses(tuple(Block(cidr) for cidr in EVERYWHERE))


def addresses(*cidrs: str) -> Addresses:
    return Addresses(tuple(Block(cidr) for cidr in cidrs))


def flow(source: Any, destination: Any, ports: str = "tcp/22", published: str = "", **fields: Any) -> Flow:
    at = Published(K8S, tuple(Ports.parse(text) for text in published.split())) if published else None
    return Flow("f", source, destination, tuple(Ports.parse(text) for text in ports.split()), "why", at, **fields)


def lines(flows: list[Flow], host: str, site: Site = SITE) -> list[str]:
    """Each rule as CHAIN PORTS SOURCE."""
    return [f"{rule.chain} {rule.ports} {rule.source or '*'}" for rule in ufw_rules(flows, host, site)]


LAB = Pods.labelled("labs", {"app": "lab"})
# What it shows, the flow, the host, its rules.
CASES: list[tuple[str, Flow, str, list[str]]] = [
    ("a network may reach the machine", flow(addresses("10.0.0.0/24"), DATABASE), "db", ["input tcp/22 10.0.0.0/24"]),
    ("another machine has no rule of it", flow(addresses("10.0.0.0/24"), DATABASE), "node1", []),
    ("what a machine opens itself needs no rule", flow(DATABASE, addresses("10.0.0.0/24")), "db", []),
    ("everyone is one rule for both families", flow(EVERYONE, DATABASE, "tcp/443"), "db", ["input tcp/443 *"]),
    (
        "neighbouring ranges are one, IPv4 before IPv6",
        flow(addresses("fd00::/64", "10.0.1.0/24", "10.0.0.0/24"), DATABASE),
        "db",
        ["input tcp/22 10.0.0.0/23", "input tcp/22 fd00::/64"],
    ),
    (
        "exceptions are cut out",
        flow(Addresses((Block("10.0.0.0/24", ("10.0.0.128/25",)),)), DATABASE),
        "db",
        ["input tcp/22 10.0.0.0/25"],
    ),
    (
        "ports are joined by protocol",
        flow(addresses("10.0.0.1/32"), DATABASE, "udp/53 tcp/6379 tcp/6380 tcp/53"),
        "db",
        ["input tcp/53 10.0.0.1/32", "input tcp/6379-6380 10.0.0.1/32", "input udp/53 10.0.0.1/32"],
    ),
    ("no ports are all ports", flow(addresses("10.0.0.1/32"), DATABASE, ""), "db", ["input None 10.0.0.1/32"]),
    (
        "machines are their addresses, without the machine's own",
        flow(K8S, K8S, "udp/4789"),
        "node1",
        ["input udp/4789 192.168.100.32/31"],
    ),
    ("a machine alone in its group has no rule about itself", flow(DATABASE, DATABASE), "db", []),
    (
        "pods come with their own addresses or with their machine's",
        flow(LAB, DATABASE, "tcp/5432"),
        "db",
        ["input tcp/5432 10.244.0.0/16", "input tcp/5432 192.168.100.31/32", "input tcp/5432 192.168.100.32/31"],
    ),
    ("pods are nobody's input", flow(EVERYONE, LAB, "tcp/22"), "node1", []),
    (
        "a published port is a rule of the published chain, at the port where it comes in",
        flow(EVERYONE, LAB, "tcp/1-65535", published="tcp/30000-32767", per_lab=LAB),
        "node2",
        ["published tcp/30000-32767 *"],
    ),
    ("a published port is published on its machines alone", flow(EVERYONE, LAB, published="tcp/80"), "db", []),
    ("pods do not go by a published port", flow(LAB, LAB, published="tcp/80"), "node1", []),
    (
        "a container's own port stays closed on the machine that publishes it",
        flow(addresses("10.0.0.1/32"), K8S, "tcp/5432", published="tcp/15432"),
        "node1",
        ["published tcp/15432 10.0.0.1/32"],
    ),
    (
        "protocols without ports",
        flow(K8S, K8S, "vrrp"),
        "node3",
        ["input vrrp 192.168.100.31/32", "input vrrp 192.168.100.32/32"],
    ),
]


@pytest.mark.parametrize(("entry", "host", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_flow_is_these_rules(entry: Flow, host: str, expected: list[str]) -> None:
    assert lines([entry], host) == expected


def test_unmasked_pods_have_their_own_addresses_only() -> None:
    site = Site(groups=SITE.groups, networks=SITE.networks, masquerade=False)
    assert lines([flow(LAB, DATABASE)], "db", site) == ["input tcp/22 10.244.0.0/16"]


def test_the_internet_is_its_ranges_without_the_sites_own() -> None:
    rules = ufw_rules([flow(Addresses(internet(["203.0.113.0/24"])), DATABASE)], "db", SITE)
    sources = {rule.source for rule in rules}
    assert "8.0.0.0/7" in sources and "" not in sources
    assert not any(source.startswith(("10.", "192.168.", "203.0.113.")) for source in sources)


def test_pairs_of_one_flow_are_one_rule_and_flows_keep_their_order_and_names() -> None:
    first = [flow(addresses(cidr), DATABASE) for cidr in ("10.0.0.0/25", "10.0.0.128/25")]
    second = Flow("second", addresses("10.0.0.0/24"), DATABASE, (Ports(22),), "why")
    assert [(rule.flow, rule.source) for rule in ufw_rules([*first, second], "db", SITE)] == [
        ("f", "10.0.0.0/24"),
        ("second", "10.0.0.0/24"),
    ]


@given(st.permutations(["10.0.0.0/24", "10.0.1.0/24", "10.0.3.0/24", "fd00::/64"]))
def test_the_order_of_the_sources_does_not_matter(cidrs: list[str]) -> None:
    assert lines([flow(addresses(*cidrs), DATABASE)], "db") == [
        "input tcp/22 10.0.0.0/23",
        "input tcp/22 10.0.3.0/24",
        "input tcp/22 fd00::/64",
    ]


def test_a_rule_survives_the_way_to_the_module() -> None:
    rules = ufw_rules([flow(K8S, K8S, "vrrp tcp/1-2"), flow(EVERYONE, LAB, "", published="tcp/80")], "node1", SITE)
    given: list[Mapping[str, Any]] = [rule_dict(rule) for rule in rules]
    assert tuple(host_rule(value) for value in given) == rules


def test_the_built_in_catalogue_lets_administrators_work_on_every_machine() -> None:
    networks = {**SITE.networks, "services": ("10.96.0.0/12",), "admin": ("192.0.2.0/24",)}
    groups = {**SITE.groups, "k8s_control_plane": NODES[:1], "k8s_worker": NODES[1:]}
    site = Site(groups=groups, networks=networks)
    flows = resolve(read_catalogue((), networks), site).flows
    for host in ("db", "node1", "node2"):
        assert "input tcp/22 192.0.2.0/24" in lines(list(flows), host, site)
    assert "published tcp/30000-32767 *" in lines(list(flows), "node2", site)
    assert not any(line.startswith("published") or line.endswith("*") for line in lines(list(flows), "db", site))
