"""The firewall of Proxmox becomes that of the catalogue: planned, in order, once, and never against its controller."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.autolabs.platform.plugins.action import proxmox_firewall
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox import arguments
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.client import Session
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.errors import Unreachable
from ansible_collections.autolabs.platform.plugins.modules import proxmox_firewall as documented
from unit.plugins.action.proxmox_actions import run
from unit.support.stand_in import Proxmox

ACTION = proxmox_firewall.ActionModule
CLUSTER = "cluster/firewall"
NODE = "nodes/pve-1/firewall"
VM = "nodes/pve-1/qemu/120/firewall"
ADMIN = "192.0.2.0/24"


def accept(source: str, dport: str, comment: str = "") -> dict[str, Any]:
    rule = {"type": "in", "action": "ACCEPT", "enable": 1, "proto": "tcp", "dport": dport}
    return rule | {"source": f"+dc/{source}"} | ({"comment": comment} if comment else {})


def firewall() -> dict[str, Any]:
    """What the filter makes of a small site."""
    shut = {"type": "in", "action": "DROP", "enable": 1, "proto": "tcp", "dport": "22,8006", "comment": "closed"}
    return {
        "options": {"enable": 1, "policy_in": "DROP", "policy_out": "ACCEPT", "ebtables": 1},
        "rules": [accept("network-admin", "22,8006", "admin-ssh")],
        "ipsets": [
            {"name": "network-admin", "comment": "autolabs: network admin", "cidrs": [{"cidr": ADMIN}]},
            {
                "name": "internet",
                "comment": "autolabs: the internet",
                "cidrs": [{"cidr": "0.0.0.0/1"}, {"cidr": "128.0.0.0/1"}, {"cidr": "10.0.0.0/8", "nomatch": 1}],
            },
        ],
        "groups": [
            {
                "group": "database",
                "comment": "autolabs: machines of database",
                "rules": [accept("network-admin", "22", "admin-ssh"), accept("internet", "5432", "postgresql")],
            }
        ],
        "nodes": {
            "pve-1": {
                "options": {"enable": 1, "ndp": 1, "nosmurfs": 1, "tcpflags": 1},
                "rules": [accept("network-admin", "22", "admin-ssh"), accept("network-admin", "8006", "web"), shut],
            }
        },
        "vms": {
            "database-vm": {
                "node": "pve-1",
                "vmid": 120,
                "options": {"enable": 1, "policy_in": "DROP", "dhcp": 0, "macfilter": 1, "ipfilter": 0},
                "rules": [
                    {"type": "group", "action": "database", "enable": 1, "comment": "database"},
                    {"type": "in", "action": "ACCEPT", "enable": 1, "proto": "icmp", "icmp-type": "echo-request"},
                ],
            }
        },
    }


@pytest.fixture
def stand_in(tmp_path: Path) -> Iterator[Proxmox]:
    found = Proxmox(tmp_path / "pve")
    yield found
    found.close()


@pytest.fixture
def way(stand_in: Proxmox) -> dict[str, Any]:
    return stand_in.connection | {"probe_seconds": 0, "controller_addresses": ["192.0.2.7"]}


@pytest.fixture
def api(way: dict[str, Any]) -> Session:
    """The API of a Proxmox with one VM."""
    session = arguments.session(way)
    session.wait(session.post("nodes/pve-1/qemu", vmid=120, name="database-vm", net0="virtio,bridge=vmbr0,firewall=1"))
    return session


def rules(api: Session, path: str) -> list[dict[str, Any]]:
    """A list of rules without what the API adds."""
    known = ("type", "action", "enable", "source", "proto", "dport", "icmp-type", "comment")
    return [{key: rule[key] for key in known if key in rule} for rule in api.get(path)]


def test_options_are_taken_as_they_are_documented() -> None:
    options = yaml.safe_load(documented.DOCUMENTATION)["options"]
    meaning = ("type", "default", "elements", "required")
    told = {name: {key: option[key] for key in meaning if key in option} for name, option in options.items()}
    assert told == proxmox_firewall.OPTIONS


def test_a_firewall_is_planned_made_and_then_left_alone(way: dict[str, Any], api: Session) -> None:
    wanted = firewall()
    planned = run(ACTION, way, check_mode=True, firewall=wanted)
    assert planned.get("changed") and "would be in force now" in planned["msg"], planned
    assert api.get(f"{CLUSTER}/rules") == []
    made = run(ACTION, way, firewall=wanted)
    assert made.get("failed") is None, made
    assert made["diff"] == planned["diff"]
    for check_mode in (True, False):
        again = run(ACTION, way, check_mode=check_mode, firewall=wanted)
        assert (again["changed"], again["diff"]) == (False, []), again
    assert rules(api, f"{CLUSTER}/rules") == wanted["rules"]
    assert rules(api, f"{CLUSTER}/groups/database") == wanted["groups"][0]["rules"]
    assert rules(api, f"{NODE}/rules") == wanted["nodes"]["pve-1"]["rules"]
    assert rules(api, f"{VM}/rules") == wanted["vms"]["database-vm"]["rules"]
    assert str(api.get(f"{CLUSTER}/options")["enable"]) == "1"


def test_rules_by_hand_go_and_the_order_is_mended(way: dict[str, Any], api: Session) -> None:
    wanted = firewall()
    run(ACTION, way, firewall=wanted)
    api.post(f"{NODE}/rules", type="in", action="ACCEPT", enable=1, comment="by hand")
    api.put(f"{NODE}/rules/1", moveto=4)
    planned = run(ACTION, way, check_mode=True, firewall=wanted)
    (entry,) = planned["diff"]
    assert entry["before_header"] == "rules of node pve-1 (as it is)"
    assert entry["before"].startswith("IN ACCEPT # by hand\n")
    run(ACTION, way, firewall=wanted)
    assert rules(api, f"{NODE}/rules") == wanted["nodes"]["pve-1"]["rules"]


def test_what_the_catalogue_no_longer_has_goes_and_what_is_not_ours_stays(way: dict[str, Any], api: Session) -> None:
    run(ACTION, way, firewall=firewall())
    api.post(f"{CLUSTER}/groups", group="webservers")
    api.post(f"{CLUSTER}/ipset", name="blocked")
    wanted = firewall()
    wanted["groups"] = []
    wanted["ipsets"] = [wanted["ipsets"][0] | {"cidrs": [{"cidr": "192.0.2.7"}, {"cidr": "2001:db8::/32"}]}]
    del wanted["vms"]["database-vm"]["rules"][0]
    made = run(ACTION, way, firewall=wanted)
    assert made["left"] == ["group webservers", "set blocked"], made
    assert [one["group"] for one in api.get(f"{CLUSTER}/groups")] == ["webservers"]
    assert sorted(one["name"] for one in api.get(f"{CLUSTER}/ipset")) == ["blocked", "network-admin"]
    members = api.get(f"{CLUSTER}/ipset/network-admin")
    assert sorted(one["cidr"] for one in members) == ["192.0.2.7", "2001:db8::/32"]
    assert not run(ACTION, way, firewall=wanted)["changed"]


def test_rules_that_shut_the_controller_out_are_refused(way: dict[str, Any], api: Session) -> None:
    for check_mode in (True, False):
        refused = run(
            ACTION, {**way, "controller_addresses": ["198.51.100.9"]}, check_mode=check_mode, firewall=firewall()
        )
        assert refused["failed"] and "comes from 198.51.100.9" in refused["msg"], refused
        assert "flows_networks: {admin: [198.51.100.9/32]}" in refused["msg"]
    assert api.get(f"{CLUSTER}/ipset") == []


def test_where_no_connection_comes_in_any_more_the_way_out_is_told(
    way: dict[str, Any], api: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = arguments.session
    opened: list[Session] = []

    def session(given: dict[str, Any]) -> Session:
        opened.append(real(given))
        if len(opened) > 1:
            monkeypatch.setattr(opened[-1], "get", shut)
        return opened[-1]

    def shut(path: str) -> None:
        raise Unreachable("no answer within 5 s")

    monkeypatch.setattr(proxmox_firewall.arguments, "session", session)
    result = run(ACTION, way, firewall=firewall())
    assert result["failed"] and result["changed"]
    assert "pvesh set /cluster/firewall/options --enable 0" in result["msg"]


def test_somebody_who_changes_the_same_rules_is_noticed(
    way: dict[str, Any], api: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Session.post

    def post(self: Session, path: str, /, **parameters: Any) -> Any:
        answer = real(self, path, **parameters)
        if path == f"{NODE}/rules" and parameters["dport"] == "8006":
            real(self, path, type="in", action="ACCEPT", enable=1, comment="by hand")
        return answer

    monkeypatch.setattr(Session, "post", post)
    result = run(ACTION, way, firewall=firewall())
    assert result["failed"] and "somebody else is changing these rules; run again" in result["msg"], result
    monkeypatch.undo()
    assert run(ACTION, way, firewall=firewall()).get("failed") is None
    assert rules(api, f"{NODE}/rules") == firewall()["nodes"]["pve-1"]["rules"]


def test_a_card_without_the_flag_is_refused_and_in_a_plan_only_told(way: dict[str, Any], api: Session) -> None:
    config = api.get("nodes/pve-1/qemu/120/config")
    api.put("nodes/pve-1/qemu/120/config", net0=config["net0"].replace(",firewall=1", ""))
    planned = run(ACTION, way, check_mode=True, firewall=firewall())
    assert planned["unguarded"] == {"database-vm": ["net0"]}
    refused = run(ACTION, way, firewall=firewall())
    assert refused["failed"] and "net0 of this VM has no firewall flag" in refused["msg"]
