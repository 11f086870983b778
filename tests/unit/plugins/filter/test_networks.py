"""Address ranges of a site that cannot be, or that overlap, are named."""

from __future__ import annotations

import pytest
from ansible_collections.autolabs.platform.plugins.filter.networks import network_conflicts


@pytest.mark.parametrize(
    ("networks", "expected"),
    [
        ({"pods": "10.244.0.0/16", "services": "10.96.0.0/12", "nodes": "192.0.2.0/24"}, []),
        ({"pods": "10.244.0.0/16", "nodes": "10.244.8.0/24"}, ["pods 10.244.0.0/16 and nodes 10.244.8.0/24 overlap"]),
        ({"pods": "10.96.0.0/12", "nodes": "10.96.0.0/12"}, ["pods 10.96.0.0/12 and nodes 10.96.0.0/12 overlap"]),
        ({"pods": "10.244.0.0/16", "nodes": "fd00::/64"}, []),
        ({"pods": "fd00::/48", "nodes": "fd00:0:0:1::/64"}, ["pods fd00::/48 and nodes fd00:0:0:1::/64 overlap"]),
        ({"pods": "10.0.0.0/16", "nodes": "10.0.255.255/32"}, ["pods 10.0.0.0/16 and nodes 10.0.255.255/32 overlap"]),
        ({"lan": "10.0.300.0/24"}, ["lan: '10.0.300.0/24' is not an address range such as 10.0.0.0/24 or fd00::/64"]),
        ({"lan": "10.0.0.5/24"}, ["lan: '10.0.0.5/24' names a host within a network; the network is 10.0.0.0/24"]),
    ],
)  # fmt: skip
def test_conflicts_are_named(networks: dict[str, str], expected: list[str]) -> None:
    assert network_conflicts(networks) == expected


def test_all_conflicts_are_named_at_once() -> None:
    networks = {"a": "10.0.0.0/8", "b": "10.1.0.0/16", "c": "10.1.2.0/24", "d": "nowhere"}
    assert len(network_conflicts(networks)) == 4
