"""Who gets which instance."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput
from ansible_collections.autolabs.platform.plugins.module_utils.labs.classes import instances, make_class
from ansible_collections.autolabs.platform.plugins.module_utils.labs.model import Access, Instance, Lab, Student, Text

LAB = Lab(id="123", title=Text(), text=Text(), components=(), access=())
GROUP_LAB = replace(LAB, deployment_mode="per_group")
ANNA, BOB, CLARA = Student("anna", "Анна", "8"), Student("bob", "Bob", "7"), Student("clara", "", "8")


def test_every_student_gets_an_instance_in_the_order_of_the_roster() -> None:
    assert instances(LAB, [CLARA, ANNA]) == (
        Instance("lab-123-student-clara", "clara", (CLARA,)),
        Instance("lab-123-student-anna", "anna", (ANNA,)),
    )


def test_every_group_gets_an_instance_in_the_order_of_the_roster() -> None:
    assert instances(GROUP_LAB, [ANNA, BOB, CLARA], "2") == (
        Instance("lab-123-class-2-group-8", "8", (ANNA, CLARA)),
        Instance("lab-123-class-2-group-7", "7", (BOB,)),
    )


def test_a_lab_for_groups_names_the_students_without_one() -> None:
    alone = [replace(ANNA, group=""), BOB, replace(CLARA, group="")]
    with pytest.raises(InvalidInput, match="Анна, clara have none"):
        instances(GROUP_LAB, alone)
    with pytest.raises(InvalidInput, match="and 5 more have none"):
        instances(GROUP_LAB, [Student(f"s{number}") for number in range(15)])


def test_a_class_holds_lab_course_and_instances() -> None:
    made = make_class(LAB, [ANNA], "2", "class-of-2026")
    assert (made.lab, made.id, made.course) == (LAB, "2", "class-of-2026")
    assert [instance.name for instance in made.instances] == ["lab-123-class-2-student-anna"]


def test_all_that_is_wrong_with_a_class_is_told_at_once() -> None:
    with pytest.raises(InvalidInput) as refused:
        make_class(GROUP_LAB, [Student("anna")], "student-2", "Кибербез")
    assert [problem.field for problem in refused.value.problems] == ["class_id", "course_id", "group"]


@pytest.mark.parametrize("class_id", ["", "A", "a_b", "2-class", "my-group", "-1", "x" * 64])
def test_a_class_id_must_fit_into_names(class_id: str) -> None:
    with pytest.raises(InvalidInput, match="class_id"):
        instances(LAB, [ANNA], class_id)


def test_a_group_reached_by_ssh_has_no_more_members_than_seats() -> None:
    by_ssh = replace(GROUP_LAB, access=(Access("ssh", "box", 2222),))
    roster = [Student(f"s{number}", group="red") for number in range(33)]
    assert len(instances(by_ssh, roster[:32])[0].members) == 32
    assert len(instances(GROUP_LAB, roster)[0].members) == 33
    with pytest.raises(InvalidInput, match="the group 'red' has 33 members; a lab reached by ssh has 32 seats"):
        instances(by_ssh, roster)
