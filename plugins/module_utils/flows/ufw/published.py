"""Ports of pods and containers on a host: our marked blocks in ufw's before.rules, before6.rules and before.init.

Packets for a node port, or for a port that Docker publishes, are rewritten and forwarded: ufw's rules for input never
see them, and Calico and Docker accept them before ufw's rules for forwarding. So two chains of table mangle decide:

- `autolabs-published`, in PREROUTING and so before addresses are rewritten. New connections to an address of the host
  pass at the published ports for the sources that a flow names. At node ports and all published ports, others are
  dropped. At any other port the connection is marked.
- `autolabs-forwarded`, in FORWARD: a new connection with that mark was rewritten at a port that no flow publishes, and
  is dropped. One for the host itself never comes here; ufw's rules for input decide.

Where neither kube-proxy nor Docker is, nothing is forwarded and both chains let everything go on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ansible_collections.autolabs.platform.plugins.module_utils.flows.ufw.files import (
    address,
    joined,
    port_list,
    prefix,
)
from ansible_collections.autolabs.platform.plugins.module_utils.net.ports import Ports
from ansible_collections.autolabs.platform.plugins.module_utils.net.rules import ALLOW, INPUT, PUBLISHED, HostRule

CHAIN, FORWARDED = CHAINS = ("autolabs-published", "autolabs-forwarded")
HOOKS = {"PREROUTING": CHAIN, "FORWARD": FORWARDED}
NODE_PORTS = (Ports(30000, "TCP", 32767), Ports(30000, "UDP", 32767))
"""Kubernetes' default range (kube-apiserver --service-node-port-range)."""
MARK = "0x800000/0x800000"
"""A bit of the connection's mark; kube-proxy and Calico use bits of the packet's mark, which is another one."""
BEGIN = "# BEGIN autolabs: written by ufw_ruleset from the flow catalogue; changes in here are lost"
END = "# END autolabs"


def before_block(rules: Iterable[HostRule], family: int) -> str:
    """Our block of before.rules (family 4) or before6.rules (family 6)."""
    known = list(rules)
    lines = [BEGIN, "*mangle", *(f":{chain} - [0:0]" for chain in CHAINS), *_published(known, family)]
    lines += [f"-A {FORWARDED} -m conntrack --ctstate NEW -m connmark --mark {MARK} -j DROP", "COMMIT"]
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


def _published(rules: list[HostRule], family: int) -> Iterator[str]:
    yield f"-A {CHAIN} -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN"
    # What the host says to itself comes by here too.
    yield f"-A {CHAIN} -i lo -j RETURN"
    yield f"-A {CHAIN} -m addrtype ! --dst-type LOCAL -j RETURN"
    guarded = list(NODE_PORTS)
    for rule, protocol, ports in joined(rules, family, PUBLISHED):
        yield _line(rule, protocol, ports)
        guarded += [entry for entry in ports if not any(_within(entry, known) for known in guarded)]
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


def _within(ports: Ports, other: Ports) -> bool:
    return ports.protocol == other.protocol and other.first <= ports.first and ports.end <= other.end
