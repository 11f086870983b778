"""One policy: its rules are its flows, each peer is who is meant, and nothing is said twice."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.flows.flow import (
    Addresses,
    Endpoint,
    Flow,
    Host,
    Hosts,
    Pods,
)
from ansible_collections.autolabs.platform.plugins.module_utils.flows.policies.network_policy import network_policy
from ansible_collections.autolabs.platform.plugins.module_utils.net.addresses import Block
from ansible_collections.autolabs.platform.plugins.module_utils.net.ports import Ports

SHOP = Pods.labelled("shop", {"app": "web", "tier": "front"})
DATABASE = Pods.labelled("data", {"app": "database"})
MACHINES = Hosts("k8s", (Host("b", ("192.0.2.12", "2001:db8::12")), Host("a", ("192.0.2.2",)), Host("c", ())))
WORLD = Addresses((Block("0.0.0.0/0", ("10.0.0.0/8", "192.0.2.0/24")), Block("::/0", ("fc00::/7",))))
WEB = (Ports(80), Ports(443))

BLOCK = {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8", "192.0.2.0/24"]}
PEERS: list[tuple[str, Endpoint, list[dict[str, Any]]]] = [
    (
        "both selectors in one peer",
        DATABASE,
        [
            {
                "podSelector": {"matchLabels": {"app": "database"}},
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "data"}},
            }
        ],
    ),
    (
        "pods of the own namespace",
        Pods("shop", (("app", "cart"),)),
        [{"podSelector": {"matchLabels": {"app": "cart"}}}],
    ),
    ("every pod of the own namespace", Pods("shop"), [{"podSelector": {}}]),
    (
        "every pod of another namespace",
        Pods("data"),
        [{"podSelector": {}, "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "data"}}}],
    ),
    (
        "machines by all their addresses, in an order of their own",
        MACHINES,
        [
            {"ipBlock": {"cidr": "192.0.2.2/32"}},
            {"ipBlock": {"cidr": "192.0.2.12/32"}},
            {"ipBlock": {"cidr": "2001:db8::12/128"}},
        ],
    ),
    (
        "addresses with their exceptions, of both families",
        WORLD,
        [{"ipBlock": BLOCK}, {"ipBlock": {"cidr": "::/0", "except": ["fc00::/7"]}}],
    ),
]


def flow(name: str, source: Endpoint, destination: Endpoint, *ports: Ports) -> Flow:
    return Flow(name, source, destination, ports, "because")


def policy(*flows: Flow, subject: Pods = SHOP) -> dict[str, Any]:
    return network_policy("web", subject, flows, {"made": "by us"})


@pytest.mark.parametrize(("other", "peers"), [case[1:] for case in PEERS], ids=[case[0] for case in PEERS])
def test_a_peer_is_who_is_meant_in_both_directions(other: Endpoint, peers: list[dict[str, Any]]) -> None:
    assert policy(flow("in", other, SHOP, *WEB))["spec"]["ingress"][0]["from"] == peers
    assert policy(flow("out", SHOP, other, *WEB))["spec"]["egress"][0]["to"] == peers


def test_a_policy_without_flows_closes_both_directions() -> None:
    assert policy(subject=Pods("shop"))["spec"] == {
        "podSelector": {},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [],
        "egress": [],
    }


def test_it_has_name_namespace_labels_and_selects_its_subject() -> None:
    found = policy()
    assert (found["apiVersion"], found["kind"]) == ("networking.k8s.io/v1", "NetworkPolicy")
    metadata = {key: found["metadata"][key] for key in ("name", "namespace", "labels")}
    assert metadata == {"name": "web", "namespace": "shop", "labels": {"made": "by us"}}
    assert found["spec"]["podSelector"] == {"matchLabels": {"app": "web", "tier": "front"}}


def test_the_i_th_name_of_an_annotation_is_that_of_the_i_th_rule() -> None:
    found = policy(
        flow("orders", SHOP, DATABASE, Ports(5432)),
        flow("people", WORLD, SHOP, *WEB),
        flow("search", SHOP, MACHINES, Ports(9200)),
    )
    assert found["metadata"]["annotations"] == {
        "autolabs.io/ingress-flows": "people",
        "autolabs.io/egress-flows": "orders,search",
    }
    assert [rule["ports"][0]["port"] for rule in found["spec"]["egress"]] == [5432, 9200]


def test_both_annotations_are_there_for_no_rule_too() -> None:
    annotations = policy()["metadata"]["annotations"]
    assert annotations == {"autolabs.io/ingress-flows": "", "autolabs.io/egress-flows": ""}


def test_the_pairs_of_one_flow_are_one_rule() -> None:
    found = policy(flow("dns", SHOP, DATABASE, Ports(53, "UDP")), flow("dns", SHOP, MACHINES, Ports(53, "UDP")))
    (rule,) = found["spec"]["egress"]
    assert len(rule["to"]) == 4
    assert found["metadata"]["annotations"]["autolabs.io/egress-flows"] == "dns"


TWICE = [
    ("the same flow", [flow("a", SHOP, DATABASE, *WEB)] * 2, 1),
    ("the same under another name", [flow("a", SHOP, DATABASE, *WEB), flow("b", SHOP, DATABASE, *WEB)], 1),
    ("fewer ports", [flow("a", SHOP, DATABASE, *WEB), flow("b", SHOP, DATABASE, Ports(443))], 1),
    ("of all ports some", [flow("a", SHOP, DATABASE), flow("b", SHOP, DATABASE, Ports(443))], 1),
    ("another port", [flow("a", SHOP, DATABASE, *WEB), flow("b", SHOP, DATABASE, Ports(8080))], 2),
    ("of some ports all", [flow("a", SHOP, DATABASE, *WEB), flow("b", SHOP, DATABASE)], 2),
    ("another protocol", [flow("a", SHOP, DATABASE, Ports(53)), flow("b", SHOP, DATABASE, Ports(53, "UDP"))], 2),
    ("another peer", [flow("a", SHOP, DATABASE, *WEB), flow("b", SHOP, Pods("data"), *WEB)], 2),
]


@pytest.mark.parametrize(("flows", "rules"), [case[1:] for case in TWICE], ids=[case[0] for case in TWICE])
def test_what_an_earlier_rule_lets_through_is_not_said_again(flows: list[Flow], rules: int) -> None:
    assert len(policy(*flows)["spec"]["egress"]) == rules


def test_a_port_that_a_flow_names_twice_is_one() -> None:
    (rule,) = policy(flow("a", SHOP, DATABASE, Ports(80), Ports(80)))["spec"]["egress"]
    assert rule["ports"] == [{"protocol": "TCP", "port": 80}]


def test_nobody_is_not_everybody() -> None:
    found = policy(
        flow("a", Hosts("none", ()), SHOP, *WEB),
        flow("b", SHOP, Addresses(()), *WEB),
        flow("c", SHOP, DATABASE, *WEB),
    )
    assert (found["spec"]["ingress"], len(found["spec"]["egress"])) == ([], 1)
    assert found["metadata"]["annotations"]["autolabs.io/egress-flows"] == "c"


def test_a_range_of_ports_has_its_end() -> None:
    (rule,) = policy(flow("range", SHOP, DATABASE, Ports(8000, "SCTP", 8010)))["spec"]["egress"]
    assert rule["ports"] == [{"protocol": "SCTP", "port": 8000, "endPort": 8010}]


def test_a_flow_of_others_has_no_place_in_the_policy() -> None:
    with pytest.raises(ValueError, match="foreign"):
        policy(flow("foreign", Pods("a"), Pods("b"), *WEB))


def test_a_protocol_without_ports_is_refused() -> None:
    with pytest.raises(ValueError, match="'ping' has a protocol without ports"):
        policy(flow("ping", SHOP, MACHINES, Ports(0, "ICMP")))
