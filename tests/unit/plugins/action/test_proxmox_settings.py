"""What Proxmox has besides VMs becomes what is written, told beforehand, and once."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.autolabs.platform.plugins.action import proxmox_settings
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox import arguments
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.client import Session
from ansible_collections.autolabs.platform.plugins.modules import proxmox_settings as documented
from unit.plugins.action.proxmox_actions import run
from unit.support.stand_in import Proxmox

ACTION = proxmox_settings.ActionModule
USER = "autolabs@pve"
TOKEN = {"kind": "token", "userid": USER, "tokenid": "ansible"}


@pytest.fixture
def stand_in(tmp_path: Path) -> Iterator[Proxmox]:
    found = Proxmox(tmp_path / "pve")
    yield found
    found.close()


@pytest.fixture
def way(stand_in: Proxmox) -> dict[str, Any]:
    stand_in.api().storage("local").put(content="iso,vztmpl,backup")
    return stand_in.connection


@pytest.fixture
def api(way: dict[str, Any]) -> Session:
    return arguments.session(way)


def site(folder: Path) -> list[dict[str, Any]]:
    """An object of every kind."""
    return [
        {"kind": "node", "node": "pve-1", "state": "known"},
        {"kind": "storage", "storage": "local", "content_add": ["snippets", "import"]},
        {"kind": "network", "node": "pve-1", "iface": "vmbr0", "bridge_vlan_aware": True, "bridge_vids": ["2-4094"]},
        {
            "kind": "network",
            "node": "pve-1",
            "iface": "vmbr0.100",
            "type": "vlan",
            "cidr": "192.168.100.1/24",
            "autostart": True,
        },
        {"kind": "pool", "poolid": "autolabs", "comment": "AutoLabs"},
        {"kind": "role", "roleid": "AutoLabs", "privs": ["VM.Audit", "VM.Allocate"]},
        {"kind": "user", "userid": USER, "comment": "Automation"},
        {**TOKEN, "secret_file": str(folder / "site" / "token.json")},
        {"kind": "acl", "path": "/pool/autolabs", "roleid": "AutoLabs", "type": "user", "ugid": USER},
        {"kind": "acl", "path": "/pool/autolabs", "roleid": "AutoLabs", "type": "token", "ugid": f"{USER}!ansible"},
        {
            "kind": "backup",
            "id": "autolabs",
            "schedule": "02:00",
            "storage": "local",
            "mode": "snapshot",
            "compress": "zstd",
            "pool": "autolabs",
            "prune-backups": {"keep-daily": 7, "keep-weekly": 4},
            "mailto": ["admin@example.org"],
            "mailnotification": "failure",
            "notification-mode": "legacy-sendmail",
        },
        {"kind": "dns", "node": "pve-1", "search": "autolabs.internal", "dns1": "192.0.2.53"},
    ]


def test_options_are_taken_as_they_are_documented() -> None:
    options = yaml.safe_load(documented.DOCUMENTATION)["options"]
    meaning = ("type", "default", "elements", "required")
    told = {name: {key: option[key] for key in meaning if key in option} for name, option in options.items()}
    assert told == proxmox_settings.OPTIONS


def test_a_site_is_planned_made_and_then_left_alone(way: dict[str, Any], tmp_path: Path) -> None:
    objects = site(tmp_path)
    planned = run(ACTION, way, check_mode=True, objects=objects)
    assert planned.get("changed"), planned
    assert not (tmp_path / "site").exists()
    made = run(ACTION, way, objects=objects)
    assert made.get("failed") is None, made
    assert made["diff"] == planned["diff"] and made["objects"] == planned["objects"]
    assert len(made["objects"]) == len(objects) - 1
    for check_mode in (True, False):
        again = run(ACTION, way, check_mode=check_mode, objects=objects)
        assert (again["changed"], again["objects"], again["diff"]) == (False, [], []), again


def test_everything_can_be_taken_away_again(way: dict[str, Any], tmp_path: Path) -> None:
    objects = site(tmp_path)
    run(ACTION, way, objects=objects)
    kinds = ("acl", "token", "user", "role", "backup", "pool")
    gone = [{**one, "state": "absent"} for kind in kinds for one in objects if one["kind"] == kind]
    gone.append({"kind": "network", "node": "pve-1", "iface": "vmbr0.100", "state": "absent"})
    removed = run(ACTION, way, objects=gone)
    assert removed.get("changed"), removed
    assert {one["action"] for one in removed["objects"]} == {"remove"}
    assert not run(ACTION, way, objects=gone)["changed"]


def test_a_change_by_hand_is_shown_as_exactly_that(way: dict[str, Any], api: Session, tmp_path: Path) -> None:
    objects = site(tmp_path)
    run(ACTION, way, objects=objects)
    api.put("cluster/backup/autolabs", **{"prune-backups": "keep-daily=1"})
    planned = run(ACTION, way, check_mode=True, objects=objects)
    (one,) = planned["diff"]
    assert one["before_header"] == "backup autolabs (as it is)"
    assert one["before"] == "prune-backups:\n  keep-daily: '1'\n"
    assert one["after"] == "prune-backups:\n  keep-daily: '7'\n  keep-weekly: '4'\n"


def test_the_secret_of_a_token_leaves_by_its_file_alone_and_works(way: dict[str, Any], tmp_path: Path) -> None:
    made = run(ACTION, way, objects=site(tmp_path))
    path = tmp_path / "site" / "token.json"
    held = json.loads(path.read_text())
    assert (held["user"], held["token_id"]) == (USER, "ansible")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert held["secret"] not in json.dumps(made)
    by_token = {key: value for key, value in way.items() if key not in ("api_user", "api_password")}
    assert arguments.session({**by_token, "api_token_file": str(path)}).get("version")["release"]
    assert [entry.name for entry in path.parent.iterdir()] == ["token.json"]


def test_a_lost_secret_is_made_anew_when_that_is_asked(way: dict[str, Any], api: Session, tmp_path: Path) -> None:
    objects = site(tmp_path)
    run(ACTION, way, objects=objects)
    (tmp_path / "site" / "token.json").unlink()
    refused = run(ACTION, way, objects=objects)
    assert refused["failed"] and "renew: true" in refused["msg"], refused
    objects = [{**one, "renew": True} if one["kind"] == "token" else one for one in objects]
    renewed = run(ACTION, way, objects=objects)
    assert [one["action"] for one in renewed["objects"]] == ["renew", "create"], renewed
    assert any(one["ugid"] == f"{USER}!ansible" for one in api.get("access/acl"))
    assert not run(ACTION, way, objects=objects)["changed"]


def test_an_interface_keeps_its_address_when_another_field_of_it_changes(
    way: dict[str, Any], api: Session, tmp_path: Path
) -> None:
    def bridge() -> dict[str, Any]:
        return next(one for one in api.get("nodes/pve-1/network") if one["iface"] == "vmbr0")

    before = bridge()
    run(ACTION, way, objects=[{"kind": "network", "node": "pve-1", "iface": "vmbr0", "bridge_vlan_aware": True}])
    after = bridge()
    assert {key: after.get(key) for key in ("cidr", "gateway", "bridge_ports", "method")} == {
        key: before.get(key) for key in ("cidr", "gateway", "bridge_ports", "method")
    }
    reloads = [one for one in api.get("nodes/pve-1/tasks") if one["type"] == "srvreload"]
    assert len(reloads) == 1


def test_a_failure_tells_what_was_done_before_it(way: dict[str, Any]) -> None:
    objects = [
        {"kind": "pool", "poolid": "autolabs"},
        {"kind": "acl", "path": "/pool/autolabs", "roleid": "Nobody", "type": "user", "ugid": "root@pam"},
    ]
    failed = run(ACTION, way, objects=objects)
    assert failed["failed"] and failed["changed"]
    assert failed["done"] == ["pool autolabs made"]
    assert "acl /pool/autolabs Nobody user root@pam: " in failed["msg"]
    assert "(done before that: pool autolabs made)" in failed["msg"]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"versions": ["9"]}, "this works with 9 only. Nothing was changed."),
        ({"objects": [{"kind": "node", "node": "pve-2", "state": "known"}]}, "did you mean `pve-1`?"),
        ({"objects": [{"kind": "pool"}]}, "objects[0].poolid: is not said"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_changed(
    given: dict[str, Any], told: str, way: dict[str, Any]
) -> None:
    result = run(ACTION, way, **{"objects": [], **given})
    assert result["failed"] and told in result["msg"]


def test_nodes_and_vms_are_told_where_they_are_looked_up(way: dict[str, Any]) -> None:
    result = run(ACTION, way, objects=[{"kind": "node", "node": "pve-1", "state": "known"}])
    assert result["known"] == [{"kind": "node", "node": "pve-1", "status": "online"}]
