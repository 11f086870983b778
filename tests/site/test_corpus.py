"""Every lab of the corpus and of the examples runs: it becomes ready, and its ways in answer in their protocol."""

from __future__ import annotations

import base64
import http.client
import json
import socket
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput
from ansible_collections.autolabs.platform.plugins.module_utils.documents.text import decoded
from ansible_collections.autolabs.platform.plugins.module_utils.labs.config.lab import parse_lab
from ansible_collections.autolabs.platform.plugins.module_utils.labs.connection import ACCOUNT
from ansible_collections.autolabs.platform.plugins.module_utils.labs.model import Lab
from ansible_collections.autolabs.platform.plugins.module_utils.labs.settings import NAMESPACES
from running import Site, wait_until_open
from testbed.paths import REPOSITORY

pytestmark = pytest.mark.slow

EXAMPLES = ("desktop", "network-pentest", "sql-basics", "sql-injection")
"""Those of docs/labs that no other test starts; the image of network-analysis is for a teacher to make."""
CLASS = "corpus"
AT_ONCE = 4
ROSTER = "id,name,group\nanna,Анна,7\n"
# What the first page says, where that shows that the parts of a lab found each other.
PAGES = {
    "build-then-serve": b"Built at",
    "busybox-web": b"hello",
    "counter-redis": b"I have been seen 1 times.",
    "long-forms": b"It costs 5$.",
    "queue-and-workers": b"done:",
    "replication": b"connected",
    "secret-flag": b"wrong",
    "static-site": b"It works",
}


def labs() -> Iterator[tuple[Path, Lab]]:
    """The files of the corpus that are labs, and the examples whose images are there."""
    corpus = sorted((REPOSITORY / "tests/data/labs/corpus").glob("*.yml"))
    for path in [*corpus, *(REPOSITORY / f"docs/labs/{name}.yml" for name in EXAMPLES)]:
        try:
            yield path, parse_lab(decoded(path.read_bytes(), path.name))
        except InvalidInput:
            continue


LABS = list(labs())


@pytest.fixture(scope="module")
def running(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future[None]]]:
    """Every lab on its way through its life, some at a time: alone each would mostly wait."""
    with ThreadPoolExecutor(AT_ONCE) as workers:
        yield {path.stem: workers.submit(live, path, lab, site, tmp_path_factory.mktemp("lab")) for path, lab in LABS}


@pytest.mark.parametrize("name", [path.stem for path, _lab in LABS])
def test_a_lab_runs(name: str, running: dict[str, Future[None]]) -> None:
    running[name].result()


def live(path: Path, lab: Lab, site: Site, folder: Path) -> None:
    """Start a lab for one student, knock at every way in, and delete it."""
    roster = folder / "roster.csv"
    roster.write_text(ROSTER, encoding="utf-8")
    handout = folder / "credentials.json"
    variables = {"lab_file": str(path), "lab_roster": str(roster), "lab_class_id": CLASS}
    try:
        played = site.playbook("lab_start", variables | {"lab_credentials_file": str(handout)})
        assert played.succeeded, played.output[-5000:]
        (instance,) = played.result("autolabs.platform.lab_class")["instances"]
        assert instance["state"] == "ready", instance
        (entry,) = json.loads(handout.read_text())
        own = [connection for member in entry["members"] for connection in member.get("connections", [])]
        connections = [*entry["connections"], *own]
        assert {connection["kind"] for connection in connections} == {access.kind for access in lab.access}
        for connection in connections:
            wait_until_open(connection)
            ANSWERS[connection["kind"]](path.stem, connection, entry["password"])
    finally:
        gone = site.playbook("lab_delete", {"lab_file": str(path), "lab_class_id": CLASS})
        selector = f"lab_id={lab.id},class_id={CLASS}"
        site.kubectl("-n", NAMESPACES[lab.security_level], "delete", "pvc", "-l", selector, timeout=120)
    assert gone.succeeded, gone.output[-3000:]
    assert site.objects("pod", NAMESPACES[lab.security_level], selector) == []


def first_bytes(connection: dict[str, Any], count: int) -> bytes:
    """What a server says before it is asked."""
    with socket.create_connection((connection["host"], connection["port"]), timeout=20) as stream:
        return stream.recv(count)


def answers_ssh(name: str, connection: dict[str, Any], password: str) -> None:
    """The banner of RFC 4253."""
    assert first_bytes(connection, 100).startswith(b"SSH-2.0-")


def answers_vnc(name: str, connection: dict[str, Any], password: str) -> None:
    """The banner of RFC 6143."""
    assert first_bytes(connection, 12).startswith(b"RFB 003.")


def answers_http(name: str, connection: dict[str, Any], password: str) -> None:
    """The first page, for whoever knows the instance's password, with the text that is expected of it."""
    account = base64.b64encode(f"{ACCOUNT}:{password}".encode()).decode()
    client = http.client.HTTPConnection(connection["host"], connection["port"], timeout=20)
    client.request("GET", "/", headers={"Authorization": f"Basic {account}"})
    answer = client.getresponse()
    said = answer.read()
    client.close()
    assert (answer.status, PAGES.get(name, b"") in said) == (200, True), said[:500]


ANSWERS = {"ssh": answers_ssh, "vnc": answers_vnc, "http": answers_http}
