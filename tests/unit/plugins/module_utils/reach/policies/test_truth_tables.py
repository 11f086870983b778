"""The truth tables of cyclonus, an independent judge of NetworkPolicies: every cell.

They are not part of this repository. They are looked for beside the checkout, or where AUTOLABS_NETPOL_TABLES says.
"""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.reach.cluster import Cluster, ContainerPort, Pod
from ansible_collections.autolabs.platform.plugins.module_utils.reach.matrix.matrix import reach_matrix
from ansible_collections.autolabs.platform.plugins.module_utils.reach.policies.explain import verdict
from unit.house.sources import CHECKOUT

BESIDE = CHECKOUT.parent / "shared/netpol/cyclonus-truth-tables.json.gz"
TABLES = Path(os.environ.get("AUTOLABS_NETPOL_TABLES") or BESIDE)
CELLS = 123_669
EVERY = 11
"""Of the single questions only these; the number shares no factor with the number of cells of a table."""

Step = tuple[str, Cluster, list[dict[str, Any]]]

pytestmark = pytest.mark.skipif(
    not TABLES.is_file(), reason=f"there are no truth tables at {TABLES}; AUTOLABS_NETPOL_TABLES says where they are"
)


@pytest.fixture(scope="module")
def steps() -> list[Step]:
    with gzip.open(TABLES) as tables:
        cases = json.load(tables)["cases"]
    return [
        (f"case {case['id']}, step {number}: {case['description']}", _cluster(step), step["expected"])
        for case in cases
        for number, step in enumerate(case["steps"], 1)
    ]


def _cluster(step: dict[str, Any]) -> Cluster:
    pods = [
        Pod(
            entry["namespace"],
            entry["name"],
            entry["labels"],
            (entry["ip"],),
            tuple(ContainerPort(port["name"], port["containerPort"], port["protocol"]) for port in entry["ports"]),
        )
        for entry in step["pods"]
    ]
    return Cluster(step["namespaces"], tuple(pods), tuple(step["policies"] or ()))


def _decided(cells: list[dict[str, Any]]) -> Iterator[tuple[tuple[str, str, int, str], str]]:
    """The questions but those of pods to themselves, with what cyclonus says; ipBlocks mean pods, as with Calico."""
    for cell in cells:
        if not cell["loopback"]:
            wanted = "allowed" if cell["combined"] == "allowed" else "denied"
            yield (cell["from"], cell["to"], cell["port"], cell["protocol"]), wanted


def test_the_matrix_agrees_in_every_cell(steps: list[Step]) -> None:
    wrong, seen = [], 0
    for title, cluster, cells in steps:
        matrix = reach_matrix(cluster, calico=True)
        seen += len(cells)
        wrong += [(title, ask) for ask, wanted in _decided(cells) if matrix.answer(*ask) != wanted]
    assert not wrong
    assert seen == CELLS


def test_single_questions_agree(steps: list[Step]) -> None:
    wrong = [
        (title, ask)
        for title, cluster, cells in steps
        for ask, wanted in list(_decided(cells))[::EVERY]
        if verdict(cluster, *ask, calico=True).answer != wanted
    ]
    assert not wrong
