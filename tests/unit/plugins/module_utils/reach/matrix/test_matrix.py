"""The whole matrix: classes, cells, counts, and what changes between two."""

from __future__ import annotations

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.net.ports import Ports
from ansible_collections.autolabs.platform.plugins.module_utils.reach.cluster import Cluster, Pod
from ansible_collections.autolabs.platform.plugins.module_utils.reach.matrix.difference import differences
from ansible_collections.autolabs.platform.plugins.module_utils.reach.matrix.matrix import reach_matrix
from ansible_collections.autolabs.platform.plugins.module_utils.reach.matrix.sets import bits, positions
from ansible_collections.autolabs.platform.plugins.module_utils.reach.policies.parties import UnknownEndpoint
from unit.plugins.module_utils.reach.building import DATABASE, NAMESPACES, WEB, cluster_of, egress, ingress, policy

PORTS = 3 * 65535


def test_endpoints_are_sorted_pods_then_machines_then_addresses() -> None:
    matrix = reach_matrix(cluster_of(), addresses=["203.0.113.7", "10.0.0.0/8"], nodes=True)
    pods = ("bank/vault", "bank/web", "shop/agent", "shop/database", "shop/web")
    assert matrix.endpoints == (*pods, "node-1", "node-2", "203.0.113.7", "10.0.0.0/8")


def test_an_address_that_another_endpoint_has_is_that_endpoint() -> None:
    matrix = reach_matrix(cluster_of(ingress({"from": [WEB]})), addresses=["10.244.2.1"])
    assert "10.244.2.1" not in matrix.endpoints
    assert matrix.answer("10.244.2.1", "shop/database", 80) == "allowed"


def test_a_range_is_undecided_where_its_addresses_differ() -> None:
    rules = cluster_of(ingress({"from": [{"ipBlock": {"cidr": "203.0.113.0/25"}}]}))
    matrix = reach_matrix(rules, addresses=["203.0.113.0/24", "203.0.113.0/26", "198.51.100.0/24"])
    found = [matrix.answer(source, "shop/web", 80) for source in matrix.endpoints[-3:]]
    assert found == ["undecided", "allowed", "denied"]


def test_ports_are_cut_where_rules_begin_and_end() -> None:
    rules = cluster_of(ingress({"ports": [{"port": 80}, {"port": 443, "endPort": 500}]}))
    tcp = [str(one) for one in reach_matrix(rules).intervals if one.protocol == "TCP"]
    assert tcp == ["tcp/1-79", "tcp/80", "tcp/81-442", "tcp/443-500", "tcp/501-65535"]


def test_cells_are_grouped_by_sources_that_reach_the_same() -> None:
    rules = cluster_of(ingress({"from": [WEB], "ports": [{"port": 5432}]}, **DATABASE))
    cells = [cell for cell in reach_matrix(rules).cells() if cell.answer == "denied"]
    # A pod on the host network, of which selectors do not know, is among those outside.
    others = [({*cell.sources}, [*cell.destinations], [str(one) for one in cell.ports]) for cell in cells]
    every = [f"{protocol}/1-65535" for protocol in ("tcp", "udp", "sctp")]
    assert ({"bank/vault", "bank/web", "shop/database"}, ["shop/database"], every) in others
    assert ({"shop/web"}, ["shop/database"], ["tcp/1-5431", "tcp/5433-65535", *every[1:]]) in others
    assert {name for sources, *_rest in others for name in sources} == {*reach_matrix(rules).endpoints}


def test_counts_leave_out_pairs_without_a_pod_and_endpoints_themselves() -> None:
    # Four pods with addresses of their own, one on the host network, two machines and an address.
    matrix = reach_matrix(cluster_of(), addresses=["203.0.113.7"], nodes=True)
    assert matrix.counts() == ((4 * 3 + 2 * 4 * 4) * PORTS, 0, 0)


def test_what_one_source_reaches() -> None:
    matrix = reach_matrix(cluster_of(egress({"to": [DATABASE], "ports": [{"port": 5432}]}, **WEB)))
    reached = {(*cell.destinations,): cell.ports for cell in matrix.reachable("shop/web") if cell.answer == "allowed"}
    assert reached == {("shop/database",): (Ports(5432, last=5432),)}


def test_what_is_not_there_is_refused() -> None:
    matrix = reach_matrix(cluster_of())
    with pytest.raises(UnknownEndpoint, match="'shop/x' is no endpoint of this matrix"):
        matrix.answer("shop/x", "shop/web", 80)
    with pytest.raises(ValueError, match="ICMP/0 is no port"):
        matrix.answer("shop/web", "bank/web", 0, "ICMP")
    with pytest.raises(UnknownEndpoint, match="'nowhere' is not an address"):
        reach_matrix(cluster_of(), addresses=["nowhere"])


def test_a_cluster_without_anything_has_an_empty_matrix() -> None:
    matrix = reach_matrix(Cluster({}))
    assert (matrix.endpoints, [*matrix.cells()], matrix.counts()) == ((), [], (0, 0, 0))


def test_instances_with_a_policy_each_reach_their_own_components_only() -> None:
    pods, policies = [], []
    for number in range(300):
        own = {"matchLabels": {"student_id": str(number)}}
        for component in ("db", "web"):
            name = f"lab-{number}-{component}"
            pods.append(Pod("labs", name, {"app": "lab", "student_id": str(number)}, (f"10.1.{number // 200}.9",)))
        rules = {"ingress": [{"from": [{"podSelector": own}]}], "egress": [{"to": [{"podSelector": own}]}]}
        policies.append(policy({"podSelector": own, **rules}, f"lab-{number}", "labs"))
    matrix = reach_matrix(Cluster(NAMESPACES, tuple(pods), tuple(policies)))
    assert matrix.answer("labs/lab-7-db", "labs/lab-7-web", 5432) == "allowed"
    assert matrix.answer("labs/lab-7-db", "labs/lab-8-web", 5432) == "denied"
    assert matrix.counts() == (600 * PORTS, (600 * 599 - 600) * PORTS, 0)
    assert len(matrix.classes) == 300


def test_differences_name_what_opens_and_what_closes_with_an_example() -> None:
    before = reach_matrix(cluster_of(ingress({"from": [WEB]}, **DATABASE)), addresses=["203.0.113.7"])
    outside = {"from": [{"ipBlock": {"cidr": "203.0.113.0/24"}}], "ports": [{"port": 5432}, {"port": 5433}]}
    after = reach_matrix(cluster_of(ingress(outside, **DATABASE)), addresses=["203.0.113.7"])
    opens, closes = differences(before, after)
    assert (opens.kind, opens.example) == ("opens", ("203.0.113.7", "shop/database", Ports(5432)))
    assert ([*opens.sources], opens.ports) == (["203.0.113.7"], (Ports(5432, last=5433),))
    assert (closes.kind, [*closes.sources], [*closes.destinations]) == ("closes", ["shop/web"], ["shop/database"])
    assert (closes.before, closes.after, closes.pairs()) == ("allowed", "denied", 1)


def test_a_pod_that_leaves_the_host_network_changes_for_those_outside() -> None:
    pods = [Pod("shop", "web", {"app": "web"}, ("10.0.0.1",), host_network=host) for host in (True, False)]
    rules = {"policyTypes": ["Ingress", "Egress"]}
    before, after = (reach_matrix(cluster_of(rules, pods=[pod]), addresses=["203.0.113.7"]) for pod in pods)
    found = [(change.kind, *change.example[:2]) for change in differences(before, after)]
    assert found == [("closes", "203.0.113.7", "shop/web"), ("closes", "shop/web", "203.0.113.7")]


def test_endpoints_of_one_matrix_only_are_not_compared() -> None:
    whole = cluster_of(ingress())
    fewer = Cluster(NAMESPACES, whole.pods[1:], (), (), whole.nodes)
    found = differences(reach_matrix(whole), reach_matrix(fewer))
    assert {name for change in found for name in change.destinations} == {"shop/database"}


@pytest.mark.parametrize("members", [[], [0], [3, 70], list(range(0, 500, 3))])
def test_sets_hold_their_members(members: list[int]) -> None:
    assert [*positions(bits(members))] == members
