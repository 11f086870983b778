"""A network's addresses follow from its number, and two networks never share any."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

import pytest
from testbed.hosts.addresses import NoFreeAddress, Plan, free_host_number, free_index


def test_everything_of_a_network_lies_in_its_own_subnet() -> None:
    plan = Plan(7)
    assert plan.subnet == IPv4Network("10.77.7.0/24")
    assert plan.bridge == IPv4Address("10.77.7.1")
    assert plan.host(11) == IPv4Address("10.77.7.11")
    assert plan.bridge in plan.segment and plan.host(126) in plan.segment
    assert plan.uplink_root in plan.uplink and plan.uplink_inside in plan.uplink
    assert plan.segment.subnet_of(plan.subnet) and plan.uplink.subnet_of(plan.subnet)
    assert not plan.uplink.overlaps(plan.segment)


def test_the_outside_host_has_a_public_looking_address_of_its_own() -> None:
    addresses = {Plan(index).outside for index in range(1, 255)}
    assert len(addresses) == 254
    assert all(address in IPv4Network("198.51.100.0/24") for address in addresses)


def test_interface_names_fit_into_the_kernels_fifteen_characters() -> None:
    assert all(len(f"vb-{Plan(index).machine(number)}") <= 15 for index in (1, 254) for number in (11, 126))
    assert len(Plan(254).root_link) <= 15


@pytest.mark.parametrize(
    ("taken", "routes", "expected"),
    [
        pytest.param([], [], 1, id="the first is free"),
        pytest.param([1, 2, 4], [], 3, id="a gap is filled"),
        pytest.param([], ["10.77.1.0/24"], 2, id="somebody else routes the first"),
        pytest.param([], ["10.77.0.0/22"], 4, id="a wide route covers several"),
        pytest.param([], ["0.0.0.0/0", "192.0.2.0/24"], 1, id="a default route covers nothing"),
        pytest.param([2], ["10.77.1.252/30"], 3, id="a small route inside and a record"),
    ],
)
def test_a_new_network_gets_the_lowest_free_number(taken: list[int], routes: list[str], expected: int) -> None:
    assert free_index(taken, [IPv4Network(route) for route in routes]) == expected


def test_a_full_pool_is_said() -> None:
    with pytest.raises(NoFreeAddress, match=r"no free subnet in 10\.77\.0\.0/16"):
        free_index([], [IPv4Network("10.0.0.0/8")])


def test_hosts_get_the_lowest_free_number() -> None:
    assert free_host_number([]) == 11
    assert free_host_number([11, 13]) == 12
    with pytest.raises(NoFreeAddress, match="at most 116 hosts"):
        free_host_number(range(11, 127))
