"""How many instances fit, and what is short for the others."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.labs.admission.capacity import (
    Item,
    Quota,
    Room,
    Wish,
    fit,
    scopes_of,
)
from ansible_collections.autolabs.platform.plugins.module_utils.labs.admission.demand import Demand
from ansible_collections.autolabs.platform.plugins.module_utils.labs.admission.nodes import Need, Node
from hypothesis import given, settings
from hypothesis import strategies as st

GI = 1 << 30
TAINT = {"key": "dedicated", "value": "gpu", "effect": "NoSchedule"}


def node(name: str = "n1", *, cpu: float = 4, memory: float = 8, pods: int = 110, **more: Any) -> Node:
    free = {"cpu": Fraction(cpu), "memory": Fraction(memory) * GI, "pods": Fraction(pods)}
    known: dict[str, Any] = {"labels": {}, "taints": [], "ready": True, "cordoned": False}
    return Node(name, **{**known, **more}, free=free)


def need(cpu: float = 0.5, memory: float = 0.5, *, together: bool = False, **more: Any) -> Need:
    amounts = {"cpu": Fraction(cpu), "memory": Fraction(memory) * GI, "pods": Fraction(1)}
    return Need(amounts, more.pop("node_selector", {}), together=together, **more)


def wish(*needs: Need, name: str = "i", **more: Any) -> Wish:
    takes = [
        Item(
            Demand({"pods": Fraction(1), **{f"requests.{key}": n.requests[key] for key in ("cpu", "memory")}}),
            frozenset(),
        )
        for n in needs
    ]
    return Wish(name, tuple(takes), needs=needs, **more)


def quota(scopes: Sequence[Any] = (), **free: float) -> Quota:
    names = {"memory": "requests.memory", "cpu": "requests.cpu", "node_ports": "services.nodeports"}
    return Quota("labs", {names.get(name, name): Fraction(value) for name, value in free.items()}, scopes)


def answer(room: Room, wishes: Sequence[Wish], shared: Sequence[Item] = ()) -> tuple[int, str]:
    number, shortages = fit(room, shared, wishes)
    return number, "; ".join(map(str, shortages))


IN_LABS = "in the quota of the namespace labs"
ALL = [wish(need())] * 30
CASES: list[tuple[str, Room, Sequence[Wish], int, str]] = [
    ("all fit", Room(nodes=[node(cpu=15, memory=15)]), ALL, 30, ""),
    ("memory", Room(nodes=[node(cpu=99, memory=12)]), ALL, 24, "memory short by 3 Gi on the lab nodes"),
    ("CPU", Room(nodes=[node(cpu=14.25, memory=99)]), ALL, 28, "CPU short by 0.75 cores on the lab nodes"),
    ("places", Room(nodes=[node(cpu=99, memory=99, pods=10)]), ALL, 10, "pods short by 20 on the lab nodes"),
    (
        "every limit that is short is named",
        Room([quota(pods=24, memory=14.5 * GI)], [node(cpu=14, memory=99)]),
        ALL,
        24,
        f"pods short by 6 {IN_LABS}; memory short by 512 Mi {IN_LABS}; CPU short by 1 core on the lab nodes",
    ),
    (
        "a quota that was lowered below its use",
        Room([quota(pods=-2)], [node(cpu=99, memory=99)]),
        ALL[:1],
        0,
        f"pods short by 3 {IN_LABS}",
    ),
    (
        "enough in all, but not in one place",
        Room(nodes=[node("a", cpu=1), node("b", cpu=1)]),
        [wish(need(0.75)), wish(need(0.75)), wish(need(0.5))],
        2,
        "no single node has 0.5 cores of CPU and 512 Mi of memory free",
    ),
    (
        "pods that share a volume go on one node",
        Room(nodes=[node("a", cpu=1), node("b", cpu=1)]),
        [wish(need(0.6, together=True), need(0.6, together=True))],
        0,
        "no single node has 1.2 cores of CPU and 1 Gi of memory free",
    ),
    (
        "pods that do not share may part",
        Room(nodes=[node("a", cpu=1), node("b", cpu=1)]),
        [wish(need(0.6), need(0.6))],
        1,
        "",
    ),
    (
        "a new pod joins those that it shares a volume with",
        Room(nodes=[node("a", cpu=1), node("b", cpu=0)]),
        [wish(need(0.6, together=True), beside="b")],
        0,
        "no single node has 0.6 cores of CPU and 512 Mi of memory free",
    ),
    (
        "no node takes labs",
        Room(nodes=[node("a", ready=False), node("b", cordoned=True), node("c", taints=[TAINT])]),
        ALL,
        0,
        "no node takes labs: a is not ready, b is cordoned and c has the taint dedicated",
    ),
    (
        "nodes of other labels do not count",
        Room(nodes=[node("a"), node("b", cpu=0.5, labels={"labs": "yes"})]),
        [wish(need(node_selector={"labs": "yes"}))] * 2,
        1,
        "CPU short by 0.5 cores on the lab nodes",
    ),
    (
        "a tolerated taint",
        Room(nodes=[node("a", taints=[TAINT])]),
        [wish(need(tolerations=[{"key": "dedicated", "operator": "Equal", "value": "gpu"}]))],
        1,
        "",
    ),
    (
        "a replaced pod gives its room back",
        Room([quota(pods=0)], [node("a", cpu=0, memory=0, pods=0)]),
        [
            wish(
                need(),
                gives=(Item(Demand({"pods": Fraction(1)}), frozenset()),),
                leaves=(("a", need().requests),),
            )
        ],
        1,
        "",
    ),
    (
        "a storage class that is not there",
        Room(nodes=[node()]),
        [wish(need(), lacks="the storage class fast does not exist")],
        0,
        "the storage class fast does not exist",
    ),
    (
        "node ports",
        Room(nodes=[node()], node_ports=Fraction(3), node_port_range=2768),
        [Wish("i", (Item(Demand({"services.nodeports": Fraction(2)})),))] * 2,
        1,
        "node ports short by 1 in the cluster's range of 2768",
    ),
]


@pytest.mark.parametrize(
    ("room", "wishes", "number", "words"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_what_fits_and_what_is_short(room: Room, wishes: Sequence[Wish], number: int, words: str) -> None:
    assert answer(room, wishes) == (number, words)


def test_what_the_class_has_once_comes_first() -> None:
    room = Room([quota(**{"count/configmaps": 0})], [node()])
    shared = [Item(Demand({"count/configmaps": Fraction(1)}))]
    assert answer(room, ALL[:2], shared) == (0, f"config maps short by 1 {IN_LABS}")


SCOPES: list[tuple[str, dict[str, Any], int]] = [
    ("no scope", {}, 1),
    ("pods with a lifetime", {"scopes": ["Terminating"]}, 1),
    ("pods without", {"scopes": ["NotTerminating"]}, 5),
    ("pods without requests", {"scopes": ["BestEffort"]}, 5),
    ("both", {"scopes": ["Terminating", "NotBestEffort"]}, 1),
    ("of a priority", {"scopes": ["PriorityClass"]}, 5),
    (
        "of no priority",
        {"scopeSelector": {"matchExpressions": [{"scopeName": "PriorityClass", "operator": "DoesNotExist"}]}},
        1,
    ),
    (
        "of another priority",
        {"scopeSelector": {"matchExpressions": [{"scopeName": "PriorityClass", "operator": "In", "values": ["x"]}]}},
        5,
    ),
]


@pytest.mark.parametrize(("scoped", "number"), [case[1:] for case in SCOPES], ids=[case[0] for case in SCOPES])
def test_a_quota_with_scopes_counts_the_pods_it_is_for(scoped: dict[str, Any], number: int) -> None:
    live = Quota.of({"metadata": {"namespace": "labs"}, "spec": {"hard": {"pods": "1"}, **scoped}})
    spec = {"activeDeadlineSeconds": 60, "containers": [{"resources": {"requests": {"cpu": "1"}}}]}
    item = Item(Demand({"pods": Fraction(1)}), scopes_of(spec))
    assert fit(Room([live]), [], [Wish(str(n), (item,)) for n in range(5)])[0] == number


def test_what_is_left_of_a_quota_is_hard_less_used() -> None:
    status = {"hard": {"cpu": "2", "requests.cpu": "3"}, "used": {"cpu": "500m", "requests.cpu": "500m"}}
    found = Quota.of({"metadata": {"namespace": "labs"}, "spec": {"hard": {"cpu": "9"}}, "status": status})
    assert found.free == {"requests.cpu": Fraction(3, 2)}


SMALL = st.integers(0, 4)
NODES = st.lists(st.tuples(SMALL, SMALL, st.integers(0, 3)), min_size=1, max_size=3)
PODS = st.lists(st.tuples(SMALL, SMALL, st.booleans()), min_size=1, max_size=3)


@settings(max_examples=300, deadline=None)
@given(nodes=NODES, instances=st.lists(PODS, max_size=5), pods=st.integers(0, 8))
def test_those_admitted_fit_and_the_next_one_does_not(
    nodes: list[tuple[int, int, int]], instances: list[list[tuple[int, int, bool]]], pods: int
) -> None:
    room = Room([quota(pods=pods)], [node(f"n{i}", cpu=c, memory=m, pods=p) for i, (c, m, p) in enumerate(nodes)])
    wishes = [wish(*(need(c, m, together=t) for c, m, t in instance)) for instance in instances]
    full = copy.deepcopy(room)
    number, shortages = fit(full, [], wishes)
    assert all(amount >= 0 for entry in full.nodes for amount in entry.free.values()), "placed beyond a node"
    assert all(amount >= 0 for entry in full.quotas for amount in entry.free.values()), "placed beyond a quota"
    assert number == by_hand(nodes, instances, pods)
    assert bool(shortages) == (number < len(wishes))


def by_hand(nodes: list[tuple[int, int, int]], instances: list[list[tuple[int, int, bool]]], pods: int) -> int:
    """First fit once more, as plainly as it can be written."""
    free = [list(entry) for entry in nodes]
    for number, instance in enumerate(instances):
        together = [entry for entry in instance if entry[2]]
        sets = ([together] if together else []) + [[entry] for entry in instance if not entry[2]]
        for group in sets:
            wanted = (sum(e[0] for e in group), sum(e[1] for e in group), len(group))
            for left in free:
                if all(amount <= there for amount, there in zip(wanted, left, strict=True)):
                    left[:] = [there - amount for amount, there in zip(wanted, left, strict=True)]
                    break
            else:
                return number
        pods -= len(instance)
        if pods < 0:
            return number
    return len(instances)
