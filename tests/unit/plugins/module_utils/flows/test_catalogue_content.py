"""What the built-in catalogue says, held against the source documents row by row, and against who must reach whom."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.autolabs.platform.plugins.module_utils.flows.catalogue.model import HOSTS, PODS, FlowEntry
from ansible_collections.autolabs.platform.plugins.module_utils.flows.catalogue.reading import read_catalogue
from ansible_collections.autolabs.platform.plugins.module_utils.flows.pages.page import ROWS, named_mistakes
from ansible_collections.autolabs.platform.plugins.module_utils.net.ports import Ports

CATALOGUE = read_catalogue()
FLOWS, ENDPOINTS = CATALOGUE.flows, CATALOGUE.endpoints
DATA = yaml.safe_load((Path(__file__).parents[5] / "docs" / ROWS).read_text())
SECTIONS: dict[str, list[dict[str, Any]]] = {
    f"{document['document']} {section['section']}": section["rows"]
    for document in DATA["documents"]
    for section in document["sections"]
}
ALL_ROWS = [(section, row) for section, rows in SECTIONS.items() for row in rows]
OURS = "ours: "

# What is known to be wrong with the documents where they speak of networks and firewalls, and of labs and Kubernetes
# where that is about flows.
KNOWN_MISTAKES = {
    "external-selector",
    "two-items",
    "label-name",
    "dns-tcp",
    "api-server-selector",
    "host-network-selector",
    "labs-ingress-only",
    "missing-ingress",
    "no-internet-policy",
    "ufw-forward",
    "proxmox-incomplete",
    "open-to-world",
    "gateway",
    "node-port-web",
    "vlan-300",
    "dmz-overlap",
    "pod-range",
    "vlan-pods",
    "student-ports",
    "route-per-student",
    "root-sshd",
    "only-worker",
    "get-start",
    "upload-creates",
    "data-in-cluster",
    "two-redis",
    "metrics-arrow",
    "web-socket",
    "copy-elsewhere",
    "local-names",
}


def pairs(flow: FlowEntry) -> set[tuple[str, str]]:
    """Who reaches whom by a flow."""
    return set(itertools.product(flow.sources, flow.destinations))


def sources(destination: str, port: str = "") -> set[str]:
    """Who reaches an endpoint, on one port or on any."""
    return {
        source
        for flow in FLOWS.values()
        if destination in flow.destinations and (not port or holds(flow.ports, port))
        for source in flow.sources
    }


def destinations(source: str) -> set[str]:
    """Whom an endpoint reaches."""
    return {name for flow in FLOWS.values() if source in flow.sources for name in flow.destinations}


def holds(ports: tuple[Ports, ...], port: str) -> bool:
    """Whether one of the ports is the given one."""
    one = Ports.parse(port)
    return any(entry.protocol == one.protocol and entry.first <= one.first <= entry.end for entry in ports)


# The documents, row by row


@pytest.mark.parametrize("section", SECTIONS)
def test_a_row_became_flows_or_says_what_became_of_it(section: str) -> None:
    for row in SECTIONS[section]:
        assert row.keys() <= {"says", "flows", "mistake", "instead", "closed", "left_out"}
        assert row.keys() & {"flows", "mistake", "closed", "left_out"}, f"nothing became of {row['says']}"
        assert set(row.get("flows", ())) <= FLOWS.keys()
        assert set(named_mistakes(row)) <= DATA["mistakes"].keys()
        texts = [row["says"], row.get("instead", "."), row.get("left_out", ".")]
        assert all(isinstance(text, str) and text for text in texts)


@pytest.mark.parametrize("section", [name for name, rows in SECTIONS.items() if any("closed" in row for row in rows)])
def test_what_a_row_calls_closed_is_closed(section: str) -> None:
    for row in SECTIONS[section]:
        for source, destination in row.get("closed", ()):
            assert {source, destination} <= ENDPOINTS.keys()
            assert [name for name, flow in FLOWS.items() if (source, destination) in pairs(flow)] == []


def test_no_section_says_the_same_twice() -> None:
    said = [(section, row["says"]) for section, row in ALL_ROWS]
    assert len(said) == len(set(said))


@pytest.mark.parametrize("name", FLOWS)
def test_a_flow_stands_in_a_document_or_says_that_it_is_ours(name: str) -> None:
    named = any(name in row.get("flows", ()) for _section, row in ALL_ROWS)
    assert named or any(text.startswith(OURS) and len(text) > 20 for text in FLOWS[name].reference)


@pytest.mark.parametrize("name", FLOWS)
def test_a_reference_is_a_section_that_names_the_flow(name: str) -> None:
    assert FLOWS[name].reference
    for reference in FLOWS[name].reference:
        if not reference.startswith(OURS):
            assert reference in SECTIONS
            assert any(name in row.get("flows", ()) for row in SECTIONS[reference]), f"{reference} does not name it"


def test_every_known_mistake_is_named_and_every_named_one_is_found_in_a_row() -> None:
    found = {name for _section, row in ALL_ROWS for name in named_mistakes(row)}
    assert set(DATA["mistakes"]) >= KNOWN_MISTAKES
    assert set(DATA["mistakes"]) == found


def test_a_mistake_says_what_is_wrong_and_what_stands_instead() -> None:
    for entry in DATA["mistakes"].values():
        assert entry.keys() == {"title", "wrong", "instead"} and all(entry.values())


@pytest.mark.parametrize(
    ("port", "flows"),
    [
        ("tcp/22", {"admin-ssh", "gitlab-ssh"}),
        ("tcp/80", {"web", "gitlab-web", "lab-internet"}),
        ("tcp/443", {"web", "gitlab-web", "registry-pull", "lab-internet", "cloud-object-storage"}),
        ("tcp/5050", {"registry-pull", "registry-developers", "runner-registry"}),
        ("tcp/5432", {"platform-postgresql", "zitadel-postgresql", "gitlab-postgresql", "cloud-postgresql"}),
        ("tcp/6432", {"platform-postgresql", "worker-postgresql", "cloud-postgresql"}),
        ("tcp/6379", {"platform-redis", "worker-redis", "cloud-redis"}),
        ("tcp/9000", {"platform-object-store", "worker-object-store"}),
        ("tcp/9001", {"admin-object-store"}),
        (
            "tcp/6443",
            {"worker-api-server", "gitlab-api-server", "admin-api-server", "ingress-api-server", "api-endpoint"},
        ),
        ("tcp/31234", {"lab-access"}),
        ("tcp/8006", {"admin-proxmox"}),
        ("tcp/5672", {"platform-rabbitmq", "worker-rabbitmq", "infrastructure-rabbitmq"}),
        ("tcp/15672", {"admin-rabbitmq"}),
        ("tcp/8000", {"ingress-platform", "platform-infrastructure"}),
        ("tcp/8080", {"ingress-zitadel", "platform-zitadel"}),
        ("tcp/3000", {"ingress-frontend"}),
        ("tcp/53", {"dns", "lab-dns", "monitoring-dns"}),
        ("udp/53", {"dns", "lab-dns", "monitoring-dns"}),
        ("udp/51820", {"vpn-wireguard"}),
        ("tcp/9090", {"grafana-prometheus"}),
        ("tcp/3100", {"grafana-loki", "logs"}),
        ("tcp/2379", {"etcd"}),
        ("tcp/2380", {"etcd"}),
        ("tcp/10250", {"kubelet", "metrics-kubelet", "resource-metrics"}),
        ("tcp/4369", {"rabbitmq-peers"}),
        ("tcp/25672", {"rabbitmq-peers"}),
        ("tcp/9153", {"metrics-dns"}),
        ("tcp/10249", {"metrics-kube-proxy"}),
        ("tcp/9091", {"metrics-calico"}),
        ("tcp/2381", {"metrics-etcd"}),
        ("tcp/587", {"zitadel-mail", "alerts-mail"}),
        ("udp/4789", {"vxlan"}),
        ("vrrp", {"vrrp"}),
    ],
)
def test_every_port_of_the_documents_has_its_flows(port: str, flows: set[str]) -> None:
    assert flows <= {name for name, flow in FLOWS.items() if holds(flow.published_ports or flow.ports, port)}


@pytest.mark.parametrize("port", ["tcp/2222", "tcp/2223", "tcp/5900", "tcp/5901"])
def test_students_ports_of_the_documents_stay_closed_on_every_machine(port: str) -> None:
    assert [name for name, flow in FLOWS.items() if holds(flow.published_ports or flow.ports, port)] == []


# Who must reach whom


@pytest.mark.parametrize(
    ("source", "reached"),
    [
        ("everyone", {"ingress", "gitlab", "lab-instances"}),
        ("internet", set()),
        ("lab-instances", {"cluster-dns", "internet"}),
        ("frontend", {"cluster-dns"}),
        ("zitadel", {"cluster-dns", "database", "cloud-database", "mail"}),
        ("rabbitmq", {"cluster-dns", "rabbitmq", "k8s-control-plane", "api-endpoint"}),
        (
            "ingress",
            {"contour", "frontend", "backend-platform", "backend-infrastructure", "zitadel", "grafana", "cluster-dns"},
        ),
        ("contour", {"k8s-control-plane", "api-endpoint", "cluster-dns"}),
        ("runner-jobs", {"gitlab"}),
    ],
)
def test_an_endpoint_reaches_these_and_no_other(source: str, reached: set[str]) -> None:
    assert destinations(source) == reached


@pytest.mark.parametrize(
    ("destination", "port", "who"),
    [
        ("k8s-control-plane", "tcp/2379", {"k8s-control-plane"}),
        ("database", "tcp/9001", {"admins"}),
        ("rabbitmq", "tcp/15672", {"admins"}),
        ("rabbitmq", "tcp/5672", {"backend-platform", "backend-infrastructure", "worker"}),
        ("proxmox", "tcp/8006", {"admins"}),
        ("proxmox", "tcp/22", {"admins"}),
        ("database", "tcp/22", {"admins"}),
        ("k8s", "tcp/22", {"admins"}),
        ("gitlab", "tcp/22", {"admins", "developers"}),
        ("gitlab", "tcp/5050", {"admins", "developers", "k8s", "runner-jobs"}),
        ("worker", "", {"prometheus"}),
        ("lab-instances", "", {"everyone"}),
        ("ingress", "", {"everyone", "prometheus"}),
        ("contour", "", {"ingress", "prometheus"}),
        ("loki", "", {"grafana", "log-collector", "prometheus"}),
        ("grafana", "", {"ingress", "prometheus"}),
        ("alertmanager", "tcp/9093", {"prometheus"}),
        ("rabbitmq", "tcp/25672", {"rabbitmq"}),
        ("mail", "", {"zitadel", "alertmanager"}),
        ("zitadel", "", {"ingress", "backend-platform", "prometheus"}),
    ],
)
def test_an_endpoint_is_reached_by_these_and_no_other(destination: str, port: str, who: set[str]) -> None:
    assert sources(destination, port) == who


@pytest.mark.parametrize("destination", ["k8s-control-plane", "api-endpoint"])
def test_of_the_platform_only_worker_and_contour_talk_to_the_api_server(destination: str) -> None:
    platform = {"frontend", "backend-platform", "backend-infrastructure", "worker", "zitadel", "rabbitmq", "ingress"}
    asking = [flow for flow in FLOWS.values() if destination in flow.destinations]
    always = {name for flow in asking if not flow.feature for name in flow.sources}
    assert always & {*platform, "contour"} == {"worker", "contour"}
    assert {flow.feature for flow in asking if "rabbitmq" in flow.sources} == {"rabbitmq-cluster"}


def test_who_asks_the_api_server_does_so_by_its_own_addresses_and_by_the_sites() -> None:
    assert sources("api-endpoint") == sources("k8s-control-plane", "tcp/6443") - {"admins", "api-endpoint"}


def test_all_machines_of_the_cluster_are_meant_never_one_address() -> None:
    assert all(entry.group for entry in ENDPOINTS.values() if entry.kind == HOSTS)
    assert not any(entry.blocks for entry in ENDPOINTS.values())


def test_no_machine_publishes_a_port_for_two_flows() -> None:
    """The wider one of them would open the port to its own sources; admins' pages are thus on no node port."""
    published = [flow for flow in FLOWS.values() if flow.published_at]
    for one, other in itertools.combinations(published, 2):
        if one.published_at == other.published_at:
            shared = [port for port in one.published_ports for entry in other.published_ports if port.overlaps(entry)]
            assert not shared, f"{one.name} and {other.name} share {shared}"


@pytest.mark.parametrize(
    ("feature", "flows"),
    [
        ("mail", {"zitadel-mail"}),
        ("metrics-server", {"resource-metrics"}),
        ("rabbitmq-cluster", {"rabbitmq-peers", "rabbitmq-api-server"}),
    ],
)
def test_a_feature_opens_these_flows(feature: str, flows: set[str]) -> None:
    assert {name for name, flow in FLOWS.items() if flow.feature == feature} == flows


def test_every_program_that_is_closed_can_look_up_names() -> None:
    guarded = {name for name, entry in ENDPOINTS.items() if entry.kind == PODS and not entry.unguarded}
    assert guarded <= sources("cluster-dns", "udp/53") == sources("cluster-dns", "tcp/53")


def test_metrics_are_asked_for_by_prometheus_and_sent_by_nobody() -> None:
    metrics = [flow for name, flow in FLOWS.items() if name.startswith("metrics-")]
    assert len(metrics) > 5
    assert all(flow.sources == ("prometheus",) and flow.feature == "monitoring" for flow in metrics)
    assert sources("prometheus") == {"grafana"}


def test_every_endpoint_has_a_flow() -> None:
    used = {name for flow in FLOWS.values() for name in (*flow.sources, *flow.destinations)}
    assert ENDPOINTS.keys() - used == set()
