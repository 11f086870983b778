"""Address ranges: what is refused, and what is the internet."""

from __future__ import annotations

import ipaddress

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.net.addresses import (
    AddressError,
    everywhere_but,
    internet,
    network,
)
from hypothesis import given
from hypothesis import strategies as st

CLUSTER = ("10.244.0.0/16", "10.96.0.0/12", "198.18.5.0/24", "2001:db8:7::/48")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("192.168.300.0/24", "is not an address range"),
        ("10.0.0.5/24", "the network is 10.0.0.0/24"),
        ("10.0.0.0/33", "is not an address range"),
        ("labs", "is not an address range"),
        ("", "is not an address range"),
        ("fd00::1/64", "the network is fd00::/64"),
    ],
)
def test_a_range_that_is_none_is_refused_with_what_would_be_right(text: str, message: str) -> None:
    with pytest.raises(AddressError, match=message):
        network(text)


def test_excepted_ranges_within_others_are_named_once() -> None:
    v4, v6 = everywhere_but(["10.0.0.0/8", "10.244.0.0/16", "fd00::/8"])
    assert (v4.cidr, v4.excepts) == ("0.0.0.0/0", ("10.0.0.0/8",))
    assert (v6.cidr, v6.excepts) == ("::/0", ("fd00::/8",))


@pytest.mark.parametrize(
    "address",
    ["10.1.2.3", "172.20.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "224.0.0.1", "255.255.255.255"]
    + ["127.0.0.1", "10.244.3.4", "10.96.0.1", "198.18.5.9", "::1", "fe80::1", "fd12::1", "ff02::1", "2001:db8:7::1"]
    + ["64:ff9b::a00:1"],
)
def test_what_is_not_the_internet(address: str) -> None:
    assert not _contains(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "203.0.113.80", "198.18.6.1", "2a00:1450::1", "2001:db8:8::1"])
def test_what_is_the_internet(address: str) -> None:
    assert _contains(address)


@given(st.ip_addresses())
def test_no_private_address_is_ever_the_internet(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    if _contains(str(address)):
        assert not (address.is_link_local or address.is_loopback or address.is_multicast)
        assert not any(address in ipaddress.ip_network(entry) for entry in ("10.0.0.0/8", "192.168.0.0/16", "fc00::/7"))


def _contains(text: str) -> bool:
    address = ipaddress.ip_address(text)
    return any(
        address in ipaddress.ip_network(block.cidr)
        and not any(address in ipaddress.ip_network(entry) for entry in block.excepts)
        for block in internet(CLUSTER)
    )
