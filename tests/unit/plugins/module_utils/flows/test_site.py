"""What the inventory says of a site is read, and every mistake is named by the variable that a person writes."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput
from ansible_collections.autolabs.platform.plugins.module_utils.flows.flow import Host, Hosts
from ansible_collections.autolabs.platform.plugins.module_utils.flows.site import Site, api_endpoint

GOOD: dict[str, Any] = {
    "files": ["/site/flows.yml"],
    "groups": {
        "k8s": {"two": ["10.0.0.2", "fd00:0::2"], "one": ["10.0.0.1"]},
        "database": {"db": []},
        "gitlab": {},
    },
    "networks": {"admin": ["192.0.2.7"], "pods": ["10.244.0.0/17", "10.244.128.0/17"], "vpn": []},
    "phase": "stage",
    "features": ["monitoring", "monitoring"],
    "masquerade": False,
}


def test_what_the_inventory_says_is_read() -> None:
    site = Site.from_dict(GOOD)
    two, one = Host("two", ("10.0.0.2", "fd00::2")), Host("one", ("10.0.0.1",))
    assert site.groups == {"k8s": (two, one), "database": (Host("db", ()),), "gitlab": ()}
    assert site.networks == {"admin": ("192.0.2.7/32",), "pods": ("10.244.0.0/16",)}
    assert (site.phase, site.features, site.masquerade) == ("stage", ("monitoring",), False)
    assert site.files == ("/site/flows.yml",)
    assert site.hosts("k8s") == Hosts("k8s", (two, one))
    assert site.hosts("nowhere") == Hosts("nowhere", ())
    assert [host.name for host in site.machines()] == ["db", "one", "two"]


def test_a_site_may_say_nothing() -> None:
    assert Site.from_dict({}) == Site()
    assert (Site().networks, Site().masquerade, Site().phase) == ({}, True, "")


@pytest.mark.parametrize(
    ("said", "mistake"),
    [
        ({"network": {}}, "flows_site.network: unknown field; did you mean `networks`?"),
        ({"networks": ["10.0.0.0/8"]}, "flows_networks: must be a map, not \"['10.0.0.0/8']\""),
        ({"networks": {"admin": "10.0.0.0/8"}}, "flows_networks.admin: must be a list, not '10.0.0.0/8'"),
        (
            {"networks": {"admin": ["10.0.0.1/8"]}},
            "flows_networks.admin[0]: '10.0.0.1/8' names a host within a network",
        ),
        (
            {"networks": {"admin": ["192.168.300.0/24"]}},
            "flows_networks.admin[0]: '192.168.300.0/24' is not an address",
        ),
        ({"networks": {"admin": ["fe80::1%eth0"]}}, "flows_networks.admin[0]: 'fe80::1%eth0' names a network card"),
        ({"groups": {"k8s": {"one": ["::ffff:10.0.0.1"]}}}, "one: flows_host_addresses[0]: '::ffff:10.0.0.1' is IPv4"),
        ({"networks": {"admin": [10]}}, "flows_networks.admin[0]: must be text, not '10'"),
        ({"networks": {"Admin": []}}, "flows_networks.Admin: 'Admin' is not the name of a network"),
        ({"networks": {"pods": ["0.0.0.0/0"]}}, "flows_networks.pods: the pods of a cluster are not every address"),
        ({"groups": {"k8s": ["one"]}}, "flows_groups.k8s: must be a map"),
        (
            {"groups": {"k8s": {"one": ["one.example"]}}},
            "one: flows_host_addresses[0]: 'one.example' is not an address such",
        ),
        (
            {"groups": {"k8s": {"one": ["10.0.0.0/24"]}}},
            "one: flows_host_addresses[0]: '10.0.0.0/24' is not an address such",
        ),
        ({"phase": "production"}, "flows_phase: is 'production', which is none of demo, dev, stage, prod"),
        ({"features": "monitoring"}, "flows_features: must be a list, not 'monitoring'"),
        ({"features": ["Mon"]}, "flows_features[0]: 'Mon' is not the name of a feature"),
        ({"masquerade": "yes"}, "flows_masquerade: is 'yes', which is neither true nor false"),
        ({"files": "flows.yml"}, "flows_files: must be a list, not 'flows.yml'"),
        (["groups"], "flows_site: must be a map, not list"),
    ],
)
def test_a_mistake_is_named_by_its_variable(said: Any, mistake: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        Site.from_dict(said)
    assert str(refused.value).startswith(mistake)
    assert len(refused.value.problems) == 1


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(InvalidInput) as refused:
        Site.from_dict({"phase": "x", "features": [1], "networks": {"a": ["b", "c"]}, "groups": 1, "other": 1})
    assert len(refused.value.problems) == 6


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("192.0.2.10:6443", ("192.0.2.10",)),
        ("192.0.2.10:443", ("192.0.2.10",)),
        ("[fd00:0::10]:6443", ("fd00::10",)),
        ("192.0.2.31:6443", ()),
        ("[fd00:0::31]:6443", ()),
        ("api.autolabs.internal:6443", ()),
        ("", ()),
    ],
)
def test_the_address_of_an_api_counts_where_no_control_plane_has_it(written: str, expected: tuple[str, ...]) -> None:
    assert api_endpoint(written, ["192.0.2.31", "fd00::31"]) == expected
