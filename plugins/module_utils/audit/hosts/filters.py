"""Two packet filters of one host, held against each other by what they let in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ansible_collections.autolabs.platform.plugins.module_utils.audit.finding import EXTRA, MISSING, UNDECIDED
from ansible_collections.autolabs.platform.plugins.module_utils.audit.hosts.port_sets import (
    EVERYTHING,
    NO_PORT,
    PortSet,
)
from ansible_collections.autolabs.platform.plugins.module_utils.audit.hosts.ranges import Span, span, spans
from ansible_collections.autolabs.platform.plugins.module_utils.net.addresses import EVERYWHERE
from ansible_collections.autolabs.platform.plugins.module_utils.net.ports import Ports
from ansible_collections.autolabs.platform.plugins.module_utils.net.rules import CHAINS, INPUT, HostRule
from ansible_collections.autolabs.platform.plugins.module_utils.reach.hosts.firewall import (
    LOOPBACK,
    HostFirewall,
    covers,
    described,
    verdict,
)
from ansible_collections.autolabs.platform.plugins.module_utils.reach.hosts.sets import Area, differences, shadowed
from ansible_collections.autolabs.platform.plugins.module_utils.reach.verdict import UNDECIDED as UNSURE
from ansible_collections.autolabs.platform.plugins.module_utils.reach.verdict import Step

OF_ITSELF = (span("127.0.0.0/8"), span("::1/128"))
"""Where nothing but the host itself sends from; loopback is open whatever a filter says."""


@dataclass
class Difference:
    """Packets with which the two do something else."""

    kind: str
    chain: str
    rule: str
    """The live rule that decides; empty where the default does."""
    flow: str
    """The flow for which the wanted filter lets them in."""
    assumption: str = ""
    ports: PortSet = NO_PORT
    spans: list[Span] = field(default_factory=list)
    """Who sends them."""


def compare(wanted: HostFirewall, live: HostFirewall, published: PortSet = NO_PORT) -> list[Difference]:
    """What `live` lets in and `wanted` does not, and the reverse. Exhaustive: no address and no port is left out.

    published: the ports behind which the catalogue has pods or containers. Where nobody told what `live` does with
    published ports, only these are asked about; else every port is, as anybody may publish one.
    """
    found: dict[tuple[str, ...], Difference] = {}
    for chain in CHAINS:
        relevant = EVERYTHING if chain == INPUT or live.published else published
        if not relevant:
            continue
        difference = differences(wanted, live, chain)
        kinds = ((EXTRA, difference.added), (MISSING, difference.removed), (UNDECIDED, difference.unsure))
        own = (*OF_ITSELF, *map(span, live.addresses))
        for kind, area in ((kind, area) for kind, areas in kinds for area in areas if area.interface != LOOPBACK):
            ports = (PortSet.of([area.ports]) if area.ports else EVERYTHING) & relevant
            for piece in (piece for block in area.sources for piece in spans([block])):
                if not ports or any(piece.within(one) for one in own):
                    continue
                before, after = (_asked(firewall, area, piece, ports, chain) for firewall in (wanted, live))
                if before.answer == UNSURE:
                    continue  # what depends on the packet in the wanted one, too, is not live's fault
                flow = before.flow if kind != EXTRA else ""
                new = Difference(kind, chain, after.rule, flow, after.why if kind == UNDECIDED else "")
                one = found.setdefault((kind, chain, new.rule, flow, new.assumption), new)
                one.ports |= ports
                one.spans.append(piece)
    return list(found.values())


def never_deciding(live: HostFirewall, wanted: HostFirewall) -> Iterator[tuple[str, str]]:
    """Rules that never decide, and those that decide in their place, in words.

    Not those that `wanted` has as well: each flow has rules of its own, and several may need the same.
    """
    for chain in CHAINS:
        for one in shadowed(live, chain):
            if not any(_holds(rule, one.rule) for rule in wanted.rules):
                note = live.notes[one.number] if live.notes else None
                rule = f"{note.place}: {note.text}" if note and note.place and note.text else described(one.rule)
                yield rule, "; ".join(dict.fromkeys(described(other) for other in one.by))


def unjudged(live: HostFirewall, wanted: HostFirewall) -> Iterator[str]:
    """Rules that are there and that nobody can judge here: for what the machine forwards, and such."""
    yield from (rule for rule in dict.fromkeys(live.unread) if rule not in wanted.unread)


def keeping_in(live: HostFirewall, wanted: HostFirewall) -> list[str]:
    """Rules that keep in what leaves the machine."""
    return [rule for rule in dict.fromkeys(live.outgoing) if rule not in wanted.outgoing]


def _holds(wanted: HostRule, rule: HostRule) -> bool:
    """Whether a wanted rule says what `rule` does, and maybe of more ports: programs write a rule as several."""
    if (wanted.chain, wanted.action) != (rule.chain, rule.action):
        return False
    sources = [span(one.source) if one.source else None for one in (wanted, rule)]
    everywhere = not wanted.source and rule.source in EVERYWHERE
    same_ports = wanted.ports is None or (rule.ports is not None and covers(wanted.ports, rule.ports))
    return (sources[0] == sources[1] or everywhere) and same_ports


def _asked(firewall: HostFirewall, area: Area, source: Span, ports: PortSet, chain: str) -> Step:
    first = next(iter(ports))
    goal = area.destination.partition("/")[0]
    return verdict(firewall, source.example, Ports(first.first, first.protocol), chain, goal, area.interface)
