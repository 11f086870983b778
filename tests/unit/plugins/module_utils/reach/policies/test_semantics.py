"""What a NetworkPolicy means: one case for each sentence of the documentation, asked of both faces of the prover.

The sentences are from the API reference (NetworkPolicy v1), the concept page "Network Policies", KEP-2079 (endPort) and
KEP-2161 (the label of a namespace's name), in short.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.reach.matrix.matrix import reach_matrix
from ansible_collections.autolabs.platform.plugins.module_utils.reach.policies.explain import verdict
from unit.plugins.module_utils.reach.building import DATABASE, WEB, cluster_of, egress, ingress, policy

ADDRESS = "203.0.113.7"
NEIGHBOUR = "203.0.113.8"
ADDRESS6 = "2001:db8::7"


class Case(NamedTuple):
    sentence: str
    specs: list[dict[str, Any]]
    source: str
    destination: str
    ports: str
    answer: str
    calico: bool = False


def expressions(*entries: tuple[str, str, list[str]]) -> dict[str, Any]:
    listed = [{"key": key, "operator": operator, "values": values} for key, operator, values in entries]
    return {"podSelector": {"matchExpressions": listed}}


def block(cidr: str, *excepts: str) -> dict[str, Any]:
    return {"ipBlock": {"cidr": cidr, "except": list(excepts)}}


def from_(*peers: Any, **more: Any) -> dict[str, Any]:
    return {"from": list(peers), **more}


def to(*peers: Any, **more: Any) -> dict[str, Any]:
    return {"to": list(peers), **more}


def on(*ports: Any) -> dict[str, Any]:
    return {"ports": list(ports)}


SQL = {"port": 5432}
TEAM = {"namespaceSelector": {"matchLabels": {"team": "money"}}}
NAMED = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "bank"}}}
EVERY_PEER = {"podSelector": {}}
OPEN_OUT = "no rules of the other side are in the way"

CASES = [
    Case("without policies everything is let through", [], "bank/web", "shop/database", "tcp/1 udp/9", "allowed"),
    Case("a policy leaves pods alone that it does not select", [ingress(**WEB)], "bank/web", "shop/database",
        "tcp/1", "allowed"),
    Case("a policy selects pods of its own namespace only", [ingress()], "shop/web", "bank/web", "tcp/80", "allowed"),
    Case("an empty list of ingress rules lets nothing in", [ingress()], "shop/web", "shop/database",
        "tcp/1 udp/1 sctp/1", "denied"),
    Case("null for ingress rules lets nothing in", [{"ingress": None}], "shop/web", "shop/database", "tcp/1", "denied"),
    Case("one empty rule lets everything in", [ingress({})], "bank/web", "shop/database", "tcp/1 udp/2 sctp/3",
        "allowed"),
    Case("a rule that is null is an empty rule", [ingress(None)], "bank/web", "shop/database", "tcp/1", "allowed"),
    Case("an empty list of egress rules lets nothing out", [egress()], "shop/web", "bank/web", "tcp/80", "denied"),
    Case("one empty rule lets everything out", [egress({})], "shop/web", ADDRESS, "tcp/80 udp/53", "allowed"),
    Case("empty from matches all sources", [ingress(from_())], ADDRESS, "shop/web", "tcp/80", "allowed"),
    Case("missing from matches all sources", [ingress(on(SQL))], ADDRESS, "shop/database", "tcp/5432", "allowed"),
    Case("empty ports match all ports", [ingress(from_(WEB, ports=[]))], "shop/web", "shop/database", "tcp/7 sctp/7",
        "allowed"),
    Case("empty to matches all destinations", [egress(to())], "shop/web", ADDRESS, "tcp/80", "allowed"),
    # policyTypes
    Case("without policyTypes a policy is for ingress", [{}], "bank/web", "shop/web", "tcp/80", "denied"),
    Case("without policyTypes and egress rules egress is open", [{}], "shop/web", "bank/web", "tcp/80", "allowed"),
    Case("no egress rules are not egress rules", [{"egress": []}], "shop/web", "bank/web", "tcp/80", "allowed"),
    Case("egress rules make a policy for both", [{"egress": [on(SQL)]}], "shop/web", "bank/web", "tcp/80", "denied"),
    Case("egress rules do not open ingress", [{"egress": [{}]}], "bank/web", "shop/web", "tcp/80", "denied"),
    Case("policyTypes Egress leaves ingress alone", [egress()], "bank/web", "shop/web", "tcp/80", "allowed"),
    Case("policyTypes Ingress leaves egress rules unused", [ingress(egress=[on(SQL)])], "shop/web", "bank/web",
        "tcp/80", "allowed"),
    # Peers
    Case("podSelector alone means the policy's namespace", [ingress(from_(WEB))], "shop/web", "shop/database",
        "tcp/1", "allowed"),
    Case("podSelector alone means no other namespace", [ingress(from_(WEB))], "bank/web", "shop/database", "tcp/1",
        "denied"),
    Case("namespaceSelector alone means all its pods", [ingress(from_(TEAM))], "bank/vault", "shop/database",
        "tcp/1", "allowed"),
    Case("an empty namespaceSelector means all namespaces", [ingress(from_({"namespaceSelector": {}}))], "bank/web",
        "shop/web", "tcp/1", "allowed"),
    Case("an empty namespaceSelector means pods only", [ingress(from_({"namespaceSelector": {}}))], ADDRESS,
        "shop/web", "tcp/1", "denied"),
    Case("an empty podSelector means no addresses outside", [egress(to(EVERY_PEER))], "shop/web", ADDRESS, "tcp/443",
        "denied"),
    Case("both selectors in one peer mean AND", [ingress(from_(TEAM | WEB))], "bank/vault", "shop/database", "tcp/1",
        "denied"),
    Case("both selectors in one peer mean AND: both fit", [ingress(from_(TEAM | WEB))], "bank/web", "shop/database",
        "tcp/1", "allowed"),
    Case("selectors in two peers mean OR", [ingress(from_(TEAM, WEB))], "bank/vault", "shop/database", "tcp/1",
        "allowed"),
    Case("every namespace has its name as a label", [ingress(from_(NAMED))], "bank/web", "shop/database", "tcp/1",
        "allowed"),
    Case("policies add up", [ingress(), ingress(from_(TEAM))], "bank/web", "shop/database", "tcp/1", "allowed"),
    Case("rules of one policy add up", [ingress(from_(DATABASE), from_(TEAM))], "bank/web", "shop/database", "tcp/1",
        "allowed"),
    Case("peers and ports of two rules do not mix", [ingress(from_(TEAM, ports=[SQL]), from_(WEB))], "bank/web",
        "shop/database", "tcp/80", "denied"),
    # Expressions
    Case("In", [ingress(from_(expressions(("app", "In", ["web", "x"]))))], "shop/web", "shop/database", "tcp/1",
        "allowed"),
    Case("In does not match an absent key", [ingress(from_(expressions(("tier", "In", ["front"]))))],
        "shop/database", "shop/web", "tcp/1", "denied"),
    Case("NotIn", [ingress(from_(expressions(("app", "NotIn", ["web"]))))], "shop/web", "shop/database", "tcp/1",
        "denied"),
    Case("NotIn matches an absent key", [ingress(from_(expressions(("tier", "NotIn", ["front"]))))], "shop/database",
        "shop/web", "tcp/1", "allowed"),
    Case("Exists", [ingress(from_(expressions(("tier", "Exists", []))))], "shop/web", "shop/database", "tcp/1",
        "allowed"),
    Case("Exists wants the key", [ingress(from_(expressions(("tier", "Exists", []))))], "shop/database", "shop/web",
        "tcp/1", "denied"),
    Case("DoesNotExist matches an absent key", [ingress(from_(expressions(("tier", "DoesNotExist", []))))],
        "shop/database", "shop/web", "tcp/1", "allowed"),
    Case("all requirements must fit", [ingress(from_(expressions(("app", "Exists", []), ("tier", "DoesNotExist",
        []))))], "shop/web", "shop/database", "tcp/1", "denied"),
    # Addresses
    Case("an ipBlock", [ingress(from_(block("203.0.113.0/24")))], ADDRESS, "shop/web", "tcp/1", "allowed"),
    Case("an ipBlock may have host bits set", [ingress(from_(block("203.0.113.99/24")))], ADDRESS, "shop/web",
        "tcp/1", "allowed"),
    Case("except takes away", [ingress(from_(block("203.0.113.0/24", "203.0.113.8/32")))], NEIGHBOUR, "shop/web",
        "tcp/1", "denied"),
    Case("except takes away only what it says", [ingress(from_(block("203.0.113.0/24", "203.0.113.8/32")))], ADDRESS,
        "shop/web", "tcp/1", "allowed"),
    Case("another peer brings back what except takes away",
        [ingress(from_(block("203.0.113.0/24", "203.0.113.8/32"), block("203.0.113.8/32")))], NEIGHBOUR, "shop/web",
        "tcp/1", "allowed"),
    Case("an ipBlock of IPv6", [egress(to(block("2001:db8::/32", "2001:db8:1::/48")))], "shop/web", ADDRESS6,
        "tcp/1", "allowed"),
    Case("all of IPv4 is nothing of IPv6", [egress(to(block("0.0.0.0/0")))], "shop/web", ADDRESS6, "tcp/1", "denied"),
    Case("all of IPv6 is nothing of IPv4", [egress(to(block("::/0")))], "shop/web", ADDRESS, "tcp/1", "denied"),
    Case("ipBlocks should be outside of the cluster: pods are up to the plugin", [egress(to(block("10.0.0.0/8")))],
        "shop/web", "bank/web", "tcp/1", "undecided"),
    Case("Calico: an ipBlock matches pods", [egress(to(block("10.0.0.0/8")))], "shop/web", "bank/web", "tcp/1",
        "allowed", calico=True),
    Case("an ipBlock without the pod's address is no question", [egress(to(block("10.0.0.0/8", "10.244.0.0/16")))],
        "shop/web", "bank/web", "tcp/1", "denied"),
    Case("a rule by selector settles what an ipBlock leaves open", [egress(to(block("10.0.0.0/8"), TEAM))],
        "shop/web", "bank/web", "tcp/1", "allowed"),
    Case("one side denies what the other leaves open",
        [egress(to(block("10.0.0.0/8"))), policy(ingress(), namespace="bank")], "shop/web", "bank/web", "tcp/1",
        "denied"),
    # Ports
    Case("protocol is TCP where none is given", [ingress(on(SQL))], "bank/web", "shop/database", "tcp/5432", "allowed"),
    Case("a port of TCP is none of UDP", [ingress(on(SQL))], "bank/web", "shop/database",
        "udp/5432 sctp/5432 tcp/5431 tcp/5433", "denied"),
    Case("SCTP", [ingress(on({"port": 5432, "protocol": "SCTP"}))], "bank/web", "shop/database", "sctp/5432",
        "allowed"),
    Case("no port means all ports of the protocol", [ingress(on({"protocol": "UDP"}))], "bank/web", "shop/database",
        "udp/1 udp/65535", "allowed"),
    Case("no port means no other protocol", [ingress(on({"protocol": "UDP"}))], "bank/web", "shop/database", "tcp/1",
        "denied"),
    Case("endPort is included (KEP-2079)", [ingress(on({"port": 30000, "endPort": 32767}))], "bank/web",
        "shop/database", "tcp/30000 tcp/31111 tcp/32767", "allowed"),
    Case("endPort ends the range (KEP-2079)", [ingress(on({"port": 30000, "endPort": 32767}))], "bank/web",
        "shop/database", "tcp/29999 tcp/32768", "denied"),
    Case("a named port is the number that the pod declares", [ingress(on({"port": "sql"}))], "bank/web",
        "shop/database", "tcp/5432", "allowed"),
    Case("a named port is each pod's own", [egress(on({"port": "http"}))], "shop/database", "bank/web", "tcp/80",
        "allowed"),
    Case("a named port is no other pod's", [egress(on({"port": "http"}))], "shop/database", "bank/web", "tcp/8080",
        "denied"),
    Case("a named port is of its protocol", [ingress(on({"port": "sql", "protocol": "UDP"}))], "bank/web",
        "shop/database", "udp/5432 tcp/5432", "denied"),
    Case("a name that a pod does not declare opens nothing", [egress(on({"port": "http"}))], "shop/web",
        "bank/vault", "tcp/80", "denied"),
    Case("an address declares no ports", [egress(on({"port": "http"}))], "shop/web", ADDRESS, "tcp/80", "denied"),
    # Both sides
    Case("both sides must allow", [egress({}), policy(ingress(), namespace="bank")], "shop/web", "bank/web",
        "tcp/80", "denied"),
    Case("egress of the source must allow, too", [egress(), policy(ingress({}), namespace="bank")], "shop/web",
        "bank/web", "tcp/80", "denied"),
    # Machines
    Case("a machine always reaches its own pods", [ingress()], "node-2", "shop/web", "tcp/80", "allowed"),
    Case("another machine is an address like any other", [ingress()], "node-1", "shop/web", "tcp/80", "denied"),
    Case("a machine reaches pods elsewhere from one of its addresses", [ingress(from_(block("192.168.100.0/24")))],
        "node-1", "shop/web", "tcp/80", "undecided"),
    Case("all addresses of a machine", [ingress(from_(block("192.168.100.0/24"), block("10.244.1.0/32")))], "node-1",
        "shop/web", "tcp/80", "allowed"),
    Case("whether a pod reaches its own machine always is up to the plugin", [egress()], "shop/web", "node-2",
        "tcp/22", "undecided"),
    Case("Calico: egress rules hold for a pod's own machine", [egress()], "shop/web", "node-2", "tcp/22", "denied",
        calico=True),
    Case("egress rules hold for other machines", [egress()], "shop/web", "node-1", "tcp/22", "denied"),
    Case("policies do not apply to pods on the host network", [ingress()], "bank/web", "shop/agent", "tcp/80",
        "allowed"),
    Case("selectors do not match pods on the host network", [ingress(from_(WEB))], "shop/agent", "shop/database",
        "tcp/1", "denied"),
    Case("a pod on the host network is its machine", [ingress()], "shop/agent", "shop/web", "tcp/1", "allowed"),
    Case("policies say nothing about connections without a pod", [ingress(), egress()], "node-1", ADDRESS, "tcp/1",
        "allowed"),
    # A pod itself
    Case("a pod cannot block access to itself; plugins do not agree", [ingress()], "shop/web", "shop/web", "tcp/1",
        "undecided"),
    Case("a pod that may reach itself by the rules does", [ingress(from_(WEB))], "shop/web", "shop/web", "tcp/1",
        "allowed"),
    Case("Calico: packets to itself never leave the pod", [ingress(), egress()], "shop/web", "shop/web", "tcp/1",
        "allowed", calico=True),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=[case.sentence for case in CASES])
def test_a_sentence_of_the_documentation(case: Case) -> None:
    cluster = cluster_of(*case.specs)
    matrix = reach_matrix(cluster, addresses=[ADDRESS, NEIGHBOUR, ADDRESS6], nodes=True, calico=case.calico)
    for text in case.ports.split():
        protocol, port = text.upper().split("/")
        asked = verdict(cluster, case.source, case.destination, int(port), protocol, calico=case.calico)
        assert asked.answer == case.answer, (text, asked)
        assert matrix.answer(case.source, case.destination, int(port), protocol) == case.answer, text
        assert bool(asked.assumptions) == (case.answer == "undecided")
