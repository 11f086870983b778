"""What is missing, in words."""

from __future__ import annotations

from fractions import Fraction

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.labs.admission.shortage import (
    Admission,
    NoRoom,
    Shortage,
    amount_words,
    listed,
    resource_words,
    room_words,
)

GI = 1 << 30


@pytest.mark.parametrize(
    ("name", "amount", "words"),
    [
        ("requests.memory", Fraction(3 * GI, 2), "1.5 Gi"),
        ("requests.memory", Fraction(512 << 20), "512 Mi"),
        ("limits.memory", Fraction(GI + 1), "1.1 Gi"),
        ("requests.memory", Fraction(1), "0.1 Mi"),
        ("requests.storage", Fraction(10 * GI), "10 Gi"),
        ("fast.storageclass.storage.k8s.io/requests.storage", Fraction(GI), "1 Gi"),
        ("requests.cpu", Fraction(1, 2), "0.5 cores"),
        ("requests.cpu", Fraction(1), "1 core"),
        ("requests.cpu", Fraction(1, 3000), "0.001 cores"),
        ("limits.cpu", Fraction(20), "20 cores"),
        ("pods", Fraction(6), "6"),
        ("services.nodeports", Fraction(100), "100"),
    ],
)
def test_amounts_are_rounded_up_in_units_that_people_use(name: str, amount: Fraction, words: str) -> None:
    assert amount_words(name, amount) == words


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("cpu", "CPU"),
        ("limits.memory", "memory limits"),
        ("secrets", "secrets"),
        ("persistentvolumeclaims", "volumes"),
        ("fast.storageclass.storage.k8s.io/requests.storage", "storage of the class fast"),
        ("fast.storageclass.storage.k8s.io/count", "volumes of the class fast"),
        ("requests.nvidia.com/gpu", "nvidia.com/gpu"),
    ],
)
def test_resources_have_the_names_that_people_use(name: str, words: str) -> None:
    assert resource_words(name) == words


def test_what_one_node_must_have() -> None:
    assert room_words({"requests.cpu": Fraction(1, 2), "requests.memory": Fraction(GI), "pods": Fraction(1)}) == (
        "0.5 cores of CPU and 1 Gi of memory"
    )
    assert room_words({"pods": Fraction(1)}) == "a free place for a pod"


@pytest.mark.parametrize(("words", "text"), [((), ""), (("a",), "a"), (("a", "b", "c"), "a, b and c")])
def test_words_are_listed(words: tuple[str, ...], text: str) -> None:
    assert listed(words) == text


def test_an_admission_is_one_sentence() -> None:
    memory = Shortage("memory", "on the lab nodes", "1.5 Gi")
    pods = Shortage("pods", "in the quota of the namespace labs", "6")
    some = Admission(frozenset({"a", "b"}), 3, (memory, pods))
    assert some.sentence() == (
        "2 of 3 fit: memory short by 1.5 Gi on the lab nodes; pods short by 6 in the quota of the namespace labs"
    )
    assert Admission(frozenset({"a"}), 1).sentence() == "1 of 1 fit"
    assert str(NoRoom(some)).endswith(
        "Nothing was created; with admit: partial those that fit are started, in the order of the roster"
    )
    assert str(NoRoom(Admission(frozenset(), 3, (memory,)))) == (
        "0 of 3 fit: memory short by 1.5 Gi on the lab nodes. Nothing was created"
    )
