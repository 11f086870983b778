"""NetworkPolicies held against the catalogue, by what they let through."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from ansible_collections.autolabs.platform.plugins.module_utils.audit.cluster.stage import Stage
from ansible_collections.autolabs.platform.plugins.module_utils.audit.finding import (
    CLUSTER,
    EXTRA,
    MISSING,
    UNDECIDED,
    Finding,
)
from ansible_collections.autolabs.platform.plugins.module_utils.audit.hosts.port_sets import NO_PORT, PortSet
from ansible_collections.autolabs.platform.plugins.module_utils.audit.hosts.ranges import Span
from ansible_collections.autolabs.platform.plugins.module_utils.audit.matrix.names import Names, shown
from ansible_collections.autolabs.platform.plugins.module_utils.net.ports import Ports
from ansible_collections.autolabs.platform.plugins.module_utils.reach.matrix.difference import Change, differences
from ansible_collections.autolabs.platform.plugins.module_utils.reach.matrix.matrix import reach_matrix
from ansible_collections.autolabs.platform.plugins.module_utils.reach.policies.explain import verdict
from ansible_collections.autolabs.platform.plugins.module_utils.reach.verdict import ALLOWED, DENIED, Step, Verdict
from ansible_collections.autolabs.platform.plugins.module_utils.reach.verdict import UNDECIDED as UNSURE

APPLY = "run playbooks/site.yml --tags network_policies"
LAB = "start the class again with playbooks/lab_start.yml, which applies its own policies, or remove the rule"


@dataclass(frozen=True)
class _Group:
    """Endpoints of a change that people call by one name."""

    title: str
    keys: tuple[str, ...]
    """One or two that stand for all."""
    endpoints: tuple[str, ...]
    namespace: str = ""


@dataclass
class _Gathered:
    """What several changes have in common."""

    ports: PortSet = NO_PORT
    sources: dict[str, None] = field(default_factory=dict)
    destinations: dict[str, None] = field(default_factory=dict)
    cells: dict[tuple[str, str], None] = field(default_factory=dict)


_Key = tuple[str, str, str, str, str, str]
"""Kind, namespace, direction, rule, flow, assumption."""


def policy_findings(stage: Stage, names: Names) -> Iterator[Finding]:
    """Where the live policies let through something else than the catalogue says; of labs, more than it says."""
    wanted, live = (
        reach_matrix(one, addresses=stage.addresses, nodes=True, calico=True) for one in (stage.wanted, stage.live)
    )
    found: dict[_Key, _Gathered] = {}
    for change in differences(wanted, live):
        kind = _kind(change)
        sources, destinations = (_groups(stage, names, ends) for ends in (change.sources, change.destinations))
        for source in sources:
            for destination in destinations:
                pair = next(((one, other) for one in source.keys for other in destination.keys if one != other), None)
                if pair:
                    _gather(found, stage, kind, pair, source, destination, change.ports)
    return (_finding(stage, key, one) for key, one in found.items())


def _kind(change: Change) -> str:
    if change.after == UNSURE:
        return UNDECIDED
    return EXTRA if change.after == ALLOWED else MISSING


def _groups(stage: Stage, names: Names, keys: Iterable[str]) -> list[_Group]:
    """Pods by endpoint, machines each, and all addresses together."""
    found: dict[str, _Group] = {}
    addresses: dict[str, Span] = {}
    for key in keys:
        if key in stage.addresses:
            addresses[key] = stage.addresses[key]
            continue
        pod = stage.live.pod_by_key.get(key)
        title = names.of_pod(pod) if pod else key
        if title not in found:
            own = names.endpoints_of_pod(pod) if pod else names.endpoints_of_host(key)
            found[title] = _Group(title, (key,), tuple(own), pod.namespace if pod else "")
        elif len(found[title].keys) == 1:
            found[title] = replace(found[title], keys=(*found[title].keys, key))
    if addresses:
        spans = list(addresses.values())
        # The first may be one that no packet carries, such as 0.0.0.0/8; one in the middle says as much.
        key = list(addresses)[len(addresses) // 2]
        found["addresses"] = _Group(names.of_addresses(spans), (key,), tuple(names.concerned(spans)))
    return list(found.values())


def _gather(
    found: dict[_Key, _Gathered],
    stage: Stage,
    kind: str,
    pair: tuple[str, str],
    source: _Group,
    destination: _Group,
    ports: tuple[Ports, ...],
) -> None:
    """Take down one pair. What a lab does not let through, though it might, is the lab's own business."""
    labs = {source.namespace, destination.namespace} & set(stage.labs)
    if kind == MISSING and labs:
        return
    asked = (*pair, ports[0].first, ports[0].protocol)
    before, after = (verdict(one, *asked, calico=True) for one in (stage.wanted, stage.live))
    decisive = _decisive(kind, before, after)
    side = next((step for step in after.steps if step.where == decisive.where), None)
    rule = side.rule if side else ""
    flow = decisive.flow if kind == MISSING else ""
    assumption = "; ".join(after.assumptions) if kind == UNDECIDED else ""
    # `ingress to labs/x`, `egress of labs/x`
    direction, _to, pod = (*decisive.where.split(" ", 2), "", "")[:3]
    gathered = found.setdefault((kind, pod.partition("/")[0], direction, rule, flow, assumption), _Gathered())
    gathered.ports |= PortSet.of(ports)
    gathered.sources[source.title] = None
    gathered.destinations[destination.title] = None
    for cell in ((one, other) for one in source.endpoints for other in destination.endpoints):
        gathered.cells[cell] = None


def _decisive(kind: str, before: Verdict, after: Verdict) -> Step:
    """The step at which the two differ: who should deny, or who does and should not."""
    if kind == MISSING:
        denied = next(step for step in after.steps if step.answer == DENIED)
        return next((step for step in before.steps if step.where == denied.where), denied)
    if kind == EXTRA:
        return next((step for step in before.steps if step.answer == DENIED), before.steps[-1])
    return next((step for step in after.steps if step.answer == UNSURE), after.steps[-1])


def _finding(stage: Stage, key: _Key, found: _Gathered) -> Finding:
    kind, namespace, _direction, rule, flow, assumption = key
    ports = found.ports.words()
    source, destination = shown(found.sources), shown(found.destinations)
    at = ", ".join(ports) or "every port"
    what = {
        EXTRA: f"{source} can reach {destination} at {at}; no flow of the catalogue says so",
        MISSING: f"{source} cannot reach {destination} at {at}, though the catalogue says so",
        UNDECIDED: f"nobody can tell whether {source} reaches {destination} at {at}",
    }[kind]
    lab = namespace in stage.labs
    return Finding(
        kind,
        CLUSTER,
        f"namespace {namespace}",
        what,
        _advice(kind, lab, rule, _ours(stage, rule)),
        flow,
        rule,
        source,
        destination,
        ports,
        assumption,
        tuple(found.cells),
    )


def _ours(stage: Stage, rule: str) -> bool:
    names = {f"{one['metadata']['namespace']}/{one['metadata']['name']}" for one in stage.rendered}
    return any(f"NetworkPolicy {name}," in rule for name in names)


def _advice(kind: str, lab: bool, rule: str, ours: bool) -> str:
    if kind == UNDECIDED:
        return "write the rule so that it names what it means: pods by labels, addresses without those of pods"
    if lab:
        return LAB if rule else f"{APPLY},lab_namespaces, which closes the namespace"
    if kind == EXTRA and rule and not ours:
        policy = rule.partition(",")[0]
        return f"delete {policy}, which is not of the catalogue, or add the flow to a file of flows_files"
    return APPLY
