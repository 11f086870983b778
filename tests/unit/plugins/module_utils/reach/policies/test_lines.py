"""Addresses and ranges as stretches of one line."""

from __future__ import annotations

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.net.addresses import AddressError, Block
from ansible_collections.autolabs.platform.plugins.module_utils.reach.policies.lines import (
    IPV6_STARTS,
    block_spans,
    covered,
    overlaps,
    span,
)


def test_an_address_is_a_range_of_one() -> None:
    assert span("0.0.0.7") == span("0.0.0.7/32") == (7, 7)


def test_both_families_have_their_own_part_of_the_line() -> None:
    assert span("0.0.0.0/0") == (0, IPV6_STARTS - 1)
    assert span("::/0") == (IPV6_STARTS, IPV6_STARTS + 2**128 - 1)


def test_host_bits_are_taken_for_their_network() -> None:
    assert span("0.0.1.77/24") == (256, 511)


@pytest.mark.parametrize("text", ["", "10.0.0", "10.0.0.0/33", "192.168.300.0/24", "labs/web"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(AddressError, match="is not an address such as"):
        span(text)


@pytest.mark.parametrize(
    "excepts, spans",
    [
        ((), ((0, 255),)),
        (("0.0.0.0/30",), ((4, 255),)),
        (("0.0.0.128/25", "0.0.0.16/28"), ((0, 15), (32, 127))),
        (("0.0.0.0/25", "0.0.0.64/26", "0.0.0.128/25"), ()),
    ],
)
def test_a_block_is_what_its_exceptions_leave(excepts: tuple[str, ...], spans: tuple[tuple[int, int], ...]) -> None:
    assert block_spans(Block("0.0.0.0/24", excepts)) == spans


def test_a_range_is_covered_by_several_together() -> None:
    assert covered((0, 9), [(5, 20), (0, 4)])
    assert not covered((0, 9), [(6, 20), (0, 4)])
    assert overlaps((0, 9), [(9, 20)])
    assert not overlaps((0, 9), [(10, 20)])
