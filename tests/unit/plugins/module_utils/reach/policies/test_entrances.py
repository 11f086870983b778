"""Ports of machines that lead to pods besides node ports: hostPorts, and external addresses of Services."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.net.ports import Ports
from ansible_collections.autolabs.platform.plugins.module_utils.reach.manifests import cluster
from ansible_collections.autolabs.platform.plugins.module_utils.reach.path.path import Question, path_verdict
from ansible_collections.autolabs.platform.plugins.module_utils.reach.policies.explain import verdict
from ansible_collections.autolabs.platform.plugins.module_utils.reach.request import filters
from unit.plugins.module_utils.reach.building import policy

OUTSIDE, INGRESS = "203.0.113.7", "ingress/ingress-1"
FIREWALL = """\
*mangle
:PREROUTING ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
-A PREROUTING -j autolabs-published
-A FORWARD -j autolabs-forwarded
-A autolabs-published -s {source} -p tcp -m multiport --dports 443 -m comment --comment web -j RETURN
-A autolabs-published -j CONNMARK --set-xmark 0x800000/0x800000
-A autolabs-forwarded -m conntrack --ctstate NEW -m connmark --mark 0x800000/0x800000 -j DROP
COMMIT
*filter
:INPUT DROP [0:0]
COMMIT
"""
CLOSED = policy({"policyTypes": ["Ingress"]}, namespace="ingress")
FOR_WEB = policy({"ingress": [{"from": [{"ipBlock": {"cidr": "203.0.113.0/24"}}]}]}, "web", "ingress")


def objects(*more: dict[str, Any], node: str = "k8s-1", status: Any = None, **port: Any) -> list[dict[str, Any]]:
    """Two machines, and one pod of the ingress controller that listens on 8443."""
    nodes = [
        {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": name},
            "status": {"addresses": [{"type": "InternalIP", "address": address}]},
        }
        for name, address in (("k8s-1", "192.168.100.31"), ("k8s-2", "192.168.100.32"))
    ]
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "ingress-1", "namespace": "ingress", "labels": {"app": "ingress"}},
        "spec": {"nodeName": node, "containers": [{"name": "main", "ports": [{"containerPort": 8443, **port}]}]},
        "status": {"podIP": "10.244.0.7"} if node else {},
    }
    return [*nodes, pod, *more]


def service(status: Any = None, **spec: Any) -> dict[str, Any]:
    ports = [{"name": "https", "port": 443, "targetPort": 8443}]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "ingress", "namespace": "ingress"},
        "spec": {"selector": {"app": "ingress"}, "clusterIP": "10.96.0.9", "ports": ports, **spec},
        "status": status or {},
    }


def answer(source: str, destination: str, port: int, *given: dict[str, Any], **port_of_pod: Any) -> str:
    return verdict(cluster(objects(*given, **port_of_pod)), source, destination, port, calico=True).answer


def test_a_host_port_is_read_with_its_address() -> None:
    (pod,) = cluster(objects(hostPort=443, hostIP="192.168.100.31")).pods
    assert [(one.name, one.number, one.host_port, one.host_address) for one in pod.ports] == [
        ("", 8443, 443, "192.168.100.31")
    ]
    assert cluster(objects(hostPort=443, hostIP="0.0.0.0")).pods[0].ports[0].host_address == ""


@pytest.mark.parametrize(
    ("policies", "destination", "port", "expected"),
    [
        ([CLOSED], "k8s-1", 443, "denied"),
        ([CLOSED], "192.168.100.31", 443, "denied"),
        ([CLOSED, FOR_WEB], "k8s-1", 443, "allowed"),
        ([], "k8s-1", 443, "allowed"),
        # Another port, and a machine on which the pod does not run.
        ([CLOSED], "k8s-1", 444, "allowed"),
        ([CLOSED], "k8s-2", 443, "allowed"),
    ],
)
def test_policies_decide_about_a_host_port(
    policies: list[dict[str, Any]], destination: str, port: int, expected: str
) -> None:
    assert answer(OUTSIDE, destination, port, *policies, hostPort=443) == expected


def test_a_host_port_of_one_address_is_one_there_alone() -> None:
    assert answer(OUTSIDE, "k8s-1", 443, CLOSED, hostPort=443, hostIP="127.0.0.1") == "allowed"
    assert answer(OUTSIDE, "k8s-1", 443, CLOSED, hostPort=443, hostIP="192.168.100.31") == "denied"


def test_a_pod_that_is_nowhere_yet_leaves_its_host_port_undecided() -> None:
    assert answer(OUTSIDE, "k8s-1", 443, CLOSED, hostPort=443, node="") == "undecided"


def test_a_pod_on_the_network_of_its_machine_has_no_host_port() -> None:
    given = objects(hostPort=8443)
    given[2]["spec"]["hostNetwork"] = True
    assert cluster(given).pods[0].ports == ()


@pytest.mark.parametrize("address", ["192.168.100.31", "198.51.100.80"])
@pytest.mark.parametrize("kind", ["externalIPs", "loadBalancer"])
@pytest.mark.parametrize(("policies", "expected"), [([CLOSED], "denied"), ([CLOSED, FOR_WEB], "allowed")])
def test_policies_decide_about_an_external_address(
    policies: list[dict[str, Any]], expected: str, kind: str, address: str
) -> None:
    status = {"loadBalancer": {"ingress": [{"ip": address}, {"hostname": "lb.example"}]}}
    local = {"externalTrafficPolicy": "Local"}
    given = service(externalIPs=[address], **local) if kind == "externalIPs" else service(status, **local)
    assert answer(OUTSIDE, address, 443, given, *policies) == expected


def test_another_port_of_a_machine_with_an_external_address_is_its_own() -> None:
    assert answer(OUTSIDE, "192.168.100.31", 22, service(externalIPs=["192.168.100.31"]), CLOSED) == "allowed"


def test_without_local_traffic_policies_may_see_the_machine_instead() -> None:
    assert answer(OUTSIDE, "198.51.100.80", 443, service(externalIPs=["198.51.100.80"]), CLOSED, FOR_WEB) == "undecided"


def test_a_pod_reaches_an_external_address_by_its_own_machine() -> None:
    given = (service(externalIPs=["198.51.100.80"]), CLOSED)
    assert answer("k8s-2", "198.51.100.80", 443, *given) == "denied"


def asked(source: str, destination: str, port: str, *given: dict[str, Any], texts: Any = None, **pod: Any) -> Any:
    known = filters(objects(*given, **pod), texts)
    return path_verdict(Question(source, destination, Ports.parse(port)), known)


@pytest.mark.parametrize(("destination", "port"), [("k8s-1", "tcp/443"), (INGRESS, "tcp/443"), (INGRESS, "tcp/8443")])
def test_the_way_to_a_host_port_passes_published_ports_and_policies(destination: str, port: str) -> None:
    texts = {name: FIREWALL.format(source="203.0.113.0/24") for name in ("k8s-1", "k8s-2")}
    found = asked(OUTSIDE, destination, port, CLOSED, FOR_WEB, texts=texts, hostPort=443)
    assert [(step.where, step.answer) for step in found.steps] == [
        ("iptables on k8s-1", "allowed"),
        ("port 443 of k8s-1 (hostPort)", "allowed"),
        (f"ingress to {INGRESS}", "allowed"),
    ]
    closed = asked(OUTSIDE, destination, port, CLOSED, texts=texts, hostPort=443)
    assert (closed.answer, closed.steps[-1].where) == ("denied", f"ingress to {INGRESS}")
    elsewhere = asked("8.8.8.8", destination, port, CLOSED, FOR_WEB, texts=texts, hostPort=443)
    assert (elsewhere.answer, elsewhere.steps[-1].where) == ("denied", "iptables on k8s-1")


def test_a_pod_that_is_nowhere_yet_is_asked_for_on_every_machine() -> None:
    texts = {name: FIREWALL.format(source="203.0.113.0/24") for name in ("k8s-1", "k8s-2")}
    found = asked(OUTSIDE, INGRESS, "tcp/8443", CLOSED, FOR_WEB, texts=texts, hostPort=443, node="")
    assert (found.answer, found.steps[1].where) == ("allowed", "hostPort 443 of its machine")
    assert asked(OUTSIDE, "k8s-1", "tcp/443", CLOSED, FOR_WEB, texts=texts, hostPort=443, node="").answer == "undecided"


def test_which_machine_an_external_address_leads_to_is_not_known() -> None:
    texts = {name: FIREWALL.format(source="203.0.113.0/24") for name in ("k8s-1", "k8s-2")}
    given = (service(externalIPs=["198.51.100.80"], externalTrafficPolicy="Local"), CLOSED)
    assert asked(OUTSIDE, "198.51.100.80", "tcp/443", *given, texts=texts).answer == "denied"
    found = asked(OUTSIDE, "198.51.100.80", "tcp/443", *given, FOR_WEB, texts=texts)
    assert (found.answer, "is routed to" in found.assumptions[0]) == ("undecided", True)
    assert asked(OUTSIDE, "198.51.100.80", "tcp/443", *given, FOR_WEB).answer == "allowed"
    assert asked(OUTSIDE, "198.51.100.80", "tcp/444", *given, FOR_WEB).answer == "undecided"
