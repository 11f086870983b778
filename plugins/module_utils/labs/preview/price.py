"""What instances take of a site: a price in CPU, memory, volumes and node ports. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput, Problem
from ansible_collections.autolabs.platform.plugins.module_utils.kube.resources import Manifest
from ansible_collections.autolabs.platform.plugins.module_utils.labs.admission.demand import (
    Defaults,
    Demand,
    demand_of,
    parsed,
    total,
)

SITE_LIMITS: tuple[dict[str, Any], ...] = (
    {
        "type": "Container",
        "min": {"cpu": "100m", "memory": "128Mi"},
        "max": {"cpu": "1", "memory": "1Gi"},
        "default": {"cpu": "500m", "memory": "512Mi"},
        "defaultRequest": {"cpu": "500m", "memory": "512Mi"},
    },
    {"type": "Pod", "max": {"cpu": "2", "memory": "2Gi"}},
    {"type": "PersistentVolumeClaim", "min": {"storage": "64Mi"}, "max": {"storage": "10Gi"}},
)
"""The LimitRange of the lab namespaces where a site says nothing: the default of the role lab_namespaces."""


@dataclass(frozen=True)
class Price:
    """What objects take, with what the namespace gives to containers that say nothing."""

    demand: Demand = field(default_factory=Demand)
    unlimited: frozenset[str] = frozenset()
    """`cpu` and `memory`, where a container may take all that its node has."""

    def __add__(self, other: Price) -> Price:
        return Price(self.demand + other.demand, self.unlimited | other.unlimited)

    def __sub__(self, other: Price) -> Price:
        return Price(self.demand - other.demand, self.unlimited)

    def __mul__(self, times: int) -> Price:
        return Price(self.demand * times, self.unlimited)

    @property
    def cpu_limit(self) -> Fraction | None:
        """Cores at most; None where there is no limit."""
        return None if "cpu" in self.unlimited else self.demand.cpu_limit

    @property
    def memory_limit(self) -> Fraction | None:
        """Bytes at most; None where there is no limit."""
        return None if "memory" in self.unlimited else self.demand.memory_limit

    def as_result(self) -> dict[str, Any]:
        """As numbers: cores, bytes and pieces."""
        cpu_limit, memory_limit = self.cpu_limit, self.memory_limit
        return {
            "pods": self.demand.pods,
            "cpu": float(self.demand.cpu),
            "memory": int(self.demand.memory),
            "cpu_limit": None if cpu_limit is None else float(cpu_limit),
            "memory_limit": None if memory_limit is None else int(memory_limit),
            "storage": int(self.demand.storage),
            "node_ports": self.demand.node_ports,
        }


def price_of(manifests: Sequence[Manifest], defaults: Defaults) -> Price:
    """The price of these objects."""
    given = [
        {**defaults.limits, **((container.get("resources") or {}).get("limits") or {})}
        for manifest in manifests
        if manifest["kind"] == "Pod"
        for container in manifest["spec"]["containers"]
    ]
    unlimited = frozenset(name for name in ("cpu", "memory") if any(name not in limits for limits in given))
    return Price(total(demand_of(manifest, defaults) for manifest in manifests), unlimited)


def defaults_of(limits: Sequence[Mapping[str, Any]], storage_class: str = "") -> Defaults:
    """What a LimitRange with the list `limits` gives to containers. Raises InvalidInput.

    The API server fills in what such a list leaves out (Kubernetes, "Limit Ranges"): the default limit is the
    maximum, the default request is the default limit, or else the minimum.
    """
    try:
        for entry in limits:
            for bound in ("min", "max", "default", "defaultRequest"):
                parsed(entry.get(bound))
        completed = [_completed(entry) if entry["type"] == "Container" else entry for entry in limits]
        return Defaults.of([{"spec": {"limits": completed}}], storage_class)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        message = f"this is no list of limits as a LimitRange has them: {error}"
        raise InvalidInput([Problem("", 0, "limits", message, "[{type: Container, default: {cpu: 500m}}]")]) from error


def _completed(entry: Mapping[str, Any]) -> dict[str, Any]:
    least, most, limit, request = (entry.get(name) or {} for name in ("min", "max", "default", "defaultRequest"))
    limit = {**most, **limit}
    return {**entry, "default": limit, "defaultRequest": {**least, **limit, **request}}
