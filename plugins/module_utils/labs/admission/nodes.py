"""Which node has room for a Pod: a first fit over the nodes, as far as labs need the scheduler's rules. Pure.

Held against the Pod are readiness, cordons, taints, node selector, required node affinity, where its volumes are,
and every resource that it requests. What a Pod merely prefers, and rules of other workloads, are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.kube.resources import Manifest
from ansible_collections.autolabs.platform.plugins.module_utils.labs.admission.demand import (
    NO_DEFAULTS,
    Amounts,
    Defaults,
    parsed,
    pod_amounts,
)

HOSTNAME = "kubernetes.io/hostname"
REPELLING = ("NoSchedule", "NoExecute")

Terms = Sequence[Mapping[str, Any]]
"""Node selector terms, of which one must hold."""


@dataclass(frozen=True)
class Need:
    """What the scheduler looks at in a Pod."""

    requests: Amounts
    """By resource: cores, bytes, and one of `pods`."""
    node_selector: Mapping[str, str]
    tolerations: Sequence[Mapping[str, Any]] = ()
    choices: Sequence[Terms] = ()
    """Lists of terms, each of which must hold: the Pod's own node affinity, and those of its volumes."""
    together: bool = False
    """Whether it must be on one node with the others of its instance of which the same is true."""

    @classmethod
    def of(cls, spec: Mapping[str, Any], defaults: Defaults = NO_DEFAULTS, volumes: Sequence[Terms] = ()) -> Need:
        """Of a Pod's spec, and the terms of the volumes that it has already."""
        affinity = spec.get("affinity") or {}
        required = (affinity.get("nodeAffinity") or {}).get("requiredDuringSchedulingIgnoredDuringExecution")
        own = [required["nodeSelectorTerms"]] if required else []
        near = (affinity.get("podAffinity") or {}).get("requiredDuringSchedulingIgnoredDuringExecution") or ()
        return cls(
            {**pod_amounts(spec, defaults)[0], "pods": Fraction(1)},
            spec.get("nodeSelector") or {},
            tuple(spec.get("tolerations") or ()),
            (*own, *volumes),
            any(term["topologyKey"] == HOSTNAME for term in near),
        )


@dataclass
class Node:
    """A node and what is free on it."""

    name: str
    labels: Mapping[str, str]
    taints: Sequence[Mapping[str, Any]]
    ready: bool
    cordoned: bool
    free: dict[str, Fraction]

    @classmethod
    def of(cls, manifest: Manifest) -> Node:
        """A live node on which nothing runs yet."""
        status, spec = manifest.get("status") or {}, manifest.get("spec") or {}
        conditions = {entry["type"]: entry["status"] for entry in status.get("conditions") or ()}
        cordoned = bool(spec.get("unschedulable"))
        return cls(
            manifest["metadata"]["name"],
            manifest["metadata"].get("labels") or {},
            # A cordon and a lost node carry taints as well, and people know them by their other names.
            [taint for taint in spec.get("taints") or () if not taint["key"].startswith("node.kubernetes.io/un")],
            conditions.get("Ready") == "True",
            cordoned,
            parsed(status.get("allocatable")),
        )

    def refusal(self, need: Need) -> str:
        """Why the node takes no such Pod, however much is free; nothing where it does."""
        if not self.ready:
            return "is not ready"
        if self.cordoned:
            return "is cordoned"
        for taint in self.taints:
            if taint["effect"] in REPELLING and not any(_tolerates(entry, taint) for entry in need.tolerations):
                return f"has the taint {taint['key']}"
        for key, value in need.node_selector.items():
            if self.labels.get(key) != value:
                return f"lacks the label {key}={value}"
        if not all(any(self._holds(term) for term in terms) for terms in need.choices):
            return "does not have the volume"
        return ""

    def has_room(self, requests: Amounts) -> bool:
        """Whether all that is requested is free."""
        return all(amount <= self.free.get(name, 0) for name, amount in requests.items() if amount)

    def take(self, requests: Amounts, times: int = 1) -> None:
        """Have less by what is requested; more, with `times` of -1."""
        for name, amount in requests.items():
            self.free[name] = self.free.get(name, Fraction(0)) - amount * times

    def _holds(self, term: Mapping[str, Any]) -> bool:
        found = {"metadata.name": self.name}
        checks = [(self.labels, entry) for entry in term.get("matchExpressions") or ()]
        checks += [(found, entry) for entry in term.get("matchFields") or ()]
        return bool(checks) and all(_matches(labels, entry) for labels, entry in checks)


def place(needs: Sequence[Need], nodes: Iterable[Node], *, beside: str = "") -> list[tuple[Node, Amounts]] | None:
    """Take room for the Pods of an instance: first fit, and one node for those that must be together.

    beside: the node of Pods that run already, which those must join. Returns what was taken and where, or None
    (and nothing taken) where a Pod finds no room.
    """
    nodes = list(nodes)
    taken: list[tuple[Node, Amounts]] = []
    for group in _groups(needs):
        wanted = _all_of(group)
        near = beside if group[0].together else ""
        found = next((node for node in nodes if near in ("", node.name) and _fits(node, group, wanted)), None)
        if found is None:
            give_back(taken)
            return None
        found.take(wanted)
        taken.append((found, wanted))
    return taken


def give_back(taken: Iterable[tuple[Node, Amounts]]) -> None:
    """Undo `place`."""
    for node, requests in taken:
        node.take(requests, -1)


def largest(needs: Sequence[Need]) -> Amounts:
    """What one node must have free at least for the Pods: the most that goes on one."""
    return max((_all_of(group) for group in _groups(needs)), key=lambda one: sorted(one.items(), reverse=True))


def _groups(needs: Sequence[Need]) -> list[list[Need]]:
    together = [need for need in needs if need.together]
    return ([together] if together else []) + [[need] for need in needs if not need.together]


def _all_of(group: Sequence[Need]) -> Amounts:
    names = {name for need in group for name in need.requests}
    return {name: sum((need.requests.get(name, Fraction(0)) for need in group), Fraction(0)) for name in names}


def _fits(node: Node, group: Sequence[Need], wanted: Amounts) -> bool:
    return node.has_room(wanted) and not any(node.refusal(need) for need in group)


def _tolerates(toleration: Mapping[str, Any], taint: Mapping[str, Any]) -> bool:
    if toleration.get("effect") not in (None, "", taint["effect"]):
        return False
    if toleration.get("operator") == "Exists":
        return toleration.get("key") in (None, "", taint["key"])
    return (toleration.get("key"), toleration.get("value", "")) == (taint["key"], taint.get("value", ""))


def _matches(labels: Mapping[str, str], expression: Mapping[str, Any]) -> bool:
    """One requirement of a node selector (Kubernetes API, NodeSelectorRequirement)."""
    found, values = labels.get(expression["key"]), list(expression.get("values") or [])
    match expression["operator"]:
        case "In":
            return found in values
        case "NotIn":
            return found not in values
        case "Exists":
            return found is not None
        case "DoesNotExist":
            return found is None
        case operator:
            if found is None or not found.lstrip("-").isdigit():
                return False
            return int(found) > int(values[0]) if operator == "Gt" else int(found) < int(values[0])
