"""The chains of iptables as one list of rules: what a jump leads to stands in its place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from ansible_collections.autolabs.platform.plugins.module_utils.net.rules import ALLOW, DENY, HostRule
from ansible_collections.autolabs.platform.plugins.module_utils.reach.hosts.firewall import FAMILIES, Entry, Note
from ansible_collections.autolabs.platform.plugins.module_utils.reach.hosts.iptables_match import Line, Match, read_line

VERDICTS = {"ACCEPT": ALLOW, "DROP": DENY, "REJECT": DENY}
REFUSED = "it is refused with an answer"
# Targets after which a packet goes on to the next line.
PASSING = {"LOG", "NFLOG", "MARK", "CONNMARK", "SET", "CT", "NOTRACK", "TRACE", "TCPMSS", "SECMARK", "CONNSECMARK"} | {
    *("TTL", "HL", "DSCP", "TOS", "ECN", "CLASSIFY", "CHECKSUM", "TEE", "AUDIT", "ULOG", "IDLETIMER", "TCPOPTSTRIP")
}
REWRITING = {"DNAT", "REDIRECT", "NETMAP", "TPROXY"}
LIMITED = "at most 5 connections in 30 seconds from one address"
# Where `ufw limit` leads; its line says more than what stands there.
UFW_CHAINS = {"limit-accept": ALLOW, "limit": DENY}
TUPLE = re.compile(r"### tuple ### .*?(?: comment=(?P<comment>[0-9a-f]+))?$")
CALICO = "cali-"
CALICO_HOSTS = ("cali-fh-", "cali-fhfw-")
"""How chains begin that Calico makes for policies of its own kind on machines (HostEndpoint)."""
CALICO_PODS = "cali-from-wl-dispatch"
"""Where Calico asks what policies let a pod send, by the pod's interface."""


@dataclass
class Table:
    """One table: the policy of its chains, `-` for those that are no entrance of the kernel, and their lines."""

    policies: dict[str, str] = field(default_factory=dict)
    chains: dict[str, list[Line]] = field(default_factory=dict)


Tables = dict[str, Table]


def read_tables(text: str, version: int) -> tuple[Tables, list[tuple[int, str]]]:
    """The tables of a text that iptables-save wrote, or of ufw's files, and what is wrong in which line."""
    tables: Tables = {}
    table = Table()
    wrong: list[tuple[int, str]] = []
    flow = ""
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if found := TUPLE.match(line):
            flow = bytes.fromhex(found["comment"] or "").decode("utf-8", "replace")
        elif line.startswith("### "):
            flow = ""
        elif line.startswith("*"):
            table = tables.setdefault(line[1:], Table())
            flow = ""
        elif line.startswith(":"):
            chain, _space, policy = line[1:].partition(" ")
            table.policies[chain] = policy.partition(" ")[0]
            table.chains.setdefault(chain, [])
        elif re.match(r"-[AI] \S", line):
            chain = line.split()[1]
            lines = table.chains.setdefault(chain, [])
            try:
                read = read_line(line, len(lines) + 1, version)
            except (ValueError, IndexError) as error:
                wrong.append((number, f"{error}: {line!r}"))
                continue
            read = replace(read, comment=read.comment or flow)
            lines.insert(0 if line.startswith("-I") else len(lines), read)
        elif line and not line.startswith("#") and line != "COMMIT" and not line.startswith("-"):
            wrong.append((number, f"this is no line of iptables-save: {line!r}"))
    return tables, wrong


def entries(table: Table, chain: str, kind: str, version: int, *, top: bool = False) -> Iterator[tuple[str, Entry]]:
    """The rules that a packet meets from `chain` on, each with the chains that it stands in.

    kind: the chain of our rules that they become.
    top: whether `RETURN` in `chain` itself lets the packet go on, so that it is allowed.
    """
    yield from _walk(table, chain, kind, version, Match(), (), top)


def _walk(
    table: Table, chain: str, kind: str, version: int, outer: Match, path: tuple[str, ...], top: bool
) -> Iterator[tuple[str, Entry]]:
    if chain in path:
        raise ValueError(f"the chain {chain} leads back to itself")
    path = (*path, chain)
    left: tuple[str, ...] = ()
    for line in table.chains.get(chain, ()):
        match = _calico(table, line).within(outer)
        if not match.possible:
            continue
        match = replace(match, conditions=tuple(dict.fromkeys((*match.conditions, *left))))
        made = _Made(line, match, kind, version)
        if line.target in VERDICTS:
            yield from ((path_name(path), entry) for entry in made.entries(VERDICTS[line.target]))
        elif line.target == "RETURN" and top and len(path) == 1:
            yield from ((path_name(path), entry) for entry in made.entries(ALLOW))
        elif line.target == "RETURN":
            if line.match.everything:
                return
            left = (*left, f"`{line.text}` does not fit")
        elif known := _ufw_chain(line.target):
            yield from ((path_name(path), entry) for entry in made.entries(known))
        elif line.target in table.chains:
            yield from _walk(table, line.target, kind, version, match, path, False)
        elif line.target and line.target not in PASSING and "-logging-" not in line.target:
            yield from ((path_name(path), entry) for entry in made.unknown())
        if line.goto:
            if line.match.everything:
                return
            left = (*left, f"`{line.text}` does not fit")


@dataclass(frozen=True)
class _Made:
    """The entries that a line becomes."""

    line: Line
    match: Match
    kind: str
    version: int

    def entries(self, action: str, condition: str = "") -> Iterator[Entry]:
        remark = REFUSED if self.line.target == "REJECT" else ""
        if self.line.target.endswith("-limit-accept"):
            remark = LIMITED
        conditions = " and ".join(filter(None, (*self.match.conditions, condition)))
        note = Note(f"{self.line.chain} rule {self.line.number}", self.line.text, conditions, remark)
        for ports in self.match.ports:
            yield Entry(
                HostRule(
                    self.match.source or FAMILIES[self.version],
                    ports,
                    action,
                    self.kind,
                    self.match.destination,
                    self.match.interface,
                    self.line.comment,
                ),
                note,
            )

    def unknown(self) -> Iterator[Entry]:
        """A target that is not known may let a packet in or not; one that rewrites it leads it to other rules."""
        rewrites = self.line.target in REWRITING
        ends = ("leads it to where it is let in", "leads it elsewhere") if rewrites else ("accepts it", "drops it")
        for action, says in zip((ALLOW, DENY), ends, strict=True):
            yield from self.entries(action, f"{self.line.target} {says}")


def path_name(path: tuple[str, ...]) -> str:
    """The chains that a rule stands in, from the outermost: `INPUT/ufw-before-input/ufw-user-input`."""
    return "/".join(path)


def _ufw_chain(target: str) -> str:
    found = re.fullmatch(r"ufw6?-user-(limit-accept|limit)", target)
    return UFW_CHAINS[found[1]] if found else ""


def _calico(table: Table, line: Line) -> Match:
    """Marks in Calico's chains stand for its own policies on machines; where it has none, no packet carries them.

    What pods may send is left out: their NetworkPolicies say it, and are asked as such.
    """
    if line.chain.startswith(CALICO) and line.target == CALICO_PODS:
        return replace(line.match, possible=False)
    if not line.chain.startswith(CALICO) or any(name.startswith(CALICO_HOSTS) for name in table.chains):
        return line.match
    if any("mark" in condition for condition in line.match.conditions) and line.target == "ACCEPT":
        return replace(line.match, possible=False)
    return line.match
