"""How a student gets in."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.labs.connection import Connection, connections
from unit.support.classes import CREDENTIALS, GROUPS, class_of, live_with, ready

POD: dict[str, Any] = {"metadata": {"name": "a"}, "status": ready("192.0.2.7")}


def service(**ports: int | None) -> dict[str, Any]:
    entries = [{"name": name, "port": 80, **({"nodePort": port} if port else {})} for name, port in ports.items()]
    return {"spec": {"ports": entries}}


def test_ssh_comes_with_the_host_key() -> None:
    (found,) = connections([service(ssh=30001)], [POD], CREDENTIALS, "")
    assert found.as_result() == {
        "kind": "ssh",
        "host": "192.0.2.7",
        "port": 30001,
        "user": "student",
        "host_key": CREDENTIALS.public_key,
        "host_key_fingerprint": CREDENTIALS.fingerprint,
        "address": "ssh -p 30001 student@192.0.2.7",
    }


def test_no_connection_holds_a_secret() -> None:
    found = str([one.as_result() for one in connections([service(ssh=30001, http=30002)], [POD], CREDENTIALS, "")])
    assert CREDENTIALS.password not in found and "PRIVATE" not in found


@pytest.mark.parametrize(
    ("given", "pod", "access_host", "addresses"),
    [
        (service(http=30002), POD, "", ["http://192.0.2.7:30002"]),
        (service(http=30002), POD, "labs.example.org", ["http://labs.example.org:30002"]),
        (service(http=30002), None, "labs.example.org", ["http://labs.example.org:30002"]),
        (service(vnc=30003), POD, "2001:db8::7", ["vnc://[2001:db8::7]:30003"]),
        (service(ssh=30001), POD, "2001:db8::7", ["ssh -p 30001 student@2001:db8::7"]),
        (service(ssh=30001, http=30002), POD, "h", ["ssh -p 30001 student@h", "http://h:30002"]),
        (service(ssh=30001), {"metadata": {}, "status": {}}, "", []),
        (service(ssh=30001), {"metadata": {}}, "", []),
        (service(ssh=30001), None, "", []),
        (service(ssh=None), POD, "", []),
        (None, POD, "labs.example.org", []),
    ],
)
def test_the_way_in(given: dict[str, Any] | None, pod: Any, access_host: str, addresses: list[str]) -> None:
    services, pods = [given] if given else [], [pod] if pod else []
    assert [found.address for found in connections(services, pods, CREDENTIALS, access_host)] == addresses


def test_only_ssh_has_a_host_key_and_only_where_it_is_known() -> None:
    assert connections([service(http=30002)], [POD], CREDENTIALS, "")[0].host_key == ""
    assert connections([service(ssh=30001)], [POD], None, "") == (Connection("ssh", "192.0.2.7", 30001),)


def for_component(name: str, **ports: int) -> dict[str, Any]:
    found = service(**ports)
    found["spec"]["selector"] = {"component": name}
    return found


def test_each_service_leads_to_the_node_of_the_pod_that_it_opens() -> None:
    services = [for_component("web", http=30002), for_component("box", ssh=30001), for_component("gone", vnc=30003)]
    pods = [
        {"metadata": {"labels": {"component": "box"}}, "status": ready("192.0.2.8")},
        {"metadata": {"labels": {"component": "web"}}, "status": ready("192.0.2.9")},
    ]
    found = [one.address for one in connections(services, pods, CREDENTIALS, "")]
    assert found == ["http://192.0.2.9:30002", "ssh -p 30001 student@192.0.2.8"]


def group() -> tuple[dict[str, Any], dict[str, Any]]:
    """The live Service and Pod of a group of anna and bob."""
    live = live_with(class_of("anna/7", "bob/7", lab=GROUPS))
    (found,), (pod,) = live.all("Service"), live.all("Pod")
    for number, port in enumerate(found["spec"]["ports"]):
        port["nodePort"] = 30001 + number
    return found, pod


def test_each_member_of_a_group_has_a_port_of_their_own() -> None:
    found, pod = group()
    ways_in = connections([found], [pod], CREDENTIALS, "")
    assert [(one.kind, one.member, one.port) for one in ways_in] == [("ssh", "anna", 30001), ("ssh", "bob", 30002)]
    assert ways_in[0].as_result()["member"] == "anna"
    assert {one.host_key for one in ways_in} == {CREDENTIALS.public_key}


def test_a_member_without_a_container_has_no_way_in_yet() -> None:
    found, pod = group()
    pod["spec"]["containers"].pop()
    assert [one.member for one in connections([found], [pod], CREDENTIALS, "")] == ["anna"]
