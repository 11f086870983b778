"""Unchanged means: every field that we set is as we set it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.kube.compare import differences

CASES = [
    ("a field the server added is not ours", {"spec": {"a": 1}}, {"spec": {"a": 1, "b": 2}}, []),
    ("a changed value", {"spec": {"a": 1}}, {"spec": {"a": 2}}, ["spec.a"]),
    ("a missing field", {"spec": {"a": 1}}, {"spec": {}}, ["spec.a"]),
    (
        "a missing item is one difference",
        {"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]},
        {"env": [{"name": "A", "value": "1"}]},
        ["env[B]"],
    ),
    ("an empty list is an absent one", {"spec": {"ingress": []}}, {"spec": {}}, []),
    ("an empty map is an absent one", {"spec": {"resources": {}}}, {"spec": {}}, []),
    ("an entry where we want none", {"ingress": []}, {"ingress": [{"from": []}]}, ["ingress"]),
    (
        "quantities by value",
        {"resources": {"limits": {"cpu": "500m", "memory": "1Gi"}}},
        {"resources": {"limits": {"cpu": "0.5", "memory": "1073741824"}}},
        [],
    ),
    ("another quantity", {"limits": {"cpu": "500m"}}, {"limits": {"cpu": "501m"}}, ["limits.cpu"]),
    ("a size limit by value", {"emptyDir": {"sizeLimit": "64Mi"}}, {"emptyDir": {"sizeLimit": "67108864"}}, []),
    ("text that looks like a quantity is text", {"data": {"a": "1000m"}}, {"data": {"a": "1"}}, ["data.a"]),
    (
        "named items in another order",
        {"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]},
        {"env": [{"name": "B", "value": "2"}, {"name": "A", "value": "1"}]},
        [],
    ),
    (
        "a named item that somebody changed",
        {"env": [{"name": "A", "value": "1"}]},
        {"env": [{"name": "A", "value": "x"}]},
        ["env[A].value"],
    ),
    (
        "several mounts of one volume are told apart by path",
        {"volumeMounts": [{"name": "v", "mountPath": "/a"}, {"name": "v", "mountPath": "/b", "subPath": "b"}]},
        {"volumeMounts": [{"name": "v", "mountPath": "/a"}, {"name": "v", "mountPath": "/b", "subPath": "c"}]},
        ["volumeMounts[/b].subPath"],
    ),
    (
        "a port of two protocols is two items",
        {"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]},
        {"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]},
        [],
    ),
    ("plain lists by position", {"args": ["a", "b"]}, {"args": ["a", "c"]}, ["args[1]"]),
    ("plain lists by length", {"args": ["a"]}, {"args": ["a", "b"]}, ["args"]),
    ("true is not 'true'", {"a": True}, {"a": "true"}, ["a"]),
    (
        "a default protocol that the server filled in",
        {"ports": [{"port": 22, "targetPort": 2222}]},
        {"ports": [{"port": 22, "targetPort": 2222, "nodePort": 30001, "protocol": "TCP"}]},
        [],
    ),
]

POLICY = {
    "kind": "NetworkPolicy",
    "spec": {"podSelector": {"matchLabels": {"a": "b"}}, "egress": [{"ports": [{"port": 80}]}]},
}


@pytest.mark.parametrize(
    ("opened", "path"),
    [
        (
            {"podSelector": {"matchLabels": {"a": "b"}, "matchExpressions": [{"key": "x"}]}},
            "spec.podSelector.matchExpressions",
        ),
        ({"egress": [{"ports": [{"port": 80, "endPort": 65535}]}]}, "spec.egress[0].ports[80].endPort"),
    ],
)
def test_what_somebody_adds_to_a_policy_is_seen(opened: dict[str, Any], path: str) -> None:
    found = {"kind": "NetworkPolicy", "spec": {**POLICY["spec"], **opened}}  # type: ignore[dict-item]
    assert differences(POLICY, POLICY) == []
    assert [difference.path for difference in differences(POLICY, found)] == [path]


@pytest.mark.parametrize(("wanted", "found", "paths"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_differences(wanted: dict[str, Any], found: dict[str, Any], paths: list[str]) -> None:
    assert [difference.path for difference in differences(wanted, found)] == paths
