"""How a student gets in."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.labs.connection import Connection, connections
from unit.support.classes import CREDENTIALS, ready

POD = {"metadata": {"name": "a"}, "status": ready("192.0.2.7")}


def service(**ports: int | None) -> dict[str, Any]:
    entries = [{"name": name, **({"nodePort": port} if port else {})} for name, port in ports.items()]
    return {"spec": {"ports": entries}}


def test_ssh_comes_with_the_host_key() -> None:
    (found,) = connections(service(ssh=30001), POD, CREDENTIALS, "")
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
    found = str([one.as_result() for one in connections(service(ssh=30001, http=30002), POD, CREDENTIALS, "")])
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
    assert [found.address for found in connections(given, pod, CREDENTIALS, access_host)] == addresses


def test_only_ssh_has_a_host_key_and_only_where_it_is_known() -> None:
    assert connections(service(http=30002), POD, CREDENTIALS, "")[0].host_key == ""
    assert connections(service(ssh=30001), POD, None, "") == (Connection("ssh", "192.0.2.7", 30001),)
