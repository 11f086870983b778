"""Makes a class of a lab and a roster: who gets which instance."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput, Problem
from ansible_collections.autolabs.platform.plugins.module_utils.labs.model import Instance, Lab, LabClass, Student
from ansible_collections.autolabs.platform.plugins.module_utils.labs.names import (
    FIRST_CLASS,
    RESERVED_WORDS,
    instance_name,
    label_problem,
)
from ansible_collections.autolabs.platform.plugins.module_utils.labs.objects.seats import MOST_SEATS, seats_access

NAMED_AT_MOST = 10
"""Students in one message."""


def make_class(lab: Lab, roster: Sequence[Student], class_id: str = FIRST_CLASS, course: str = "") -> LabClass:
    """A class of `lab` for `roster`. Raises InvalidInput with every mistake.

    course: the course's id, or nothing. It is a label only, and so may hold any word.
    """
    problems = class_id_problems(class_id)
    wrong = label_problem(course) if course else ""
    if wrong:
        problems.append(Problem("", 0, "course_id", f"{course!r} {wrong}", "cybersec-101"))
    made: tuple[Instance, ...] = ()
    try:
        made = instances(lab, roster, FIRST_CLASS if problems else class_id)
    except InvalidInput as error:
        problems += error.problems
    if problems:
        raise InvalidInput(problems)
    return LabClass(lab, class_id, made, course)


def class_id_problems(class_id: str) -> list[Problem]:
    """Why `class_id` cannot be part of names; nothing where it can."""
    wrong = label_problem(class_id, reserved=RESERVED_WORDS)
    return [Problem("", 0, "class_id", f"{class_id!r} {wrong}", "2")] if wrong else []


def instances(lab: Lab, roster: Sequence[Student], class_id: str = FIRST_CLASS) -> tuple[Instance, ...]:
    """What the students or groups of `roster` get, in its order. Raises InvalidInput."""
    problems = class_id_problems(class_id)
    members: dict[str, list[Student]] = {}
    for student in roster:
        members.setdefault(student.id if lab.deployment_mode == "per_student" else student.group, []).append(student)
    alone = members.pop("", [])
    if alone:
        message = f"this lab is for groups, and {_named(alone)} have none"
        problems.append(Problem("", 0, "group", message, "id,name,group"))
    if seats_access(lab):
        for group, students in members.items():
            if len(students) > MOST_SEATS:
                message = (
                    f"the group {group!r} has {len(students)} members; a lab reached by ssh has {MOST_SEATS} seats"
                )
                problems.append(Problem("", 0, "group", message))
    found = tuple(
        Instance(instance_name(lab.id, class_id, lab.deployment_mode, owner), owner, tuple(students))
        for owner, students in members.items()
    )
    owners: dict[str, str] = {}
    for instance in found:
        # Only names that had to be cut can meet, once in four thousand million.
        other = owners.setdefault(instance.name, instance.owner)
        if other != instance.owner:
            message = f"{other!r} and {instance.owner!r} are too long to tell apart; shorten one of them"
            problems.append(Problem("", 0, "id", message))
    if problems:
        raise InvalidInput(problems)
    return found


def _named(students: list[Student]) -> str:
    names = [student.name or student.id for student in students[:NAMED_AT_MOST]]
    more = len(students) - len(names)
    return ", ".join(names) + (f" and {more} more" if more else "")
