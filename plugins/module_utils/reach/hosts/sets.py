"""All that the packet filter of a machine lets in, as sets of addresses and ports; and how two of them differ.

Addresses and ports are cut where any rule begins or ends, and one packet stands for each piece. A rule for one of the
machine's addresses, or for one interface, makes a place of its own; packets to any other place pass it by.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

from ansible_collections.autolabs.platform.plugins.module_utils.net.addresses import EVERYWHERE, Block, Network
from ansible_collections.autolabs.platform.plugins.module_utils.net.ports import (
    LAST,
    PROTOCOLS,
    WITHOUT_PORTS,
    Ports,
    joined,
)
from ansible_collections.autolabs.platform.plugins.module_utils.net.rules import ALLOW, INPUT, HostRule
from ansible_collections.autolabs.platform.plugins.module_utils.reach.hosts.firewall import (
    LOOPBACK,
    Decision,
    Entry,
    HostFirewall,
    answer_of,
    as_network,
    covers,
)
from ansible_collections.autolabs.platform.plugins.module_utils.reach.verdict import ALLOWED, UNDECIDED

BITS = {4: 32, 6: 128}
EVERYTHING = joined(
    [
        *(Ports(1, protocol, LAST) for protocol in PROTOCOLS),
        *(Ports(0, protocol) for protocol in WITHOUT_PORTS),
    ]
)
SHORT = 3
"""Fewer ranges than these are easier to read than one with exceptions."""
ADDRESS: dict[int, Callable[[int], Any]] = {4: ipaddress.IPv4Address, 6: ipaddress.IPv6Address}


@dataclass(frozen=True)
class Area:
    """Packets that a firewall treats alike."""

    ports: Ports | None
    """None for every protocol and port."""
    sources: tuple[Block, ...]
    """Ranges, as few as possible."""
    destination: str = ""
    interface: str = ""
    answer: str = ALLOWED

    def __str__(self) -> str:
        where = (f" to {self.destination}" if self.destination else "") + (
            f" by {self.interface}" * bool(self.interface)
        )
        anywhere = {Block(cidr) for cidr in EVERYWHERE} <= set(self.sources)
        sources = ", ".join(block_text(block) for block in self.sources)
        return f"{self.ports or 'everything'} from {'anywhere' if anywhere else sources}{where}"


@dataclass(frozen=True)
class Difference:
    """What the second of two firewalls lets in otherwise than the first."""

    added: tuple[Area, ...] = ()
    removed: tuple[Area, ...] = ()
    unsure: tuple[Area, ...] = ()
    """Where one of them is undecided, and the other is not."""


@dataclass(frozen=True)
class Shadowed:
    """A rule that never decides, since those before it do."""

    number: int
    """Its place among the firewall's own rules, from 0."""
    rule: HostRule
    by: tuple[HostRule, ...]
    """The rules that decide in its place."""
    harmless: bool
    """Whether they all say what it says."""


class _Piece(NamedTuple):
    """Some packets that no rule of any of the firewalls tells apart."""

    place: tuple[str, str]
    version: int
    first: int
    last: int
    ports: Ports
    decisions: tuple[Decision, ...]


def admitted(firewall: HostFirewall, chain: str = INPUT) -> tuple[Area, ...]:
    """What a firewall lets in by a chain, and where it is undecided; loopback and replies aside."""
    return _areas((piece, piece.decisions[0].answer) for piece in _pieces((firewall,), chain, (ALLOWED, UNDECIDED)))


def differences(before: HostFirewall, after: HostFirewall, chain: str = INPUT) -> Difference:
    """What `after` lets in that `before` does not, and the other way round."""
    found: dict[str, list[tuple[_Piece, str]]] = {"added": [], "removed": [], "unsure": []}
    for piece in _pieces((before, after), chain, None):
        first, second = (decision.answer for decision in piece.decisions)
        if first != second:
            kind = "unsure" if UNDECIDED in (first, second) else "added" if second == ALLOWED else "removed"
            found[kind].append((piece, UNDECIDED if kind == "unsure" else ALLOWED))
    return Difference(*(_areas(found[kind]) for kind in ("added", "removed", "unsure")))


def shadowed(firewall: HostFirewall, chain: str = INPUT) -> tuple[Shadowed, ...]:
    """The owner's rules of a chain that never decide. A rule with a condition hides none, and is never hidden."""
    own = [(number, rule) for number, rule in enumerate(firewall.rules) if rule.chain == chain]
    conditional = {number for number, note in enumerate(firewall.notes) if note.condition}
    every = firewall.entries(chain)
    at = sum(1 for entry in firewall.built_in if entry.rule.chain == chain)
    decides: set[int] = set()
    hidden: dict[int, dict[int, None]] = {}
    for place in _places((firewall,), chain):
        for _version, _first, _last, entries in _sources(every, place):
            for ports in _port_pieces([entry for _index, entry in entries]):
                fitting = [index for index, entry in entries if covers(entry.rule.ports, ports)]
                sure = next((index for index in fitting if not every[index].note.condition), None)
                if sure is None:
                    continue
                decides.add(sure)
                for index in fitting:
                    if index > sure:
                        hidden.setdefault(index, {})[sure] = None
    shadows = []
    for index, (number, rule) in enumerate(own, at):
        if index not in decides and index in hidden and number not in conditional:
            by = tuple(every[other].rule for other in hidden[index])
            shadows.append(Shadowed(number, rule, by, all(other.action == rule.action for other in by)))
    return tuple(shadows)


def _pieces(firewalls: tuple[HostFirewall, ...], chain: str, wanted: tuple[str, ...] | None) -> Iterator[_Piece]:
    lists = [_open(firewall, chain) for firewall in firewalls]
    owners = [number for number, entries in enumerate(lists) for _entry in entries]
    together = [entry for entries in lists for entry in entries]
    usual: dict[tuple[int, int, str], list[tuple[Ports, tuple[str, ...]]]] = {}
    for place in _places(firewalls, chain):
        for version, first, last, entries in _sources(together, place):
            for ports in _port_pieces([entry for _index, entry in entries]):
                fitting = [(owners[index], entry) for index, entry in entries if covers(entry.rule.ports, ports)]
                decisions = tuple(
                    _decided([entry for owner, entry in fitting if owner == number], _default(firewall, chain))
                    for number, firewall in enumerate(firewalls)
                )
                answers = tuple(decision.answer for decision in decisions)
                known = usual.setdefault((version, first, ports.protocol), [])
                if place == ("", ""):
                    known.append((ports, answers))
                elif any(same == answers and covers(wide, ports) for wide, same in known):
                    # A place of its own says nothing where any other place says the same.
                    continue
                if wanted is None or decisions[0].answer in wanted:
                    yield _Piece(place, version, first, last, ports, decisions)


def _open(firewall: HostFirewall, chain: str) -> tuple[Entry, ...]:
    return firewall.entries(chain) if firewall.enabled else ()


def _default(firewall: HostFirewall, chain: str) -> str:
    return firewall.default_of(chain) if firewall.enabled else ALLOW


def _decided(fitting: list[Entry], default: str) -> Decision:
    """As host_rules.decide does, where everything but conditions is known to fit."""
    perhaps = set()
    answer = answer_of(default) if default else UNDECIDED
    for entry in fitting:
        if not entry.note.condition:
            answer = answer_of(entry.rule.action)
            break
        perhaps.add(answer_of(entry.rule.action))
    return Decision(answer if perhaps <= {answer} else UNDECIDED)


def _places(firewalls: Iterable[HostFirewall], chain: str) -> list[tuple[str, str]]:
    found = {("", ""): None}
    for firewall in firewalls:
        for entry in _open(firewall, chain):
            if entry.rule.interface != LOOPBACK:
                found[(entry.rule.destination, entry.rule.interface)] = None
    return list(found)


def _sources(
    entries: Sequence[Entry], place: tuple[str, str]
) -> Iterator[tuple[int, int, int, list[tuple[int, Entry]]]]:
    """Pieces of each family's address space, with the entries (and their numbers) for all packets of a piece."""
    there = [(index, entry) for index, entry in enumerate(entries) if _at(entry.rule, place)]
    for version, bits in BITS.items():
        if place[0] and as_network(place[0]).version != version:
            continue
        spans = [(*span, index, entry) for index, entry in there if (span := _span(entry.rule.source, version))]
        # The same cuts at every place, so that what is alike there can be seen.
        cuts = {0, 1 << bits}
        for entry in entries:
            first, last = _span(entry.rule.source, version) or (0, -1)
            cuts |= {first, last + 1}
        edges = sorted(cuts)
        for first, end in pairwise(edges):
            yield version, first, end - 1, [(i, e) for low, high, i, e in spans if low <= first and end - 1 <= high]


def _at(rule: HostRule, place: tuple[str, str]) -> bool:
    destination, interface = place
    if rule.interface and rule.interface != interface:
        return False
    if not rule.destination:
        return True
    if not destination:
        return False
    outer, inner = as_network(rule.destination), as_network(destination)
    return outer.version == inner.version and inner.subnet_of(outer)  # type: ignore[arg-type]


def _span(source: str, version: int) -> tuple[int, int] | None:
    if not source:
        return 0, (1 << BITS[version]) - 1
    network = as_network(source)
    if network.version != version:
        return None
    return int(network.network_address), int(network.broadcast_address)


def _port_pieces(entries: Iterable[Entry]) -> Iterator[Ports]:
    cuts = {protocol: {1, LAST + 1} for protocol in PROTOCOLS}
    for entry in entries:
        ports = entry.rule.ports
        if ports is not None and ports.protocol in cuts:
            cuts[ports.protocol] |= {ports.first, ports.end + 1}
    for protocol, found in cuts.items():
        edges = sorted(found)
        for first, end in pairwise(edges):
            yield Ports(first, protocol, end - 1)
    for protocol in WITHOUT_PORTS:
        yield Ports(0, protocol)


def _areas(pieces: Iterable[tuple[_Piece, str]]) -> tuple[Area, ...]:
    """Pieces joined: first the ports of the same sources, then the sources of the same ports."""
    by_source: dict[tuple[tuple[str, str], int, int, int, str], list[Ports]] = {}
    for piece, answer in pieces:
        key = (piece.place, piece.version, piece.first, piece.last, answer)
        by_source.setdefault(key, []).append(piece.ports)
    by_ports: dict[tuple[tuple[str, str], Ports | None, str], list[tuple[int, int, int]]] = {}
    for (place, version, first, last, answer), found in by_source.items():
        for ports in _joined(found):
            by_ports.setdefault((place, ports, answer), []).append((version, first, last))
    areas = [Area(ports, _blocks(spans), *place, answer) for (place, ports, answer), spans in by_ports.items()]
    return tuple(sorted(areas, key=_order))


def _order(area: Area) -> tuple[str, str, str, int, int, str]:
    protocol, first, last = (area.ports.protocol, area.ports.first, area.ports.end) if area.ports else ("", 0, 0)
    return area.destination, area.interface, protocol, first, last, str(area)


def _joined(pieces: list[Ports]) -> list[Ports | None]:
    fewest = joined(pieces)
    return [None] if fewest == EVERYTHING else [*fewest]


def _blocks(spans: Iterable[tuple[int, int, int]]) -> tuple[Block, ...]:
    found: list[Block] = []
    for version in BITS:
        address = ADDRESS[version]
        ranges = [
            network
            for family, first, last in spans
            if family == version
            for network in ipaddress.summarize_address_range(address(first), address(last))
        ]
        found += _with_holes(list(ipaddress.collapse_addresses(ranges)))
    return tuple(found)


def _with_holes(ranges: list[Network]) -> list[Block]:
    """Ranges as one range with exceptions, where that is shorter."""
    if len(ranges) < SHORT:
        return [Block(str(entry)) for entry in ranges]
    cover = ranges[0]
    while not all(entry.subnet_of(cover) for entry in ranges):  # type: ignore[arg-type]
        cover = cover.supernet()
    holes: list[Network] = []
    at = int(cover.network_address)
    address = ADDRESS[cover.version]
    for entry in ranges:
        if int(entry.network_address) > at:
            last = address(int(entry.network_address) - 1)
            holes += ipaddress.summarize_address_range(address(at), last)
        at = int(entry.broadcast_address) + 1
    if at <= int(cover.broadcast_address):
        holes += ipaddress.summarize_address_range(address(at), cover.broadcast_address)
    if len(holes) + 1 < len(ranges):
        return [Block(str(cover), tuple(str(entry) for entry in holes))]
    return [Block(str(entry)) for entry in ranges]


def block_text(block: Block) -> str:
    """`10.0.0.0/8 without 10.1.0.0/16`."""
    return f"{block.cidr} without {' and '.join(block.excepts)}" if block.excepts else block.cidr
