"""Any folder of manifests is read, or every mistake in it is named: nothing else is ever raised."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput
from ansible_collections.autolabs.platform.plugins.module_utils.reach.manifests import KINDS, WORKLOADS, cluster
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.plugins.module_utils.reach.building import policy


def made(kind: str, name: Any = "x", version: str = "v1", **fields: Any) -> dict[str, Any]:
    metadata = {"name": name, **fields.pop("metadata", {})}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **fields}


SLICE = made("EndpointSlice", "s", "discovery.k8s.io/v1", endpoints=[{"addresses": ["10.0.0.1"]}], ports=[{"port": 1}])
WHOLE: list[dict[str, Any]] = [
    made("Namespace", metadata={"labels": {"team": "a"}}),
    made(
        "Pod",
        metadata={"labels": {"app": "x"}},
        spec={
            "containers": [
                {"name": "m", "ports": [{"name": "h", "containerPort": 1, "hostPort": 2, "hostIP": "10.0.0.2"}]}
            ],
            "nodeName": "n",
        },
        status={"podIP": "10.0.0.1", "podIPs": [{"ip": "10.0.0.1"}]},
    ),
    made("Node", "n", status={"addresses": [{"type": "InternalIP", "address": "10.0.0.2"}]}),
    made(
        "Service",
        spec={
            "ports": [{"port": 1, "targetPort": "h", "nodePort": 2, "name": "a"}],
            "selector": {"app": "x"},
            "externalIPs": ["10.0.0.2"],
            "clusterIPs": ["10.0.0.3"],
        },
        status={"loadBalancer": {"ingress": [{"ip": "10.0.0.4"}]}},
    ),
    {**SLICE, "metadata": {"name": "s", "labels": {"kubernetes.io/service-name": "y"}}},
    made("Service", "y", spec={"ports": [{"port": 1}]}),
    made("Deployment", "d", "apps/v1", spec={"template": {"metadata": {"labels": {"a": "b"}}, "spec": {}}}),
    policy(
        {
            "ingress": [
                {
                    "from": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}}, {"podSelector": {}}],
                    "ports": [{"port": 1, "endPort": 2, "protocol": "TCP"}],
                }
            ],
            "podSelector": {"matchExpressions": [{"key": "a", "operator": "In", "values": ["b"]}]},
        }
    ),
]


@pytest.mark.parametrize(
    ("entry", "place", "field"),
    [
        (made("Namespace", metadata={"labels": ["x"]}), "Namespace x", "metadata.labels"),
        (made("Namespace", metadata={"labels": {"a": 1}}), "Namespace x", "metadata.labels.a"),
        (made("Pod", metadata={"labels": "x"}), "Pod default/x", "metadata.labels"),
        (made("Pod", spec=["x"]), "Pod default/x", "spec"),
        (made("Node", status="x"), "Node x", "status"),
        (made("Node", metadata={"annotations": ["x"]}), "Node x", ""),
        (made("Pod", spec={"nodeName": ["n"]}), "Pod default/x", "spec.nodeName"),
        (made("Service", spec={"selector": ["x"]}), "Service default/x", "spec.selector"),
        (made("Service", spec={"externalIPs": [5]}), "Service default/x", "spec.externalIPs"),
        (made("Deployment", "d", "apps/v1", spec={"template": 5}), "Deployment default/d", ""),
        (
            {**policy({}), "metadata": {"name": "p", "annotations": ["x"]}},
            "NetworkPolicy default/p",
            "metadata.annotations",
        ),
        (policy({"podSelector": ["x"]}), "NetworkPolicy shop/policy", "spec.podSelector"),
        (
            policy({"ingress": [{"from": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": 5}}]}]}),
            "NetworkPolicy shop/policy",
            "spec.ingress[0].from[0].ipBlock.except",
        ),
        ({"apiVersion": "v1", "kind": "Pod", "metadata": None}, "Pod 1", "metadata.name"),
        ({"apiVersion": "v1", "kind": "List", "items": [None]}, "object 1", ""),
        ({"apiVersion": "v1", "kind": "List", "items": ["x"]}, "object 1", ""),
        ({"apiVersion": "v1", "kind": "PodList", "items": [None]}, "object 1", ""),
    ],
)
def test_what_is_odd_is_told_with_its_object_and_field(entry: dict[str, Any], place: str, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        cluster([entry])
    assert (caught.value.problems[0].file, caught.value.problems[0].field) == (place, field)


def test_the_whole_is_read() -> None:
    assert len(cluster(WHOLE).pods) == 1


leaves = st.none() | st.booleans() | st.integers(-1, 70000) | st.text(max_size=3) | st.just("10.0.0.1")
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
names = st.sampled_from(["metadata", "spec", "status", "items", "endpoints", "ports"])
kinds = st.sampled_from([*KINDS.items(), *((kind, one[0]) for kind, one in WORKLOADS.items()), ("List", "v1")])


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to each part of a value."""
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, part in steps for place in places(part, (*path, key)))]


EVERY = [place for place in places(WHOLE) if len(place) > 1]


def read_or_refused(objects: list[Any]) -> None:
    try:
        found = cluster(objects)
    except InvalidInput as error:
        assert all(problem.file for problem in error.problems)
    else:
        assert found.rules is not None and found.namespace_labels is not None
        # The prover keeps both in sets.
        assert len({(*pod.labels.items(), pod.node, pod.addresses, pod.ports) for pod in found.pods}) <= len(found.pods)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(kinds, st.dictionaries(names, values, max_size=4)), max_size=3))
def test_nothing_but_invalid_input_is_raised_for_any_object(given_objects: list[tuple[Any, dict[str, Any]]]) -> None:
    read_or_refused([{"kind": kind, "apiVersion": version, **fields} for (kind, version), fields in given_objects])


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(EVERY), values)
def test_nothing_but_invalid_input_is_raised_where_one_field_is_odd(place: tuple[Any, ...], value: Any) -> None:
    changed = copy.deepcopy(WHOLE)
    part: Any = changed
    for step in place[:-1]:
        part = part[step]
    part[place[-1]] = value
    read_or_refused(changed)
