"""ufw's files as one document for iptables-restore, and whether the kernel has it.

`ufw enable` and `ufw reload` load chain by chain and open the policies in between. Here all of a table is one
transaction (iptables-restore(8): nothing of a table is there before COMMIT), with `-n`, so chains of others stay. What
is in the document for which chain, and how chains are hooked, is as ufw-init-functions of ufw 0.36.2 does it.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ansible_collections.autolabs.platform.plugins.module_utils.flows.ufw.files import prefix
from ansible_collections.autolabs.platform.plugins.module_utils.flows.ufw.published import CHAINS, HOOKS
from ansible_collections.autolabs.platform.plugins.module_utils.net.addresses import network

FILTER, MANGLE = TABLES = ("filter", "mangle")
BUILTIN = {"INPUT": "input", "OUTPUT": "output", "FORWARD": "forward"}
CALICO = "cali-"
_PRIMARY = ("before-logging", "before", "after", "after-logging", "reject", "track")
_NUMBERS = {"112": "vrrp", "50": "esp", "1": "icmp", "58": "icmpv6", "ipv6-icmp": "icmpv6"}


@dataclass
class Table:
    """Chains of a table: their policies (`-` for chains that are not built in), and their rules without `-A CHAIN`."""

    policies: dict[str, str] = field(default_factory=dict)
    rules: dict[str, list[str]] = field(default_factory=dict)

    def add(self, line: str) -> None:
        """Take in one line of iptables-save or of a rules file; comments and COMMIT are passed over."""
        if line.startswith(":"):
            chain, policy = line[1:].split()[:2]
            self.policies[chain] = policy
            self.rules.setdefault(chain, [])
        elif line.startswith(("-A ", "-I ")):
            flag, chain, rule = line.split(None, 2)
            known = self.rules.setdefault(chain, [])
            known.insert(0 if flag == "-I" else len(known), rule.strip())


def read(text: str) -> dict[str, Table]:
    """Rules by table, from what iptables-save prints or from a file for iptables-restore."""
    tables = {name: Table() for name in TABLES}
    table: Table | None = None
    for line in text.splitlines():
        if line.startswith("*"):
            table = tables.setdefault(line[1:].strip(), Table())
        elif table is not None:
            table.add(line.strip())
    return tables


def wanted(family: int, texts: Iterable[str], forward: str) -> dict[str, Table]:
    """What the kernel is to hold: the chains of ufw, of our blocks, and the policies of the built-in chains.

    `texts` are before.rules, after.rules and user.rules, in this order; `forward` is DEFAULT_FORWARD_POLICY. Hooks are
    not in it, and neither is what an administrator added for built-in chains and other tables (masquerading, as a
    rule): these cannot be emptied first, as others have rules there, so each load would add the lines once more. ufw
    loads them at its next start.
    """
    name = prefix(family)
    tables = {table: Table() for table in TABLES}
    chains = tables[FILTER]
    policies = {"INPUT": "DROP", "OUTPUT": "ACCEPT", "FORWARD": forward}
    for builtin, policy in policies.items():
        chains.policies[builtin] = "DROP" if policy == "REJECT" else policy
    for way in BUILTIN.values():
        for chain in (*_PRIMARY, "skip-to-policy"):
            chains.add(f":{name}-{chain}-{way} - [0:0]")
    for builtin, policy in policies.items():
        way = BUILTIN[builtin]
        chains.add(f"-A {name}-skip-to-policy-{way} -j {policy}")
        if policy == "REJECT":
            chains.add(f"-A {name}-reject-{way} -j REJECT")
        if policy == "ACCEPT":
            for protocol in ("tcp", "udp"):
                chains.add(f"-A {name}-track-{way} -p {protocol} -m conntrack --ctstate NEW -j ACCEPT")
    for text in texts:
        found = read(text)
        for table, kept in tables.items():
            for chain, rules in found[table].rules.items():
                if _of_ufw(family, chain, found[table]):
                    kept.policies.setdefault(chain, "-")
                    kept.rules.setdefault(chain, []).extend(rules)
    for way in BUILTIN.values():
        chains.add(f"-A {name}-before-{way} -j {name}-user-{way}")
    return tables


def document(family: int, tables: Mapping[str, Table], live: Mapping[str, Table]) -> str:
    """For `iptables-restore -n`: brings the kernel from `live` to `tables`, a table at a time, hooks included."""
    lines = []
    # The mangle table first: its rules make the kernel follow connections before a rule for input asks about them.
    for table in sorted(tables, key=lambda name: name != MANGLE):
        lines += [f"*{table}", *_declared(tables[table])]
        lines += _hooks(family, table, live.get(table, Table()))
        lines += [f"-A {chain} {rule}" for chain, rules in tables[table].rules.items() for rule in rules]
        lines.append("COMMIT")
    return "\n".join([*lines, ""])


def undoing(family: int, tables: Mapping[str, Table], live: Mapping[str, Table]) -> str:
    """For `iptables-restore -n`: brings the chains of `tables` back to `live`, whether they were loaded or not.

    Chains that were not there are emptied. Those that nothing jumps to go; ufw takes the others for its own at its
    next start, as after `ufw disable`.
    """
    lines = []
    for table, new in tables.items():
        old = live.get(table, Table())
        chains = [chain for chain, policy in new.policies.items() if policy == "-"]
        policies = {chain: old.policies.get(chain, "ACCEPT") for chain, policy in new.policies.items() if policy != "-"}
        lines += [f"*{table}", *(f":{chain} {policy} [0:0]" for chain, policy in policies.items())]
        lines += [f":{chain} - [0:0]" for chain in chains]
        lines += [f"-A {chain} {rule}" for chain in chains for rule in old.rules.get(chain, ())]
        lines += [f"-X {chain}" for chain in chains if chain not in old.policies and not _hooked(family, chain)]
        lines.append("COMMIT")
    return "\n".join([*lines, ""])


def differences(family: int, tables: Mapping[str, Table], live: Mapping[str, Table]) -> list[str]:
    """Where the kernel is not as `tables`: the names of chains and hooks, empty when it is.

    Rules of the catalogue are compared word by word; of ufw's own chains, which iptables-save prints in words of its
    own, the number of rules.
    """
    found = []
    exact = {f"{prefix(family)}-user-input", *CHAINS}
    for table, new in tables.items():
        old = live.get(table, Table())
        found += [f"policy of {chain}" for chain, policy in new.policies.items() if _differs(old, chain, policy)]
        for chain, rules in new.rules.items():
            present = old.rules.get(chain, [])
            if len(rules) != len(present) or (chain in exact and _all(rules) != _all(present)):
                found.append(chain)
        found += [line.split(None, 2)[2] for line in _hooks(family, table, old)]
    return list(dict.fromkeys(found))


def _declared(table: Table) -> list[str]:
    return [f":{chain} {policy} [0:0]" for chain, policy in table.policies.items()]


def _differs(old: Table, chain: str, policy: str) -> bool:
    return policy != "-" and old.policies.get(chain) != policy


def _hooks(family: int, table: str, live: Table) -> list[str]:
    """Lines that hook chains into the built-in ones, for those that are not."""
    lines = []
    if table == MANGLE:
        # At the front. Calico puts its own before it later; that lets new connections go on, unless it was told to
        # protect the host itself.
        for hook, chain in HOOKS.items():
            rules, jump = live.rules.get(hook, []), f"-j {chain}"
            ahead = rules[: rules.index(jump)] if jump in rules else []
            if jump in rules and all(target(rule).startswith(CALICO) for rule in ahead):
                continue
            lines += [f"-D {hook} {jump}"] * rules.count(jump) + [f"-I {hook} {jump}"]
        return lines
    for builtin, way in BUILTIN.items():
        jumps = [f"-j {prefix(family)}-{chain}-{way}" for chain in _PRIMARY]
        present = [rule for rule in live.rules.get(builtin, []) if rule in jumps]
        if present != jumps:
            lines += [f"-D {builtin} {rule}" for rule in present] + [f"-A {builtin} {rule}" for rule in jumps]
    return lines


def plain(rule: str) -> tuple[tuple[str, str], ...]:
    """A rule without what iptables-save adds or writes in another way."""
    words = shlex.split(rule)
    options: list[tuple[str, str]] = []
    negated = False
    for number, word in enumerate(words):
        if word == "!":
            negated = True
        elif word.startswith("-"):
            value = words[number + 1] if number + 1 < len(words) and not words[number + 1].startswith("-") else ""
            if word != "-m":
                options.append((("! " if negated else "") + word.replace("--dports", "--dport"), _value(word, value)))
            negated = False
    return tuple(sorted(options))


def target(rule: str) -> str:
    """Where a rule leads; empty for one that only counts."""
    words = shlex.split(rule)
    return next((words[at + 1] for at, word in enumerate(words[:-1]) if word in ("-j", "-g")), "")


def _of_ufw(family: int, chain: str, table: Table) -> bool:
    """Whether a chain of ufw's files is ufw's, ours, or one that its administrator declares there."""
    return chain.startswith(f"{prefix(family)}-") or chain in CHAINS or table.policies.get(chain) == "-"


def _hooked(family: int, chain: str) -> bool:
    name = prefix(family)
    return chain in CHAINS or any(chain == f"{name}-{part}-{way}" for part in _PRIMARY for way in BUILTIN.values())


def _all(rules: Iterable[str]) -> list[tuple[tuple[str, str], ...]]:
    return [plain(rule) for rule in rules]


def _value(option: str, value: str) -> str:
    if option in ("-s", "-d"):
        try:
            return str(network(value))
        except ValueError:
            # A line of an administrator's may name an address as it likes.
            return value
    return _NUMBERS.get(value, value) if option == "-p" else value
