"""The filters of the gateway and of names: values of an inventory in, texts or every mistake out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.autolabs.platform.plugins.filter import gateway, site_names

SITE: dict[str, Any] = {
    "files": [],
    "groups": {
        "proxmox": {"pve": ["10.0.0.1"]},
        "k8s": {"node": ["10.0.0.11"]},
        "k8s_control_plane": {"node": ["10.0.0.11"]},
    },
    "networks": {"admin": ["192.0.2.0/24"], "pods": ["10.244.0.0/16"], "services": ["10.96.0.0/12"]},
    "phase": "dev",
    "features": [],
    "masquerade": True,
}
NETWORKS = {"infrastructure": ["10.0.0.0/24"]}
FOLDER = Path(gateway.__file__).parent


def test_the_catalogues_forwards_are_good_and_become_rules() -> None:
    forwards = gateway.gateway_forwards(SITE)
    assert [entry["name"] for entry in forwards] == ["web", "lab-access"]
    assert gateway.gateway_problems(SITE, NETWORKS, forwards, "pve") == []
    assert gateway.gateway_unserved(SITE, forwards) == []
    assert "tcp dport 30000-32767 dnat to 10.0.0.11" in gateway.gateway_rules(SITE, NETWORKS, forwards)


def test_mistakes_of_networks_and_forwards_are_told_together() -> None:
    found = gateway.gateway_problems(SITE, {"a": ["10.0.0.1/24"]}, [{"ports": [5432], "to": "node"}], "pve")
    assert "the network is 10.0.0.0/24" in found[0] and "no flow of the catalogue" in found[1]
    assert "names no network" in gateway.gateway_problems(SITE, {}, [], "pve")[0]
    with pytest.raises(AnsibleFilterError, match=r"gateway_forwards\[0\]\.to"):
        gateway.gateway_rules(SITE, NETWORKS, [{"ports": [1], "to": "nobody"}])


def test_names_are_of_machines_and_aliases() -> None:
    found = site_names.site_names({"pve": ["10.0.0.1"], "node": ["10.0.0.11"]}, {"api": "node"}, "lab.internal", "pve")
    assert found == [{"address": "10.0.0.11", "names": ["node.lab.internal", "node", "api.lab.internal", "api"]}]
    assert ".local" in site_names.site_names_problems({}, {}, "lab.local")[0]
    with pytest.raises(AnsibleFilterError, match="neither a machine"):
        site_names.site_names({}, {"api": ["node"]}, "lab.internal")


def test_an_empty_source_is_everybody() -> None:
    assert "drop" not in site_names.site_names_rules(["10.0.0.1"], [""])
    assert "ip saddr != 10.0.0.0/24 udp dport 53 drop" in site_names.site_names_rules(["10.0.0.1"], ["10.0.0.0/24"])


def test_addresses_are_chosen_by_their_ranges() -> None:
    found = ["10.0.0.1", "192.0.2.1", "fd00::1", "fe80::1"]
    assert site_names.addresses_within(found, ["10.0.0.0/24", "fd00::/64"]) == ["10.0.0.1", "fd00::1"]
    with pytest.raises(AnsibleFilterError, match="is not an address range"):
        site_names.addresses_within(found, ["x"])


@pytest.mark.parametrize("name", [*gateway.FilterModule().filters(), *site_names.FilterModule().filters()])
def test_every_filter_is_documented(name: str) -> None:
    documented = yaml.safe_load((FOLDER / f"{name}.yml").read_text(encoding="utf-8"))["DOCUMENTATION"]
    assert documented["name"] == name and documented["options"]["_input"]
