"""The catalogue as Markdown tables, for admins who need not know Kubernetes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from ansible_collections.autolabs.platform.plugins.module_utils.flows.catalogue.model import (
    ADDRESSES,
    EVERYONE,
    HOSTS,
    INTERNET,
    NETWORK,
    Catalogue,
    EndpointEntry,
    FlowEntry,
)
from ansible_collections.autolabs.platform.plugins.module_utils.flows.resolve import Absent
from ansible_collections.autolabs.platform.plugins.module_utils.net.ports import LAST, WITHOUT_PORTS, Ports

COLUMNS = ("Flow", "From", "To", "Ports", "Published", "Why", "Condition", "Reference")
ENDPOINT_COLUMNS = ("Endpoint", "Name", "What it is")
# What Markdown, or the HTML in it, would take for its own.
SPECIAL = re.compile(r"([\\`*_\[\]<>|~#])")


def flow_table(catalogue: Catalogue, absent: Iterable[Absent] = ()) -> str:
    """All flows of a catalogue, a table for each zone that they lead to, in the order of the catalogue.

    A flow to several zones stands in the table of each, with its destinations there.
    absent: what one site does not have, as `resolve` tells it; the column Condition then says why.
    """
    reasons: dict[str, list[str]] = {}
    for entry in absent:
        reasons.setdefault(entry.flow, []).append(entry.why)
    parts = []
    for zone in catalogue.zones.values():
        rows = []
        for flow in catalogue.flows.values():
            ends = [name for name in flow.destinations if catalogue.endpoints[name].zone == zone.name]
            if ends:
                rows.append(_flow_row(catalogue, flow, ends, reasons.get(flow.name, ())))
        if rows:
            parts.append(f"### To: {escaped(zone.title)}\n\n{markdown_table(COLUMNS, rows)}")
    return "\n".join(parts)


def endpoint_table(catalogue: Catalogue) -> str:
    """What each endpoint is on a site, a table for each zone, in the order of the catalogue."""
    parts = []
    for zone in catalogue.zones.values():
        rows = [
            (escaped(entry.title), code(entry.name), endpoint_text(entry))
            for entry in catalogue.endpoints.values()
            if entry.zone == zone.name
        ]
        if rows:
            parts.append(f"### {escaped(zone.title)}\n\n{markdown_table(ENDPOINT_COLUMNS, rows)}")
    return "\n".join(parts)


def endpoint_text(entry: EndpointEntry) -> str:
    """What an endpoint is, in words, as Markdown."""
    if entry.kind == HOSTS:
        return f"The machines of the inventory group {code(entry.group)}"
    if entry.kind == NETWORK:
        return f"Addresses that the site names: {code(f'flows_networks.{entry.network}')}"
    if entry.kind == ADDRESSES:
        blocks = (
            code(block.cidr) + (f" but {', '.join(map(code, block.excepts))}" if block.excepts else "")
            for block in entry.blocks
        )
        return f"The addresses {', '.join(blocks)}"
    if entry.kind == INTERNET:
        return "Public addresses that are not the site's own"
    if entry.kind == EVERYONE:
        return "Every address"
    return _pods_text(entry)


def ports_text(ports: Iterable[Ports]) -> str:
    """Ports by protocol: `TCP 80, 443; UDP 53`; a protocol as a whole as `every TCP port`, or its name alone."""
    numbers: dict[str, list[str]] = {}
    for entry in ports:
        found = numbers.setdefault(entry.protocol, [])
        if entry.protocol not in WITHOUT_PORTS:
            found.append(str(entry.first) if entry.first == entry.end else f"{entry.first}-{entry.end}")
    return "; ".join(_protocol_text(protocol, found) for protocol, found in numbers.items())


def published_text(catalogue: Catalogue, flow: FlowEntry) -> str:
    """By which ports of which machines a flow comes in from outside; empty where it needs none."""
    if not flow.published_at:
        return ""
    titles = [entry.title for entry in catalogue.endpoints.values() if entry.group == flow.published_at]
    return f"{ports_text(flow.published_ports)} of {titles[0] if titles else flow.published_at}"


def condition_text(catalogue: Catalogue, flow: FlowEntry) -> str:
    """When a flow is there; empty for always."""
    texts = []
    if flow.feature:
        texts.append(f"feature {flow.feature}")
    if flow.phases:
        texts.append(f"{'phase' if len(flow.phases) == 1 else 'phases'} {', '.join(flow.phases)}")
    if any(catalogue.endpoints[name].per_lab for name in (*flow.sources, *flow.destinations)):
        texts.append("made with each class of labs")
    return "; ".join(texts)


def markdown_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are Markdown already, a cell for each column, and a line end."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join(f"| {' | '.join(cell or ' ' for cell in line)} |\n" for line in lines)


def escaped(text: str) -> str:
    """A text on one line that Markdown shows as it is."""
    return SPECIAL.sub(r"\\\1", " ".join(text.split()))


def code(text: str) -> str:
    """A name as Markdown shows it among text."""
    return f"`{text}`"


def _flow_row(catalogue: Catalogue, flow: FlowEntry, ends: Sequence[str], reasons: Iterable[str]) -> tuple[str, ...]:
    here = [f"not here: {reason}" for reason in dict.fromkeys(reasons)]
    return (
        code(flow.name),
        escaped(_titles(catalogue, flow.sources)),
        escaped(_titles(catalogue, ends)),
        escaped(ports_text(flow.ports)),
        escaped(published_text(catalogue, flow)),
        escaped(flow.why),
        escaped("; ".join(filter(None, [condition_text(catalogue, flow), *here]))),
        escaped("; ".join(flow.reference)),
    )


def _titles(catalogue: Catalogue, names: Iterable[str]) -> str:
    return ", ".join(catalogue.endpoints[name].title for name in names)


def _protocol_text(protocol: str, numbers: Sequence[str]) -> str:
    if f"1-{LAST}" in numbers:
        return f"every {protocol} port"
    return " ".join(filter(None, [protocol, ", ".join(numbers)]))


def _pods_text(entry: EndpointEntry) -> str:
    return ", ".join(_pods_parts(entry))


def _pods_parts(entry: EndpointEntry) -> Iterator[str]:
    several = len(entry.namespaces) > 1
    names = ", ".join(map(code, entry.namespaces))
    yield f"Programs in the cluster: Pods of the {'namespaces' if several else 'namespace'} {names}"
    if entry.labels:
        labels = ", ".join(code(f"{key}={value}") for key, value in entry.labels)
        yield f"labelled {labels}"
    if entry.host_network:
        yield f"with the addresses of the machines of group {code(entry.group)}"
    if entry.per_lab:
        yield "with rules that are made with each class"
    if entry.unguarded:
        yield "which are not closed by the platform"
