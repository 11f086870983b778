"""Rules of a host as user.rules and user6.rules, the way ufw itself writes them (ufw 0.36.2, as in Debian 12).

The `### tuple ###` lines are what ufw's own commands read, so `ufw status` shows our rules with their flows, and
`ufw allow` beside them works; the lines below each tuple are what iptables-restore loads.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from ansible_collections.autolabs.platform.plugins.module_utils.net.addresses import network
from ansible_collections.autolabs.platform.plugins.module_utils.net.ports import Ports
from ansible_collections.autolabs.platform.plugins.module_utils.net.rules import ALLOW, INPUT, HostRule

IPV4, IPV6 = FAMILIES = (4, 6)
ANYWHERE = {IPV4: "0.0.0.0/0", IPV6: "::/0"}
LEVELS = {"off": 0, "low": 100, "medium": 200, "high": 300, "full": 400}
"""ufw's levels of logging; every level logs what the ones below it do."""
SLOTS = 15
"""How many ports one multiport match holds; a range takes two (iptables-extensions(8))."""
LIMIT = " -m limit --limit 3/min --limit-burst 10"

# VRRP is a tuple too, not a raw line of ours: ufw 0.36.2 knows the protocol, and a raw line would be lost as soon as
# ufw writes the file anew.
_PROTOCOLS = {"TCP": "tcp", "UDP": "udp", "ESP": "esp", "VRRP": "vrrp"}
_DIRECTIONS = ("input", "output", "forward")


class Unwritable(ValueError):
    """A rule that ufw cannot hold; the message says which, and what to do."""


def prefix(family: int) -> str:
    """How the names of ufw's chains of a family begin."""
    return "ufw" if family == IPV4 else "ufw6"


def families(rule: HostRule) -> tuple[int, ...]:
    """The families whose packets a rule can fit."""
    versions = {network(text).version for text in (rule.source, rule.destination) if text}
    return tuple(sorted(versions)) if len(versions) == 1 else () if versions else FAMILIES


def joined(rules: Iterable[HostRule], family: int, chain: str) -> list[tuple[HostRule, str, tuple[Ports, ...]]]:
    """The rules of a chain and family by line: a rule, its protocol (`any` for all), and the ports of the line.

    Rules that follow each other and differ in their ports only are one line, as long as it holds their ports.
    """
    lines: list[tuple[HostRule, str, tuple[Ports, ...]]] = []
    chosen = [rule for rule in rules if rule.chain == chain and family in families(rule)]
    for _key, group in groupby(chosen, key=_all_but_ports):
        alike = list(group)
        protocol = alike[0].ports.protocol if alike[0].ports else "any"
        ports = sorted({rule.ports for rule in alike if rule.ports and rule.ports.first})
        lines += [(alike[0], protocol, chunk) for chunk in _chunks(ports)] if ports else [(alike[0], protocol, ())]
    return lines


def port_list(ports: Iterable[Ports]) -> str:
    """Ports as iptables and ufw write them: `80,443,30000:32767`."""
    return ",".join(f"{entry.first}:{entry.end}" if entry.end > entry.first else str(entry.first) for entry in ports)


def user_rules(rules: Iterable[HostRule], family: int, level: str = "low") -> str:
    """The content of user.rules (family 4) or user6.rules (family 6), with rules for the host itself alone.

    `level` is ufw's level of logging. Raises Unwritable.
    """
    name = prefix(family)
    chains = [f"{name}-user-{way}" for way in _DIRECTIONS]
    chains += [f"{name}-{place}-logging-{way}" for place in ("before", "user", "after") for way in _DIRECTIONS]
    chains += [f"{name}-logging-deny", f"{name}-logging-allow", f"{name}-user-limit", f"{name}-user-limit-accept"]
    lines = ["*filter", *(f":{chain} - [0:0]" for chain in chains), "### RULES ###"]
    for rule, protocol, ports in joined(rules, family, INPUT):
        # before.rules holds ICMP: ufw has no tuple for it.
        if protocol != "ICMP":
            lines += ["", *_tuple(rule, protocol, ports, family)]
    lines += ["", "### END RULES ###", "", "### LOGGING ###", *_logging(name, level), "### END LOGGING ###"]
    lines += ["", "### RATE LIMITING ###"]
    if LEVELS[level]:
        lines.append(f'-A {name}-user-limit -m limit --limit 3/minute -j LOG --log-prefix "[UFW LIMIT BLOCK] "')
    lines += [f"-A {name}-user-limit -j REJECT", f"-A {name}-user-limit-accept -j ACCEPT"]
    return "\n".join([*lines, "### END RATE LIMITING ###", "COMMIT", ""])


def address(cidr: str) -> str:
    """A range as ufw writes it: one address without its length."""
    return str(network(cidr)).removesuffix("/32").removesuffix("/128")


def _tuple(rule: HostRule, protocol: str, ports: tuple[Ports, ...], family: int) -> Iterator[str]:
    if protocol != "any" and protocol not in _PROTOCOLS:
        raise Unwritable(
            f"ufw has no rules for {protocol}, which flow {rule.flow or '(none)'} needs on this host. Change the flow, "
            "or publish the service from a pod or container."
        )
    word = _PROTOCOLS.get(protocol, "any")
    source = address(rule.source) if rule.source else ANYWHERE[family]
    target = address(rule.destination) if rule.destination else ANYWHERE[family]
    way = f"in_{rule.interface}" if rule.interface else "in"
    action = "allow" if rule.action == ALLOW else "deny"
    comment = f" comment={rule.flow.encode().hex()}" if rule.flow else ""
    yield f"### tuple ### {action} {word} {port_list(ports) or 'any'} {target} any {source} {way}{comment}"
    line = f"-A {prefix(family)}-user-input"
    line += f" -i {rule.interface}" if rule.interface else ""
    line += f" -p {word}" if word != "any" else ""
    many = len(ports) > 1 or any(entry.end > entry.first for entry in ports)
    line += f" -m multiport --dports {port_list(ports)}" if many else ""
    line += f" -d {target}" if rule.destination else ""
    line += f" --dport {port_list(ports)}" if ports and not many else ""
    line += f" -s {source}" if rule.source and source != ANYWHERE[family] else ""
    yield f"{line} -j {'ACCEPT' if rule.action == ALLOW else 'DROP'}"


def _logging(name: str, level: str) -> Iterator[str]:
    """What ufw logs at a level, for incoming and routed packets refused by default and outgoing ones allowed."""
    rank = LEVELS[level]
    if not rank:
        yield from (f"-I {name}-user-logging-{way} -j RETURN" for way in _DIRECTIONS)
        return
    limit = LIMIT if rank < LEVELS["high"] else ""
    for way in _DIRECTIONS:
        if way != "output" or rank >= LEVELS["medium"]:
            word = "ALLOW" if way == "output" else "BLOCK"
            yield f'-A {name}-after-logging-{way} -j LOG --log-prefix "[UFW {word}] "{limit}'
    invalid = f"{name}-logging-deny -m conntrack --ctstate INVALID -j"
    if rank < LEVELS["medium"]:
        yield f"-I {invalid} RETURN{limit}"
    else:
        yield f'-A {invalid} LOG --log-prefix "[UFW AUDIT INVALID] "{limit}'
    yield f'-A {name}-logging-deny -j LOG --log-prefix "[UFW BLOCK] "{limit}'
    yield f'-A {name}-logging-allow -j LOG --log-prefix "[UFW ALLOW] "{limit}'
    if rank >= LEVELS["medium"]:
        limit = LIMIT if rank < LEVELS["full"] else ""
        state = " -m conntrack --ctstate NEW" if rank < LEVELS["high"] else ""
        for way in _DIRECTIONS:
            yield f'-I {name}-before-logging-{way} -j LOG --log-prefix "[UFW AUDIT] "{state}{limit}'


def _all_but_ports(rule: HostRule) -> tuple[str, ...]:
    protocol = rule.ports.protocol if rule.ports else ""
    return (rule.source, rule.action, rule.destination, rule.interface, rule.flow, protocol)


def _chunks(ports: list[Ports]) -> Iterator[tuple[Ports, ...]]:
    chunk: list[Ports] = []
    for entry in ports:
        if sum(_slots(taken) for taken in (*chunk, entry)) > SLOTS:
            yield tuple(chunk)
            chunk = []
        chunk.append(entry)
    yield tuple(chunk)


def _slots(ports: Ports) -> int:
    return 2 if ports.end > ports.first else 1
