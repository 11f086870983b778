"""What objects take of quotas and nodes, counted as the API server and the scheduler do."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.labs.admission.demand import (
    Defaults,
    Demand,
    canonical,
    demand_of,
    pod_amounts,
    total,
)
from unit.support.classes import class_of, manifests

MI = 1 << 20


def container(requests: dict[str, str] | None = None, limits: dict[str, str] | None = None, **more: Any) -> Any:
    resources = {key: value for key, value in (("requests", requests), ("limits", limits)) if value}
    return {"name": "c", "resources": resources, **more}


def cpu(text: str, **more: Any) -> Any:
    return container({"cpu": text}, **more)


LIMIT_RANGE = {
    "spec": {
        "limits": [
            {"type": "Pod", "max": {"cpu": "2"}},
            {"type": "Container", "default": {"cpu": "500m", "memory": "512Mi"}, "defaultRequest": {"cpu": "25m"}},
        ]
    }
}
DEFAULTS = Defaults.of([LIMIT_RANGE])

PODS: list[tuple[str, dict[str, Any], Fraction, Fraction]] = [
    ("containers add up", {"containers": [cpu("100m"), cpu("0.2")]}, Fraction(3, 10), Fraction(1)),
    ("nothing said: the namespace's defaults", {"containers": [container()]}, Fraction(25, 1000), Fraction(1, 2)),
    ("a limit alone is the request", {"containers": [container(None, {"cpu": "1"})]}, Fraction(1), Fraction(1)),
    (
        "one init container after the other, before the rest",
        {"initContainers": [cpu("300m"), cpu("2")], "containers": [cpu("500m")]},
        Fraction(2),
        Fraction(1, 2),
    ),
    (
        "a sidecar runs beside what comes after it",
        {"initContainers": [cpu("1", restartPolicy="Always"), cpu("2")], "containers": [cpu("500m")]},
        Fraction(3),
        Fraction(1),
    ),
    (
        "an init container before the sidecar is alone",
        {"initContainers": [cpu("2"), cpu("1", restartPolicy="Always")], "containers": [cpu("500m")]},
        Fraction(2),
        Fraction(1),
    ),
    ("overhead on top", {"overhead": {"cpu": "250m"}, "containers": [cpu("1")]}, Fraction(5, 4), Fraction(3, 4)),
    (
        "what is said for the Pod as a whole",
        {"resources": {"requests": {"cpu": "3"}}, "containers": [cpu("1")]},
        Fraction(3),
        Fraction(1, 2),
    ),
]


@pytest.mark.parametrize(("spec", "request_", "limit"), [case[1:] for case in PODS], ids=[case[0] for case in PODS])
def test_the_cpu_of_a_pod(spec: dict[str, Any], request_: Fraction, limit: Fraction) -> None:
    requests, limits = pod_amounts(spec, DEFAULTS)
    assert (requests["cpu"], limits["cpu"]) == (request_, limit)


def test_of_two_limit_ranges_the_first_decides() -> None:
    other = {"spec": {"limits": [{"type": "Container", "default": {"cpu": "2"}, "defaultRequest": {"memory": "1Mi"}}]}}
    both = Defaults.of([LIMIT_RANGE, other])
    assert (both.limits["cpu"], both.requests["memory"]) == (Fraction(1, 2), MI)


def test_a_pod_that_has_ended_is_but_an_object() -> None:
    pod = {"kind": "Pod", "spec": {"containers": [cpu("1")]}, "status": {"phase": "Succeeded"}}
    assert demand_of(pod).amounts == {"count/pods": 1}


def test_a_class_takes_what_its_objects_take() -> None:
    defaults = Defaults.of([LIMIT_RANGE], "fast")
    taken = total(demand_of(manifest, defaults) for manifest in manifests(class_of("anna", "boris")))
    assert (taken.pods, taken.volumes, taken.storage, taken.node_ports) == (2, 2, 2 << 30, 2)
    assert (taken.cpu, taken.cpu_limit, taken.memory_limit) == (Fraction(1, 20), 1, 1 << 30)
    assert taken["secrets"] == taken["services"] == taken["count/secrets"] == 2
    assert taken["count/networkpolicies.networking.k8s.io"] == 1
    assert taken["fast.storageclass.storage.k8s.io/requests.storage"] == 2 << 30
    assert taken["fast.storageclass.storage.k8s.io/persistentvolumeclaims"] == 2


@pytest.mark.parametrize(
    ("spec", "ports"),
    [
        ({"type": "NodePort", "ports": [{}, {}, {}]}, 3),
        ({"type": "ClusterIP", "ports": [{}]}, 0),
        ({"clusterIP": "None"}, 0),
        ({"type": "LoadBalancer", "ports": [{}]}, 1),
        ({"type": "LoadBalancer", "allocateLoadBalancerNodePorts": False, "ports": [{}]}, 0),
    ],
)
def test_every_port_of_a_node_port_service_is_a_node_port(spec: dict[str, Any], ports: int) -> None:
    assert demand_of({"kind": "Service", "spec": spec}).node_ports == ports


@pytest.mark.parametrize(
    ("name", "same"),
    [
        ("cpu", "requests.cpu"),
        ("memory", "requests.memory"),
        ("limits.cpu", "limits.cpu"),
        ("configmaps", "count/configmaps"),
        ("count/persistentvolumeclaims", "count/persistentvolumeclaims"),
        ("persistentvolumeclaims", "count/persistentvolumeclaims"),
        ("services.nodeports", "services.nodeports"),
        ("pods", "pods"),
    ],
)
def test_what_has_two_names_is_one_amount(name: str, same: str) -> None:
    assert canonical(name) == same


def test_amounts_are_added_taken_away_and_multiplied() -> None:
    one = Demand({"pods": Fraction(1), "requests.cpu": Fraction(1, 10)})
    assert (one * 3 + one).amounts == {"pods": 4, "requests.cpu": Fraction(2, 5)}
    assert (one - one).amounts == {}
    assert (one - one * 2).at_least_nothing().amounts == {}
    assert Demand()["cpu"] == 0
