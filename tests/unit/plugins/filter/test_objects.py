"""Applied is what is not there or not as it should be, and nothing else."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from ansible_collections.autolabs.platform.plugins.filter.objects import objects_to_apply

DENY: dict[str, Any] = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": {"name": "default-deny", "namespace": "labs", "labels": {"part": "flows"}},
    "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"], "ingress": [], "egress": []},
}


def live(**spec: Any) -> dict[str, Any]:
    """The same as the API server lists it: with fields of its own, and without empty lists."""
    found = copy.deepcopy(DENY)
    found["metadata"] |= {"uid": "1", "resourceVersion": "2", "managedFields": []}
    found["spec"] = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"], **spec}
    return found


def test_what_is_as_it_should_be_is_not_applied() -> None:
    assert objects_to_apply([DENY], [live()]) == []


def test_what_is_not_there_is_applied() -> None:
    elsewhere = copy.deepcopy(live())
    elsewhere["metadata"]["namespace"] = "platform"
    assert objects_to_apply([DENY], []) == objects_to_apply([DENY], [elsewhere]) == [DENY]


@pytest.mark.parametrize(
    "spec",
    [
        {"ingress": [{}]},
        {"egress": [{"to": [{"podSelector": {}}]}]},
        {"policyTypes": ["Ingress"]},
        {"podSelector": {"matchLabels": {"app": "lab"}}},
    ],
)
def test_what_somebody_changed_by_hand_is_applied(spec: dict[str, Any]) -> None:
    assert objects_to_apply([DENY], [live(**spec)]) == [DENY]


def test_a_label_that_is_gone_is_applied() -> None:
    found = live()
    found["metadata"]["labels"] = {}
    assert objects_to_apply([DENY], [found]) == [DENY]
