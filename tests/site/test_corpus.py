"""Every Compose file of the corpus that is a lab runs: it becomes ready, and its ways in answer in their protocol."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.labs.config.lab import parse_lab
from ansible_collections.autolabs.platform.plugins.module_utils.labs.config.text import decoded
from ansible_collections.autolabs.platform.plugins.module_utils.labs.model import InvalidInput, Lab
from ansible_collections.autolabs.platform.plugins.module_utils.labs.settings import NAMESPACES
from running import Site, wait_until_open
from testbed.paths import REPOSITORY

pytestmark = pytest.mark.slow

ROSTER = "id,name,group\nanna,Анна,7\n"
# What the first page says, where that shows that the parts of a lab found each other.
PAGES = {
    "attack-box": (401, b""),
    "build-then-serve": (200, b"Built at"),
    "busybox-web": (200, b"hello"),
    "counter-redis": (200, b"I have been seen 1 times."),
    "long-forms": (200, b"It costs 5$."),
    "queue-and-workers": (200, b"done:"),
    "replication": (200, b"connected"),
    "secret-flag": (200, b"wrong"),
    "static-site": (200, b"It works"),
}


def labs() -> Iterator[tuple[Path, Lab]]:
    """The files of the corpus that are labs."""
    for path in sorted((REPOSITORY / "tests/data/labs/corpus").glob("*.yml")):
        try:
            yield path, parse_lab(decoded(path.read_bytes(), path.name))
        except InvalidInput:
            continue


LABS = list(labs())


@pytest.mark.parametrize(("path", "lab"), LABS, ids=[path.stem for path, _lab in LABS])
def test_a_lab_of_the_corpus_runs(path: Path, lab: Lab, site: Site, tmp_path: Path) -> None:
    roster = tmp_path / "roster.csv"
    roster.write_text(ROSTER, encoding="utf-8")
    handout = tmp_path / "credentials.json"
    variables = {"lab_file": str(path), "lab_roster": str(roster), "lab_credentials_file": str(handout)}
    try:
        played = site.playbook("lab_start", variables)
        assert played.succeeded, played.output[-5000:]
        (instance,) = played.result("autolabs.platform.lab_class")["instances"]
        assert instance["state"] == "ready", instance
        (entry,) = json.loads(handout.read_text())
        own = [connection for member in entry["members"] for connection in member.get("connections", [])]
        connections = [*entry["connections"], *own]
        assert {connection["kind"] for connection in connections} == {access.kind for access in lab.access}
        for connection in connections:
            wait_until_open(connection)
            ANSWERS[connection["kind"]](path.stem, connection)
    finally:
        gone = site.playbook("lab_delete", {"lab_file": str(path)})
        site.kubectl("-n", NAMESPACES[lab.security_level], "delete", "pvc", "-l", f"lab_id={lab.id}", timeout=120)
    assert gone.succeeded, gone.output[-3000:]
    assert site.objects("pod", NAMESPACES[lab.security_level], f"lab_id={lab.id}") == []


def first_bytes(connection: dict[str, Any], count: int) -> bytes:
    """What a server says before it is asked."""
    with socket.create_connection((connection["host"], connection["port"]), timeout=20) as stream:
        return stream.recv(count)


def answers_ssh(name: str, connection: dict[str, Any]) -> None:
    """The banner of RFC 4253."""
    assert first_bytes(connection, 100).startswith(b"SSH-2.0-")


def answers_vnc(name: str, connection: dict[str, Any]) -> None:
    """The banner of RFC 6143."""
    assert first_bytes(connection, 12).startswith(b"RFB 003.")


def answers_http(name: str, connection: dict[str, Any]) -> None:
    """The first page, with the status and the text that are expected of it."""
    status, text = PAGES.get(name, (200, b""))
    client = http.client.HTTPConnection(connection["host"], connection["port"], timeout=20)
    client.request("GET", "/")
    answer = client.getresponse()
    said = answer.read()
    client.close()
    assert (answer.status, text in said) == (status, True), said[:500]


ANSWERS = {"ssh": answers_ssh, "vnc": answers_vnc, "http": answers_http}
