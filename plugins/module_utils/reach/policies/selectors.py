"""Label selectors (meta/v1 LabelSelector): what they are, and whether labels match."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

IN, NOT_IN, EXISTS, DOES_NOT_EXIST = OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist")

Report = Callable[[str, str], None]
"""Takes the field of a mistake and what is wrong there."""


@dataclass(frozen=True)
class Requirement:
    """One entry of `matchExpressions`."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether labels fit; those without the key fit NotIn and DoesNotExist (LabelSelectorRequirement)."""
        if self.operator == EXISTS:
            return self.key in labels
        if self.operator == DOES_NOT_EXIST:
            return self.key not in labels
        return (labels.get(self.key) in self.values) == (self.operator == IN)


@dataclass(frozen=True)
class Selector:
    """All of its parts must fit; the empty one fits everything."""

    labels: tuple[tuple[str, str], ...] = ()
    """`matchLabels`."""
    expressions: tuple[Requirement, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether labels fit."""
        for key, value in self.labels:  # a loop, since one question asks thousands of selectors
            if labels.get(key) != value:
                return False
        return all(expression.matches(labels) for expression in self.expressions) if self.expressions else True


EVERYTHING = Selector()


def read_selector(value: Any, field: str, report: Report) -> Selector:
    """Read a LabelSelector; absent and empty are the same here. Mistakes at `field` go to `report`."""
    if not value:
        return EVERYTHING
    if not isinstance(value, Mapping):
        report(field, "a selector is a mapping with matchLabels, matchExpressions or both")
        return EVERYTHING
    labels = value.get("matchLabels") or {}
    if not isinstance(labels, Mapping):
        report(f"{field}.matchLabels", "must be a mapping of labels to their values")
        labels = {}
    for key, wanted in labels.items():
        if not isinstance(wanted, str):
            report(f"{field}.matchLabels.{key}", f"the value {wanted!r} must be text; put it in quotes")
    expressions = value.get("matchExpressions") or ()
    if not expressions:
        return Selector(tuple(labels.items()))
    if not isinstance(expressions, list | tuple):
        report(f"{field}.matchExpressions", "must be a list")
        expressions = ()
    read = [
        _read_requirement(entry, f"{field}.matchExpressions[{number}]", report)
        for number, entry in enumerate(expressions)
    ]
    return Selector(tuple(labels.items()), tuple(entry for entry in read if entry))


def _read_requirement(value: Any, field: str, report: Report) -> Requirement | None:
    if not isinstance(value, Mapping) or not value.get("key"):
        report(field, "must be a mapping with key, operator and, for In and NotIn, values")
        return None
    operator, values = value.get("operator"), value.get("values") or []
    if operator not in OPERATORS:
        report(f"{field}.operator", f"{operator!r} is none of {', '.join(OPERATORS)}")
        return None
    if not isinstance(values, list | tuple) or not all(isinstance(entry, str) for entry in values):
        report(f"{field}.values", "must be a list of texts")
        return None
    if (operator in (IN, NOT_IN)) != bool(values):
        report(f"{field}.values", f"{operator} needs {'at least one value' if not values else 'no values'}")
        return None
    return Requirement(str(value["key"]), operator, tuple(values))
