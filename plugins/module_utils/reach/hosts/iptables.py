"""Reads the rules of a machine as iptables has them: `iptables-save`, or ufw's files user.rules and before.rules.

Published ports (node ports, ports of Docker) are decided by the chain `autolabs-published` of table mangle, where
RETURN lets a packet go on; what it marks instead, `autolabs-forwarded` drops once it turns out to be for a pod.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput, Problem
from ansible_collections.autolabs.platform.plugins.module_utils.net.rules import ALLOW, DENY, INPUT, PUBLISHED, HostRule
from ansible_collections.autolabs.platform.plugins.module_utils.reach.hosts.firewall import (
    BUILT_IN,
    FAMILIES,
    IPTABLES,
    LOOPBACK,
    UFW,
    Entry,
    HostFirewall,
    Note,
    both_families,
)
from ansible_collections.autolabs.platform.plugins.module_utils.reach.hosts.iptables_around import (
    FORWARDED_CHAIN,
    PUBLISHED_CHAIN,
    Around,
    around,
    leads_everything,
)
from ansible_collections.autolabs.platform.plugins.module_utils.reach.hosts.iptables_chains import (
    VERDICTS,
    Table,
    Tables,
    entries,
    read_tables,
)

CLOSED = "published ports are closed but for the flows that are named"
LEAVING = re.compile(r"(?:OUTPUT|ufw6?-user-output)")
FORWARDING = re.compile(r"ufw6?-user-forward")

BUILT_IN_CHAINS = {"PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"}

_Parts = tuple[list[Entry], list[Entry], list[Entry]]


def read_rules(
    ipv4: str, ipv6: str = "", *, host: str = "", addresses: Sequence[str] = (), default: str = ""
) -> HostFirewall:
    """The firewall of a host of these addresses.

    ipv4, ipv6: what iptables-save and ip6tables-save write; or ufw's files of each family, one after the other, in any
    order. Without those of IPv6, questions about it are undecided. Names of flows are read from comments, and in
    user.rules from the lines that ufw keeps them in.
    default: `allow` or `deny` for what no rule fits, where the text has no policy of INPUT, as ufw's files have none.
        Where the kernel was read and has no table filter, everything is accepted.
    Raises InvalidInput with every line that is none of iptables.
    """
    problems: list[Problem] = []
    families: dict[int, Tables] = {}
    for version, name, text in ((4, "iptables", ipv4), (6, "ip6tables", ipv6)):
        if text.strip():
            families[version], wrong = read_tables(text, version)
            file = f"{name} of {host}" if host else name
            problems += [Problem(file, number, "", message) for number, message in wrong]
    if not families:
        problems.append(Problem(f"iptables of {host}" if host else "iptables", 0, "", "the text is empty"))
    if problems:
        raise InvalidInput(problems)
    parts = {version: _parts(tables, version, host) for version, tables in families.items()}
    empty: _Parts = ([], [], [])
    four, six = parts.get(4, empty), parts.get(6, empty)
    before, own, after = (list(both_families(one, other)) for one, other in zip(four, six, strict=True))
    others = {version: _around(tables, version, host, addresses) for version, tables in families.items()}
    first, last = (
        list(both_families(one, other))
        for one, other in zip(others.get(4, Around([], [])), others.get(6, Around([], [])), strict=True)
    )
    policies = {version: _policy(tables) or default for version, tables in families.items()}
    usual = policies.get(4, policies.get(6, ""))
    after += [*last, *_other_family(policies, usual)]
    every = list(families.values())
    program = UFW if any(name.startswith("ufw") for tables in every for name in _filter(tables).chains) else IPTABLES
    return HostFirewall(
        host,
        tuple(addresses),
        tuple(entry.rule for entry in own),
        default=usual,
        program=program,
        notes=tuple(entry.note for entry in own),
        before=(*first, *(() if any(map(_whole, every)) or program == IPTABLES else BUILT_IN[UFW]), *before),
        after=tuple(after),
        published=_published_default(every),
        outgoing=tuple(_texts(every, LEAVING)) + tuple(_leaving_policies(every)),
        unread=tuple(_texts(every, FORWARDING)),
    )


def is_kernels(text: str) -> bool:
    """Whether a text is what the kernel has, as iptables-save writes it, and not ufw's files."""
    return _from_kernel(read_tables(text, 4)[0])


def _from_kernel(tables: Tables) -> bool:
    # ufw's files declare chains of ufw and of us alone.
    return any(table.policies.get(name, "-") != "-" for table in tables.values() for name in BUILT_IN_CHAINS)


def _filter(tables: Tables) -> Table:
    return tables.get("filter", Table())


def _whole(tables: Tables) -> bool:
    """Whether the text holds what ufw itself lets in, and not only the rules of its owner."""
    return any(re.fullmatch(r"ufw6?-before-input", name) for name in _filter(tables).chains)


def _parts(tables: Tables, version: int, host: str) -> _Parts:
    """What ufw lets in first, the owner's rules, and what comes after them."""
    before: list[Entry] = []
    own: list[Entry] = []
    after: list[Entry] = []
    try:
        for chain in _entrances(_filter(tables), version):
            for path, entry in entries(_filter(tables), chain, INPUT, version):
                if "-user-input" in path:
                    own.append(entry)
                elif "-before-input" in path and not own and _shipped(entry):
                    before.append(entry)
                else:
                    (after if own and "ufw" in path and "-before-input" not in path else own).append(entry)
        mangle = tables.get("mangle", Table()) if _in_force(tables, PUBLISHED_CHAIN) else Table()
        for _path, entry in entries(mangle, PUBLISHED_CHAIN, PUBLISHED, version, top=True):
            if entry.rule.interface == LOOPBACK:
                before.append(entry)
            elif entry.rule.action == DENY and not entry.rule.flow and entry.rule.source == FAMILIES[version]:
                after.append(entry._replace(note=replace(entry.note, remark=CLOSED)))
            else:
                own.append(entry)
    except ValueError as error:
        raise InvalidInput([Problem(f"iptables of {host}" if host else "iptables", 0, "", str(error))]) from None
    return before, own, after


def _entrances(table: Table, version: int) -> list[str]:
    if table.chains.get("INPUT"):
        return ["INPUT"]
    name = "ufw" if version == 4 else "ufw6"
    return [chain for chain in (f"{name}-before-input", f"{name}-user-input") if chain in table.chains]


def _shipped(entry: Entry) -> bool:
    """Whether an entry is one that ufw comes with, rather than its owner's in the same chain."""
    rule = entry.rule
    if rule.flow:
        return False
    if rule.interface == LOOPBACK:
        return True
    return any(
        (rule.ports, rule.action, _address(rule)) == (known.rule.ports, known.rule.action, _address(known.rule))
        and (rule.source == known.rule.source or (not known.rule.source and rule.source in FAMILIES.values()))
        for known in BUILT_IN[UFW]
    )


def _address(rule: HostRule) -> str:
    return rule.destination.removesuffix("/32").removesuffix("/128")


def _around(tables: Tables, version: int, host: str, addresses: Iterable[str]) -> Around:
    try:
        return around(tables, version, addresses)
    except ValueError as error:
        raise InvalidInput([Problem(f"iptables of {host}" if host else "iptables", 0, "", str(error))]) from None


def _policy(tables: Tables) -> str:
    if "filter" not in tables and _from_kernel(tables):
        return ALLOW
    return VERDICTS.get(_filter(tables).policies.get("INPUT", ""), "")


def _other_family(policies: dict[int, str], usual: str) -> list[Entry]:
    """Last rules for a family whose default is another, or not known."""
    found = []
    for version, anywhere in FAMILIES.items():
        policy = policies.get(version)
        if policy is None:
            for action in (ALLOW, DENY):
                note = Note(condition=f"the rules for IPv{version}, which were not given, {action} it")
                found += [Entry(HostRule(anywhere, None, action, chain), note) for chain in (INPUT, PUBLISHED)]
        elif policy != usual and policy:
            found.append(Entry(HostRule(anywhere, None, policy), Note(f"policy of INPUT for IPv{version}")))
    return found


def _published_default(every: list[Tables]) -> str:
    """What becomes of a packet for a pod or container, at a port that the chain for published ports does not name.

    Without that chain, kube-proxy, Calico and Docker let it through before any rule of ufw is asked.
    """
    if not any("mangle" in tables for tables in every):
        # A text with table filter alone says nothing of table mangle.
        whole = any(_from_kernel(tables) and ("nat" in tables or "filter" not in tables) for tables in every)
        return ALLOW if whole else ""
    for tables in every:
        mangle = tables.get("mangle", Table())
        drops = any(line.target == "DROP" for line in mangle.chains.get(FORWARDED_CHAIN, ()))
        marks = any(line.target == "CONNMARK" for line in mangle.chains.get(PUBLISHED_CHAIN, ()))
        if not (drops and marks and _in_force(tables, PUBLISHED_CHAIN) and _in_force(tables, FORWARDED_CHAIN)):
            return ALLOW
    return DENY


def _in_force(tables: Tables, chain: str) -> bool:
    """Whether the kernel asks a chain of table mangle. ufw's files hold no jump to it: before.init makes it."""
    mangle = tables.get("mangle", Table())
    hooked = any(leads_everything(mangle, name, chain) for name in ("PREROUTING", "FORWARD"))
    return hooked or "PREROUTING" not in mangle.policies


def _texts(every: list[Tables], chains: re.Pattern[str]) -> Iterable[str]:
    for tables in every:
        for name, lines in _filter(tables).chains.items():
            if chains.fullmatch(name):
                yield from (line.text for line in lines if line.target in ("DROP", "REJECT"))


def _leaving_policies(every: list[Tables]) -> Iterable[str]:
    for tables in every:
        policy = _filter(tables).policies.get("OUTPUT", "")
        if policy == "DROP":
            yield "the policy of OUTPUT is DROP"
