"""Rules in the kernel that are neither ufw's nor ours, told to people: those that decide before ours are asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ansible_collections.autolabs.platform.plugins.module_utils.flows.ufw.files import prefix
from ansible_collections.autolabs.platform.plugins.module_utils.flows.ufw.kernel import (
    BUILTIN,
    FILTER,
    MANGLE,
    Table,
    plain,
    read,
    target,
)
from ansible_collections.autolabs.platform.plugins.module_utils.flows.ufw.published import CHAINS

ENTRANCES = (("raw", "PREROUTING"), (MANGLE, "PREROUTING"), (FILTER, "INPUT"))
"""Table and chain that a packet meets, in this order, before a rule of ours or with it."""
KNOWN = ("cali-", "KUBE-", "DOCKER", "f2b-")
"""How chains of programs begin that let through only what is theirs, or refuse more: Calico, kube-proxy, Docker,
fail2ban."""
_PASSING = ("", "LOG", "NFLOG", "MARK", "CONNMARK", "CT", "TRACE", "TCPMSS", "RETURN")
_PROGRAMS = {4: "iptables", 6: "ip6tables"}


def ahead(family: int, live: Mapping[str, Table]) -> list[str]:
    """A sentence for each rule that decides about packets before our rules, or may do so."""
    found = []
    for table, chain in ENTRANCES:
        rules = live.get(table, Table()).rules.get(chain, [])
        for rule in rules:
            leads = target(rule)
            if leads.startswith(f"{prefix(family)}-") or leads in CHAINS:
                break
            if leads not in _PASSING and not leads.startswith(KNOWN):
                found.append(
                    f"{_PROGRAMS[family]} -t {table}: `-A {chain} {rule}` is asked before the rules of the catalogue, "
                    "and may let in what no flow names. It is in none of ufw's chains, so it stays: remove it where it "
                    "comes from."
                )
    return found


def later(family: int, texts: Iterable[str], live: Mapping[str, Table]) -> list[str]:
    """A sentence where ufw's files have lines for chains of others (masquerading, as a rule) that the kernel lacks."""
    missing = []
    for text in texts:
        for table, found in read(text).items():
            known = live.get(table, Table())
            for chain, rules in found.rules.items():
                if table in (FILTER, MANGLE) and chain not in BUILTIN and found.policies.get(chain) == "-":
                    continue
                there = [plain(rule) for rule in known.rules.get(chain, [])]
                ours = chain.startswith(f"{prefix(family)}-") or chain in CHAINS
                missing += [f"-t {table} -A {chain} {rule}" for rule in rules if not ours and plain(rule) not in there]
    if not missing:
        return []
    return [
        "Lines of ufw's before.rules or after.rules for chains that are not ufw's are not in the kernel, and come with "
        f"ufw's next start: {'; '.join(missing)}"
    ]
