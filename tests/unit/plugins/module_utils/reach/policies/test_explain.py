"""One question, explained: the steps, the rules by name, and the ways through Services and node ports."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.reach.cluster import (
    Endpoint,
    Node,
    Pod,
    Service,
    ServicePort,
)
from ansible_collections.autolabs.platform.plugins.module_utils.reach.matrix.matrix import reach_matrix
from ansible_collections.autolabs.platform.plugins.module_utils.reach.policies.explain import verdict
from ansible_collections.autolabs.platform.plugins.module_utils.reach.policies.parties import UnknownEndpoint
from ansible_collections.autolabs.platform.plugins.module_utils.reach.verdict import Step
from unit.plugins.module_utils.reach.building import DATABASE, PODS, WEB, cluster_of, egress, ingress, policy

STUDENT = "203.0.113.7"
STRANGER = "198.51.100.1"
STUDENTS = {"from": [{"ipBlock": {"cidr": "203.0.113.0/24"}}]}
FIRST_MACHINE = {"from": [{"ipBlock": {"cidr": f"{address}/32"}} for address in ("192.168.100.31", "10.244.1.0")]}
BANK = {"from": [{"namespaceSelector": {"matchLabels": {"team": "money"}}}]}
CLUSTER = Service("shop", "web", {"app": "web"}, (ServicePort(80, "http", node_port=30080),), ("10.96.0.10",))
LOCAL = replace(CLUSTER, local=True)
OTHERS = Service("shop", "other", {}, (ServicePort(80, 80),), ("10.96.0.1",))
API = replace(OTHERS, endpoints=(Endpoint("192.168.100.31", 6443),))
SECOND_WEB = Pod("shop", "web-2", {"app": "web", "tier": "back"}, ("10.244.1.9",), PODS[0].ports, "node-1")


def test_steps_name_the_rules_and_their_flows() -> None:
    outgoing = policy(
        egress({"to": [WEB]}, {"to": [DATABASE], "ports": [{"port": 5432}]}),
        "shop-web",
        **{"autolabs.io/egress-flows": "dns, web-to-database"},
    )
    incoming = policy(ingress({"from": [WEB]}, **DATABASE), "shop-database", **{"autolabs.io/ingress-flows": ""})
    asked = verdict(cluster_of(outgoing, incoming), "shop/web", "shop/database", 5432)
    assert asked.answer == "allowed"
    assert asked.steps == (
        Step(
            "egress of shop/web",
            "allowed",
            "NetworkPolicy shop/shop-web, egress rule 2",
            "web-to-database",
            "the rule names shop/database and this port",
        ),
        Step(
            "ingress to shop/database",
            "allowed",
            "NetworkPolicy shop/shop-database, ingress rule 1",
            "",
            "the rule names shop/web and this port",
        ),
    )


def test_a_pod_that_no_policy_selects_says_so() -> None:
    (step,) = verdict(cluster_of(), STUDENT, "shop/web", 80).steps
    assert step.why == "no policy selects the pod for ingress, so everything is let in"


def test_steps_end_where_a_packet_is_dropped() -> None:
    (step,) = verdict(cluster_of(egress(), ingress()), "shop/web", "shop/database", 80).steps
    assert (step.where, step.rule) == ("egress of shop/web", "")
    assert step.why == "shop/policy-1 selects the pod for egress, and no rule of it fits"


def test_a_rule_for_other_ports_is_named_where_none_fits() -> None:
    closed = [ingress(), ingress(), ingress(), ingress({"from": [WEB], "ports": [{"port": 80}]})]
    (_leaving, step) = verdict(cluster_of(*closed), "shop/web", "shop/database", 81).steps
    assert step.why == (
        "shop/policy-1, shop/policy-2, shop/policy-3 and 1 more select the pod for ingress, and no rule of them fits; "
        "NetworkPolicy shop/policy-4, ingress rule 1, lets shop/web through on other ports only"
    )


def test_what_is_undecided_names_what_it_depends_on() -> None:
    asked = verdict(cluster_of(egress({"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]})), "shop/web", "bank/web", 80)
    assert asked.assumptions == (
        "it depends on the network plugin whether the ipBlock of NetworkPolicy shop/policy-1, egress rule 1, matches "
        "the address of the pod bank/web; with Calico it does",
    )
    assert asked.steps[0].rule == "NetworkPolicy shop/policy-1, egress rule 1"


def test_an_ip_block_may_hold_a_pod_that_has_no_address_yet() -> None:
    pods = (PODS[0], replace(PODS[3], addresses=()))
    rules = cluster_of(egress({"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}), pods=pods)
    asked = verdict(rules, "shop/web", "bank/vault", 80, calico=True)
    assert asked.answer == "undecided"
    assert asked.assumptions[0].startswith("bank/vault has no address yet")


def test_only_addresses_of_a_family_that_the_pod_has_count() -> None:
    machine = Node("node-9", ("192.168.100.39", "fd00::39"))
    rules = cluster_of(ingress({"from": [{"ipBlock": {"cidr": "192.168.100.0/24"}}]}))
    dual = replace(PODS[0], addresses=("10.244.2.1", "fd00:244::1"))
    for pod, answer in ((PODS[0], "allowed"), (dual, "undecided")):
        both = replace(rules, nodes=(machine,), pods=(pod,))
        assert verdict(both, "node-9", "shop/web", 80).answer == answer
        assert reach_matrix(both, nodes=True).answer("node-9", "shop/web", 80) == answer


def test_an_address_of_a_pod_or_machine_is_that_pod_or_machine() -> None:
    rules = cluster_of(ingress(BANK))
    assert verdict(rules, "10.244.1.4", "10.244.2.1", 80).answer == "allowed"
    assert verdict(rules, "192.168.100.32", "shop/web", 80).answer == "allowed"


class Case(NamedTuple):
    title: str
    services: list[Service]
    specs: list[dict[str, Any]]
    source: str
    destination: str
    port: int
    answer: str
    in_words: str = ""
    """A part of the assumptions, or of what the last step says."""
    calico: bool = False


def on_port(number: int, rule: dict[str, Any] | None = None) -> dict[str, Any]:
    return {**(rule or {}), "ports": [{"port": number}]}


def to_block(cidr: str, port: int) -> dict[str, Any]:
    return policy(egress({"to": [{"ipBlock": {"cidr": cidr}}], "ports": [{"port": port}]}), "out", "bank")


CASES = [
    # Cluster addresses
    Case("a Service is decided at the port of the pod", [CLUSTER], [ingress(on_port(8080))], "bank/web",
        "service/shop/web", 80, "allowed"),
    Case("a rule with the port of the Service opens nothing", [CLUSTER], [ingress(on_port(80))], "bank/web",
        "10.96.0.10", 80, "denied"),
    Case("egress sees the port of the pod, too", [CLUSTER],
        [policy(egress({"to": [{"namespaceSelector": {}}], **on_port(8080)}), "out", "bank")], "bank/web",
        "10.96.0.10", 80, "allowed"),
    Case("a port that the Service has not", [CLUSTER], [], "bank/web", "10.96.0.10", 81, "denied",
        "the Service has tcp/80, and drops packets to tcp/81"),
    Case("a Service without pods", [replace(CLUSTER, selector={"app": "x"})], [], "bank/web", "10.96.0.10", 80,
        "denied", "there is no pod behind it"),
    Case("an ipBlock with the Service's address", [CLUSTER], [to_block("10.96.0.0/12", 80)], "bank/web",
        "10.96.0.10", 80, "undecided", "it is not defined whether rules see that address"),
    Case("an ipBlock with the Service's address, Calico", [CLUSTER], [to_block("10.96.0.0/12", 80)], "bank/web",
        "10.96.0.10", 80, "denied", "never matches Service shop/web", calico=True),
    Case("an ipBlock with the Service's address on another port", [CLUSTER], [to_block("10.96.0.0/12", 81)],
        "bank/web", "10.96.0.10", 80, "denied"),
    Case("a cluster address is for the cluster", [CLUSTER], [], STUDENT, "10.96.0.10", 80, "undecided",
        "leads somewhere only within the cluster"),
    Case("what rules deny, no route opens", [CLUSTER], [ingress()], STUDENT, "10.96.0.10", 80, "denied"),
    Case("internalTrafficPolicy Local without a pod on the machine", [replace(CLUSTER, internal_local=True)], [],
        "bank/web", "10.96.0.10", 80, "denied", "no pod behind it on node-1"),
    Case("a machine reaches its own pod through a Service", [CLUSTER], [ingress()], "node-2", "10.96.0.10", 80,
        "allowed"),
    Case("a pod through a Service to itself", [CLUSTER], [ingress()], "shop/web", "10.96.0.10", 80, "undecided",
        "also through a Service"),
    Case("a pod through a Service to itself, Calico", [CLUSTER], [ingress()], "shop/web", "10.96.0.10", 80, "denied",
        calico=True),
    # Services without a selector
    Case("somebody else's endpoints that were not given", [OTHERS], [], "bank/web", "service/shop/other", 80,
        "undecided", "in its EndpointSlices, which were not given"),
    Case("a machine behind a Service", [API],
        [to_block("192.168.100.31/32", 6443)], "bank/web", "10.96.0.1", 80, "allowed"),
    Case("a machine behind a Service on another port", [API], [to_block("192.168.100.31/32", 80)], "bank/web",
        "10.96.0.1", 80, "denied", calico=True),
    Case("a pod that somebody else wrote", [replace(OTHERS, endpoints=(Endpoint("10.244.2.1", 8080),))], [ingress()],
        "bank/web", "10.96.0.1", 80, "denied"),
    Case("a Service behind which nobody is", [replace(OTHERS, endpoints=())], [], "bank/web", "10.96.0.1", 80, "denied",
        "there is no pod behind it"),
    # Node ports that keep the source
    Case("Local keeps the student's address", [LOCAL], [ingress(STUDENTS)], STUDENT, "node-2", 30080, "allowed"),
    Case("Local keeps a stranger's address", [LOCAL], [ingress(STUDENTS)], STRANGER, "192.168.100.32", 30080, "denied"),
    Case("Local leads to pods of the machine only", [LOCAL], [], STUDENT, "node-1", 30080, "denied",
        "no pod behind it on node-1"),
    Case("Local leads clients on the machine to every pod", [LOCAL], [ingress(BANK)], "bank/vault", "node-1", 30080,
        "allowed"),
    Case("a pod may reach another machine with its own machine's address", [LOCAL], [ingress(BANK)], "bank/vault",
        "node-2", 30080, "undecided", "packets of bank/vault leave node-1 with its address"),
    Case("a pod's rules see another machine's node port", [LOCAL], [to_block("192.168.100.32/32", 30080)],
        "bank/vault", "node-2", 30080, "allowed"),
    Case("a port of the machine that is no node port", [LOCAL], [ingress()], STUDENT, "node-2", 30081, "allowed"),
    Case("the node port of another protocol", [replace(LOCAL, ports=(ServicePort(80, "http", "UDP", 30080),))],
        [ingress()], STUDENT, "node-2", 30080, "allowed"),
    # Node ports that rewrite the source
    Case("Cluster: which source is seen is up to the plugin", [CLUSTER], [ingress(STUDENTS)], STUDENT, "node-1",
        30080, "undecided", "packets have the address of node-1"),
    Case("Cluster, Calico: elsewhere the machine's address is seen", [CLUSTER], [ingress(STUDENTS)], STUDENT,
        "node-1", 30080, "denied", calico=True),
    Case("Cluster, Calico: a rule for the machine lets everybody in", [CLUSTER], [ingress(FIRST_MACHINE)], STRANGER,
        "node-1", 30080, "allowed", calico=True),
    Case("Cluster, Calico: on the machine the client's own is seen", [CLUSTER], [ingress(STUDENTS)], STUDENT,
        "node-2", 30080, "allowed", calico=True),
    Case("Cluster, Calico: on the machine a stranger is seen", [CLUSTER], [ingress(STUDENTS)], STRANGER, "node-2",
        30080, "denied", calico=True),
    Case("Cluster: a stranger may be seen as the pod's own machine", [CLUSTER], [ingress(STUDENTS)], STRANGER,
        "node-2", 30080, "undecided", "packets have the address of node-2"),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=[case.title for case in CASES])
def test_services_and_node_ports_lead_to_pods(case: Case) -> None:
    cluster = cluster_of(*case.specs, services=case.services)
    asked = verdict(cluster, case.source, case.destination, case.port, calico=case.calico)
    assert asked.answer == case.answer, asked
    assert bool(asked.assumptions) == (case.answer == "undecided")
    assert case.in_words in " ".join(asked.assumptions or (asked.steps[-1].why,)), asked


def test_pods_behind_a_service_may_differ() -> None:
    for_front = {**ingress(), "podSelector": {"matchLabels": {"tier": "front"}}}
    rules = cluster_of(for_front, services=[CLUSTER], pods=(*PODS, SECOND_WEB))
    asked = verdict(rules, "bank/web", "service/shop/web", 80)
    assert asked.answer == "undecided"
    assert asked.steps[0].why == "it leads to port 8080 of shop/web, or to another of 2 pods"
    assert asked.assumptions == (
        "it depends on which pod the Service picks: allowed to shop/web-2, denied to shop/web",
    )


def test_what_is_not_there_is_named_with_what_is_near() -> None:
    rules = cluster_of(services=[CLUSTER])
    with pytest.raises(UnknownEndpoint, match=r"'shop/wep' is no pod .*; did you mean shop/web"):
        verdict(rules, "shop/wep", "shop/web", 80)
    with pytest.raises(UnknownEndpoint, match="'service/shop/wep' names no Service that is known; there are shop/web"):
        verdict(rules, "shop/web", "service/shop/wep", 80)


@pytest.mark.parametrize("port, protocol", [(0, "TCP"), (65536, "TCP"), (80, "tcp"), (0, "ICMP")])
def test_ports_that_do_not_exist_are_refused(port: int, protocol: str) -> None:
    with pytest.raises(ValueError, match=r"TCP|port"):
        verdict(cluster_of(), "shop/web", "bank/web", port, protocol)
