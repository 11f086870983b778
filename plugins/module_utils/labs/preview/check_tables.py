"""What came of a check of labs, as tables and sentences for people in a terminal."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from ansible_collections.autolabs.platform.plugins.module_utils.labs.admission.shortage import amount_words
from ansible_collections.autolabs.platform.plugins.module_utils.labs.model import Access, Lab
from ansible_collections.autolabs.platform.plugins.module_utils.labs.preview.check import Checked
from ansible_collections.autolabs.platform.plugins.module_utils.labs.preview.estimate import Estimate
from ansible_collections.autolabs.platform.plugins.module_utils.labs.preview.price import Price
from ansible_collections.autolabs.platform.plugins.module_utils.labs.table import drawn

LABS = ("file", "lab", "title", "an instance for", "ways in", "components", "internet", "security", "check")
PRICES = (
    "lab",
    "for",
    "pods",
    "CPU reserved",
    "CPU at most",
    "memory reserved",
    "memory at most",
    "volume",
    "node ports",
)
FLOWS = ("lab", "from", "to", "ports", "why")
KINDS = ("Pod", "Service", "PersistentVolumeClaim", "Secret", "ConfigMap", "NetworkPolicy")
WHOSE = {"per_student": "each student", "per_group": "each group"}
NOTHING = "-"
LONGEST_TITLE = 40


@dataclass(frozen=True)
class ClassSize:
    """The class that a price is named for."""

    students: int = 30
    group: int = 3
    """Students in a group, in labs for groups."""

    def sizes(self, lab: Lab) -> list[int]:
        """How many members each instance has; the last group may be smaller."""
        if lab.deployment_mode == "per_student":
            return [1] * self.students
        whole, rest = divmod(self.students, self.group)
        return [self.group] * whole + [rest] * (rest > 0)

    def words(self, lab: Lab) -> str:
        """`30 students`, `30 students in 10 groups`."""
        people = counted(self.students, "student")
        if lab.deployment_mode == "per_student":
            return people
        return f"{people} in {counted(len(self.sizes(lab)), 'group')}"


def sentence(checked: Sequence[Checked]) -> str:
    """`12 labs, 1 of them with 2 mistakes`."""
    wrong = [one for one in checked if one.problems]
    mistakes = sum(len(one.problems) for one in wrong)
    if not wrong:
        return f"{counted(len(checked), 'lab')}, no mistake"
    return f"{counted(len(checked), 'lab')}, {len(wrong)} of them with {counted(mistakes, 'mistake')}"


def tables(checked: Sequence[Checked], size: ClassSize = ClassSize()) -> str:
    """All labs; price, objects and flows of the good ones; and last every mistake. Each under its heading."""
    good = [(one.lab, one.estimate) for one in checked if one.lab and one.estimate and not one.problems]
    parts = [(f"LABS: {sentence(checked)}", drawn(LABS, map(_lab_row, checked)))]
    if good:
        kinds = _kinds(good)
        parts += [
            ("PRICE of an instance, and of a class", drawn(PRICES, _each(_price_rows(*one, size) for one in good))),
            ("OBJECTS", drawn(("lab", "of", *kinds), _each(_object_rows(*one, kinds) for one in good))),
            ("FLOWS: all else is closed", drawn(FLOWS, _each(_flow_rows(*one) for one in good))),
        ]
    mistakes = [str(problem) for one in checked for problem in one.problems]
    if mistakes:
        parts.append(("MISTAKES", "\n".join(mistakes)))
    return "\n\n".join(f"{heading}\n\n{body}" for heading, body in parts)


def counted(number: int, word: str) -> str:
    """`1 lab`, `2 labs`."""
    return f"{number} {word}" + "s" * (number != 1)


def _each(groups: Iterator[list[tuple[str, ...]]]) -> list[tuple[str, ...]]:
    """The rows of all labs; a lab is named in the first of its rows."""
    return [(row[0] if number == 0 else "", *row[1:]) for rows in groups for number, row in enumerate(rows)]


def _lab_row(one: Checked) -> tuple[str, ...]:
    name = os.path.basename(one.file)
    check = counted(len(one.problems), "mistake") if one.problems else "good"
    if one.lab is None:
        return name, *[NOTHING] * (len(LABS) - 2), check
    lab = one.lab
    return (
        name,
        lab.id,
        _title(lab),
        WHOSE[lab.deployment_mode],
        ", ".join(_way_in(lab, access) for access in lab.access),
        ", ".join(component.name for component in lab.components),
        "yes" if lab.internet else "no",
        lab.security_level,
        check,
    )


def _title(lab: Lab) -> str:
    title = " ".join(lab.title.in_language("en").split())
    return title if len(title) <= LONGEST_TITLE else f"{title[: LONGEST_TITLE - 1].rstrip()}…"


def _way_in(lab: Lab, access: Access) -> str:
    return access.kind if len(lab.components) == 1 else f"{access.kind} to {access.component}"


def _price_rows(lab: Lab, found: Estimate, size: ClassSize) -> list[tuple[str, ...]]:
    seats = bool(found.per_further_member.demand.amounts)
    rows = [_price_row(lab, "each group, one member" if seats else WHOSE[lab.deployment_mode], found.price)]
    if seats:
        rows.append(_price_row(lab, "each further member", found.per_further_member))
    return [*rows, _price_row(lab, size.words(lab), found.price_for(size.sizes(lab)))]


def _price_row(lab: Lab, whose: str, price: Price) -> tuple[str, ...]:
    demand = price.demand
    return (
        lab.id,
        whose,
        str(demand.pods or NOTHING),
        amount_words("requests.cpu", demand.cpu),
        _limit("limits.cpu", price.cpu_limit),
        amount_words("requests.memory", demand.memory),
        _limit("limits.memory", price.memory_limit),
        amount_words("requests.storage", demand.storage) if demand.storage else NOTHING,
        str(demand.node_ports or NOTHING),
    )


def _limit(name: str, amount: Fraction | None) -> str:
    return "no limit" if amount is None else amount_words(name, amount)


def _kinds(good: Sequence[tuple[Lab, Estimate]]) -> list[str]:
    used = {kind for _lab, found in good for kind in (*found.objects, *found.class_objects)}
    return [*(kind for kind in KINDS if kind in used), *sorted(used - set(KINDS))]


def _object_rows(lab: Lab, found: Estimate, kinds: Sequence[str]) -> list[tuple[str, ...]]:
    listed = ((WHOSE[lab.deployment_mode], found.objects), ("the class", found.class_objects))
    return [(lab.id, whose, *(str(counts.get(kind, NOTHING)) for kind in kinds)) for whose, counts in listed]


def _flow_rows(lab: Lab, found: Estimate) -> list[tuple[str, ...]]:
    return [(lab.id, row.source, row.destination, row.ports, row.why) for row in found.flows]
