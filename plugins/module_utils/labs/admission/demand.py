"""What Kubernetes objects take: of quotas, of nodes, of node ports. Pure.

Amounts are exact, in cores, bytes and pieces, under the names that a ResourceQuota has for them (Kubernetes,
"Resource Quotas"): `requests.cpu`, `limits.memory`, `pods`, `requests.storage`, `services.nodeports`,
`count/secrets`, `fast.storageclass.storage.k8s.io/requests.storage`.
"""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.kube.quantity import parse_quantity
from ansible_collections.autolabs.platform.plugins.module_utils.kube.resources import KINDS, Manifest

Amounts = Mapping[str, Fraction]

NODE_PORTS = "services.nodeports"
STORAGE_CLASS = ".storageclass.storage.k8s.io/"
COMPUTE = ("cpu", "memory", "ephemeral-storage")
COUNTED = ("configmaps", "persistentvolumeclaims", "secrets", "services")
"""Kinds that a quota may name without `count/`."""


@dataclass(frozen=True)
class Demand:
    """Amounts by their name in a quota; what is not named is 0. `Demand() + one * 30`."""

    amounts: Amounts = field(default_factory=dict)

    def __getitem__(self, name: str) -> Fraction:
        """The amount under any of its names: `cpu` is `requests.cpu`, `secrets` is `count/secrets`."""
        return self.amounts.get(canonical(name), Fraction(0))

    def __add__(self, other: Demand) -> Demand:
        return total((self, other))

    def __sub__(self, other: Demand) -> Demand:
        return total((self, other * -1))

    def __mul__(self, times: int) -> Demand:
        return Demand({name: amount * times for name, amount in self.amounts.items()})

    def at_least_nothing(self) -> Demand:
        """The same without what is negative."""
        return Demand({name: amount for name, amount in self.amounts.items() if amount > 0})

    @property
    def cpu(self) -> Fraction:
        """Requested cores."""
        return self["requests.cpu"]

    @property
    def memory(self) -> Fraction:
        """Requested bytes."""
        return self["requests.memory"]

    @property
    def cpu_limit(self) -> Fraction:
        """Cores at most, over all containers."""
        return self["limits.cpu"]

    @property
    def memory_limit(self) -> Fraction:
        """Bytes at most, over all containers."""
        return self["limits.memory"]

    @property
    def storage(self) -> Fraction:
        """Bytes of volumes."""
        return self["requests.storage"]

    @property
    def pods(self) -> int:
        """Pods that have not ended."""
        return int(self["pods"])

    @property
    def volumes(self) -> int:
        """Persistent volume claims."""
        return int(self["count/persistentvolumeclaims"])

    @property
    def node_ports(self) -> int:
        """Ports that are open on every node."""
        return int(self[NODE_PORTS])


def total(demands: Iterable[Demand]) -> Demand:
    """All of them together."""
    amounts: defaultdict[str, Fraction] = defaultdict(Fraction)
    for demand in demands:
        for name, amount in demand.amounts.items():
            amounts[name] += amount
    return Demand({name: amount for name, amount in amounts.items() if amount})


@dataclass(frozen=True)
class Defaults:
    """What a namespace gives to containers that say nothing, and a cluster to volumes."""

    requests: Amounts = field(default_factory=dict)
    limits: Amounts = field(default_factory=dict)
    storage_class: str = ""

    @classmethod
    def of(cls, limit_ranges: Iterable[Manifest], storage_class: str = "") -> Defaults:
        """Of live LimitRanges: of two that have a default, the first counts, as for the API server."""
        requests: dict[str, Fraction] = {}
        limits: dict[str, Fraction] = {}
        for limit_range in limit_ranges:
            for entry in limit_range["spec"].get("limits") or ():
                if entry["type"] == "Container":
                    requests = {**parsed(entry.get("defaultRequest")), **requests}
                    limits = {**parsed(entry.get("default")), **limits}
        return cls(requests, limits, storage_class)


NO_DEFAULTS = Defaults()


def canonical(name: str) -> str:
    """One name for what a quota may name in two ways."""
    if name in COMPUTE:
        return f"requests.{name}"
    if name in COUNTED:
        return f"count/{name}"
    return name.replace(f"{STORAGE_CLASS}persistentvolumeclaims", f"{STORAGE_CLASS}count")


def demand_of(manifest: Manifest, defaults: Defaults = NO_DEFAULTS) -> Demand:
    """What one object takes, as it is written or as the server keeps it."""
    kind = manifest["kind"]
    amounts = {f"count/{_counted_name(kind)}": Fraction(1)}
    if kind == "Pod" and not is_terminal(manifest):
        amounts["pods"] = Fraction(1)
        requests, limits = pod_amounts(manifest["spec"], defaults)
        amounts |= {f"requests.{name}": amount for name, amount in requests.items()}
        amounts |= {f"limits.{name}": amount for name, amount in limits.items()}
    elif kind == "PersistentVolumeClaim":
        amounts |= _of_claim(manifest["spec"], defaults)
    elif kind == "Service":
        amounts |= _of_service(manifest["spec"])
    return Demand(amounts)


def is_terminal(pod: Manifest) -> bool:
    """Whether a Pod has ended, and takes nothing but its place among the objects."""
    return (pod.get("status") or {}).get("phase") in ("Failed", "Succeeded")


def is_done(pod: Manifest) -> bool:
    """Whether a Pod did its work and stays as it is: it ends well and is not started again."""
    phase = (pod.get("status") or {}).get("phase")
    return phase == "Succeeded" and pod["spec"].get("restartPolicy") in ("Never", "OnFailure")


def pod_amounts(spec: Mapping[str, Any], defaults: Defaults = NO_DEFAULTS) -> tuple[Amounts, Amounts]:
    """Requests and limits of a whole Pod, as scheduler and quota count them.

    Containers run together with sidecars (init containers that restart always); other init containers run one after
    the other before, beside the sidecars that came before them: the larger of both counts (Kubernetes, "Sidecar
    Containers", resource sharing). Resources of the Pod itself and its overhead come on top of that.
    """
    requests, limits = (_effective(spec, defaults, which) for which in ("requests", "limits"))
    overhead = parsed(spec.get("overhead"))
    whole = spec.get("resources") or {}
    requests = _sum(requests | parsed(whole.get("requests")), overhead)
    # Overhead makes a limit larger, but where there is none, there stays none.
    limits = limits | parsed(whole.get("limits"))
    return requests, {name: amount + overhead.get(name, 0) for name, amount in limits.items()}


def _effective(spec: Mapping[str, Any], defaults: Defaults, which: str) -> dict[str, Fraction]:
    sidecars: dict[str, Fraction] = {}
    highest: dict[str, Fraction] = {}
    for container in spec.get("initContainers") or ():
        amounts = _sum(sidecars, _of_container(container, defaults)[which])
        if container.get("restartPolicy") == "Always":
            sidecars = amounts
        highest = _larger(highest, amounts)
    together = sidecars
    for container in spec["containers"]:
        together = _sum(together, _of_container(container, defaults)[which])
    return _larger(highest, together)


def _of_container(container: Mapping[str, Any], defaults: Defaults) -> dict[str, dict[str, Fraction]]:
    """A limit without a request is the request as well (API defaults); then comes what the namespace gives."""
    resources = container.get("resources") or {}
    limits = parsed(resources.get("limits"))
    requests = {**limits, **parsed(resources.get("requests"))}
    return {"requests": {**defaults.requests, **requests}, "limits": {**defaults.limits, **limits}}


def _of_claim(spec: Mapping[str, Any], defaults: Defaults) -> dict[str, Fraction]:
    storage = parsed((spec.get("resources") or {}).get("requests")).get("storage", Fraction(0))
    amounts = {"requests.storage": storage}
    chosen = spec.get("storageClassName", defaults.storage_class)
    if chosen:
        amounts |= {f"{chosen}{STORAGE_CLASS}requests.storage": storage, f"{chosen}{STORAGE_CLASS}count": Fraction(1)}
    return amounts


def _of_service(spec: Mapping[str, Any]) -> dict[str, Fraction]:
    balanced = spec.get("type") == "LoadBalancer"
    amounts = {"services.loadbalancers": Fraction(1)} if balanced else {}
    if spec.get("type") == "NodePort" or (balanced and spec.get("allocateLoadBalancerNodePorts", True)):
        amounts[NODE_PORTS] = Fraction(len(spec.get("ports") or ()))
    return amounts


def _counted_name(kind: str) -> str:
    known = KINDS[kind]
    group, separator, _version = known.api_version.partition("/")
    return f"{known.plural}.{group}" if separator else known.plural


def parsed(quantities: Mapping[str, Any] | None) -> dict[str, Fraction]:
    """Quantities by name, as numbers; nothing where there are none. Raises ValueError."""
    return {name: _number(str(text)) for name, text in (quantities or {}).items()}


# A class repeats the same few, and a large cluster has thousands of Pods.
_number = functools.lru_cache(maxsize=4096)(parse_quantity)


def _sum(one: Amounts, other: Amounts) -> dict[str, Fraction]:
    return {name: one.get(name, Fraction(0)) + other.get(name, Fraction(0)) for name in {**one, **other}}


def _larger(one: Amounts, other: Amounts) -> dict[str, Fraction]:
    return {name: max(one.get(name, Fraction(0)), other.get(name, Fraction(0))) for name in {**one, **other}}
