"""Address ranges: what is refused, and what is the internet."""

from __future__ import annotations

import ipaddress

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.net.addresses import (
    AddressError,
    Block,
    address,
    collapsed,
    everywhere_but,
    internet,
    network,
    overlaps,
    ranges,
    within,
    written_range,
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


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("fe80::1%eth0/128", "names a network card after %"),
        ("::ffff:10.0.0.0/104", "which no packet carries; write 10.0.0.0/8"),
        ("::ffff:10.0.0.1", "write 10.0.0.1$"),
        ("10.0.0.5/24", "the network is 10.0.0.0/24"),
    ],
)
def test_a_range_that_no_packet_has_is_refused_where_a_person_wrote_it(text: str, message: str) -> None:
    with pytest.raises(AddressError, match=message):
        written_range(text)


@pytest.mark.parametrize("text", ["::/0", "::/64", "10.0.0.0/8", "2001:db8::/32"])
def test_a_range_that_packets_have_is_taken_as_it_is(text: str) -> None:
    assert written_range(text) == text


@pytest.mark.parametrize("text", ["fe80::1%eth0", "::ffff:10.0.0.1"])
def test_an_address_that_no_packet_has_is_refused(text: str) -> None:
    with pytest.raises(AddressError, match=r"take it out|write 10\.0\.0\.1$"):
        address(text)


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


@pytest.mark.parametrize(
    ("text", "expected"), [("10.0.0.1", "10.0.0.1"), ("fd00:0:0::1", "fd00::1"), ("2001:DB8::A", "2001:db8::a")]
)
def test_an_address_is_written_as_the_standards_do(text: str, expected: str) -> None:
    assert address(text) == expected


@pytest.mark.parametrize("text", ["10.0.0.0/24", "10.0.0.256", "host.example", "", "None"])
def test_an_address_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(AddressError, match="is not an address such as"):
        address(text)


def test_ranges_are_collapsed_by_family_in_ascending_order() -> None:
    ranges_of_both = ["fd00::/64", "10.0.1.0/24", "10.0.0.0/24", "10.0.0.7", "9.0.0.0/8", "fd00::5"]
    assert collapsed(ranges_of_both) == ("9.0.0.0/8", "10.0.0.0/23", "fd00::/64")
    assert collapsed([]) == ()


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        (Block("10.0.0.0/24"), ("10.0.0.0/24",)),
        (Block("10.0.0.0/24", ("10.0.0.0/25",)), ("10.0.0.128/25",)),
        (Block("10.0.0.0/30", ("10.0.0.1/32", "10.0.0.2/32")), ("10.0.0.0/32", "10.0.0.3/32")),
        (Block("10.0.0.0/24", ("10.0.0.0/16",)), ()),
        (Block("10.0.0.0/24", ("10.0.1.0/24", "fd00::/8")), ("10.0.0.0/24",)),
        (Block("fd00::/64", ("fd00::/65",)), ("fd00::8000:0:0:0/65",)),
    ],
)
def test_a_block_is_the_ranges_that_are_left(block: Block, expected: tuple[str, ...]) -> None:
    assert ranges(block) == expected


@given(st.integers(24, 32), st.lists(st.tuples(st.integers(0, 255), st.integers(24, 32)), max_size=4))
def test_the_ranges_of_a_block_hold_the_same_addresses(length: int, parts: list[tuple[int, int]]) -> None:
    excepts = tuple(str(ipaddress.ip_interface(f"10.0.0.{last}/{bits}").network) for last, bits in parts)
    whole = ipaddress.ip_network(f"10.0.0.0/{length}")
    found = [entry for text in ranges(Block(str(whole), excepts)) for entry in ipaddress.ip_network(text)]
    without = {entry for text in excepts for entry in ipaddress.ip_network(text)}
    assert found == [entry for entry in whole if entry not in without]


@pytest.mark.parametrize(
    ("inner", "outer", "expected"),
    [
        ("10.1.0.0/16", "10.0.0.0/8", True),
        ("10.0.0.0/8", "10.0.0.0/8", True),
        ("10.0.0.0/8", "10.1.0.0/16", False),
        ("fd00::/64", "0.0.0.0/0", False),
        ("fd00::/64", "::/0", True),
    ],
)
def test_a_range_within_another(inner: str, outer: str, expected: bool) -> None:
    assert within(inner, outer) is expected


def test_ranges_that_share_addresses_are_paired() -> None:
    some, others = ["10.0.0.0/8", "192.168.0.0/24", "fd00::/8"], ["10.1.0.0/16", "192.168.1.0/24", "::/0", "0.0.0.0/0"]
    assert overlaps(some, others) == [
        ("10.0.0.0/8", "10.1.0.0/16"),
        ("10.0.0.0/8", "0.0.0.0/0"),
        ("192.168.0.0/24", "0.0.0.0/0"),
        ("fd00::/8", "::/0"),
    ]
