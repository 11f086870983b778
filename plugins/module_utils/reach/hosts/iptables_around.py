"""Rules of iptables that a packet meets before, beside or after those of INPUT and of our own chains.

The way of a new connection (netfilter.org, "Packet flow in Netfilter"): PREROUTING of raw, mangle and nat; then INPUT
of mangle and filter where it is for the machine, or FORWARD of mangle and filter where nat has led it to a pod or
container. ACCEPT and RETURN end one table only; DROP ends it all.

What the cluster writes there is left out: who reaches pods is said by Services and NetworkPolicies, which are asked as
such. It is known by the names of the chains that the built-in chains jump to.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple

from ansible_collections.autolabs.platform.plugins.module_utils.net.addresses import Network
from ansible_collections.autolabs.platform.plugins.module_utils.net.rules import ALLOW, DENY, INPUT, PUBLISHED, HostRule
from ansible_collections.autolabs.platform.plugins.module_utils.reach.hosts.firewall import (
    FAMILIES,
    LOOPBACK,
    Entry,
    Note,
    as_network,
)
from ansible_collections.autolabs.platform.plugins.module_utils.reach.hosts.iptables_chains import (
    Table,
    Tables,
    entries,
)
from ansible_collections.autolabs.platform.plugins.module_utils.reach.hosts.iptables_match import Line, Match, read_line

PUBLISHED_CHAIN, FORWARDED_CHAIN = "autolabs-published", "autolabs-forwarded"
KNOWN = frozenset(
    # kube-proxy with iptables and with IPVS, and kubelet (kubernetes: pkg/proxy/iptables/proxier.go,
    # pkg/proxy/ipvs/proxier.go, pkg/kubelet/kubelet_network_linux.go).
    ("KUBE-SERVICES", "KUBE-EXTERNAL-SERVICES", "KUBE-NODEPORTS", "KUBE-FORWARD", "KUBE-PROXY-FIREWALL")
    + ("KUBE-FIREWALL", "KUBE-NODE-PORT", "KUBE-IPVS-FILTER", "KUBE-SOURCE-RANGES-FIREWALL", "KUBE-LOAD-BALANCER")
    # Calico (felix/rules/rule_defs.go).
    + ("cali-PREROUTING", "cali-INPUT", "cali-FORWARD")
    # Docker; not DOCKER-USER, which is for rules of the machine's owner (docs.docker.com, "Packet filtering").
    + ("DOCKER", "DOCKER-FORWARD", "DOCKER-BRIDGE", "DOCKER-CT", "DOCKER-INTERNAL", "DOCKER-INGRESS")
    + ("DOCKER-ISOLATION-STAGE-1", "DOCKER-ISOLATION-STAGE-2")
    # The plugins portmap and firewall of CNI; not CNI-ADMIN, which is the owner's.
    + ("CNI-HOSTPORT-DNAT", "CNI-HOSTPORT-SETMARK", "CNI-FORWARD")
)
"""Chains of the cluster and of Docker that a built-in chain jumps to."""
OF_UFW = re.compile(r"ufw6?-(?:(?:before|after|reject|track)(?:-logging)?|user|skip-to-policy)-forward")
"""What ufw itself says of forwarded packets; `reach.iptables` tells of its owner's rules there."""
ELSEWHERE = "table nat ends with it, so that kube-proxy and Docker lead it nowhere"
GOES_OUT = re.compile(r"(?: !)? (?:-o|--out-interface) \S+")


class Around(NamedTuple):
    """The entries of one family."""

    before: list[Entry]
    """Those that are asked before INPUT and before our own chains."""
    after: list[Entry]
    """Those that keep what our chain has marked from being dropped."""


def around(tables: Tables, version: int, addresses: Iterable[str] = ()) -> Around:
    """What stands around the known chains of a machine of these addresses. Raises ValueError for chains in a circle."""
    own = [as_network(one) for one in addresses]
    before: list[Entry] = []
    raw = list(_met(tables, "raw", "PREROUTING", version))
    before += [one for kind in (INPUT, PUBLISHED) for one in _as(kind, _drops(raw))]
    nat = list(_met(tables, "nat", "PREROUTING", version))
    before += _as(PUBLISHED, _drops(map(_not_led, nat)))
    passing = []
    for name in ("mangle", "filter"):
        drops, passes = _forwarded(tables, name, version)
        before += drops
        passing += passes
    passing += _unmarking(tables, version)
    first, rest = _by_hook(tables, version)
    before += _as(PUBLISHED, first)
    before += _as(PUBLISHED, _drops([*first, *rest], len(first)))
    before += _as(INPUT, _drops([*first, *rest]))
    before += _as(INPUT, _drops(_met(tables, "mangle", "INPUT", version)))
    before += [one for one in nat if one.note.condition or one.rule.action == DENY]
    return Around([one for one in before if _for_the_machine(one.rule, own)], passing)


def leads_everything(table: Table, hook: str, chain: str) -> bool:
    """Whether a built-in chain jumps to `chain` with every packet."""
    return any(line.target == chain and line.match.everything for line in table.chains.get(hook, ()))


def _met(tables: Tables, name: str, hook: str, version: int, lines: Iterable[Line] | None = None) -> Iterator[Entry]:
    """What a packet meets in a chain of a table, without what the cluster and we wrote there."""
    table = tables.get(name, Table())
    kept = [line for line in (table.chains.get(hook, ()) if lines is None else lines) if not _known(line, name)]
    shown = Table(table.policies, {**table.chains, hook: kept})
    for _path, entry in entries(shown, hook, INPUT, version, top=True):
        if entry.rule.interface != LOOPBACK:
            yield entry._replace(note=replace(entry.note, place=f"table {name}, {entry.note.place}"))
    if lines is None and table.policies.get(hook) == "DROP":
        yield Entry(HostRule(FAMILIES[version], None, DENY), Note(f"table {name}", f"the policy of {hook} is DROP"))


def _known(line: Line, table: str) -> bool:
    own = table == "mangle" and line.target in (PUBLISHED_CHAIN, FORWARDED_CHAIN)
    return own or line.target in KNOWN


def _by_hook(tables: Tables, version: int) -> tuple[list[Entry], list[Entry]]:
    """What PREROUTING of table mangle holds before our chain, and after it."""
    lines = tables.get("mangle", Table()).chains.get("PREROUTING", [])
    at = _hook(lines)
    first = list(_met(tables, "mangle", "PREROUTING", version, lines[:at]))
    every = list(_met(tables, "mangle", "PREROUTING", version))
    return first, every[len(first) :]


def _hook(lines: list[Line]) -> int:
    own = (at for at, line in enumerate(lines) if line.target == PUBLISHED_CHAIN and line.match.everything)
    return next(own, len(lines))


def _unmarking(tables: Tables, version: int) -> Iterator[Entry]:
    """Lines that may take the mark away which our chain has set."""
    for name in ("mangle", "nat"):
        table = tables.get(name, Table())
        lines = table.chains.get("PREROUTING", [])
        later = lines[_hook(lines) :] if name == "mangle" else lines
        rest = Table(table.policies, {**table.chains, "PREROUTING": [one for one in later if not _known(one, name)]})
        for line in _lines(rest, "PREROUTING", ()):
            if line.target == "CONNMARK" and "--restore-mark" not in line.text and line.match.possible:
                note = Note(
                    f"table {name}, {line.chain} rule {line.number}",
                    line.text,
                    f"`{line.text}` takes away the mark of connections to unpublished ports",
                )
                source = line.match.source or FAMILIES[version]
                yield Entry(HostRule(source, None, ALLOW, PUBLISHED, "", "", line.comment), note)


def _drops(found: Iterable[Entry], since: int = 0) -> Iterator[Entry]:
    """Those that drop, from number `since` on, each unless what ends the table before it fits."""
    passes: list[Entry] = []
    for number, entry in enumerate(found):
        if entry.rule.action == ALLOW:
            passes.append(entry)
        elif number >= since:
            over = [one for one in passes if one.note.text != entry.note.text and _meet(one.rule, entry.rule)]
            unless = [f"`{one.note.text}` does not fit" for one in over]
            conditions = " and ".join(filter(None, dict.fromkeys((entry.note.condition, *unless))))
            yield entry._replace(note=replace(entry.note, condition=conditions))


def _not_led(entry: Entry) -> Entry:
    """ACCEPT in table nat, for what comes in at a published port."""
    if entry.rule.action == DENY or entry.note.condition:
        return entry
    return Entry(replace(entry.rule, action=DENY), replace(entry.note, condition=ELSEWHERE))


def _forwarded(tables: Tables, name: str, version: int) -> tuple[list[Entry], list[Entry]]:
    """What FORWARD of a table drops of others, and, ahead of our own chain there, lets through.

    Rules there see a packet once it is rewritten, so that only its source is what a question tells.
    """
    table = tables.get(name, Table())
    lines = list(_lines(table, "FORWARD", ()))
    end = next((at for at, line in enumerate(lines) if line.chain == FORWARDED_CHAIN and line.target == "DROP"), None)
    drops, passes = [], []
    for at, line in enumerate(lines):
        read = read_line(GOES_OUT.sub("", line.text), line.number, version)
        if not read.match.possible or (line.chain == FORWARDED_CHAIN and line.target == "DROP"):
            continue
        bare = read.text == line.text and read.match == Match(source=read.match.source)
        condition = "" if bare else f"`{line.text}` fits it once it is rewritten"
        note = Note(f"table {name}, {line.chain} rule {line.number}", line.text, condition)
        rule = HostRule(read.match.source or FAMILIES[version], None, DENY, PUBLISHED, "", "", line.comment)
        if line.target in ("DROP", "REJECT"):
            drops.append(Entry(rule, note))
        elif line.target in ("ACCEPT", "RETURN") and end is not None and at < end:
            passes.append(Entry(replace(rule, action=ALLOW), note))
    if name != "filter" and table.policies.get("FORWARD") == "DROP":
        note = Note(f"table {name}", "the policy of FORWARD is DROP", "no rule of that chain accepts it")
        drops.append(Entry(HostRule(FAMILIES[version], None, DENY, PUBLISHED), note))
    return drops, passes


def _lines(table: Table, chain: str, path: tuple[str, ...]) -> Iterator[Line]:
    """The lines of a chain and of those that it leads to, without ufw's and the cluster's."""
    if chain in path:
        raise ValueError(f"the chain {chain} leads back to itself")
    for line in table.chains.get(chain, ()):
        if line.target in KNOWN or OF_UFW.fullmatch(line.target):
            continue
        if line.target in table.chains:
            yield from _lines(table, line.target, (*path, chain))
        else:
            yield line


def _as(kind: str, found: Iterable[Entry]) -> Iterator[Entry]:
    for entry in found:
        yield entry._replace(rule=replace(entry.rule, chain=kind))


def _meet(one: HostRule, other: HostRule) -> bool:
    """Whether a packet can fit both."""
    if one.ports and other.ports and not one.ports.overlaps(other.ports):
        return False
    pairs = ((one.source, other.source), (one.destination, other.destination))
    return all(not a or not b or as_network(a).overlaps(as_network(b)) for a, b in pairs)


def _for_the_machine(rule: HostRule, own: list[Network]) -> bool:
    """Docker drops what goes to its containers' own addresses; questions are about those of the machine."""
    if not rule.destination or not own:
        return True
    goal = as_network(rule.destination)
    return any(goal.version == one.version and goal.overlaps(one) for one in own)
