"""How many instances of a class fit into what a cluster has left: quotas, nodes, node ports, storage classes. Pure.

New instances are placed one after the other in the order of the roster, each Pod on the first node that takes it,
until one does not fit; so those that fit are always the first ones. The scheduler chooses nodes by its own scores.
For Pods of one size the number is the same in whatever order nodes are filled; a lab whose Pods differ in size can
rarely need a little more room than a first fit does.

A quota with scopes counts the Pods that it is for: `Terminating` (those with a lifetime), `NotTerminating`,
`BestEffort`, `NotBestEffort` and `PriorityClass` are told from the Pod; Pods of labs are in no other scope.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.kube.resources import Manifest
from ansible_collections.autolabs.platform.plugins.module_utils.labs.admission.demand import (
    NO_DEFAULTS,
    NODE_PORTS,
    Amounts,
    Defaults,
    Demand,
    canonical,
    demand_of,
    parsed,
    pod_amounts,
    total,
)
from ansible_collections.autolabs.platform.plugins.module_utils.labs.admission.nodes import (
    Need,
    Node,
    give_back,
    largest,
    place,
)
from ansible_collections.autolabs.platform.plugins.module_utils.labs.admission.shortage import (
    Shortage,
    amount_words,
    listed,
    resource_words,
    room_words,
)

ON_NODES = "on the lab nodes"
PRIORITY = "PriorityClass"


@dataclass(frozen=True)
class Item:
    """What one object takes, and the scopes of quotas that it is in; None for what is no Pod."""

    takes: Demand
    scopes: frozenset[str] | None = None

    @classmethod
    def of(cls, manifest: Manifest, defaults: Defaults = NO_DEFAULTS) -> Item:
        """Of one object."""
        scopes = scopes_of(manifest["spec"], defaults) if manifest["kind"] == "Pod" else None
        return cls(demand_of(manifest, defaults), scopes)


@dataclass
class Quota:
    """A ResourceQuota and what is left of it, by canonical name."""

    namespace: str
    free: dict[str, Fraction]
    scopes: Sequence[Mapping[str, Any]] = ()
    """As `scopeSelector.matchExpressions` has them; all must hold."""

    @classmethod
    def of(cls, manifest: Manifest) -> Quota:
        """A live one; what its controller has not counted yet counts as unused."""
        spec, status = manifest["spec"], manifest.get("status") or {}
        used = {canonical(name): amount for name, amount in parsed(status.get("used")).items()}
        hard = parsed(status.get("hard") or spec.get("hard"))
        free: dict[str, Fraction] = {}
        for name, amount in hard.items():
            left = amount - used.get(canonical(name), Fraction(0))
            free[canonical(name)] = min(left, free.get(canonical(name), left))
        scopes = [{"scopeName": name, "operator": "Exists"} for name in spec.get("scopes") or ()]
        scopes += (spec.get("scopeSelector") or {}).get("matchExpressions") or []
        return cls(manifest["metadata"]["namespace"], free, scopes)

    def demanded(self, items: Iterable[Item]) -> Amounts:
        """What they take of what this quota limits."""
        amounts = total(item.takes for item in items if self._covers(item)).amounts
        return {name: amount for name, amount in amounts.items() if name in self.free}

    def _covers(self, item: Item) -> bool:
        if not self.scopes:
            return True
        return item.scopes is not None and all(_in_scope(item.scopes, entry) for entry in self.scopes)


@dataclass(frozen=True)
class Wish:
    """What one instance needs that is not there yet, and what it gives back for that."""

    name: str
    takes: tuple[Item, ...] = ()
    gives: tuple[Item, ...] = ()
    needs: tuple[Need, ...] = ()
    """The Pods to be placed."""
    leaves: tuple[tuple[str, Amounts], ...] = ()
    """Nodes, and what Pods that are replaced have there."""
    beside: str = ""
    """The node of Pods that stay, where the new ones must be on the same."""
    lacks: str = ""
    """The storage class that it asks for and that is not there: a sentence."""


@dataclass
class Room:
    """What is left of a cluster for labs in one namespace."""

    quotas: list[Quota] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)
    node_ports: Fraction = Fraction(0)
    """Free ones in the cluster's range."""
    node_port_range: int = 0

    def take(self, items: Sequence[Item]) -> None:
        """Have less of quotas and node ports by what `items` take, whatever is left."""
        for quota in self.quotas:
            for name, amount in quota.demanded(items).items():
                quota.free[name] -= amount
        self.node_ports -= total(item.takes for item in items)[NODE_PORTS]

    def short(self, items: Sequence[Item]) -> list[Shortage]:
        """Every quota, and the range of node ports, that `items` do not fit into."""
        found = []
        for quota in self.quotas:
            where = f"in the quota of the namespace {quota.namespace}"
            for name, amount in sorted(quota.demanded(items).items()):
                if 0 < amount > quota.free[name]:
                    # More than all is used where somebody lowered the quota; what is missing says how much must go.
                    found.append(_shortage(name, amount - quota.free[name], where))
        ports = total(item.takes for item in items)[NODE_PORTS]
        if 0 < ports > self.node_ports:
            found.append(
                _shortage(NODE_PORTS, ports - self.node_ports, f"in the cluster's range of {self.node_port_range}")
            )
        return list(dict.fromkeys(found))

    def admit(self, wish: Wish) -> bool:
        """Take what an instance needs, where all of it is there; else nothing."""
        changed = _changed(wish)
        if wish.lacks or self.short(changed):
            return False
        nodes = {node.name: node for node in self.nodes}
        left = [(nodes[name], requests) for name, requests in wish.leaves if name in nodes]
        give_back(left)
        if place(wish.needs, self.nodes, beside=wish.beside) is None:
            for node, requests in left:
                node.take(requests)
            return False
        self.take(changed)
        return True


def fit(room: Room, shared: Sequence[Item], wishes: Sequence[Wish]) -> tuple[int, tuple[Shortage, ...]]:
    """How many of `wishes`, from the first on, fit; and what is short, where not all do. Uses `room` up.

    shared: what the class takes once.
    """
    everything = [*shared, *(item for wish in wishes for item in _changed(wish))]
    short = [*dict.fromkeys(Shortage("", "", "", wish.lacks) for wish in wishes if wish.lacks)]
    short += room.short(everything) + _short_on_nodes(room.nodes, wishes)
    if room.short(shared):
        return 0, tuple(short)
    room.take(shared)
    for number, wish in enumerate(wishes):
        if not room.admit(wish):
            return number, tuple(short + _why_not(room, wish, short))
    return len(wishes), ()


def scopes_of(spec: Mapping[str, Any], defaults: Defaults = NO_DEFAULTS) -> frozenset[str]:
    """The scopes of quotas that a Pod is in; a priority class as `PriorityClass=NAME`."""
    requests, limits = pod_amounts(spec, defaults)
    guaranteed = any(amounts.get(name) for amounts in (requests, limits) for name in ("cpu", "memory"))
    found = {
        "NotTerminating" if spec.get("activeDeadlineSeconds") is None else "Terminating",
        "NotBestEffort" if guaranteed else "BestEffort",
    }
    if spec.get("priorityClassName"):
        found |= {PRIORITY, f"{PRIORITY}={spec['priorityClassName']}"}
    return frozenset(found)


def _why_not(room: Room, wish: Wish, known: Sequence[Shortage]) -> list[Shortage]:
    """What keeps an instance out, where what is short for the whole class does not say it."""
    if wish.lacks or (known and room.short(_changed(wish))):
        return []
    if any(shortage.where == ON_NODES for shortage in known):
        return []
    return room.short(_changed(wish)) or [_no_single_node(wish)]


def _in_scope(scopes: frozenset[str], entry: Mapping[str, Any]) -> bool:
    named = any(f"{entry['scopeName']}={value}" in scopes for value in entry.get("values") or ())
    there = entry["scopeName"] in scopes
    return {"Exists": there, "DoesNotExist": not there, "In": named, "NotIn": there and not named}[entry["operator"]]


def _changed(wish: Wish) -> list[Item]:
    return [*wish.takes, *(Item(item.takes * -1, item.scopes) for item in wish.gives)]


def _short_on_nodes(nodes: Sequence[Node], wishes: Sequence[Wish]) -> list[Shortage]:
    """What all the Pods request together beyond what the nodes that take them have free together."""
    needs = [need for wish in wishes for need in wish.needs]
    if not needs:
        return []
    kinds = {repr((need.node_selector, need.tolerations, need.choices)): need for need in needs}.values()
    taking = [node for node in nodes if any(not node.refusal(need) for need in kinds)]
    if not taking:
        return [_no_node(nodes, needs[0])]
    free = total(Demand(node.free) for node in taking) + total(Demand(a) for wish in wishes for _n, a in wish.leaves)
    wanted = total(Demand(need.requests) for need in needs)
    return [
        _shortage(name if name == "pods" else f"requests.{name}", amount - free.amounts.get(name, 0), ON_NODES)
        for name, amount in sorted(wanted.amounts.items())
        if amount > free.amounts.get(name, 0)
    ]


def _no_node(nodes: Sequence[Node], need: Need) -> Shortage:
    why = listed(f"{node.name} {node.refusal(need)}" for node in nodes)
    return Shortage("nodes", ON_NODES, "1", f"no node takes labs: {why or 'the cluster has none'}")


def _no_single_node(wish: Wish) -> Shortage:
    return Shortage("room", "on one node", "", f"no single node has {room_words(_by_quota_names(wish))} free")


def _by_quota_names(wish: Wish) -> Amounts:
    requests = largest(wish.needs)
    return {name if name == "pods" else f"requests.{name}": amount for name, amount in requests.items()}


def _shortage(name: str, missing: Fraction, where: str) -> Shortage:
    return Shortage(resource_words(name), where, amount_words(name, missing))
