"""The catalogue as a Mermaid flowchart, which GitHub and others draw from a block of text."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.autolabs.platform.plugins.module_utils.flows.catalogue.model import Catalogue, FlowEntry
from ansible_collections.autolabs.platform.plugins.module_utils.flows.pages.table import ports_text
from ansible_collections.autolabs.platform.plugins.module_utils.net.ports import Ports

# What ends a text in quotation marks, or is read in it as HTML or an entity.
# https://mermaid.js.org/syntax/flowchart.html, "Entity codes to escape characters"
ENTITIES = str.maketrans({'"': "#quot;", "#": "#35;", "<": "#lt;", ">": "#gt;", "`": "#96;", "&": "#amp;"})


def mermaid(catalogue: Catalogue) -> str:
    """A flowchart of all flows: a frame for each zone, an arrow for each pair of endpoints with all of its ports.

    A pair that is open only in part of all sites (by feature or phase) has a dotted arrow. The order is the
    catalogue's.
    """
    return "\n".join(["flowchart LR", *_frames(catalogue), *_arrows(catalogue), ""])


def _frames(catalogue: Catalogue) -> Iterator[str]:
    for zone in catalogue.zones.values():
        entries = [entry for entry in catalogue.endpoints.values() if entry.zone == zone.name]
        if entries:
            yield f"  subgraph {_id('zone', zone.name)}[{_text(zone.title)}]"
            yield from (f"    {_id('at', entry.name)}[{_text(entry.title)}]" for entry in entries)
            yield "  end"


def _arrows(catalogue: Catalogue) -> Iterator[str]:
    pairs: dict[tuple[str, str], list[FlowEntry]] = {}
    for flow in catalogue.flows.values():
        for source in flow.sources:
            for destination in flow.destinations:
                pairs.setdefault((source, destination), []).append(flow)
    for (source, destination), flows in pairs.items():
        optional = all(flow.feature or flow.phases for flow in flows)
        label = _text(ports_text(_ports(flows)))
        yield f"  {_id('at', source)} {'-.->' if optional else '-->'}|{label}| {_id('at', destination)}"


def _ports(flows: list[FlowEntry]) -> list[Ports]:
    """The ports by which the source comes in, of all flows of a pair, each once."""
    found = {port for flow in flows for port in flow.published_ports or flow.ports}
    return sorted(found, key=lambda port: (port.protocol, port.first, port.end))


def _id(kind: str, name: str) -> str:
    # Names alone could be words of the language (`end`), and `--` or `-x` in them part of an arrow.
    return f"{kind}_{name.replace('-', '_')}"


def _text(text: str) -> str:
    return f'"{text.translate(ENTITIES)}"'
