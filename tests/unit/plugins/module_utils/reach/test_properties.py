"""What holds for every cluster: both faces of the prover agree, and rules only ever add."""

from __future__ import annotations

import random
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.reach.cluster import (
    Cluster,
    ContainerPort,
    Node,
    Pod,
)
from ansible_collections.autolabs.platform.plugins.module_utils.reach.matrix.difference import differences
from ansible_collections.autolabs.platform.plugins.module_utils.reach.matrix.matrix import Matrix, reach_matrix
from ansible_collections.autolabs.platform.plugins.module_utils.reach.policies.explain import verdict
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.plugins.module_utils.reach.building import policy

NAMESPACES = {"a": {"team": "x"}, "b": {"team": "y"}, "c": {}}
NODES = (Node("n1", ("192.0.2.1", "fd00::1"), ("10.0.0.9",)), Node("n2", ("192.0.2.2",)))
ADDRESSES = ("203.0.113.7", "2001:db8::1", "10.0.0.0/30", "10.0.0.1", "192.0.2.1", "10.0.0.9")
PORTS = ((79, "TCP"), (80, "TCP"), (81, "TCP"), (90, "TCP"), (80, "UDP"), (65535, "SCTP"))

labels = st.dictionaries(st.sampled_from(["app", "tier"]), st.sampled_from(["1", "2"]))
ranges = st.sampled_from(
    ["10.0.0.0/30", "10.0.0.0/24", "0.0.0.0/0", "::/0", "fd00::/64", "192.0.2.0/31", "10.0.0.2/32"]
)
requirements = st.one_of(
    st.builds(
        lambda key, operator, values: {"key": key, "operator": operator, "values": values},
        st.sampled_from(["app", "tier", "team"]),
        st.sampled_from(["In", "NotIn"]),
        st.lists(st.sampled_from(["1", "2", "x"]), min_size=1, max_size=2),
    ),
    st.builds(
        lambda key, operator: {"key": key, "operator": operator},
        st.sampled_from(["app", "tier", "team"]),
        st.sampled_from(["Exists", "DoesNotExist"]),
    ),
)
selectors = st.builds(
    lambda matched, expressions: {"matchLabels": matched, "matchExpressions": expressions},
    labels,
    st.lists(requirements, max_size=1),
)
namespace_selectors = st.sampled_from(
    [{}, {"matchLabels": {"team": "x"}}, {"matchLabels": {"kubernetes.io/metadata.name": "c"}}]
) | st.builds(lambda entry: {"matchExpressions": [entry]}, requirements)
blocks = st.builds(lambda cidr: {"ipBlock": {"cidr": cidr}}, ranges) | st.just(
    {"ipBlock": {"cidr": "10.0.0.0/24", "except": ["10.0.0.1/32"]}}
)
peers = st.one_of(
    st.builds(lambda chosen: {"podSelector": chosen}, selectors),
    st.builds(lambda chosen: {"namespaceSelector": chosen}, namespace_selectors),
    st.builds(lambda pods, where: {"podSelector": pods, "namespaceSelector": where}, selectors, namespace_selectors),
    blocks,
)
ports = st.sampled_from(
    [{"port": 80}, {"port": 80, "endPort": 89}, {"port": "http"}, {"protocol": "UDP"}, {"protocol": "SCTP", "port": 9}]
)
policies = st.builds(
    lambda number, namespace, selector, types, incoming, outgoing: policy(
        {
            "podSelector": selector,
            "policyTypes": types,
            "ingress": [{"from": entries, "ports": opened} for entries, opened in incoming],
            "egress": [{"to": entries, "ports": opened} for entries, opened in outgoing],
        },
        f"p{number}",
        namespace,
    ),
    st.integers(0, 99),
    st.sampled_from("abc"),
    selectors,
    st.sampled_from([[], ["Ingress"], ["Egress"], ["Ingress", "Egress"]]),
    st.lists(st.tuples(st.lists(peers, max_size=2), st.lists(ports, max_size=2)), max_size=2),
    st.lists(st.tuples(st.lists(peers, max_size=2), st.lists(ports, max_size=2)), max_size=2),
)
# Addresses of one pod, of both families, outside of every range, or not known yet.
addresses = st.sampled_from([(), ("10.0.0.1",), ("10.0.0.2", "fd00::2"), ("10.9.9.9",)])
pods = st.lists(
    st.builds(
        lambda namespace, own, where, port, node, host: (namespace, own, where, port, node, host),
        st.sampled_from("abc"),
        labels,
        addresses,
        st.sampled_from([80, 90]),
        st.sampled_from(["n1", "n2", ""]),
        st.sampled_from([False, False, False, True]),
    ),
    min_size=1,
    max_size=4,
)


def made(drawn: list[Any], rules: list[dict[str, Any]]) -> Cluster:
    """The cluster; no two pods have the same address, so the last number tells them apart where there is one."""
    taken: set[str] = set()
    found = []
    for number, (namespace, own, where, port, node, host) in enumerate(drawn):
        free = tuple(address for address in where if address not in taken)
        taken.update(free)
        found.append(Pod(namespace, f"pod-{number}", own, free, (ContainerPort("http", port),), node, host))
    return Cluster(NAMESPACES, tuple(found), tuple(rules), (), NODES)


def answers(matrix: Matrix) -> dict[tuple[Any, ...], str]:
    """All answers for some ports, by source, destination and port."""
    return {
        (source, destination, *port): matrix.answer(source, destination, *port)
        for source in matrix.endpoints
        for destination in matrix.endpoints
        for port in PORTS
    }


@given(pods, st.lists(policies, max_size=4), st.booleans())
@settings(max_examples=60)
def test_the_matrix_and_single_questions_agree(drawn: list[Any], rules: list[dict[str, Any]], calico: bool) -> None:
    cluster = made(drawn, rules)
    matrix = reach_matrix(cluster, addresses=ADDRESSES, nodes=True, calico=calico)
    for (source, destination, port, protocol), answer in answers(matrix).items():
        asked = verdict(cluster, source, destination, port, protocol, calico=calico)
        assert asked.answer == answer, (source, destination, port, protocol, asked)
        assert bool(asked.assumptions) == (answer == "undecided")


@given(pods, st.lists(policies, max_size=3), st.booleans())
@settings(max_examples=25)
def test_cells_cover_every_pair_and_interval_once(drawn: list[Any], rules: list[dict[str, Any]], calico: bool) -> None:
    cluster = made(drawn, rules)
    matrix = reach_matrix(cluster, addresses=ADDRESSES, nodes=True, calico=calico)
    guarded = {pod.key for pod in cluster.pods if not pod.host_network}
    seen: dict[tuple[str, str, str], int] = {}
    for cell in matrix.cells():
        for source in cell.sources:
            for destination in cell.destinations:
                for entry in cell.ports if source != destination else ():
                    key = (source, destination, entry.protocol)
                    seen[key] = seen.get(key, 0) + entry.end - entry.first + 1
                    assert matrix.answer(source, destination, entry.first, entry.protocol) == cell.answer
    assert seen == {
        (source, destination, protocol): 65535
        for source in matrix.endpoints
        for destination in matrix.endpoints
        for protocol in ("TCP", "UDP", "SCTP")
        if source != destination and {source, destination} & guarded
    }
    assert sum(matrix.counts()) == sum(seen.values())


@given(pods, st.lists(policies, max_size=4), st.randoms())
@settings(max_examples=25)
def test_the_order_of_policies_does_not_matter(
    drawn: list[Any], rules: list[dict[str, Any]], by: random.Random
) -> None:
    shuffled = by.sample(rules, len(rules))
    one, other = (reach_matrix(made(drawn, order), addresses=ADDRESSES, nodes=True) for order in (rules, shuffled))
    assert answers(one) == answers(other)
    assert differences(one, other) == ()


@given(pods, st.lists(policies, max_size=3), policies)
@settings(max_examples=25)
def test_a_policy_for_pods_that_are_isolated_already_closes_nothing(
    drawn: list[Any], rules: list[dict[str, Any]], more: dict[str, Any]
) -> None:
    closed = [policy({"policyTypes": ["Ingress", "Egress"]}, f"closed-{name}", name) for name in NAMESPACES]
    before, after = (reach_matrix(made(drawn, [*closed, *rules, *added]), nodes=True) for added in ([], [more]))
    assert not {change.kind for change in differences(before, after)} & {"closes"}
    worth = ["denied", "undecided", "allowed"]
    was, will = answers(before), answers(after)
    assert all(worth.index(will[key]) >= worth.index(was[key]) for key in was)


@given(pods, st.lists(policies, max_size=3), st.lists(policies, max_size=3))
@settings(max_examples=25)
def test_differences_are_those_of_the_answers(
    drawn: list[Any], old: list[dict[str, Any]], new: list[dict[str, Any]]
) -> None:
    # After the first pod has gone, the others are compared.
    before = reach_matrix(made(drawn, old), addresses=ADDRESSES, nodes=True)
    left = made(drawn, new)
    after = reach_matrix(Cluster(NAMESPACES, left.pods[1:], left.policies, (), NODES), addresses=ADDRESSES, nodes=True)
    told = {}
    for change in differences(before, after):
        for source in change.sources:
            for destination in change.destinations:
                for port, protocol in PORTS if source != destination else ():
                    if any(one.protocol == protocol and one.first <= port <= one.end for one in change.ports):
                        told[(source, destination, port, protocol)] = (change.before, change.after)
        source, destination, port = change.example
        assert before.answer(source, destination, port.first, port.protocol) == change.before
        assert after.answer(source, destination, port.first, port.protocol) == change.after
    will = answers(after)
    names = set(after.endpoints)
    assert told == {
        key: (was, will[key])
        for key, was in answers(before).items()
        if key in will and was != will[key] and key[0] != key[1] and {*key[:2]} <= names
    }
