"""Kubernetes quantities are numbers, however they are written."""

from __future__ import annotations

from fractions import Fraction

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.kube.quantity import (
    format_bytes,
    format_millicores,
    parse_quantity,
    same_quantity,
)
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", Fraction(0)),
        ("500m", Fraction(1, 2)),
        ("1.5", Fraction(3, 2)),
        (".5", Fraction(1, 2)),
        ("5.", Fraction(5)),
        ("-1", Fraction(-1)),
        ("100n", Fraction(1, 10**7)),
        ("1Ki", Fraction(1024)),
        ("1.5Gi", Fraction(3 << 29)),
        ("1k", Fraction(1000)),
        ("1E", Fraction(10**18)),
        ("1Ei", Fraction(1 << 60)),
        ("1e3", Fraction(1000)),
        ("1E-3", Fraction(1, 1000)),
    ],
)
def test_a_quantity_is_an_exact_number(text: str, value: Fraction) -> None:
    assert parse_quantity(text) == value


@pytest.mark.parametrize("text", ["", "m", "1mi", "1 Gi", "1GB", "1e", "1e999", "0x1", "1_0", "٣", "1\n", "NaN", "--1"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a Kubernetes quantity"):
        parse_quantity(text)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("500m", "0.5", True),
        ("1Gi", "1073741824", True),
        ("1G", "1Gi", False),
        ("2", "2000m", True),
        ("much", "much", True),
        ("much", "1", False),
    ],
)
def test_quantities_are_compared_by_value(one: str, other: str, same: bool) -> None:
    assert same_quantity(one, other) is same


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0"), (1000, "1000"), (1024, "1Ki"), (5 << 30, "5Gi"), (1536 << 20, "1536Mi"), (1 << 60, "1Ei")],
)
def test_bytes_are_written_in_the_largest_unit(count: int, text: str) -> None:
    assert format_bytes(count) == text


@pytest.mark.parametrize(("count", "text"), [(0, "0"), (500, "500m"), (1000, "1"), (1500, "1500m")])
def test_cpus_are_written_in_cores_or_thousandths(count: int, text: str) -> None:
    assert format_millicores(count) == text


@given(st.integers(0, 2**63))
def test_what_is_written_is_read_back(count: int) -> None:
    assert parse_quantity(format_bytes(count)) == count
    assert parse_quantity(format_millicores(count)) == Fraction(count, 1000)
