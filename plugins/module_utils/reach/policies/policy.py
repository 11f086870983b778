"""NetworkPolicy objects (networking.k8s.io/v1), read: what each selects, and what its rules let through.

The rules are those of the API's documentation (kubernetes.io/docs/reference/kubernetes-api/policy-resources/
network-policy-v1) and of the API server's own defaults.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput, Problem
from ansible_collections.autolabs.platform.plugins.module_utils.net.addresses import AddressError, Block
from ansible_collections.autolabs.platform.plugins.module_utils.net.ports import LAST, PROTOCOLS
from ansible_collections.autolabs.platform.plugins.module_utils.reach.policies.lines import span
from ansible_collections.autolabs.platform.plugins.module_utils.reach.policies.selectors import (
    Report,
    Selector,
    read_selector,
)

INGRESS, EGRESS = DIRECTIONS = ("ingress", "egress")
FLOWS_ANNOTATION = "autolabs.io/{}-flows"
"""Of each direction: the flows of its rules, comma separated, the i-th name for the i-th rule."""


@dataclass(frozen=True)
class PortRange:
    """Ports of one protocol: a range, or the ports that destinations declare under a name."""

    protocol: str = "TCP"
    first: int = 1
    last: int = LAST
    name: str = ""
    """Empty where numbers are meant."""


@dataclass(frozen=True)
class Peer:
    """Either pods, or addresses. Of pods both selectors must fit."""

    pods: Selector | None = None
    namespaces: Selector | None = None
    """None for the policy's own namespace."""
    block: Block | None = None


@dataclass(frozen=True)
class Rule:
    """One rule of a direction: any of the peers, on any of the ports."""

    title: str
    """`NetworkPolicy labs/lab-1, egress rule 2`."""
    peers: tuple[Peer, ...] | None
    """None for everyone."""
    ports: tuple[PortRange, ...] | None
    """None for every port of every protocol."""
    flow: str = ""


@dataclass(frozen=True)
class Policy:
    """What one NetworkPolicy selects and lets through."""

    namespace: str
    name: str
    selector: Selector
    ingress: tuple[Rule, ...] | None
    """None where the policy says nothing about this direction; empty where it closes it."""
    egress: tuple[Rule, ...] | None

    def rules(self, direction: str) -> tuple[Rule, ...] | None:
        """Those of `ingress` or `egress`."""
        return self.ingress if direction == INGRESS else self.egress


def read_policies(objects: Iterable[Mapping[str, Any]]) -> tuple[Policy, ...]:
    """Read policies. Raises InvalidInput with every mistake of all of them."""
    problems: list[Problem] = []
    found = tuple(_read_policy(entry, problems) for entry in objects)
    if problems:
        raise InvalidInput(problems)
    return found


def _read_policy(value: Mapping[str, Any], problems: list[Problem]) -> Policy:
    metadata = value.get("metadata") or {}
    if not isinstance(metadata, Mapping):
        metadata = {}
    namespace, name = str(metadata.get("namespace") or "default"), str(metadata.get("name") or "")
    title = f"NetworkPolicy {namespace}/{name}"

    def report(field: str, message: str) -> None:
        problems.append(Problem(title, 0, field, message))

    spec = value.get("spec") or {}
    if not isinstance(spec, Mapping):
        report("spec", "must be a mapping")
        spec = {}
    # The API server's default: Ingress always, Egress where there are egress rules (NetworkPolicySpec.policyTypes).
    types = spec.get("policyTypes") or (["Ingress", "Egress"] if spec.get("egress") else ["Ingress"])
    if not isinstance(types, list | tuple) or not {*map(str, types)} <= {"Ingress", "Egress"}:
        report("spec.policyTypes", f"{types!r} may hold Ingress and Egress only")
    flows = metadata.get("annotations") or {}
    if not isinstance(flows, Mapping):
        report("metadata.annotations", "must be a mapping")
        flows = {}
    rules = {}
    for direction, peers in ((INGRESS, "from"), (EGRESS, "to")):
        names = [entry.strip() for entry in str(flows.get(FLOWS_ANNOTATION.format(direction)) or "").split(",")]
        entries = spec.get(direction) or ()
        if not isinstance(entries, list | tuple):
            report(f"spec.{direction}", "must be a list of rules")
            entries = ()
        rules[direction] = tuple(
            _read_rule(
                entry,
                peers,
                f"spec.{direction}[{number}]",
                report,
                title=f"{title}, {direction} rule {number + 1}",
                flow=names[number] if number < len(names) else "",
            )
            for number, entry in enumerate(entries)
        )
    return Policy(
        namespace,
        name,
        read_selector(spec.get("podSelector"), "spec.podSelector", report),
        rules[INGRESS] if "Ingress" in types else None,
        rules[EGRESS] if "Egress" in types else None,
    )


def _read_rule(value: Any, peers: str, field: str, report: Report, *, title: str, flow: str) -> Rule:
    value = value or {}  # an empty rule lets everything through
    if not isinstance(value, Mapping):
        report(field, f"a rule is a mapping with {peers}, ports or both")
        return Rule(title, (), ())
    # An empty list is the same as none: "If this field is empty or missing, this rule matches all sources".
    given: dict[str, list[Any]] = {}
    for part in (peers, "ports"):
        entries = value.get(part) or []
        if not isinstance(entries, list | tuple):
            report(f"{field}.{part}", "must be a list")
            entries = []
        given[part] = list(entries)
    read_peers = [_read_peer(entry, f"{field}.{peers}[{number}]", report) for number, entry in enumerate(given[peers])]
    read_ports = [_read_port(entry, f"{field}.ports[{number}]", report) for number, entry in enumerate(given["ports"])]
    return Rule(title, tuple(read_peers) or None, tuple(read_ports) or None, flow)


def _read_peer(value: Any, field: str, report: Report) -> Peer:
    if not isinstance(value, Mapping) or not {"podSelector", "namespaceSelector", "ipBlock"} & {*value}:
        report(field, "a peer has a podSelector, a namespaceSelector, both, or an ipBlock")
        return Peer()
    block = value.get("ipBlock")
    pods, namespaces = value.get("podSelector"), value.get("namespaceSelector")
    if block is None:
        if pods is None and namespaces is None:
            report(field, "a peer has a podSelector, a namespaceSelector, both, or an ipBlock")
        return Peer(
            None if pods is None else read_selector(pods, f"{field}.podSelector", report),
            None if namespaces is None else read_selector(namespaces, f"{field}.namespaceSelector", report),
        )
    if pods is not None or namespaces is not None:
        report(field, "a peer with an ipBlock has no selectors; write them as peers of their own")
    if not isinstance(block, Mapping):
        report(f"{field}.ipBlock", "must be a mapping with cidr and, if need be, except")
        return Peer()
    return Peer(block=_read_block(block, f"{field}.ipBlock", report))


def _read_block(value: Mapping[str, Any], field: str, report: Report) -> Block | None:
    given = value.get("except") or ()
    if not isinstance(given, list | tuple):
        report(f"{field}.except", "must be a list of ranges")
        given = ()
    excepts = tuple(map(str, given))
    cidr = str(value.get("cidr") or "")
    try:
        whole = _range(cidr)
    except AddressError as error:
        report(f"{field}.cidr", str(error))
        return None
    for number, entry in enumerate(excepts):
        try:
            first, last = _range(entry)
        except AddressError as error:
            report(f"{field}.except[{number}]", str(error))
            return None
        # The API server: "must be a strict subset of cidr".
        if not whole[0] <= first <= last <= whole[1] or (first, last) == whole:
            report(f"{field}.except[{number}]", f"{entry} is not a part of {cidr}")
    return Block(cidr, excepts)


def _range(text: str) -> tuple[int, int]:
    if "/" not in text:
        raise AddressError(f"{text!r} is not a range such as 10.0.0.0/24 or 10.0.0.7/32")
    return span(text)


def _read_port(value: Any, field: str, report: Report) -> PortRange:
    value = value or {}
    if not isinstance(value, Mapping):
        report(field, "must be a mapping with protocol, port or both")
        return PortRange()
    protocol, port, end = value.get("protocol") or "TCP", value.get("port"), value.get("endPort")
    if protocol not in PROTOCOLS:
        report(f"{field}.protocol", f"{protocol!r} is none of {', '.join(PROTOCOLS)}")
    if port is None:
        if end is not None:
            report(f"{field}.endPort", "needs a port where the range begins")
        return PortRange(protocol)
    if isinstance(port, str):
        # KEP-2079: a range has numbers at both ends.
        if end is not None:
            report(f"{field}.endPort", f"may not stand beside the named port {port!r}")
        if not port or port.isdecimal():
            report(f"{field}.port", f"{port!r} is no name of a port; a number is written without quotes")
        return PortRange(protocol, 0, 0, port)
    for part, number in (("port", port), ("endPort", end)):
        if number is not None and (not isinstance(number, int) or not 1 <= number <= LAST):
            report(f"{field}.{part}", f"{number!r} is not within 1 to {LAST}")
            return PortRange(protocol)
    if end is not None and end < port:
        report(f"{field}.endPort", f"{end} is before the port {port} where the range begins")
    return PortRange(protocol, port, end or port)
