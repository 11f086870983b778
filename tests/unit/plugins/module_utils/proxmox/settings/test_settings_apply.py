"""Changes become requests: each in its shape, in order, and with what is done when one fails."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.errors import Refused
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.settings import there
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.settings.apply import NotAll, carry_out
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.settings.difference import differences
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.settings.reading import read_objects

VMBR0 = {"iface": "vmbr0", "type": "bridge", "cidr": "10.0.0.1/24", "bridge_ports": "eno1", "autostart": 1}


class Api:
    """An API in memory that keeps what it was asked to do."""

    def __init__(self, answers: dict[str, Any], broken: str = "") -> None:
        self.answers, self.broken = answers, broken
        self.done: list[tuple[str, dict[str, Any]]] = []

    def get(self, path: str, /, **parameters: Any) -> Any:
        """What is at `path`."""
        return self.answers.get(path)

    def post(self, path: str, /, **parameters: Any) -> Any:
        """Make something."""
        return self._did("POST", path, parameters)

    def put(self, path: str, /, **parameters: Any) -> Any:
        """Change something."""
        return self._did("PUT", path, parameters)

    def delete(self, path: str, /, **parameters: Any) -> Any:
        """Remove something."""
        return self._did("DELETE", path, parameters)

    def wait(self, upid: str) -> None:
        """Wait for the end of a task."""
        self.done.append((f"WAIT {upid}", {}))

    def _did(self, method: str, path: str, parameters: dict[str, Any]) -> Any:
        request = f"{method} {path}"
        if request == self.broken:
            raise Refused("no")
        self.done.append((request, parameters))
        return {"value": "secret"} if "/token/" in path else "UPID" if path.endswith("/network") else None


def applied(wanted: list[dict[str, Any]], broken: str = "", **answers: Any) -> Api:
    paths = {name.replace("__", "/").replace("PVE", "pve-1"): answer for name, answer in answers.items()}
    api, objects = Api(paths, broken), read_objects(wanted)
    carry_out(api, differences(objects, there.read(api, objects), there.secrets(objects)), lambda line: None)
    return api


CASES: list[tuple[dict[str, Any], dict[str, Any], list[tuple[str, dict[str, Any]]]]] = [
    ({"kind": "pool", "poolid": "a", "comment": "x"}, {}, [("POST pools", {"poolid": "a", "comment": "x"})]),
    (
        {"kind": "pool", "poolid": "a", "comment": None},
        {"pools": [{"poolid": "a", "comment": "x"}]},
        [("PUT pools/a", {"comment": ""})],
    ),
    (
        {"kind": "user", "userid": "a@pve", "password": "12345678", "enable": True},
        {},
        [("POST access/users", {"userid": "a@pve", "password": "12345678", "enable": 1})],
    ),
    (
        {"kind": "acl", "path": "/", "roleid": "R", "type": "token", "ugid": "a@pve!t", "propagate": False},
        {},
        [("PUT access/acl", {"path": "/", "roles": "R", "tokens": "a@pve!t", "propagate": 0})],
    ),
    (
        {"kind": "acl", "path": "/", "roleid": "R", "type": "user", "ugid": "a@pve", "state": "absent"},
        {"access__acl": [{"path": "/", "roleid": "R", "type": "user", "ugid": "a@pve", "propagate": 1}]},
        [("PUT access/acl", {"path": "/", "roles": "R", "users": "a@pve", "delete": 1})],
    ),
    (
        {"kind": "storage", "storage": "local", "content_add": ["snippets"], "nodes": None},
        {"storage": [{"storage": "local", "type": "dir", "content": "iso", "nodes": "pve-1", "digest": "d"}]},
        [("PUT storage/local", {"content": "iso,snippets", "delete": "nodes", "digest": "d"})],
    ),
    (
        {"kind": "network", "node": "pve-1", "iface": "vmbr0", "bridge_vlan_aware": True, "bridge_vids": ["2-9", "20"]},
        {"nodes__PVE__network": [VMBR0]},
        [
            (
                "PUT nodes/pve-1/network/vmbr0",
                {**VMBR0, "bridge_vlan_aware": 1, "bridge_vids": "2-9 20", "iface": None},
            ),
            ("PUT nodes/pve-1/network", {}),
            ("WAIT UPID", {}),
        ],
    ),
    (
        {"kind": "network", "node": "pve-1", "iface": "vmbr0", "cidr": None},
        {"nodes__PVE__network": [VMBR0]},
        [
            ("PUT nodes/pve-1/network/vmbr0", {**VMBR0, "cidr": None, "iface": None, "delete": "cidr"}),
            ("PUT nodes/pve-1/network", {}),
            ("WAIT UPID", {}),
        ],
    ),
    (
        {"kind": "backup", "id": "a", "pool": "p", "all": None, "prune-backups": {"keep-daily": 7}},
        {"cluster__backup": [{"id": "a", "all": 1}]},
        [("PUT cluster/backup/a", {"pool": "p", "prune-backups": "keep-daily=7", "delete": "all"})],
    ),
    (
        {"kind": "dns", "node": "pve-1", "dns1": "10.0.0.2", "dns2": None},
        {"nodes__PVE__dns": {"search": "x", "dns1": "10.0.0.1", "dns2": "10.0.0.9"}},
        [("PUT nodes/pve-1/dns", {"search": "x", "dns1": "10.0.0.2"})],
    ),
    (
        {"kind": "hosts", "node": "pve-1", "entries": {"10.0.0.2": ["b"]}},
        {"nodes__PVE__hosts": {"data": "127.0.0.1 localhost\n", "digest": "d"}},
        [("POST nodes/pve-1/hosts", {"data": "127.0.0.1 localhost\n10.0.0.2 b\n", "digest": "d"})],
    ),
    (
        {"kind": "time", "node": "pve-1", "timezone": "UTC"},
        {"nodes__PVE__time": {"timezone": "Europe/Berlin"}},
        [("PUT nodes/pve-1/time", {"timezone": "UTC"})],
    ),
]


@pytest.mark.parametrize(("wanted", "answers", "requests"), CASES)
def test_a_change_is_these_requests(
    wanted: dict[str, Any], answers: dict[str, Any], requests: list[tuple[str, dict[str, Any]]]
) -> None:
    meant = [(path, {key: value for key, value in sent.items() if value is not None}) for path, sent in requests]
    assert applied([wanted], **answers).done == meant


def test_the_network_of_a_node_is_reloaded_once_behind_its_last_change() -> None:
    vlan = {"kind": "network", "node": "pve-1", "iface": "vmbr0.9", "type": "vlan"}
    objects = [vlan, {"kind": "pool", "poolid": "a"}, {**vlan, "iface": "vmbr0.8"}, {"kind": "pool", "poolid": "b"}]
    requests = [request for request, _sent in applied(objects).done]
    assert requests == [
        "POST nodes/pve-1/network",
        "POST pools",
        "POST nodes/pve-1/network",
        "PUT nodes/pve-1/network",
        "WAIT UPID",
        "POST pools",
    ]


def test_a_network_that_cannot_be_reloaded_says_what_waits_there() -> None:
    with pytest.raises(NotAll) as caught:
        applied([{"kind": "network", "node": "pve-1", "iface": "vmbr0.9", "type": "vlan"}], "PUT nodes/pve-1/network")
    assert "pvesh set /nodes/pve-1/network" in str(caught.value)
    assert "(nothing was changed before that)" in str(caught.value)


def test_a_token_whose_secret_cannot_be_kept_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(value: object, file: object) -> None:
        raise OSError("no space left on device")

    api = Api({})
    wanted = read_objects(
        [{"kind": "token", "userid": "a@pve", "tokenid": "t", "secret_file": str(tmp_path / "t.json")}]
    )
    changes = differences(wanted, there.read(api, wanted), {})
    monkeypatch.setattr(json, "dump", full)
    with pytest.raises(NotAll, match="no space left"):
        carry_out(api, changes, lambda line: None)
    assert [request for request, _sent in api.done] == [
        "POST access/users/a@pve/token/t",
        "DELETE access/users/a@pve/token/t",
    ]
    assert list(tmp_path.iterdir()) == []


def test_a_token_needs_a_place_for_its_secret_before_it_is_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    api_path = str(tmp_path / "file" / "t.json")
    with pytest.raises(NotAll) as caught:
        applied([{"kind": "token", "userid": "a@pve", "tokenid": "t", "secret_file": api_path}])
    assert caught.value.done == ()
