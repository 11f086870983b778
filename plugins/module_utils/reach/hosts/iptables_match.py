"""What one line of iptables asks of the first packet of a connection to the machine itself.

A line that asks what no question tells keeps that as a condition: it may fit or not, and is never passed over.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from ansible_collections.autolabs.platform.plugins.module_utils.net.ports import Ports
from ansible_collections.autolabs.platform.plugins.module_utils.reach.hosts.firewall import LOOPBACK, as_network
from ansible_collections.autolabs.platform.plugins.module_utils.reach.hosts.port_lists import ports_of

LONG = {
    "--source": "-s",
    "--src": "-s",
    "--destination": "-d",
    "--dst": "-d",
    "--protocol": "-p",
    "--proto": "-p",
    "--in-interface": "-i",
    "--out-interface": "-o",
    "--jump": "-j",
    "--goto": "-g",
    "--match": "-m",
    "--destination-port": "--dport",
    "--destination-ports": "--dports",
    "--source-port": "--sport",
    "--source-ports": "--sports",
    "--state": "--ctstate",
    "--icmpv6-type": "--icmp-type",
}
# They say nothing by themselves: their options do.
SILENT = {"tcp", "udp", "sctp", "icmp", "icmp6", "icmpv6", "multiport", "conntrack", "state", "addrtype", "comment"}
PING = {"echo-request", "8", "128", "any", "255"}
NUMBERED = re.compile(r"[\d:,]+")


@dataclass(frozen=True)
class Match:
    """The packets that a line is for."""

    source: str = ""
    destination: str = ""
    interface: str = ""
    ports: tuple[Ports | None, ...] = (None,)
    conditions: tuple[str, ...] = ()
    possible: bool = True
    """False for lines about packets that no question is about: replies, other kinds of ICMP, forwarded packets."""

    def within(self, outer: Match) -> Match:
        """The packets that both are for."""
        source, destination = _narrower(self.source, outer.source), _narrower(self.destination, outer.destination)
        interface = self.interface or outer.interface
        ports = tuple(both for one in self.ports for other in outer.ports for both in _overlap(one, other))
        possible = self.possible and outer.possible and bool(ports) and None not in (source, destination)
        possible = possible and not (self.interface and outer.interface and self.interface != outer.interface)
        conditions = tuple(dict.fromkeys((*outer.conditions, *self.conditions)))
        return Match(source or "", destination or "", interface, ports, conditions, possible)

    @property
    def everything(self) -> bool:
        """Whether it is for every packet that a question can be about."""
        return self == Match()


@dataclass(frozen=True)
class Line:
    """One line of a chain."""

    chain: str
    number: int
    """Its place in the chain, from 1, as `iptables -L --line-numbers` shows it."""
    text: str
    match: Match
    target: str = ""
    goto: bool = False
    comment: str = ""


@dataclass
class _Reading:
    protocol: str = ""
    numbers: str = ""
    comment: str = ""
    recent: list[str] = field(default_factory=list)
    match: Match = field(default_factory=Match)

    def conditional(self, words: str) -> None:
        self.match = replace(self.match, conditions=(*self.match.conditions, words))

    def never(self) -> None:
        self.match = replace(self.match, possible=False)


def read_line(text: str, number: int, version: int) -> Line:
    """A line such as `-A INPUT -p tcp --dport 22 -j ACCEPT` of a family. Raises ValueError."""
    words = shlex.split(text)
    chain, rest = words[1], words[2:]
    read = _Reading()
    target, goto = "", False
    while rest:
        negated = rest[0] == "!"
        name = LONG.get(rest[negated], rest[negated])
        values, rest = _values(rest[negated + 1 :])
        if name in ("-j", "-g"):
            target, goto = values[0], name == "-g"
            break
        _option(read, name, values, negated, version)
    if read.recent:
        _recent(read)
    match = replace(read.match, ports=ports_of(read.protocol, read.numbers))
    if not match.ports:
        match = replace(match, ports=(None,), possible=False)
    return Line(chain, number, text, match, target, goto, read.comment)


def _values(words: list[str]) -> tuple[list[str], list[str]]:
    end = next((at for at, word in enumerate(words) if word == "!" or re.match(r"--?[a-zA-Z]", word)), len(words))
    return words[:end], words[end:]


def _option(read: _Reading, name: str, values: list[str], negated: bool, version: int) -> None:
    value = " ".join(values)
    known = NEGATED if negated else PLAIN
    if name == "-m":
        if value == "recent":
            read.recent.append("")
        elif value == "rt":
            # Routing headers of type 0, which no system sends any more (RFC 5095).
            read.never()
        elif value not in SILENT:
            read.conditional(f"`-m {value}` fits")
    elif read.recent and name not in PLAIN:
        read.recent.append(name)
    elif name in known:
        known[name](read, value)
    elif name in PLAIN or name.startswith("-"):
        read.conditional(f"`{'! ' * negated}{name}{' ' * bool(value)}{value}` fits")
    else:
        raise ValueError(f"{name!r} is no option of iptables")


def _source(read: _Reading, value: str) -> None:
    read.match = replace(read.match, source=str(as_network(value)))


def _destination(read: _Reading, value: str) -> None:
    read.match = replace(read.match, destination=str(as_network(value)))


def _interface(read: _Reading, value: str) -> None:
    read.match = replace(read.match, interface=value)


def _protocol(read: _Reading, value: str) -> None:
    read.protocol = value


def _ports(read: _Reading, value: str) -> None:
    if not NUMBERED.fullmatch(value):
        raise ValueError(f"port {value!r} is no number; give the output of iptables-save, which has numbers only")
    read.numbers = value


def _from_port(read: _Reading, value: str) -> None:
    read.conditional(f"it comes from port {value}")


def _state(read: _Reading, value: str) -> None:
    if "NEW" not in value.split(","):
        read.never()


def _not_state(read: _Reading, value: str) -> None:
    if "NEW" in value.split(","):
        read.never()


def _address_type(read: _Reading, value: str) -> None:
    # Questions are about packets to an address of the machine.
    if value != "LOCAL":
        read.never()


def _not_address_type(read: _Reading, value: str) -> None:
    if value == "LOCAL":
        read.never()


def _icmp(read: _Reading, value: str) -> None:
    if value not in PING:
        read.never()


def _comment(read: _Reading, value: str) -> None:
    # ufw writes the application profile of a rule here.
    if "dapp_" not in value and "sapp_" not in value:
        read.comment = value


def _not_interface(read: _Reading, value: str) -> None:
    if value != LOOPBACK:
        read.conditional(f"it does not come in by {value}")


def _leaves(read: _Reading, _value: str) -> None:
    read.never()


def _nothing(_read: _Reading, _value: str) -> None:
    pass


PLAIN: dict[str, Callable[[_Reading, str], None]] = {
    "-s": _source,
    "-d": _destination,
    "-i": _interface,
    "-o": _leaves,
    "-p": _protocol,
    "--dport": _ports,
    "--dports": _ports,
    "--sport": _from_port,
    "--sports": _from_port,
    "--ctstate": _state,
    "--dst-type": _address_type,
    "--icmp-type": _icmp,
    "--comment": _comment,
    # The first packet of a connection is one with SYN alone.
    "--syn": _nothing,
}
NEGATED: dict[str, Callable[[_Reading, str], None]] = {
    "-i": _not_interface,
    "--ctstate": _not_state,
    "--dst-type": _not_address_type,
    "--syn": _leaves,
}


def _recent(read: _Reading) -> None:
    """`-m recent`: with a count it is for those who come too often, and the first packet is not."""
    if "--hitcount" in read.recent:
        read.never()
    elif "--set" not in read.recent:
        read.conditional("`-m recent` fits")


def _overlap(one: Ports | None, other: Ports | None) -> tuple[Ports | None, ...]:
    if one is None or other is None:
        return (one or other,)
    first, last = max(one.first, other.first), min(one.end, other.end)
    if one.protocol != other.protocol or first > last:
        return ()
    return (Ports(first, one.protocol, last if last > first else 0),)


def _narrower(one: str, other: str) -> str | None:
    if not one or not other:
        return one or other
    first, second = as_network(one), as_network(other)
    if first.version != second.version or not first.overlaps(second):
        return None
    return one if first.prefixlen >= second.prefixlen else other
