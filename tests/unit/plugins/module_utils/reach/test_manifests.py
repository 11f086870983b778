"""Objects of the API, and manifests in files, as a cluster; and every mistake in them at once."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput
from ansible_collections.autolabs.platform.plugins.module_utils.reach.cluster import (
    ContainerPort,
    Endpoint,
    Node,
    Pod,
    Service,
    ServicePort,
)
from ansible_collections.autolabs.platform.plugins.module_utils.reach.manifests import cluster
from unit.plugins.module_utils.reach.building import policy


def made(kind: str, name: str, version: str = "v1", namespace: str = "", **rest: Any) -> dict[str, Any]:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {}), **rest.pop("metadata", {})}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **rest}


POD = made(
    "Pod",
    "web",
    namespace="shop",
    metadata={"labels": {"app": "web"}},
    spec={
        "nodeName": "node-1",
        "containers": [
            {"name": "web", "ports": [{"name": "http", "containerPort": 8080}, {"containerPort": 9090}]},
            {"name": "other"},
        ],
        "initContainers": [
            {"name": "mesh", "restartPolicy": "Always", "ports": [{"name": "admin", "containerPort": 15000}]},
            {"name": "once", "ports": [{"name": "gone", "containerPort": 1}]},
        ],
    },
    status={"phase": "Running", "podIP": "10.244.1.2", "podIPs": [{"ip": "10.244.1.2"}, {"ip": "fd00::2"}]},
)
READ = Pod(
    "shop",
    "web",
    {"app": "web"},
    ("10.244.1.2", "fd00::2"),
    (ContainerPort("http", 8080), ContainerPort("admin", 15000)),
    "node-1",
)


def test_a_pod_is_read_with_its_addresses_and_named_ports() -> None:
    assert cluster([POD]).pods == (READ,)


def test_lists_are_unpacked_and_other_kinds_ignored() -> None:
    bare = {key: value for key, value in POD.items() if key not in ("kind", "apiVersion")}
    typed = {"apiVersion": "v1", "kind": "PodList", "items": [bare]}
    whole = {"apiVersion": "v1", "kind": "List", "items": [typed, made("ConfigMap", "x"), made("Widget", "y", "a/v1")]}
    assert cluster([whole, None]).pods == (READ,)


def test_pods_that_have_ended_are_left_out() -> None:
    ended = [{**POD, "status": {"phase": phase, "podIP": "10.244.1.2"}} for phase in ("Succeeded", "Failed")]
    assert cluster(ended).pods == ()


def test_machines_have_the_addresses_of_their_tunnels_too() -> None:
    listed = [{"type": "InternalIP", "address": "192.168.100.31"}, {"type": "Hostname", "address": "node-1"}]
    annotations = {"projectcalico.org/IPv4VXLANTunnelAddr": "10.244.1.0"}
    node = made("Node", "node-1", metadata={"annotations": annotations}, status={"addresses": listed})
    assert cluster([node]).nodes == (Node("node-1", ("192.168.100.31",), ("10.244.1.0",)),)


def test_services_are_read_with_what_decides_about_their_sources() -> None:
    ports = [{"name": "http", "port": 80, "targetPort": "http", "nodePort": 30080}, {"port": 53, "protocol": "UDP"}]
    spec = {
        "selector": {"app": "web"},
        "ports": ports,
        "clusterIPs": ["10.96.0.10", "fd00:96::10"],
        "externalTrafficPolicy": "Local",
        "internalTrafficPolicy": "Local",
    }
    assert cluster([made("Service", "web", namespace="shop", spec=spec)]).services == (
        Service(
            "shop",
            "web",
            {"app": "web"},
            (ServicePort(80, "http", "TCP", 30080, "http"), ServicePort(53, 53, "UDP")),
            ("10.96.0.10", "fd00:96::10"),
            True,
            True,
        ),
    )


def test_a_service_that_is_another_name_of_something_outside_is_left_out() -> None:
    assert cluster([made("Service", "s", spec={"type": "ExternalName", "selector": {"a": "b"}})]).services == ()


def test_a_service_without_a_selector_leads_where_its_slices_say() -> None:
    api = made("Service", "kubernetes", spec={"ports": [{"name": "https", "port": 443, "targetPort": 6443}]})
    port = ServicePort(443, 6443, name="https")
    assert cluster([api]).services == (Service("default", "kubernetes", {}, (port,)),)
    slices = [
        made(
            "EndpointSlice",
            name,
            "discovery.k8s.io/v1",
            metadata={"labels": {"kubernetes.io/service-name": owner}},
            ports=[{"name": "https", "port": 6443, "protocol": "TCP"}],
            endpoints=[{"addresses": [address]}],
        )
        for name, owner, address in (("a", "kubernetes", "192.168.100.31"), ("b", "other", "192.168.100.99"))
    ]
    (found,) = cluster([api, *slices]).services
    assert found.endpoints == (Endpoint("192.168.100.31", 6443, "TCP", "https"),)
    assert cluster([api, slices[1]]).services[0].endpoints == ()


def test_a_headless_service_has_no_address() -> None:
    assert (
        cluster([made("Service", "x", spec={"selector": {"a": "b"}, "clusterIP": "None"})]).services[0].addresses == ()
    )


def workload(kind: str, version: str, name: str) -> dict[str, Any]:
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "one"}]}}
    spec = {"jobTemplate": {"spec": {"template": template}}} if kind == "CronJob" else {"template": template}
    return made(kind, name, version, "shop", spec=spec)


def test_a_folder_without_pods_has_one_for_each_workload() -> None:
    workloads = [workload("Deployment", "apps/v1", "web"), workload("CronJob", "batch/v1", "backup")]
    owned = {**workload("ReplicaSet", "apps/v1", "web-1"), "metadata": {"name": "web-1", "ownerReferences": [{}]}}
    same_name = workload("Job", "batch/v1", "web")
    found = cluster([*workloads, owned, same_name]).pods
    assert [(pod.key, pod.labels) for pod in found] == [
        ("shop/web", {"app": "web"}),
        ("shop/web-2", {"app": "web"}),
        ("shop/backup", {"app": "backup"}),
    ]


def test_workloads_of_a_cluster_with_pods_are_those_pods() -> None:
    assert cluster([POD, workload("Deployment", "apps/v1", "web")]).pods == (READ,)


# What is wrong in the spec of a policy, and what is said about it.
MISTAKES: list[tuple[dict[str, Any], str]] = [
    ({"policyTypes": ["ingress"]}, "spec.policyTypes: ['ingress'] may hold Ingress and Egress only"),
    ({"ingress": {"from": []}}, "spec.ingress: must be a list of rules"),
    ({"ingress": ["x"]}, "spec.ingress[0]: a rule is a mapping with from, ports or both"),
    ({"egress": [{"to": [{}]}]}, "spec.egress[0].to[0]: a peer has a podSelector, a namespaceSelector, both, or an"),
    ({"egress": [{"to": {}, "ports": {"port": 1}}]}, "spec.egress[0].ports: must be a list"),
    (
        {"ingress": [{"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}, "podSelector": {}}]}]},
        "spec.ingress[0].from[0]: a peer with an ipBlock has no selectors",
    ),
    (
        {"ingress": [{"from": [{"ipBlock": {"cidr": "192.168.300.0/24"}}]}]},
        "spec.ingress[0].from[0].ipBlock.cidr: '192.168.300.0/24' is not an address",
    ),
    ({"ingress": [{"from": [{"ipBlock": {"cidr": "10.0.0.7"}}]}]}, "ipBlock.cidr: '10.0.0.7' is not a range such as"),
    (
        {"ingress": [{"from": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.0.0.0/8"]}}]}]},
        "ipBlock.except[0]: 10.0.0.0/8 is not a part of 10.0.0.0/8",
    ),
    (
        {"ingress": [{"from": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["11.0.0.0/9"]}}]}]},
        "ipBlock.except[0]: 11.0.0.0/9 is not a part of 10.0.0.0/8",
    ),
    ({"ingress": [{"ports": [{"port": 0}]}]}, "spec.ingress[0].ports[0].port: 0 is not within 1 to 65535"),
    ({"ingress": [{"ports": [{"port": "80"}]}]}, "ports[0].port: '80' is no name of a port"),
    ({"ingress": [{"ports": [{"port": 80, "endPort": 79}]}]}, "ports[0].endPort: 79 is before the port 80"),
    ({"ingress": [{"ports": [{"endPort": 79}]}]}, "ports[0].endPort: needs a port where the range begins"),
    ({"ingress": [{"ports": [{"port": "http", "endPort": 99}]}]}, "endPort: may not stand beside the named port"),
    ({"ingress": [{"ports": [{"protocol": "ICMP"}]}]}, "ports[0].protocol: 'ICMP' is none of TCP, UDP, SCTP"),
    ({"podSelector": {"matchLabels": {"a": 1}}}, "spec.podSelector.matchLabels.a: the value 1 must be text"),
    (
        {"podSelector": {"matchExpressions": [{"key": "a", "operator": "in", "values": ["b"]}]}},
        "spec.podSelector.matchExpressions[0].operator: 'in' is none of In, NotIn, Exists, DoesNotExist",
    ),
    (
        {"podSelector": {"matchExpressions": [{"key": "a", "operator": "In"}]}},
        "spec.podSelector.matchExpressions[0].values: In needs at least one value",
    ),
    (
        {"podSelector": {"matchExpressions": [{"key": "a", "operator": "Exists", "values": ["b"]}]}},
        "spec.podSelector.matchExpressions[0].values: Exists needs no values",
    ),
]


@pytest.mark.parametrize("spec, sentence", MISTAKES, ids=[sentence for _spec, sentence in MISTAKES])
def test_a_mistake_in_a_policy_is_named(spec: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        cluster([policy(spec)])
    (problem,) = caught.value.problems
    assert str(problem).startswith("NetworkPolicy shop/policy: spec.")
    assert sentence in str(problem)


def test_all_mistakes_are_told_at_once() -> None:
    objects: list[Any] = [
        "text",
        made("Pod", ""),
        {"apiVersion": "v1", "kind": "Pod"},
        {**POD, "spec": {"containers": [{"name": "x", "ports": [{"name": "y", "containerPort": "80"}]}]}},
        {**POD, "status": {"podIP": "10.0.0.300"}},
        {**POD, "spec": {"containers": ["x"]}},
        made("Service", "s", spec={"selector": {"a": "b"}, "ports": [{"port": 70000, "protocol": "ICMP"}]}),
        policy({"ingress": "x"}),
    ]
    with pytest.raises(InvalidInput) as caught:
        cluster(objects)
    places = [(problem.file, problem.field) for problem in caught.value.problems]
    assert places == [
        ("object 1", ""),
        ("Pod 2", "metadata.name"),
        ("Pod 3", "metadata.name"),
        ("Pod shop/web", "spec.containers[x].ports[0].containerPort"),
        ("Pod shop/web", "status.podIPs"),
        ("Pod shop/web", ""),
        ("Service default/s", "spec.ports[0].port"),
        ("Service default/s", "spec.ports[0].protocol"),
        ("NetworkPolicy shop/policy", "spec.ingress"),
    ]
