"""An instance of two components: real packets between them, and none to another student's."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from running import Played, Site, ssh, wait_until_open

PROBE_SECONDS = 3
PORT = 5432
"""What the database listens on; no line of the lab file declares it."""

LAB = f"""\
name: two-components
services:
  box:
    image: registry.autolabs.internal/labs/linux-ssh:1
    depends_on:
      db:
        condition: service_healthy
    volumes:
      - home:/home
      - data:/data
    mem_limit: 128m
  db:
    image: registry.autolabs.internal/labs/linux-ssh:1
    entrypoint: [python3, -m, http.server, "{PORT}", --directory, /data]
    healthcheck:
      test: [CMD, nc, -z, localhost, "{PORT}"]
      interval: 10s
      start_period: 30s
      start_interval: 1s
    volumes:
      - data:/data
    mem_limit: 128m
volumes:
  home:
  data:
x-lab:
  access:
    type: ssh
    component: box
"""
SELECTOR = "lab_id=two-components"


def name_of(student: str, component: str = "") -> str:
    return "-".join(part for part in ("lab-two-components-student", student, component) if part)


@dataclass
class Started:
    """The class as its teacher has it."""

    site: Site
    lab: Path
    folder: Path

    def start(self) -> tuple[Played, dict[str, dict[str, Any]]]:
        """Start the class; the handed-out entries by student."""
        handout = self.folder / "credentials.json"
        variables = {"lab_file": str(self.lab), "lab_students": ["anna", "boris"], "lab_credentials_file": str(handout)}
        played = self.site.playbook("lab_start", variables)
        assert played.succeeded, played.output[-5000:]
        entries = {entry["owner"]: entry for entry in json.loads(handout.read_text())}
        for entry in entries.values():
            wait_until_open(entry["connections"][0])
        return played, entries

    def run(self, entry: dict[str, Any], command: str) -> str:
        """What a command printed in the box of a student, who came in by ssh."""
        (connection,) = entry["connections"]
        done = ssh(connection, entry["password"], command, self.folder, timeout=60)
        assert done.returncode != 255, done.stderr
        return done.stdout

    def inside(self, student: str, component: str, command: str) -> str:
        """What a command printed in any component."""
        return self.site.kubectl("-n", "labs", "exec", name_of(student, component), "--", "sh", "-c", command)

    def address(self, student: str, component: str) -> str:
        """The Pod's own."""
        return self.site.kubectl(
            "-n", "labs", "get", "pod", name_of(student, component), "-o", "jsonpath={.status.podIP}"
        )


@pytest.fixture(scope="module")
def started(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Started]:
    folder = tmp_path_factory.mktemp("components")
    lab = folder / "two-components.yml"
    lab.write_text(LAB)
    yield Started(site, lab, folder)
    site.playbook("lab_delete", {"lab_id": "two-components"})
    site.kubectl("-n", "labs", "delete", "pvc", "-l", SELECTOR, "--wait=false")


@pytest.fixture(scope="module")
def entries(started: Started) -> dict[str, dict[str, Any]]:
    return started.start()[1]


def probe(host: str, port: int) -> str:
    return f"nc -z -w {PROBE_SECONDS} {host} {port} && echo open || echo closed"


def node_reaches(site: Site, host: str, port: int) -> bool:
    """Whether a TCP connection from the node comes about: nothing is closed to it."""
    return site.on_host("sh", "-c", probe(host, port)) == "open\n"


def test_a_component_is_found_by_its_name_on_a_port_that_nobody_declared(
    started: Started, entries: dict[str, dict[str, Any]]
) -> None:
    for student, entry in entries.items():
        started.run(entry, f"echo for {student} > /data/{student}")
        assert started.run(entry, f"curl -s http://db:{PORT}/{student}") == f"for {student}\n"
        assert started.inside(student, "db", probe("box", 2222)) == "open\n"


def test_another_students_component_is_known_by_name_and_closed(
    started: Started, entries: dict[str, dict[str, Any]]
) -> None:
    for own, other in (("anna", "boris"), ("boris", "anna")):
        for component, port in (("db", PORT), ("box", 2222)):
            domain = f"{component}.{name_of(other, 'internal')}.labs.svc.cluster.local"
            address = started.address(other, component)
            assert node_reaches(started.site, address, port), "it is closed for everybody"
            assert address in started.run(entries[own], f"getent hosts {domain}")
            for host in (domain, address):
                assert started.run(entries[own], probe(host, port)) == "closed\n"
                assert started.inside(own, "db", probe(host, port)) == "closed\n"


def test_the_cluster_address_of_another_students_way_in_is_closed(
    started: Started, entries: dict[str, dict[str, Any]]
) -> None:
    service = name_of("boris", "box")
    address = started.site.kubectl("-n", "labs", "get", "service", service, "-o", "jsonpath={.spec.clusterIP}")
    assert started.run(entries["anna"], probe(address, 22)) == "closed\n"


def test_students_reach_only_the_component_that_they_enter(
    started: Started, entries: dict[str, dict[str, Any]]
) -> None:
    """Even where somebody opens a node port to the database, its policy lets nobody in."""
    found = {
        service["metadata"]["name"]: service["spec"].get("type")
        for service in started.site.objects("service", "labs", SELECTOR)
    }
    assert found == {
        name_of(student, part): kind
        for student in ("anna", "boris")
        for part, kind in (("box", "NodePort"), ("internal", "ClusterIP"))
    }
    kubectl = started.site.kubectl
    opened = "two-components-opened"
    kubectl(
        "-n", "labs", "expose", "pod", name_of("anna", "db"), f"--port={PORT}", "--type=NodePort", f"--name={opened}"
    )
    try:
        patch = '{"spec":{"externalTrafficPolicy":"Local"}}'
        kubectl("-n", "labs", "patch", "service", opened, "-p", patch)
        port = kubectl("-n", "labs", "get", "service", opened, "-o", "jsonpath={.spec.ports[0].nodePort}")
        time.sleep(PROBE_SECONDS)
        (connection,) = entries["anna"]["connections"]
        with pytest.raises((OSError, AssertionError)):
            wait_until_open({**connection, "port": int(port), "address": f"port {port}"}, seconds=PROBE_SECONDS)
        wait_until_open(connection)
    finally:
        kubectl("-n", "labs", "delete", "service", opened)


def test_every_pod_is_valid_under_the_strictest_level(started: Started, entries: dict[str, dict[str, Any]]) -> None:
    said = started.site.kubectl("get", "namespace", "labs", "-o", "jsonpath={.metadata.labels}")
    assert json.loads(said)["pod-security.kubernetes.io/enforce"] == "restricted"


def test_a_second_start_changes_nothing(started: Started, entries: dict[str, dict[str, Any]]) -> None:
    played, again = started.start()
    assert not played.result("autolabs.platform.lab_class")["changed"]
    assert again == entries


def test_files_credentials_and_ports_outlive_a_stop(started: Started, entries: dict[str, dict[str, Any]]) -> None:
    started.run(entries["anna"], "echo kept > /data/kept")
    assert started.site.playbook("lab_stop", {"lab_id": "two-components"}).succeeded
    assert started.site.objects("pod", "labs", SELECTOR) == []
    _played, again = started.start()
    assert again == entries
    assert started.run(again["anna"], f"curl -s http://db:{PORT}/kept") == "kept\n"
