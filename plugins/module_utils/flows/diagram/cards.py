"""What the diagram of the catalogue shows: endpoints as cards, who comes in there as rows, and arrows between them.

Many flows would make a net that nobody can read. So an arrow stands for all flows between two endpoints, its ports are
written in the card where it ends, and *quiet* flows have a row there and no arrow: those of many endpoints at once
(cluster DNS, administrators' SSH), and those between an optional part of the site, such as monitoring, and the rest.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ansible_collections.autolabs.platform.plugins.module_utils.flows.catalogue.model import (
    HOSTS,
    PODS,
    Catalogue,
    FlowEntry,
)
from ansible_collections.autolabs.platform.plugins.module_utils.net.ports import LAST, WITHOUT_PORTS, Ports

QUIET_FROM = 3
"""A flow of so many pairs of endpoints, or more, is quiet."""
AMONG_THEMSELVES = "among themselves"
LEADS_TO = "\N{BLACK RIGHT-POINTING SMALL TRIANGLE}"
"""Between a published port and what it leads to."""

LEFT, CLUSTER, MACHINES, RIGHT = GROUPS = range(4)
"""The columns of the diagram: who comes in, the cluster, the machines, what is reached outside."""


@dataclass(frozen=True)
class Row:
    """One line of a card: who comes in there, by which ports, and by which flows."""

    sources: tuple[str, ...]
    label: str
    ports: str
    flows: tuple[FlowEntry, ...]
    arrow: bool = False
    optional: bool = False
    """Whether every one of the flows needs a feature."""


@dataclass(frozen=True)
class Card:
    """An endpoint, and where it stands."""

    name: str
    title: str
    zone: str
    group: int
    part: str
    """The feature without which this part of the zone is not there; empty for the zone itself."""
    rows: tuple[Row, ...]


def cards(catalogue: Catalogue) -> dict[str, Card]:
    """All endpoints of the catalogue in its order, with a row for everyone who comes in."""
    parts = _parts(catalogue)
    groups = _groups(catalogue)
    return {
        name: Card(name, entry.title, entry.zone, groups[name], parts[name], _rows(name, catalogue, parts))
        for name, entry in catalogue.endpoints.items()
    }


def ports_text(flows: Iterable[FlowEntry]) -> str:
    """The ports by which sources come in: those published, where they are, and what they lead to."""
    outer: dict[Ports, None] = {}
    inner: dict[Ports, None] = {}
    for flow in flows:
        outer.update(dict.fromkeys(flow.published_ports or flow.ports))
        inner.update(dict.fromkeys(flow.ports if flow.published_ports else ()))
    texts = dict.fromkeys(_numbers(ports) for ports in (outer, inner) if ports)
    return f" {LEADS_TO} ".join(texts) or "any"


def _numbers(ports: Iterable[Ports]) -> str:
    protocols: dict[tuple[int, int], set[str]] = {}
    for port in ports:
        protocols.setdefault((port.first, port.end), set()).add(port.protocol)
    texts = []
    for (first, last), names in sorted(protocols.items(), key=lambda item: (min(item[1]) != "TCP", item[0])):
        protocol = "+".join(sorted(name.lower() for name in names))
        if names <= set(WITHOUT_PORTS):
            texts.append(protocol)
            continue
        number = str(first) if first == last else f"{first}\N{EN DASH}{last}"
        if (first, last) == (1, LAST):
            texts.append(f"any\N{NO-BREAK SPACE}{protocol}")
        else:
            texts.append(number if protocol == "tcp" else f"{protocol}\N{NO-BREAK SPACE}{number}")
    return " ".join(texts)


def _parts(catalogue: Catalogue) -> dict[str, str]:
    """By endpoint, the feature that all of its flows need, where several of a zone need it, and others of it do not."""
    features: dict[str, set[str]] = {name: set() for name in catalogue.endpoints}
    for flow in catalogue.flows.values():
        for name in (*flow.sources, *flow.destinations):
            features[name].add(flow.feature)
    only = {name: next(iter(found)) if len(found) == 1 else "" for name, found in features.items()}
    parts = {}
    for name, entry in catalogue.endpoints.items():
        neighbours = [only[other] for other, found in catalogue.endpoints.items() if found.zone == entry.zone]
        parts[name] = only[name] if "" in neighbours and neighbours.count(only[name]) > 1 else ""
    return parts


def _groups(catalogue: Catalogue) -> dict[str, int]:
    """By endpoint its group. A zone stays together, but for what is outside of the site and is only reached."""
    senders = {name for flow in catalogue.flows.values() for name in flow.sources}
    groups = {}
    for zone in catalogue.zones:
        members = {name: entry for name, entry in catalogue.endpoints.items() if entry.zone == zone}
        ours = [entry for entry in members.values() if entry.kind in (HOSTS, PODS)]
        coming = [name for name, entry in members.items() if entry not in ours and name in senders]
        group = MACHINES if not any(entry.kind == PODS for entry in ours) else CLUSTER
        if len(coming) >= len(ours):
            group = LEFT
        groups.update({name: group if entry in ours or name in coming else RIGHT for name, entry in members.items()})
    return groups


def _quiet(flow: FlowEntry, source: str, destination: str, parts: dict[str, str]) -> bool:
    pairs = len(flow.sources) * len(flow.destinations)
    return pairs >= QUIET_FROM or parts[source] != parts[destination] or source == destination


def _rows(name: str, catalogue: Catalogue, parts: dict[str, str]) -> tuple[Row, ...]:
    arrows: dict[str, list[FlowEntry]] = {}
    coming = [
        (flow, source) for flow in catalogue.flows.values() if name in flow.destinations for source in flow.sources
    ]
    for _flow, source in coming:
        if not all(_quiet(flow, source, name, parts) for flow, other in coming if other == source):
            arrows[source] = [flow for flow, other in coming if other == source]
    # One more of a crowd that has a row already is quiet, too.
    crowds = [ports_text([flow]) for flow, _source in coming if len(flow.sources) >= QUIET_FROM]
    arrows = {source: flows for source, flows in arrows.items() if ports_text(flows) not in crowds}
    rows = [_row(name, (source,), tuple(flows), catalogue, arrow=True) for source, flows in arrows.items()]

    # Sources that come in by the same flows share a row; flows that only they need are joined in it.
    quiet: dict[str, list[FlowEntry]] = {}
    for flow, source in coming:
        if source not in arrows:
            quiet.setdefault(source, []).append(flow)
    alike: dict[str, list[str]] = {}
    for source, flows in quiet.items():
        alike.setdefault(ports_text(flows), []).append(source)
    for sources in alike.values():
        needed = dict.fromkeys(flow.name for source in sources for flow in quiet[source])
        rows.append(_row(name, tuple(sources), tuple(catalogue.flows[flow] for flow in needed), catalogue))
    return tuple(rows)


def _row(
    name: str, sources: tuple[str, ...], flows: tuple[FlowEntry, ...], catalogue: Catalogue, *, arrow: bool = False
) -> Row:
    titles = [AMONG_THEMSELVES if source == name else catalogue.endpoints[source].title for source in sources]
    return Row(sources, ", ".join(titles), ports_text(flows), flows, arrow, all(flow.feature for flow in flows))
