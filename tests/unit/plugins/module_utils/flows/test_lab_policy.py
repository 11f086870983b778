"""The policy of a class: as few rules as are enough, and none of the source documents' mistakes."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.flows.flow import Pods
from ansible_collections.autolabs.platform.plugins.module_utils.flows.labs import instance_flows, lab_flows
from ansible_collections.autolabs.platform.plugins.module_utils.flows.policies.network_policy import network_policy
from ansible_collections.autolabs.platform.plugins.module_utils.net.ports import Ports

LABS = Pods.labelled("labs", {"app": "lab", "lab_id": "123", "class_id": "1"})


def policy(*, internet: bool = False, ports: tuple[int, ...] = (2222,)) -> dict[str, Any]:
    flows = lab_flows(
        LABS,
        access=map(Ports, ports),
        with_internet=internet,
        pod_networks=["10.244.0.0/16"],
        cluster_networks=["10.244.0.0/16", "10.96.0.0/12"],
    )
    return network_policy("lab-123", LABS, flows, {"app": "lab"})


def test_it_selects_the_pods_of_the_class_and_closes_both_directions() -> None:
    spec = policy()["spec"]
    assert spec["podSelector"] == {"matchLabels": {"app": "lab", "class_id": "1", "lab_id": "123"}}
    assert spec["policyTypes"] == ["Ingress", "Egress"]


def test_students_come_in_from_everywhere_but_the_pod_network() -> None:
    assert policy()["spec"]["ingress"] == [
        {
            "from": [
                {"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.244.0.0/16"]}},
                {"ipBlock": {"cidr": "::/0"}},
            ],
            "ports": [{"protocol": "TCP", "port": 2222}],
        }
    ]


def test_without_internet_only_cluster_dns_is_reached_over_udp_and_tcp() -> None:
    assert policy()["spec"]["egress"] == [
        {
            "to": [
                {
                    "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
                    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
                }
            ],
            "ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}],
        }
    ]


def test_the_internet_is_web_only_and_never_a_pod_of_the_namespace() -> None:
    _dns, web = policy(internet=True)["spec"]["egress"]
    assert web["ports"] == [{"protocol": "TCP", "port": 80}, {"protocol": "TCP", "port": 443}]
    assert all(set(peer) == {"ipBlock"} for peer in web["to"])
    assert "10.0.0.0/8" in web["to"][0]["ipBlock"]["except"]
    assert "169.254.0.0/16" in web["to"][0]["ipBlock"]["except"]


def test_a_lab_without_access_lets_nobody_in() -> None:
    assert policy(ports=())["spec"]["ingress"] == []


def test_the_annotations_name_the_flow_of_each_rule_so_that_a_drop_can_be_traced() -> None:
    assert policy(internet=True)["metadata"]["annotations"] == {
        "autolabs.io/ingress-flows": "lab-access",
        "autolabs.io/egress-flows": "lab-dns,lab-internet",
    }


def test_a_flow_without_ports_is_for_every_port() -> None:
    (flow,) = instance_flows(LABS)
    spec = network_policy("p", LABS, [flow], {})["spec"]
    same = [{"podSelector": {"matchLabels": {"app": "lab", "class_id": "1", "lab_id": "123"}}}]
    assert (spec["ingress"], spec["egress"]) == ([{"from": same}], [{"to": same}])


@pytest.mark.parametrize("arguments", [(0,), (70000,), (80, "ICMP"), (90, "TCP", 80)])
def test_ports_that_are_none_are_refused(arguments: tuple[Any, ...]) -> None:
    with pytest.raises(ValueError, match=r"protocol|ports"):
        Ports(*arguments)
