"""Kubernetes resource quantities: `500m`, `1.5Gi`, `2e3` (apimachinery, pkg/api/resource)."""

from __future__ import annotations

import re
from fractions import Fraction

BINARY = {"Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "Ti": 1 << 40, "Pi": 1 << 50, "Ei": 1 << 60}
DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
"""Suffix to power of ten."""

PATTERN = re.compile(
    r"(?P<number>[+-]?(?:[0-9]{1,30}(?:\.[0-9]{0,30})?|\.[0-9]{1,30}))"
    r"(?:[eE](?P<exponent>[+-]?[0-9]{1,2})|(?P<suffix>[KMGTPE]i|[numkMGTPE]?))"
)


def parse_quantity(text: str) -> Fraction:
    """The exact number that a quantity stands for, in its own unit (bytes, cores). Raises ValueError."""
    match = PATTERN.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a Kubernetes quantity such as 500m or 1Gi")
    number, suffix = Fraction(match["number"]), match["suffix"]
    if match["exponent"] is not None:
        return number * Fraction(10) ** int(match["exponent"])
    return number * BINARY[suffix] if suffix in BINARY else number * Fraction(10) ** DECIMAL[suffix]


def same_quantity(one: str, other: str) -> bool:
    """Whether two quantities are the same number (`500m` and `0.5`); what is no quantity equals only itself."""
    try:
        return parse_quantity(one) == parse_quantity(other)
    except ValueError:
        return one == other


def format_bytes(count: int) -> str:
    """Whole bytes as a quantity in the largest binary unit that divides them: `5Gi`, `1536Mi`, `1000`."""
    for suffix, size in reversed(BINARY.items()):
        if count and count % size == 0:
            return f"{count // size}{suffix}"
    return str(count)


def format_millicores(count: int) -> str:
    """Thousandths of a core as a quantity: `500m`, and whole cores as `2`."""
    return str(count // 1000) if count % 1000 == 0 else f"{count}m"
