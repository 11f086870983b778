"""Real packets between the site's own namespaces: open is what the flow catalogue says, and nothing else.

Pods with the labels of the platform's parts stand in for them; each says who it takes the caller for.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.flows.catalogue.reading import read_catalogue
from ansible_collections.autolabs.platform.plugins.module_utils.flows.policies.namespaces import network_policies
from ansible_collections.autolabs.platform.plugins.module_utils.flows.resolve import resolve
from ansible_collections.autolabs.platform.plugins.module_utils.flows.site import Site as FlowSite
from kubernetes import client, config
from running import HOST, Played, Site

PATIENCE = 30
CLUSTER_DNS = "10.96.0.10"
API_SERVER = "10.96.0.1"
LABELS = {"app.kubernetes.io/managed-by": "autolabs", "autolabs.io/part": "flows"}
APPLY = "Close the namespaces but for their flows"
PRUNE = "Remove policies that it no longer has"

LISTEN = """
import socketserver, sys, threading, time
class Caller(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.sendall(self.client_address[0].encode())
for port in sys.argv[1:]:
    server = socketserver.ThreadingTCPServer(("", int(port)), Caller)
    threading.Thread(target=server.serve_forever, daemon=True).start()
time.sleep(1e6)
"""
# Prints of each target whether it is open or closed, or the address that cluster DNS knows for a name.
PROBE = r"""
import concurrent.futures, json, socket, sys
def dns(kind, host):
    name = b"".join(bytes([len(part)]) + part for part in b"kubernetes.default.svc.cluster.local".split(b"."))
    question = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00" + name + b"\x00\x00\x01\x00\x01"
    with socket.socket(socket.AF_INET, kind) as link:
        link.settimeout(3)
        link.connect((host, 53))
        link.sendall(question if kind == socket.SOCK_DGRAM else len(question).to_bytes(2, "big") + question)
        return socket.inet_ntoa(link.recv(4096)[-4:])
def ask(target):
    kind, host, port = target
    try:
        if kind == "tcp":
            socket.create_connection((host, port), 3).close()
            return "open"
        return dns(socket.SOCK_DGRAM if kind == "dns-udp" else socket.SOCK_STREAM, host)
    except OSError:
        return "closed"
with concurrent.futures.ThreadPoolExecutor(20) as pool:
    print(json.dumps(list(pool.map(ask, json.loads(sys.argv[1])))))
"""

# Name, namespace, labels, and the ports that it listens on.
PODS: dict[str, tuple[str, dict[str, str], tuple[int, ...]]] = {
    "broker": ("messaging", {"app": "rabbitmq"}, (5672, 15672)),
    "platform": ("platform", {"app": "backend-platform"}, (8000,)),
    "frontend": ("platform", {"app": "frontend"}, (3000, 3001)),
    "stranger": ("platform", {}, (8000,)),
    "controller": ("ingress", {"app": "envoy"}, (8080,)),
    "routes": ("ingress", {"app": "contour"}, (8001,)),
    "worker": ("infrastructure", {"app": "celery-worker"}, (8000,)),
}
OPEN = [
    ("platform", "broker", 5672),
    ("worker", "broker", 5672),
    ("controller", "frontend", 3000),
    ("controller", "platform", 8000),
    ("worker", "api-server", 443),
    ("worker", HOST, 6443),
    ("controller", "routes", 8001),
    ("routes", "api-server", 443),
]
CLOSED = [
    ("controller", "api-server", 443),
    ("routes", "platform", 8000),
    ("routes", "controller", 8080),
    ("platform", "broker", 15672),
    ("worker", "broker", 15672),
    ("controller", "broker", 5672),
    ("stranger", "broker", 5672),
    ("controller", "frontend", 3001),
    ("platform", "frontend", 3000),
    ("worker", "platform", 8000),
    ("platform", "worker", 8000),
    ("platform", "controller", 8080),
    ("stranger", "platform", 8000),
    ("platform", "stranger", 8000),
    ("controller", "stranger", 8000),
    ("platform", "api-server", 443),
    ("platform", HOST, 6443),
    ("stranger", "api-server", 443),
    ("frontend", "api-server", 443),
]
TARGETS = {source: [row[1:] for row in OPEN + CLOSED if row[0] == source] for source in PODS}


@dataclass
class Parts:
    """The stand-ins for the platform's parts."""

    site: Site
    addresses: dict[str, str]

    def ask(self, source: str, *targets: tuple[str, str, int]) -> list[str]:
        """What PROBE prints in a pod for targets of protocol, host and port."""
        code = ("python3", "-c", PROBE, json.dumps(targets))
        said = self.site.kubectl("-n", PODS[source][0], "exec", source, "--", *code, timeout=60)
        return list(json.loads(said))

    def reaches(self, source: str, target: str, port: int) -> bool:
        """Whether a connection from one to another comes about."""
        return self.ask(source, ("tcp", self.addresses[target], port)) != ["closed"]

    def matrix(self) -> dict[tuple[str, str, int], bool]:
        """Every cell of the tables above, and whether it is open."""
        found: dict[tuple[str, str, int], bool] = {}
        for source, targets in TARGETS.items():
            said = self.ask(source, *(("tcp", self.addresses[name], port) for name, port in targets))
            found |= {(source, *target): word != "closed" for target, word in zip(targets, said, strict=True)}
        return found


def until(true: Callable[[], bool], what: str) -> None:
    """Wait until the node has taken over what the API server knows."""
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.5)


def pod(name: str) -> dict[str, Any]:
    namespace, labels, ports = PODS[name]
    return {
        "metadata": {"name": name, "namespace": namespace, "labels": {**labels, "test": "network-policies"}},
        "spec": {
            "terminationGracePeriodSeconds": 0,
            "automountServiceAccountToken": False,
            "securityContext": {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [
                {
                    "name": "part",
                    "image": "docker.io/library/python:3.11-slim",
                    "command": ["python3", "-u", "-c", LISTEN, *map(str, ports)],
                    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                    "resources": {
                        "requests": {"cpu": "10m", "memory": "32Mi"},
                        "limits": {"cpu": "500m", "memory": "64Mi"},
                    },
                }
            ],
        },
    }


def node_port(name: str, namespace: str, labels: dict[str, str], port: int) -> dict[str, Any]:
    spec = {"type": "NodePort", "externalTrafficPolicy": "Local", "selector": labels, "ports": [{"port": port}]}
    return {"metadata": {"name": name, "namespace": namespace}, "spec": spec}


@pytest.fixture(scope="module")
def api(site: Site) -> client.ApiClient:
    """The API server, asked as the administrator."""
    return config.new_client_from_config(str(site.kubeconfig))


@pytest.fixture(scope="module")
def parts(site: Site, api: client.ApiClient) -> Iterator[Parts]:
    core = client.CoreV1Api(api)
    addresses = {"api-server": API_SERVER, HOST: site.host_address(HOST)}
    for name, (namespace, _labels, _ports) in PODS.items():
        core.create_namespaced_pod(namespace, pod(name))
    for name, (namespace, _labels, ports) in PODS.items():
        site.kubectl("-n", namespace, "wait", "--for=condition=Ready", f"pod/{name}", "--timeout=90s", timeout=100)
        addresses[name] = core.read_namespaced_pod(name, namespace).status.pod_ip
        for port in ports:
            until(partial(node_reaches, site, addresses[name], port), f"{name} does not listen")
    yield Parts(site, addresses)
    for name, (namespace, _labels, _ports) in PODS.items():
        core.delete_namespaced_pod(name, namespace)


@pytest.fixture(scope="module")
def matrix(parts: Parts) -> dict[tuple[str, str, int], bool]:
    """What packets found, once all that is to be open is; the closed cells are of the same moment."""
    found: dict[tuple[str, str, int], bool] = {}

    def opened() -> bool:
        found.update(parts.matrix())
        return all(found[cell] for cell in OPEN)

    deadline = time.monotonic() + PATIENCE
    while not opened() and time.monotonic() < deadline:
        time.sleep(0.5)
    return found


def node_reaches(site: Site, host: str, port: int) -> bool:
    """Pods are always open to their own node, so a door that is closed to others has somebody behind it."""
    return site.on_host("sh", "-c", f"nc -z -w 3 {host} {port} && echo open || echo closed") == "open\n"


def connects(host: str, port: int, namespace: str = "") -> str:
    """What a port said to this machine or to one in a network namespace; empty where it is closed."""
    code = f"import socket; print(socket.create_connection(({host!r}, {port}), 3).recv(99).decode())"
    words = ["ip", "netns", "exec", namespace] if namespace else []
    done = subprocess.run([*words, "python3", "-c", code], capture_output=True, text=True, timeout=30)
    return done.stdout.strip()


def play(site: Site, *files: Path, options: str = "") -> Played:
    """Apply the catalogue, with files laid over it, to the namespaces."""
    played = site.playbook(
        "cluster", {"flows_files": [str(file) for file in files]}, options=f"--tags network_policies {options}"
    )
    assert played.succeeded, played.output[-5000:]
    return played


@pytest.mark.parametrize("cell", OPEN, ids=[" ".join(map(str, cell)) for cell in OPEN])
def test_what_the_catalogue_names_is_open(matrix: dict[tuple[str, str, int], bool], cell: tuple[str, str, int]) -> None:
    assert matrix[cell]


@pytest.mark.parametrize("cell", CLOSED, ids=[" ".join(map(str, cell)) for cell in CLOSED])
def test_everything_else_is_closed(matrix: dict[tuple[str, str, int], bool], cell: tuple[str, str, int]) -> None:
    assert not matrix[cell]


def test_cluster_dns_answers_over_udp_and_tcp(parts: Parts) -> None:
    both = (("dns-udp", CLUSTER_DNS, 53), ("dns-tcp", CLUSTER_DNS, 53))
    assert parts.ask("platform", *both) == [API_SERVER, API_SERVER]
    assert parts.ask("stranger", *both) == ["closed", "closed"]


def test_who_comes_by_a_node_port_is_admitted_by_the_own_address(
    site: Site, parts: Parts, api: client.ApiClient
) -> None:
    core = client.CoreV1Api(api)
    web = core.create_namespaced_service("ingress", node_port("web", "ingress", PODS["controller"][1], 8080))
    admin = core.create_namespaced_service("messaging", node_port("admin", "messaging", PODS["broker"][1], 15672))
    host, outside = site.host_address(HOST), site.network.outside_namespace
    try:
        everyone, administrators = (service.spec.ports[0].node_port for service in (web, admin))
        seen = str(site.variable("testbed_outside_address"))
        until(lambda: connects(host, everyone, outside) == seen, "the ingress is closed to the internet")
        # This machine is where the demo's administrators are.
        until(lambda: bool(connects(host, administrators)), "RabbitMQ's pages are closed to administrators")
        assert not connects(host, administrators, outside)
    finally:
        core.delete_namespaced_service("web", "ingress")
        core.delete_namespaced_service("admin", "messaging")


def test_a_flow_that_a_file_takes_away_is_closed_and_one_that_it_adds_is_open_until_the_file_is_gone(
    site: Site, parts: Parts, tmp_path: Path
) -> None:
    file = tmp_path / "flows.yml"
    file.write_text(
        "endpoints:\n  stranger: {title: A part of our own, zone: platform,"
        " pods: {namespace: platform, labels: {test: network-policies}}}\n"
        "flows:\n  platform-rabbitmq: null\n"
        "  ours: {from: stranger, to: rabbitmq, ports: [tcp/15672], why: A test}\n"
    )
    assert parts.reaches("platform", "broker", 5672)

    plan = play(site, file, options="--check --diff")
    assert plan.changed_tasks() == [APPLY]
    assert "platform-rabbitmq" in plan.output
    assert parts.reaches("platform", "broker", 5672)

    assert play(site, file).changed_tasks() == [APPLY]
    until(lambda: not parts.reaches("platform", "broker", 5672), "the flow is still open")
    until(lambda: parts.reaches("stranger", "broker", 15672), "the new flow is closed")

    back = play(site, options="--check --diff")
    assert back.changed_tasks() == play(site).changed_tasks() == [APPLY, PRUNE]
    until(lambda: parts.reaches("platform", "broker", 5672), "the flow did not come back")
    until(lambda: not parts.reaches("stranger", "broker", 15672), "the new flow is still open")
    assert play(site).changed_tasks() == []


def test_a_change_by_hand_is_in_the_plan_and_the_next_run_takes_it_back(site: Site, parts: Parts) -> None:
    for namespace, name, directions in (
        ("messaging", "rabbitmq", ["ingress"]),
        ("platform", "default-deny", ["ingress", "egress"]),
    ):
        patch = json.dumps({"spec": {direction: [{}] for direction in directions}})
        site.kubectl("-n", namespace, "patch", "networkpolicy", name, "--type=merge", "-p", patch)
    site.kubectl("-n", "platform", "delete", "networkpolicy", "frontend")
    until(lambda: parts.reaches("platform", "broker", 15672), "the change by hand opens nothing")
    until(lambda: parts.reaches("platform", "stranger", 8000), "the change by hand opens nothing")

    plan = play(site, options="--check --diff")
    assert plan.changed_tasks() == [APPLY]
    assert play(site).changed_tasks() == [APPLY]
    until(lambda: not parts.reaches("platform", "broker", 15672), "the rule of the broker is still there")
    until(lambda: not parts.reaches("platform", "stranger", 8000), "the rules of the namespace are still there")
    assert site.kubectl("-n", "platform", "get", "networkpolicy", "frontend", "-o", "name")
    assert play(site).changed_tasks() == []


def test_a_cluster_that_is_not_there_yet_is_a_plan_and_no_run(site: Site, tmp_path: Path) -> None:
    nowhere = {"network_policies_kubeconfig": str(tmp_path / "none.conf")}
    plan = site.playbook("cluster", nowhere, options="--tags network_policies --check --diff")
    assert plan.succeeded, plan.output[-5000:]
    assert "Network policies are known after kubeadm." in plan.output
    played = site.playbook("cluster", nowhere, options="--tags network_policies")
    assert not played.succeeded and "Run the stage kubeadm first" in played.output


def test_every_policy_carries_what_it_is_found_and_traced_by(site: Site) -> None:
    live = json.loads(site.kubectl("get", "networkpolicy", "-A", "-l", "autolabs.io/part=flows", "-o", "json"))["items"]
    closed = {found["metadata"]["namespace"] for found in live if found["metadata"]["name"] == "default-deny"}
    assert {"platform", "infrastructure", "auth", "messaging", "ingress"} < closed
    assert {"labs", "labs-baseline", "labs-privileged"} < closed
    for found in live:
        assert found["metadata"]["labels"] == LABELS
        for direction in ("ingress", "egress"):
            names = found["metadata"]["annotations"][f"autolabs.io/{direction}-flows"].split(",")
            assert len([name for name in names if name]) == len(found["spec"].get(direction, []))


def test_the_api_server_accepts_every_policy_of_the_catalogue(api: client.ApiClient) -> None:
    """With all that a site can have: every feature and network, and machines with addresses of both families."""
    catalogue = read_catalogue()
    groups = {entry.group for entry in catalogue.endpoints.values()} - {""}
    networks = {entry.network for entry in catalogue.endpoints.values()} - {""}
    everything = FlowSite.from_dict(
        {
            "groups": {group: {"machine": ["192.0.2.10", "2001:db8::10"]} for group in groups},
            "networks": {
                **{name: ["198.51.100.0/24", "2001:db8:1::/48"] for name in networks},
                "pods": ["10.244.0.0/16", "fd00:244::/56"],
                "services": ["10.96.0.0/12"],
            },
            "features": sorted({flow.feature for flow in catalogue.flows.values()} - {""}),
        }
    )
    resolved = resolve(catalogue, everything)
    assert resolved.absent == ()
    policies = network_policies(resolved.flows, everything, resolved.namespaces, {"machine": ["10.244.9.0"]})
    asked = client.NetworkingV1Api(api)
    for policy in policies:
        policy["metadata"]["name"] += f"-{policy['metadata'].pop('namespace')}"
        asked.create_namespaced_network_policy("default", policy, dry_run="All", field_validation="Strict")
