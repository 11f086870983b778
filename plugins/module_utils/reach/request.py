"""What the faces of the prover share: from what people give to what they are told."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput, Problem
from ansible_collections.autolabs.platform.plugins.module_utils.net.ports import Ports
from ansible_collections.autolabs.platform.plugins.module_utils.net.rules import CHAINS, INPUT, PUBLISHED
from ansible_collections.autolabs.platform.plugins.module_utils.reach.hosts import iptables, proxmox, ufw
from ansible_collections.autolabs.platform.plugins.module_utils.reach.hosts import sets as host_sets
from ansible_collections.autolabs.platform.plugins.module_utils.reach.hosts.firewall import (
    PROXMOX,
    HostFirewall,
    described,
)
from ansible_collections.autolabs.platform.plugins.module_utils.reach.manifests import cluster
from ansible_collections.autolabs.platform.plugins.module_utils.reach.matrix.difference import differences
from ansible_collections.autolabs.platform.plugins.module_utils.reach.matrix.matrix import Matrix, reach_matrix
from ansible_collections.autolabs.platform.plugins.module_utils.reach.path.ends import Filters
from ansible_collections.autolabs.platform.plugins.module_utils.reach.path.path import Network, Question, path_verdict
from ansible_collections.autolabs.platform.plugins.module_utils.reach.path.text import lines
from ansible_collections.autolabs.platform.plugins.module_utils.reach.verdict import DENIED

STATUS = re.compile(r"^Status: ", re.MULTILINE)
WAYS_IN = {INPUT: "", PUBLISHED: " (published ports)"}


def filters(
    manifests: Iterable[Mapping[str, Any]] = (),
    ufw_texts: Mapping[str, Any] | None = None,
    proxmox_data: Mapping[str, Any] | None = None,
    addresses: Mapping[str, Iterable[str]] | None = None,
) -> Filters:
    """Every packet filter of what was given.

    ufw_texts: by machine, what `ufw status`, `iptables-save` or ufw's own files say; or a map with `ipv4`, `ipv6`, and
    `default` (`allow` or `deny`, for files, which do not hold it).
    proxmox_data: as `reach.proxmox.read` takes it. addresses: those of machines that are not in the cluster.
    Raises InvalidInput with every mistake in all of it.
    """
    problems: list[Problem] = []
    found: dict[str, Any] = {}
    nodes: dict[str, tuple[str, ...]] = {}
    try:
        found["cluster"] = cluster(manifests)
        nodes = {node.name: node.addresses for node in found["cluster"].nodes}
    except InvalidInput as error:
        problems += error.problems
    known = {**nodes, **{host: tuple(given) for host, given in (addresses or {}).items()}}
    hosts: dict[str, HostFirewall] = {}
    for host, text in (ufw_texts or {}).items():
        try:
            hosts[host] = _host(host, text, known.get(host, ()))
        except InvalidInput as error:
            problems += error.problems
    try:
        found["proxmox"] = proxmox.read(proxmox_data, known) if proxmox_data else None
    except InvalidInput as error:
        problems += error.problems
    if problems:
        raise InvalidInput(problems)
    return Filters(found["cluster"], hosts if ufw_texts else None, found["proxmox"])


def question(given: Mapping[str, Any]) -> Question:
    """A question from its fields `from`, `to`, `port` and `protocol`. Raises InvalidInput."""
    place = Problem("question", 0, "", "")
    problems = [
        Problem(place.file, 0, field, "is missing", example)
        for field, example in (("from", "internet"), ("to", "labs/lab-1-student-anna"))
        if not given.get(field)
    ]
    protocol = str(given.get("protocol") or "TCP").upper()
    try:
        ports = Ports(int(given.get("port") or 0), protocol)
    except ValueError as error:
        problems.append(Problem(place.file, 0, "port", str(error), "22"))
    if problems:
        raise InvalidInput(problems)
    return Question(str(given["from"]), str(given["to"]), ports)


def ask(known: Filters, asked: Question, network: Network | None = None) -> dict[str, Any]:
    """The verdict of one question: `answer`, `steps`, `assumptions`, and `explanation`, lines for people.

    Raises InvalidInput for what the question names and is not there.
    """
    try:
        verdict = path_verdict(asked, known, network)
    except ValueError as error:
        raise InvalidInput([Problem("question", 0, "", str(error))]) from None
    return {
        "answer": verdict.answer,
        "steps": [asdict(step) for step in verdict.steps],
        "assumptions": list(verdict.assumptions),
        "explanation": lines(asked, verdict, known),
    }


def matrix(known: Filters, addresses: Iterable[str] = (), *, calico: bool = True) -> dict[str, Any]:
    """Who reaches whom: `rows`, grouped, `counts` of pairs times ports, and `table`, lines for people.

    Pairs that no row names are denied, where one end is a pod or the firewall of the destination is known.
    """
    found = _matrix(known, addresses, calico)
    rows = [
        {
            "from": list(cell.sources),
            "to": list(cell.destinations),
            "ports": [str(ports) for ports in cell.ports],
            "answer": cell.answer,
        }
        for cell in found.cells()
        if cell.answer != DENIED
    ]
    rows += [
        {
            "from": [host_sets.block_text(block) for block in area.sources],
            "to": [_goal(firewall, chain, area)],
            "ports": [str(area.ports)] if area.ports else [],
            "answer": area.answer,
        }
        for firewall, chain in _firewalls(known)
        for area in host_sets.admitted(firewall, chain)
    ]
    return {"rows": rows, "counts": found.counts()._asdict(), "table": list(_table(rows)), "shadowed": _shadowed(known)}


def compare(before: Filters, after: Filters, addresses: Iterable[str] = (), *, calico: bool = True) -> dict[str, Any]:
    """What `after` lets through otherwise: `changes`, each of a `kind` (opens, closes, unsure), and `table`."""
    changes = [
        {
            "kind": change.kind,
            "from": list(change.sources),
            "to": list(change.destinations),
            "ports": [str(ports) for ports in change.ports],
        }
        for change in differences(_matrix(before, addresses, calico), _matrix(after, addresses, calico))
    ]
    old = {(firewall.where, chain): firewall for firewall, chain in _firewalls(before)}
    for firewall, chain in _firewalls(after):
        if known := old.get((firewall.where, chain)):
            found = host_sets.differences(known, firewall, chain)
            for kind, areas in (("opens", found.added), ("closes", found.removed), ("unsure", found.unsure)):
                changes += [
                    {
                        "kind": kind,
                        "from": [host_sets.block_text(block) for block in area.sources],
                        "to": [_goal(firewall, chain, area)],
                        "ports": [str(area.ports)] if area.ports else [],
                    }
                    for area in areas
                ]
    return {"changes": changes, "table": [f"{row['kind']}: {_line(row)}" for row in changes]}


def _host(host: str, text: Any, addresses: tuple[str, ...]) -> HostFirewall:
    given = text if isinstance(text, Mapping) else {"ipv4": text}
    four, six = str(given.get("ipv4") or ""), str(given.get("ipv6") or "")
    if STATUS.search(four):
        return ufw.read_status(four, host, addresses)
    return iptables.read_rules(four, six, host=host, addresses=addresses, default=str(given.get("default") or ""))


def _matrix(known: Filters, addresses: Iterable[str], calico: bool) -> Matrix:
    try:
        return reach_matrix(known.cluster, addresses=addresses, nodes=True, calico=calico)
    except ValueError as error:
        raise InvalidInput([Problem("addresses", 0, "", str(error))]) from None


def _firewalls(known: Filters) -> Iterator[tuple[HostFirewall, str]]:
    for firewalls in (known.hosts, known.proxmox):
        for firewall in (firewalls or {}).values():
            # Proxmox sees what comes in alike, whoever it is for; and of a chain that was not read nothing is known.
            unread = firewall.program == PROXMOX or not firewall.published
            yield from ((firewall, chain) for chain in CHAINS if chain == INPUT or not unread)


def _goal(firewall: HostFirewall, chain: str, area: host_sets.Area) -> str:
    address = f" at {area.destination}" if area.destination else ""
    interface = f" by {area.interface}" if area.interface else ""
    return f"{firewall.where}{WAYS_IN[chain]}{address}{interface}"


def _shadowed(known: Filters) -> list[str]:
    found = []
    for firewall, chain in _firewalls(known):
        for one in host_sets.shadowed(firewall, chain):
            by = " and ".join(dict.fromkeys(described(rule) for rule in one.by))
            found.append(f"{firewall.where}: {described(one.rule)} never decides: {by} comes first")
    return found


def _table(rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for row in rows:
        yield f"{row['answer']}: {_line(row)}"


def _line(row: Mapping[str, Any]) -> str:
    return f"{few(row['from'])} to {few(row['to'])} on {few(row['ports'] or ['every port'])}"


def few(names: list[str], most: int = 4) -> str:
    """`a, b, c, d and 2 more`."""
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")
