"""Real packets: what a lab reaches, and that each closed door is one that opens for somebody else."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from running import HOST, Site, ssh, wait_until_open
from testbed.paths import REPOSITORY

PROBE_SECONDS = 3
METADATA = "169.254.169.254"

# A pod of the platform that listens, as any of its services would. No flow of the catalogue is for it.
PLATFORM_POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "listener", "namespace": "platform", "labels": {"app": "listener"}},
    "spec": {
        "securityContext": {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [
            {
                "name": "listener",
                "image": "docker.io/library/busybox:latest",
                "imagePullPolicy": "IfNotPresent",
                "command": ["httpd", "-f", "-p", "8000", "-h", "/bin"],
                "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"cpu": "50m", "memory": "32Mi"}},
            }
        ],
    },
}


@dataclass
class Labs:
    """Two students of a lab without internet, and one of a lab with it."""

    site: Site
    folder: Path
    instances: dict[str, dict[str, Any]]
    passwords: dict[str, str]

    def run(self, owner: str, command: str) -> str:
        """What a command printed in a student's instance, whether it succeeded or not."""
        (connection,) = self.instances[owner]["connections"]
        done = ssh(connection, self.passwords[owner], command, self.folder, timeout=60)
        assert done.returncode != 255, done.stderr
        return done.stdout

    def reaches(self, owner: str, host: str, port: int) -> bool:
        """Whether a TCP connection from the instance comes about."""
        said = self.run(owner, f"nc -z -w {PROBE_SECONDS} {host} {port} && echo open || echo closed")
        assert said in ("open\n", "closed\n"), said
        return said == "open\n"


@pytest.fixture(scope="module")
def labs(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Labs]:
    folder = tmp_path_factory.mktemp("isolation")
    online = folder / "online.yml"
    text = (REPOSITORY / "docs/labs/linux-basics.yml").read_text()
    online.write_text(text.replace("name: linux-basics", "name: online").replace("x-lab:", "x-lab:\n  internet: true"))
    instances, passwords = {}, {}
    wanted = {
        "linux-basics": (REPOSITORY / "docs/labs/linux-basics.yml", ["anna", "boris"]),
        "online": (online, ["eva"]),
    }
    for lab, students in wanted.values():
        handout = folder / "credentials.json"
        played = site.playbook(
            "lab_start", {"lab_file": str(lab), "lab_students": students, "lab_credentials_file": str(handout)}
        )
        assert played.succeeded, played.output[-5000:]
        for entry in json.loads(handout.read_text()):
            instances[entry["owner"]] = entry
            passwords[entry["owner"]] = entry["password"]
            wait_until_open(entry["connections"][0])
    yield Labs(site, folder, instances, passwords)
    for name in wanted:
        site.playbook("lab_delete", {"lab_id": name})
        site.kubectl("-n", "labs", "delete", "pvc", "-l", f"lab_id={name}")


@pytest.fixture(scope="module")
def listener(site: Site) -> Iterator[str]:
    """The address of a pod in the namespace platform that listens on port 8000."""
    kubectl = "kubectl --kubeconfig /etc/kubernetes/admin.conf"
    site.on_host("sh", "-c", f"printf %s '{json.dumps(PLATFORM_POD)}' | {kubectl} apply -f -")
    site.kubectl("-n", "platform", "wait", "--for=condition=Ready", "pod/listener", "--timeout=60s", timeout=90)
    address = site.kubectl("-n", "platform", "get", "pod", "listener", "-o", "jsonpath={.status.podIP}")
    until_open(site, address, 8000)
    yield address
    site.kubectl("-n", "platform", "delete", "pod", "listener", "--wait=false")


@pytest.fixture(scope="module")
def metadata_service(site: Site) -> Iterator[None]:
    """Something that really answers on the node at the address of cloud metadata."""
    site.on_host("ip", "addr", "add", f"{METADATA}/32", "dev", "lo")
    unit = "autolabs-test-metadata"
    serve = ["python3", "-m", "http.server", "80", "--bind", METADATA, "--directory", "/srv"]
    site.on_host("systemd-run", "--unit", unit, *serve)
    until_open(site, METADATA, 80)
    yield
    site.on_host("systemctl", "stop", unit)
    site.on_host("ip", "addr", "del", f"{METADATA}/32", "dev", "lo")


@pytest.fixture(scope="module")
def outside(site: Site) -> Iterator[str]:
    """A web server at a public-looking address outside of the cluster, on ports 80 and 8080."""
    address = str(site.variable("testbed_outside_address"))
    servers = [
        site.outside("python3", "-m", "http.server", port, "--bind", address, "--directory", "/srv")
        for port in ("80", "8080")
    ]
    until_open(site, address, 80)
    until_open(site, address, 8080)
    yield address
    for server in servers:
        server.terminate()
        server.wait()


def node_reaches(site: Site, host: str, port: int) -> bool:
    """Whether a TCP connection from the node comes about: nothing is closed to it."""
    said = site.on_host("sh", "-c", f"nc -z -w {PROBE_SECONDS} {host} {port} && echo open || echo closed")
    return said == "open\n"


def until_open(site: Site, host: str, port: int) -> None:
    deadline = time.monotonic() + 20
    while not node_reaches(site, host, port):
        assert time.monotonic() < deadline, f"{host}:{port} does not listen"


def closed_door(labs: Labs, host: str, port: int) -> None:
    """Open for the node, closed for a lab: so it is the policy that closes it."""
    assert node_reaches(labs.site, host, port), f"{host}:{port} is closed for everybody"
    assert not labs.reaches("anna", host, port)
    assert not labs.reaches("eva", host, port), "the internet opens it"


def pod_address(labs: Labs, owner: str) -> str:
    name = labs.instances[owner]["instance"]
    return labs.site.kubectl("-n", "labs", "get", "pod", name, "-o", "jsonpath={.status.podIP}")


def test_the_pod_of_another_student(labs: Labs) -> None:
    closed_door(labs, pod_address(labs, "boris"), 2222)


def test_the_cluster_address_of_another_student(labs: Labs) -> None:
    name = labs.instances["boris"]["instance"]
    address = labs.site.kubectl("-n", "labs", "get", "service", name, "-o", "jsonpath={.spec.clusterIP}")
    closed_door(labs, address, 22)


def test_the_node_port_of_another_student(labs: Labs) -> None:
    (connection,) = labs.instances["boris"]["connections"]
    closed_door(labs, connection["host"], connection["port"])


def test_the_api_server(labs: Labs) -> None:
    closed_door(labs, labs.site.host_address(HOST), 6443)
    closed_door(labs, "10.96.0.1", 443)


def test_the_node(labs: Labs) -> None:
    closed_door(labs, labs.site.host_address(HOST), 22)
    closed_door(labs, labs.site.host_address(HOST), 10250)


def test_a_metadata_address(labs: Labs, metadata_service: None) -> None:
    closed_door(labs, METADATA, 80)


def test_a_pod_of_the_platform(labs: Labs, listener: str) -> None:
    closed_door(labs, listener, 8000)


def test_cluster_dns_answers_over_udp_and_tcp(labs: Labs) -> None:
    name = "kubernetes.default.svc.cluster.local"
    for option in ("+notcp", "+tcp"):
        assert labs.run("anna", f"dig {option} +short +time=3 {name}") == "10.96.0.1\n"


def test_the_internet_is_closed_unless_the_lab_asks(labs: Labs, outside: str) -> None:
    assert node_reaches(labs.site, outside, 80)
    assert not labs.reaches("anna", outside, 80)
    assert labs.reaches("eva", outside, 80)


def test_the_internet_of_a_lab_is_the_web_alone(labs: Labs, outside: str) -> None:
    assert node_reaches(labs.site, outside, 8080)
    assert not labs.reaches("eva", outside, 8080)


def test_a_pod_without_a_lab_is_closed_in_the_labs_namespace(site: Site, labs: Labs) -> None:
    names = {found["metadata"]["name"]: found for found in site.objects("networkpolicy", "labs")}
    denied = [found for found in names.values() if found["spec"]["podSelector"] == {}]
    assert denied and not any(found["spec"].get("ingress") or found["spec"].get("egress") for found in denied)
