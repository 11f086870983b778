"""The policies of a site's namespaces: all are closed, and each endpoint is open to its flows alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.flows.catalogue.reading import read_catalogue
from ansible_collections.autolabs.platform.plugins.module_utils.flows.flow import (
    Addresses,
    Endpoint,
    Flow,
    Host,
    Hosts,
    Pods,
    Published,
)
from ansible_collections.autolabs.platform.plugins.module_utils.flows.policies.namespaces import (
    network_policies,
    policy_name,
    tunnels_of,
)
from ansible_collections.autolabs.platform.plugins.module_utils.flows.resolve import resolve
from ansible_collections.autolabs.platform.plugins.module_utils.flows.site import Site
from ansible_collections.autolabs.platform.plugins.module_utils.flows.ufw.rules import ufw_rules
from ansible_collections.autolabs.platform.plugins.module_utils.net.addresses import Block
from ansible_collections.autolabs.platform.plugins.module_utils.net.ports import Ports

Policies = dict[tuple[str, str], dict[str, Any]]

SITE = Site.from_dict(
    {
        "groups": {
            "database": {"database-vm": ["192.168.100.20"]},
            "gitlab": {"gitlab-vm": ["192.168.100.10"]},
            "proxmox": {"pve": ["192.168.100.1"]},
            "k8s": {"k8s-1": ["192.168.100.31", "fd00::31"], "k8s-4": ["192.168.100.41"]},
            "k8s_control_plane": {"k8s-1": ["192.168.100.31", "fd00::31"]},
            "k8s_worker": {"k8s-4": ["192.168.100.41"]},
        },
        "networks": {
            "pods": ["10.244.0.0/16", "fd00:244::/56"],
            "services": ["10.96.0.0/12"],
            "infrastructure": ["192.168.100.0/24"],
            "admin": ["203.0.113.0/28"],
        },
        "features": ["monitoring"],
    }
)
CLUSTER_DNS = Pods.labelled("kube-system", {"k8s-app": "kube-dns"})
WEB, QUEUE, LAB = (Pods.labelled(name, {"app": name}) for name in ("web", "queue", "lab"))
EVERYONE = Addresses((Block("0.0.0.0/0"), Block("::/0")))
MACHINES = SITE.hosts("k8s")


def flow(source: Endpoint, destination: Endpoint, *ports: int, name: str = "a-flow", **more: Any) -> Flow:
    return Flow(name, source, destination, tuple(map(Ports, ports or (80,))), "because", **more)


def rendered(
    flows: Sequence[Flow], namespaces: Sequence[str], tunnels: Mapping[str, Sequence[str]] | None = None
) -> Policies:
    policies = network_policies(flows, SITE, namespaces, tunnels)
    found = {(policy["metadata"]["namespace"], policy["metadata"]["name"]): policy for policy in policies}
    assert len(found) == len(policies)
    return found


@pytest.fixture(scope="module")
def policies() -> Policies:
    """Of the built-in catalogue."""
    resolved = resolve(read_catalogue(), SITE)
    return rendered(resolved.flows, resolved.namespaces)


def peers_on(policy: dict[str, Any], direction: str, port: int) -> list[dict[str, Any]]:
    side = {"ingress": "from", "egress": "to"}[direction]
    rules = [rule for rule in policy["spec"][direction] if port in [entry["port"] for entry in rule["ports"]]]
    return [peer for rule in rules for peer in rule[side]]


# The built-in catalogue


def test_every_namespace_of_the_catalogue_is_closed_and_cluster_dns_is_left_alone(policies: Policies) -> None:
    closed = [namespace for namespace, name in policies if name == "default-deny"]
    labs = ["labs", "labs-baseline", "labs-privileged"]
    assert sorted(closed) == sorted(["ingress", "platform", "infrastructure", "auth", "messaging", "monitoring", *labs])
    assert {namespace for namespace, _name in policies} == set(closed)
    for namespace in closed:
        assert policies[namespace, "default-deny"]["spec"] == {
            "podSelector": {},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [],
            "egress": [],
        }


def test_a_policy_is_named_after_its_endpoint(policies: Policies) -> None:
    assert [name for namespace, name in policies if namespace == "platform"] == [
        "default-deny",
        "frontend",
        "backend-platform",
    ]
    assert [name for namespace, name in policies if namespace == "ingress"] == [
        "default-deny",
        "envoy",
        "contour",
        "contour-certgen",
    ]


def test_the_policies_of_labs_come_with_each_class(policies: Policies) -> None:
    assert [name for namespace, name in policies if namespace.startswith("labs")] == ["default-deny"] * 3


def test_every_policy_carries_the_labels_by_which_it_is_found(policies: Policies) -> None:
    wanted = {"app.kubernetes.io/managed-by": "autolabs", "autolabs.io/part": "flows"}
    assert all(policy["metadata"]["labels"] == wanted for policy in policies.values())


def test_every_rule_has_the_name_of_its_flow(policies: Policies) -> None:
    known = {flow.name for flow in resolve(read_catalogue(), SITE).flows}
    for policy in policies.values():
        for direction in ("ingress", "egress"):
            said = policy["metadata"]["annotations"][f"autolabs.io/{direction}-flows"]
            names = said.split(",") if said else []
            assert len(names) == len(policy["spec"][direction])
            assert set(names) <= known


def test_the_broker_is_reached_by_platform_and_worker_and_managed_by_administrators(policies: Policies) -> None:
    broker = policies["messaging", "rabbitmq"]
    assert [peer["podSelector"]["matchLabels"]["app"] for peer in peers_on(broker, "ingress", 5672)] == [
        "backend-platform",
        "backend-infrastructure",
        "celery-worker",
    ]
    assert peers_on(broker, "ingress", 15672) == [{"ipBlock": {"cidr": "203.0.113.0/28"}}]


def test_the_worker_alone_of_the_platform_reaches_the_api_server_and_by_its_addresses(policies: Policies) -> None:
    api_server = [{"ipBlock": {"cidr": "192.168.100.31/32"}}, {"ipBlock": {"cidr": "fd00::31/128"}}]
    assert peers_on(policies["infrastructure", "celery-worker"], "egress", 6443) == api_server
    reaching = [name for name, policy in policies.items() if peers_on(policy, "egress", 6443)]
    asking = [(namespace, name) for namespace, name in reaching if namespace != "monitoring"]
    assert asking == [("ingress", "contour"), ("ingress", "contour-certgen"), ("infrastructure", "celery-worker")]


def test_envoy_asks_contour_and_nobody_of_the_cluster_for_its_routes(policies: Policies) -> None:
    contour = [{"podSelector": {"matchLabels": {"app": "contour"}}}]
    assert peers_on(policies["ingress", "envoy"], "egress", 8001) == contour
    assert peers_on(policies["ingress", "contour"], "ingress", 8001) == [
        {"podSelector": {"matchLabels": {"app": "envoy"}}}
    ]
    assert peers_on(policies["ingress", "contour"], "ingress", 8443) == []


def test_pods_reach_the_api_by_the_address_of_its_balancer_too() -> None:
    site = replace(SITE, networks={**SITE.networks, "api_endpoint": ("192.0.2.10/32",)}, features=())
    resolved = resolve(read_catalogue(), site)
    reaching = {
        name
        for (_namespace, name), policy in rendered(resolved.flows, resolved.namespaces).items()
        if {"ipBlock": {"cidr": "192.0.2.10/32"}} in peers_on(policy, "egress", 6443)
    }
    assert reaching == {"celery-worker", "contour", "contour-certgen"}
    assert [rule.ports for rule in ufw_rules(resolved.flows, "k8s-1", site) if rule.source == "192.0.2.10/32"] == [
        Ports(6443)
    ]


def test_dns_is_cluster_dns_alone_over_udp_and_tcp(policies: Policies) -> None:
    for name, policy in policies.items():
        rules = [rule for rule in policy["spec"]["egress"] if 53 in [port["port"] for port in rule["ports"]]]
        assert bool(rules) == (name[1] != "default-deny"), name
        for rule in rules:
            assert rule == {
                "to": [
                    {
                        "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
                        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
                    }
                ],
                "ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}],
            }


def test_everyone_comes_in_to_the_ingress_but_no_pod_does(policies: Policies) -> None:
    assert peers_on(policies["ingress", "envoy"], "ingress", 8443) == [
        {"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.244.0.0/16"]}},
        {"ipBlock": {"cidr": "::/0", "except": ["fd00:244::/56"]}},
    ]


def test_no_rule_is_for_everybody_or_every_port(policies: Policies) -> None:
    for policy in policies.values():
        for direction, side in (("ingress", "from"), ("egress", "to")):
            assert all(rule[side] and rule["ports"] for rule in policy["spec"][direction])


def test_the_order_of_an_inventory_changes_nothing(policies: Policies) -> None:
    turned = Site(
        {group: tuple(reversed(hosts)) for group, hosts in reversed(SITE.groups.items())},
        dict(reversed(SITE.networks.items())),
        features=SITE.features,
    )
    resolved = resolve(read_catalogue(), turned)
    assert network_policies(resolved.flows, turned, resolved.namespaces) == list(policies.values())


# One rule at a time


def test_a_flow_between_two_closed_namespaces_is_open_at_both_ends() -> None:
    found = rendered([flow(WEB, QUEUE, 5672)], ["web", "queue"])
    assert len(peers_on(found["web", "web"], "egress", 5672)) == 1
    assert len(peers_on(found["queue", "queue"], "ingress", 5672)) == 1


def test_pods_of_a_namespace_that_is_not_closed_get_no_policy() -> None:
    assert list(rendered([flow(WEB, CLUSTER_DNS, 53)], ["web"])) == [("web", "default-deny"), ("web", "web")]


def test_a_namespace_is_closed_without_any_flow_and_once() -> None:
    assert list(rendered([], ["web", "web"])) == [("web", "default-deny")]


def test_what_the_platform_opens_to_labs_is_in_its_own_policy_and_not_in_theirs() -> None:
    found = rendered([flow(WEB, LAB, 2222, per_lab=LAB)], ["web", "lab"])
    assert list(found) == [("web", "default-deny"), ("web", "web"), ("lab", "default-deny")]
    assert len(peers_on(found["web", "web"], "egress", 2222)) == 1


def test_who_comes_by_a_published_port_is_admitted_by_the_own_address_at_the_pods_port() -> None:
    published = Published(MACHINES, (Ports(30080),))
    found = rendered([flow(Addresses((Block("198.51.100.0/24"),)), WEB, 8080, published=published)], ["web"])
    assert found["web", "web"]["spec"]["ingress"] == [
        {"from": [{"ipBlock": {"cidr": "198.51.100.0/24"}}], "ports": [{"protocol": "TCP", "port": 8080}]}
    ]


def test_a_machine_comes_to_pods_with_the_address_of_its_tunnel_too() -> None:
    tunnels = {"k8s-4": ["10.244.7.0"], "other": ["10.244.9.0"]}
    found = rendered([flow(MACHINES, WEB, 80), flow(WEB, MACHINES, 443)], ["web"], tunnels)["web", "web"]
    own = ["192.168.100.31/32", "192.168.100.41/32", "fd00::31/128"]
    assert [peer["ipBlock"]["cidr"] for peer in peers_on(found, "egress", 443)] == own
    assert [peer["ipBlock"]["cidr"] for peer in peers_on(found, "ingress", 80)] == ["10.244.7.0/32", *own]


RANGES = [
    (Block("0.0.0.0/0"), ("10.244.0.0/16",)),
    (Block("10.0.0.0/8", ("10.1.0.0/16",)), ("10.1.0.0/16", "10.244.0.0/16")),
    (Block("0.0.0.0/0", ("10.0.0.0/8",)), ("10.0.0.0/8",)),
    (Block("0.0.0.0/0", ("10.244.7.0/24",)), ("10.244.0.0/16",)),
    (Block("192.0.2.0/24"), ()),
    (Block("::/0"), ("fd00:244::/56",)),
    # Nobody means a part of the pod network by accident, and no rule can except all of its range.
    (Block("10.244.0.0/16"), ()),
    (Block("10.244.7.0/24"), ()),
]


@pytest.mark.parametrize(("block", "excepts"), RANGES, ids=[f"{block.cidr} {block.excepts}" for block, _x in RANGES])
def test_a_range_of_addresses_is_never_a_pod(block: Block, excepts: tuple[str, ...]) -> None:
    found = rendered([flow(EVERYONE, QUEUE), flow(Addresses((block,)), WEB, 80)], ["web"])
    (peer,) = peers_on(found["web", "web"], "ingress", 80)
    assert (peer["ipBlock"]["cidr"], tuple(peer["ipBlock"].get("except", ()))) == (block.cidr, excepts)


# Names


@pytest.mark.parametrize(
    ("labels", "name"),
    [
        ({"app": "celery-worker"}, "celery-worker"),
        ({}, "every-pod"),
        ({"app": "default-deny"}, "default-deny-"),
        ({"app": "every-pod"}, "every-pod-"),
        ({"app": "Web_1.x"}, "web-1-x-"),
        ({"app": "web", "tier": "front"}, "web-front-"),
        ({"tier": "web"}, "web-"),
        ({"app": ""}, ""),
        ({"app": "x" * 63, "tier": "y" * 63}, "x" * 50 + "-"),
    ],
)
def test_the_name_of_a_policy(labels: dict[str, str], name: str) -> None:
    found = policy_name(Pods.labelled("web", labels))
    if not name or name.endswith("-"):
        assert found.startswith(name)
        digest = found.removeprefix(name)
        assert len(digest) == 8
        assert set(digest) <= set("0123456789abcdef")
    else:
        assert found == name


def test_no_two_endpoints_share_a_name() -> None:
    labels = [
        {"app": "a-b"},
        {"app": "a", "tier": "b"},
        {"app": "a_b"},
        {"app": "a.b"},
        {"tier": "a-b"},
        {"app": "A-b"},
    ]
    assert len({policy_name(Pods.labelled("web", entry)) for entry in labels}) == len(labels)


# Tunnels


def test_the_tunnels_of_nodes_are_what_calico_wrote_there() -> None:
    nodes = [
        {"metadata": {"name": "k8s-1", "annotations": {"projectcalico.org/IPv4VXLANTunnelAddr": "10.244.1.0"}}},
        {
            "metadata": {
                "name": "k8s-4",
                "annotations": {
                    "projectcalico.org/IPv6VXLANTunnelAddr": "fd00:244::1",
                    "projectcalico.org/IPv4VXLANTunnelAddr": "10.244.2.0",
                },
            }
        },
        {"metadata": {"name": "k8s-5", "annotations": {"projectcalico.org/IPv4Address": "192.168.100.42/24"}}},
        {"metadata": {"name": "k8s-6"}},
    ]
    assert tunnels_of(nodes) == {"k8s-1": ("10.244.1.0",), "k8s-4": ("10.244.2.0", "fd00:244::1")}


def test_a_machine_without_a_tunnel_is_its_addresses() -> None:
    alone = Hosts("one", (Host("m", ("192.0.2.1",)),))
    found = rendered([flow(alone, WEB, 80)], ["web"], {})
    assert peers_on(found["web", "web"], "ingress", 80) == [{"ipBlock": {"cidr": "192.0.2.1/32"}}]
