"""VMs say what is theirs; what all have in common, and what follows from the site, is added."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.site.vms import absent, compose_vms, merged

NETWORKS = {
    "infrastructure": {"cidr": "192.168.100.0/24", "gateway": "192.168.100.1", "vlan": 100, "bridge": "vmbr0"},
    "storage": {"cidr": "192.168.110.0/25"},
    "six": {"cidr": "fd00::/64", "gateway": "fd00::1"},
}


def site(host: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A site of one node with one machine."""
    machine = {"groups": ["database"], **host}
    hosts = {"pve-1": {"groups": ["proxmox"]}, "db": machine}
    return {"autolabs_site": "dev", "site_networks": NETWORKS, "hosts": hosts, **more}


def composed(host: dict[str, Any], **more: Any) -> Any:
    """The VM that the machine becomes."""
    return compose_vms(site(host, **more))["db"]


def test_a_vm_is_named_placed_and_tagged_by_the_site() -> None:
    vm = composed({"ansible_host": "192.168.100.20", "proxmox_vm": {}}, proxmox_vms_template={"name": "debian"})
    assert (vm["name"], vm["node"], vm["template"], vm["tags"]) == ("db", "pve-1", 9000, ["dev", "database"])


@pytest.mark.parametrize(
    ("address", "own", "expected"),
    [
        (
            "192.168.100.20",
            {},
            [{"bridge": "vmbr0", "tag": 100, "ip": "192.168.100.20/24", "gateway": "192.168.100.1"}],
        ),
        (
            "192.168.100.20",
            {"networks": [{"tag": 7, "mac": "BC:24:11:00:00:01"}, {"ip": "192.168.110.20/25"}]},
            [
                {
                    "bridge": "vmbr0",
                    "tag": 7,
                    "ip": "192.168.100.20/24",
                    "gateway": "192.168.100.1",
                    "mac": "BC:24:11:00:00:01",
                },
                {"ip": "192.168.110.20/25"},
            ],
        ),
        ("192.168.100.20", {"networks": [{"ip": "dhcp"}]}, [{"ip": "dhcp"}]),
        ("fd00::20", {}, [{"ip6": "fd00::20/64", "gateway6": "fd00::1"}]),
        ("192.168.99.20", {}, [{}]),
        ("db.example", {}, [{}]),
        (None, {"networks": [{"ip": "192.168.110.20/25"}]}, [{"ip": "192.168.110.20/25"}]),
    ],
)  # fmt: skip
def test_a_network_card_follows_from_the_network_of_its_address(
    address: str | None, own: dict[str, Any], expected: list[dict[str, Any]]
) -> None:
    assert composed({"ansible_host": address, "proxmox_vm": own})["networks"] == expected


def test_what_all_vms_have_lies_below() -> None:
    common = {
        "cores": 2,
        "disks": {"scsi0": {"ssd": True, "size": "10G"}},
        "networks": [{"model": "virtio"}],
        "cloud_init": {"user": "autolabs"},
    }
    own = {
        "cores": 4,
        "disks": {"scsi0": {"size": "200G"}},
        "networks": [{"mtu": 1450}],
        "cloud_init": {"upgrade": True},
    }
    vm = composed({"proxmox_vm": own}, proxmox_vms_defaults=common, site_names_domain="autolabs.internal")
    assert vm["cores"] == 4
    assert vm["disks"] == {"scsi0": {"ssd": True, "size": "200G"}}
    assert vm["networks"] == [{"model": "virtio", "mtu": 1450}]
    assert vm["cloud_init"] == {"user": "autolabs", "upgrade": True, "searchdomain": "autolabs.internal"}


@pytest.mark.parametrize(
    ("common", "own", "expected"),
    [
        (None, 1, 1),
        ({"a": 1}, {"b": 2}, {"a": 1, "b": 2}),
        ({"tags": ["a", "b"]}, {"tags": ["c"]}, {"tags": ["c"]}),
        ({"networks": [{"a": 1}, {"a": 2}]}, {"networks": [{"b": 1}]}, {"networks": [{"a": 1, "b": 1}]}),
        ({"disks": "none"}, {"disks": {"scsi0": {}}}, {"disks": {"scsi0": {}}}),
    ],
)
def test_maps_are_merged_by_key_networks_by_place_and_all_else_as_a_whole(common: Any, own: Any, expected: Any) -> None:
    assert merged(common, own) == expected


def test_among_several_nodes_none_is_chosen() -> None:
    described = site({"proxmox_vm": {}})
    described["hosts"]["pve-2"] = {"groups": ["proxmox"]}
    assert "node" not in compose_vms(described)["db"]


def test_the_only_node_is_called_as_proxmox_calls_it() -> None:
    described = site({"proxmox_vm": {}})
    described["hosts"]["pve-1"]["proxmox_node"] = "pve"
    assert compose_vms(described)["db"]["node"] == "pve"


@pytest.mark.parametrize(
    "described",
    [
        {},
        {"hosts": None},
        {"hosts": {"db": {"groups": ["database"], "proxmox_vm": {}}}},
        {"hosts": {"pve-1": {"groups": ["proxmox"], "proxmox_vm": {}}}},
        {"hosts": {"pve-1": {"groups": ["proxmox"]}, "db": {"groups": ["database"]}}},
        {"hosts": {"pve-1": {"groups": ["proxmox"]}, "db": None}},
    ],
)
def test_without_nodes_or_without_proxmox_vm_there_is_no_vm(described: dict[str, Any]) -> None:
    assert compose_vms(described) == {}


def test_what_is_no_map_stays_what_it_is() -> None:
    assert composed({"proxmox_vm": "large"}) == "large"


def test_vms_are_taken_down_the_last_started_first() -> None:
    vms = {
        "db": {"name": "db", "vmid": 120, "node": "pve-1", "cores": 4, "startup": {"order": 1}},
        "k8s": {"name": "k8s", "startup": {"order": 3}},
    }
    assert absent(vms) == [
        {"name": "k8s", "state": "absent"},
        {"name": "db", "vmid": 120, "node": "pve-1", "state": "absent"},
    ]
