"""Names on the cluster: as documented, never too long, never two for one thing or one for two."""

from __future__ import annotations

import re

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.labs.names import (
    FIRST_CLASS,
    RESERVED_WORDS,
    access_name,
    class_name,
    component_name,
    dns_label,
    instance_name,
    internal_name,
    label_problem,
    seat_name,
)
from hypothesis import assume, given
from hypothesis import strategies as st

DNS_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")

labels = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", fullmatch=True)
# Short ones of few words meet each other where two names could.
words = st.sampled_from(["1", "2", "a", "class", "student", "group", "web", "db"])
phrases = st.lists(words, min_size=1, max_size=5).map("-".join)
owners = labels | phrases
ids = owners.filter(lambda text: not label_problem(text, reserved=RESERVED_WORDS))
modes = st.sampled_from(["per_student", "per_group"])


@pytest.mark.parametrize(
    ("lab", "class_id", "mode", "owner", "name"),
    [
        ("123", "1", "per_student", "456", "lab-123-student-456"),
        ("123", "1", "per_group", "7", "lab-123-group-7"),
        ("123", "2", "per_student", "456", "lab-123-class-2-student-456"),
        ("2", "1", "per_group", "cybersec-101", "lab-2-group-cybersec-101"),
    ],
)
def test_instances_have_their_documented_names(lab: str, class_id: str, mode: str, owner: str, name: str) -> None:
    assert instance_name(lab, class_id, mode, owner) == name


def test_a_long_name_is_cut_and_ends_in_a_digest_of_the_whole() -> None:
    name = instance_name("lab", "1", "per_student", "x" * 63)
    assert re.fullmatch("lab-lab-student-x{38}-[0-9a-f]{8}", name)
    assert name != instance_name("lab", "1", "per_student", "x" * 62 + "y")


def test_components_are_suffixed_only_where_there_are_several() -> None:
    assert component_name("lab-3-student-bob", "webapp", 1) == "lab-3-student-bob"
    assert component_name("lab-3-student-bob", "webapp", 2) == "lab-3-student-bob-webapp"


def test_what_a_class_has_for_a_component_is_no_other_labs() -> None:
    assert access_name(class_name("sql", "1"), "injection") != class_name("sql-injection", "1")


@pytest.mark.parametrize("instance", ["lab-3-student-bob", "lab-3-student-" + 49 * "x"])
def test_names_of_services_and_containers_are_labels_whatever_the_roster_holds(instance: str) -> None:
    made = [internal_name(instance), access_name(instance, "x" * 63), seat_name("x" * 63, 65535)]
    assert all(DNS_LABEL.fullmatch(name) for name in made)
    assert len(set(made)) == 3


def test_a_component_with_a_dash_is_no_other_students_component() -> None:
    of_bob = component_name("lab-3-student-bob", "web-db", 2)
    assert of_bob.startswith("lab-3-student-bob-web-db-")
    assert of_bob != component_name("lab-3-student-bob-web", "db", 2)


@given(ids, ids, modes, owners)
def test_a_name_is_always_a_dns_label(lab: str, class_id: str, mode: str, owner: str) -> None:
    name = instance_name(lab, class_id, mode, owner)
    assert DNS_LABEL.fullmatch(name)
    assert DNS_LABEL.fullmatch(class_name(lab, class_id))
    assert DNS_LABEL.fullmatch(component_name(name, owner, 2))


@given(*[st.tuples(ids, ids | st.just(FIRST_CLASS), modes, owners)] * 2)
def test_two_instances_never_have_one_name(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    assume(one != other)
    assert instance_name(*one) != instance_name(*other)


@given(ids, ids | st.just(FIRST_CLASS), st.tuples(ids, ids, modes, owners))
def test_a_class_never_has_the_name_of_an_instance(lab: str, class_id: str, instance: tuple[str, ...]) -> None:
    assert class_name(lab, class_id) != instance_name(*instance)


@given(*[st.tuples(phrases, phrases)] * 2)
def test_two_components_of_a_class_never_have_one_name(one: tuple[str, str], other: tuple[str, str]) -> None:
    assume(one != other)
    names = [
        component_name(instance_name("3", "1", "per_student", owner), component, 2) for owner, component in (one, other)
    ]
    assert names[0] != names[1]


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("456", "456"),
        ("Иванов И.", "ivanov-i"),
        ("Семёнов-Щукин", "semenov-shchukin"),
        ("Й", "y"),
        ("Олександр Їжак", "oleksandr-yizhak"),
        ("Nuñez, Łukasz", "nunez-lukasz"),
        ("O'Neil", "o-neil"),
        ("Straße", "strasse"),
        ("Ａ１", "a1"),
        ("٤٢", "42"),
        ("student_7@example.org", "student-7-example-org"),
        ("  --a--  ", "a"),
        ("李雷", ""),
        ("Anna 李", ""),
        ("--", ""),
        ("", ""),
    ],
)
def test_a_word_becomes_a_label_that_can_be_read(text: str, label: str) -> None:
    assert dns_label(text) == label


@given(st.text())
def test_a_label_is_a_label_and_stays_as_it_is(text: str) -> None:
    label = dns_label(text)
    assert label == "" or re.fullmatch("[a-z0-9]([a-z0-9-]*[a-z0-9])?", label)
    assert dns_label(label) == label


@given(owners)
def test_what_is_a_label_already_keeps_its_words(text: str) -> None:
    assert dns_label(text) == re.sub("-+", "-", text)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("sql-injection", ""),
        ("classic", ""),
        ("a-class", "holds the word 'class'"),
        ("", "must hold only"),
        ("x" * 64, "longer"),
    ],
)
def test_ids_of_labs_and_classes_leave_some_words_alone(text: str, problem: str) -> None:
    found = label_problem(text, reserved=RESERVED_WORDS)
    assert problem in found
    assert bool(found) == bool(problem)
