"""Ports of pods and containers on a host: our marked blocks in ufw's before.rules, before6.rules and before.init.

Packets for a node port, or for a port that Docker publishes, are rewritten and forwarded: ufw's rules for input never
see them, and Calico and Docker accept them before ufw's rules for forwarding. So two chains of table mangle decide:

- `autolabs-published`, in PREROUTING and so before addresses are rewritten. New connections to an address of the host
  pass at the published ports for the sources that a flow names. At guarded ports (node ports, on machines of the
  cluster) and all published ports, others are dropped. At any other port the connection is marked, and so is one from
  outside for an address that is not the host's: a neighbour may send packets for containers to the host.
- `autolabs-forwarded`, in FORWARD: a new connection with a mark is dropped. Either it was rewritten at a port that no
  flow publishes, or it goes to a container past the published ports. One for the host itself never comes here; ufw's
  rules for input decide.

Where neither kube-proxy nor Docker is, nothing is forwarded and both chains let everything go on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ansible_collections.autolabs.platform.plugins.module_utils.flows.ufw.files import (
    address,
    joined,
    port_list,
    prefix,
)
from ansible_collections.autolabs.platform.plugins.module_utils.net.addresses import network
from ansible_collections.autolabs.platform.plugins.module_utils.net.ports import Ports
from ansible_collections.autolabs.platform.plugins.module_utils.net.rules import ALLOW, INPUT, PUBLISHED, HostRule

CHAIN, FORWARDED = CHAINS = ("autolabs-published", "autolabs-forwarded")
HOOKS = {"PREROUTING": CHAIN, "FORWARD": FORWARDED}
NODE_PORTS = (Ports(30000, "TCP", 32767), Ports(30000, "UDP", 32767))
"""Kubernetes' default range (kube-apiserver --service-node-port-range)."""
MARK, DIRECT = "0x800000/0x800000", "0x400000/0x400000"
"""Bits of the connection's mark: at an unpublished port of the host, and for an address behind the host. kube-proxy and
Calico use bits of the packet's mark, which is another one."""
INNER = ("cali+", "vxlan.calico", "vxlan-v6.calico", "docker0", "br-+")
"""Interfaces of pods and containers (`+` is whatever follows), and Calico's tunnels to those of other machines."""
BEGIN = "# BEGIN autolabs: written by ufw_ruleset from the flow catalogue; changes in here are lost"
END = "# END autolabs"


@dataclass(frozen=True)
class Behind:
    """What a host forwards to its pods and containers, besides what its rules publish."""

    guarded: tuple[Ports, ...] = ()
    """Ports at which packets are dropped before anybody can rewrite them, unless a rule lets them in."""
    neighbours: tuple[str, ...] = ()
    """Ranges that reach pods of the host by their own addresses and without a tunnel."""


NOTHING = Behind()


def before_block(rules: Iterable[HostRule], family: int, behind: Behind = NOTHING) -> str:
    """Our block of before.rules (family 4) or before6.rules (family 6)."""
    known = list(rules)
    lines = [BEGIN, "*mangle", *(f":{chain} - [0:0]" for chain in CHAINS)]
    lines += _published(known, family, behind)
    marked = f"-A {FORWARDED} -m conntrack --ctstate NEW -m connmark --mark"
    lines += [f"{marked} {MARK} -j DROP"]
    lines += [f"{marked} {DIRECT} -o {interface} -j DROP" for interface in INNER]
    lines.append("COMMIT")
    # ufw has no tuple for ICMP, so it stands here. What every host needs of it, before.rules lets in from everyone.
    if icmp := list(_icmp(known, family)):
        lines += ["*filter", *icmp, "COMMIT"]
    return "\n".join([*lines, END, ""])


def init_block() -> str:
    """Our block of before.init, a shell script that ufw runs with `start` before it loads its rules, and `stop`."""
    hooks = HOOKS.items()
    out = "".join(f"        $tables -w -t mangle -D {hook} -j {chain} 2>/dev/null || :\n" for hook, chain in hooks)
    new = "".join(f"        $tables -w -t mangle -N {chain} 2>/dev/null || :\n" for chain in CHAINS)
    into = "".join(f"        $tables -w -t mangle -I {hook} -j {chain} 2>/dev/null || :\n" for hook, chain in hooks)
    gone = "".join(
        f"        $tables -w -t mangle -{flag} {chain} 2>/dev/null || :\n" for flag in "FX" for chain in CHAINS
    )
    return (
        f"{BEGIN}\nfor tables in iptables ip6tables; do\n"
        f'    case "$1" in\n    start)\n{out}{new}{into}        ;;\n'
        f"    stop | flush-all)\n{out}{gone}        ;;\n    esac\ndone\n{END}\n"
    )


def with_block(text: str, block: str, *, after: str = "") -> str:
    """A file with our block in it: where it is already, else after the line `after`, else at the end."""
    start, end = text.find(BEGIN), text.find(END)
    if start >= 0 and end > start:
        return text[:start] + block + text[end + len(END) :].removeprefix("\n")
    lines = text.splitlines(keepends=True)
    place = next((number for number, line in enumerate(lines, 1) if after and line.strip() == after), len(lines))
    head = "".join(lines[:place])
    return (head if not head or head.endswith("\n") else head + "\n") + block + "".join(lines[place:])


def block_of(text: str) -> str:
    """Our block of a file, empty where it has none."""
    start, end = text.find(BEGIN), text.find(END)
    return text[start : end + len(END) + 1] if start >= 0 and end > start else ""


def _published(rules: list[HostRule], family: int, behind: Behind) -> Iterator[str]:
    yield f"-A {CHAIN} -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN"
    # What the host says to itself comes by here too.
    yield f"-A {CHAIN} -i lo -j RETURN"
    other = f"-A {CHAIN} -m addrtype ! --dst-type LOCAL"
    yield from (f"{other} -i {interface} -j RETURN" for interface in INNER)
    for cidr in behind.neighbours:
        if network(cidr).version == family:
            yield f"{other} -s {address(cidr)} -j RETURN"
    yield f"{other} -j CONNMARK --set-xmark {DIRECT}"
    yield f"{other} -j RETURN"
    guarded = list(behind.guarded)
    for rule, protocol, ports in joined(rules, family, PUBLISHED):
        yield _line(rule, protocol, ports)
        guarded += [entry for entry in ports if not any(_within(entry, known) for known in guarded)]
    guarded = _but_for_input(guarded, rules)
    for protocol in dict.fromkeys(entry.protocol for entry in guarded):
        mine = sorted(entry for entry in guarded if entry.protocol == protocol)
        for entry in mine:
            yield f"-A {CHAIN} -p {protocol.lower()} -m {protocol.lower()} --dport {port_list([entry])} -j DROP"
    yield f"-A {CHAIN} -j CONNMARK --set-xmark {MARK}"


def _line(rule: HostRule, protocol: str, ports: tuple[Ports, ...]) -> str:
    line = f"-A {CHAIN}"
    line += f" -s {address(rule.source)}" if rule.source else ""
    line += f" -d {address(rule.destination)}" if rule.destination else ""
    line += f" -i {rule.interface}" if rule.interface else ""
    line += f" -p {protocol.lower()}" if protocol != "any" else ""
    line += f" -m multiport --dports {port_list(ports)}" if ports else ""
    line += f" -m comment --comment {rule.flow}" if rule.flow else ""
    return f"{line} -j {'RETURN' if rule.action == ALLOW else 'DROP'}"


def _icmp(rules: list[HostRule], family: int) -> Iterator[str]:
    word = "icmp" if family == 4 else "icmpv6"
    for rule, protocol, _ports in joined(rules, family, INPUT):
        if protocol == "ICMP":
            source = f" -s {address(rule.source)}" if rule.source else ""
            comment = f" -m comment --comment {rule.flow}" if rule.flow else ""
            target = "ACCEPT" if rule.action == ALLOW else "DROP"
            yield f"-A {prefix(family)}-before-input{source} -p {word}{comment} -j {target}"


def _but_for_input(guarded: Iterable[Ports], rules: Iterable[HostRule]) -> list[Ports]:
    """Guarded ports without those at which the host itself lets somebody in: what comes there is marked, so that it
    reaches the host and no pod."""
    doors = [rule.ports for rule in rules if rule.chain == INPUT and rule.action == ALLOW]
    if None in doors:
        return []
    own = [ports for ports in doors if ports]
    left = []
    for entry in guarded:
        first = entry.first
        for taken in sorted(port for port in own if port.protocol == entry.protocol):
            if taken.end < first or taken.first > entry.end:
                continue
            if taken.first > first:
                left.append(_range(entry.protocol, first, taken.first - 1))
            first = taken.end + 1
        if first <= entry.end:
            left.append(_range(entry.protocol, first, entry.end))
    return left


def _range(protocol: str, first: int, end: int) -> Ports:
    return Ports(first, protocol, end if end > first else 0)


def _within(ports: Ports, other: Ports) -> bool:
    return ports.protocol == other.protocol and other.first <= ports.first and ports.end <= other.end
