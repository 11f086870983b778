"""What the packet filter of one machine says to a packet, whichever program applies it.

Questions are about the first packet of a connection; replies pass every firewall that is read here, since all of them
track connections. A question about ICMP is one about ping (echo request).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

from ansible_collections.autolabs.platform.plugins.module_utils.net.addresses import Network
from ansible_collections.autolabs.platform.plugins.module_utils.net.ports import Ports
from ansible_collections.autolabs.platform.plugins.module_utils.net.rules import ALLOW, DENY, INPUT, PUBLISHED, HostRule
from ansible_collections.autolabs.platform.plugins.module_utils.reach.verdict import ALLOWED, DENIED, UNDECIDED, Step

UFW, PROXMOX, IPTABLES = PROGRAMS = ("ufw", "proxmox", "iptables")
LOOPBACK = "lo"
FAMILIES = {4: "0.0.0.0/0", 6: "::/0"}
MDNS = (("224.0.0.251", "ff02::fb"), 5353, "mDNS")
SSDP = (("239.255.255.250", "ff02::f"), 1900, "SSDP")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True)
class Note:
    """What there is to say of a rule besides what it lets through."""

    place: str = ""
    """Where its owner finds it: `rule 3`, `user.rules line 14`."""
    text: str = ""
    """As it is written there."""
    condition: str = ""
    """What it asks of a packet that no question tells: `the source port is 67`. It may fit, or not."""
    remark: str = ""
    """What else people should know: `at most 5 connections in 30 seconds from one address`."""


class Entry(NamedTuple):
    """A rule and what there is to say of it."""

    rule: HostRule
    note: Note = Note()


@dataclass(frozen=True)
class HostFirewall:
    """The packet filter of one machine, or the one that Proxmox has before it."""

    host: str
    addresses: tuple[str, ...]
    """Without prefix length."""
    rules: tuple[HostRule, ...] = ()
    """Its owner's rules of both chains, in order; the first that fits decides."""
    default: str = DENY
    """What becomes of a packet to the host itself that no rule fits: `allow`, `deny`, or empty where nobody said."""
    enabled: bool = True
    program: str = UFW
    notes: tuple[Note, ...] = ()
    """One for each of `rules`, or none at all."""
    before: tuple[Entry, ...] | None = None
    """What its program lets through before `rules`; None where that is what the program comes with."""
    after: tuple[Entry, ...] = ()
    published: str = ""
    """What becomes of a packet to a published port that no rule fits; empty where nobody said."""
    outgoing: tuple[str, ...] = ()
    """Rules that would keep in what leaves the machine, as they are written; a way out is then undecided."""
    unread: tuple[str, ...] = ()
    """Rules that no question is about (forwarding, protocols such as IGMP), as they are written."""
    title: str = ""
    """Who speaks, in words; by default program and host."""

    @property
    def where(self) -> str:
        """`ufw on database-vm`, `Proxmox, VM 120`."""
        return self.title or f"{self.program} on {self.host}"

    def default_of(self, chain: str) -> str:
        """What becomes of a packet that no rule of the chain fits."""
        return self.published if chain == PUBLISHED else self.default

    @property
    def built_in(self) -> tuple[Entry, ...]:
        """What the program lets through before the rules of its owner."""
        return BUILT_IN.get(self.program, ()) if self.before is None else self.before

    def entries(self, chain: str) -> tuple[Entry, ...]:
        """The rules of a chain in the order in which they are asked, with those of the program itself."""
        notes = self.notes or (Note(),) * len(self.rules)
        own = (Entry(rule, note) for rule, note in zip(self.rules, notes, strict=True))
        return tuple(entry for entry in (*self.built_in, *own, *self.after) if entry.rule.chain == chain)


class Packet(NamedTuple):
    """The first packet of a connection as a firewall meets it."""

    source: Address
    ports: Ports
    destination: Address | None = None
    interface: str = ""


@dataclass(frozen=True)
class Decision:
    """Which entry decides, and what it depends on."""

    answer: str
    entry: Entry | None = None
    """None where no rule fits and the default decides."""
    perhaps: tuple[tuple[Entry, str], ...] = ()
    """Where undecided: the rules that would decide otherwise, each with its condition."""


def verdict(
    firewall: HostFirewall, source: str, ports: Ports, chain: str = INPUT, destination: str = "", interface: str = ""
) -> Step:
    """What `firewall` says to a packet from the address `source` to one port.

    chain: `input` for the host itself, `published` for a port behind which a pod or container is.
    destination: the address that the packet goes to; by default the host's own of the same family.
    interface: by which it comes in, where that is known.
    Raises ValueError for what is no address, and for more than one port.
    """
    if ports.end != ports.first:
        raise ValueError(f"{ports} is more than one port; ask about one")
    sender = ipaddress.ip_address(source)
    own = [ipaddress.ip_address(address) for address in firewall.addresses]
    if not firewall.enabled:
        return Step(firewall.where, ALLOWED, why=f"{firewall.where} is off, so it lets everything in")
    if chain == INPUT and firewall.program != PROXMOX and (sender.is_loopback or sender in own):
        return Step(firewall.where, ALLOWED, why="a machine reaches itself by loopback, which is open")
    goal = ipaddress.ip_address(destination) if destination else None
    if goal is None:
        goal = next((address for address in own if address.version == sender.version), None)
    packet = Packet(sender, ports, goal, interface)
    return _step(firewall, chain, decide(firewall.entries(chain), packet, firewall.default_of(chain)))


def decide(entries: Iterable[Entry], packet: Packet, default: str) -> Decision:
    """The first entry that fits decides, else the default; one that may fit and says otherwise leaves it undecided.

    default: `allow`, `deny`, or empty where it is unknown.
    """
    perhaps: list[tuple[Entry, str]] = []
    for entry in entries:
        condition = fits(entry, packet)
        if condition:
            perhaps.append((entry, condition))
        elif condition is not None:
            return _with(perhaps, answer_of(entry.rule.action), entry)
    return _with(perhaps, answer_of(default) if default else UNDECIDED, None)


def fits(entry: Entry, packet: Packet) -> str | None:
    """None where the entry is not for this packet, empty where it is, and else the condition on which it is."""
    rule, conditions = entry.rule, [entry.note.condition] if entry.note.condition else []
    if not _within(packet.source, rule.source) or not covers(rule.ports, packet.ports):
        return None
    if rule.destination and packet.destination is None:
        conditions.append(f"the packet goes to {rule.destination}")
    elif packet.destination is not None and not _within(packet.destination, rule.destination):
        return None
    if rule.interface and rule.interface != packet.interface:
        if packet.interface or rule.interface == LOOPBACK:
            return None
        conditions.append(f"the packet comes in by {rule.interface}")
    return " and ".join(conditions)


def covers(ports: Ports | None, asked: Ports) -> bool:
    """Whether a rule for `ports` is one for all that is asked."""
    if ports is None:
        return True
    return ports.protocol == asked.protocol and ports.first <= asked.first and asked.end <= ports.end


@lru_cache(maxsize=4096)
def as_network(text: str) -> Network:
    """The range that a rule names; what is not one is refused where rules are read. Raises ValueError."""
    return ipaddress.ip_network(text)


def both_families(
    four: Iterable[Entry], six: Iterable[Entry], alike: Callable[[HostRule], object] = lambda rule: rule
) -> Iterator[Entry]:
    """One list of rules from those for IPv4 and those for IPv6, in which what stands in both, from anywhere, is one.

    Neither family's order changes, so no packet meets another rule first. `alike`: what else must be the same.
    """
    rest = list(six)
    for entry in four:
        twin = next((at for at, other in enumerate(rest) if _twins(entry, other, alike)), None)
        if twin is None:
            yield entry
            continue
        if all(_apart(entry.rule, other.rule) for other in rest[:twin]):
            del rest[twin]
        else:
            yield from rest[:twin]
            del rest[: twin + 1]
        yield entry._replace(rule=replace(entry.rule, source=""))
    yield from rest


def _apart(one: HostRule, other: HostRule) -> bool:
    """Whether no packet is for both by its port, so that their order is all the same."""
    if one.ports is None or other.ports is None:
        return False
    if one.ports.protocol != other.ports.protocol:
        return True
    return one.ports.end < other.ports.first or other.ports.end < one.ports.first


def _twins(four: Entry, six: Entry, alike: Callable[[HostRule], object]) -> bool:
    if four.rule.source != FAMILIES[4] or six.rule.source != FAMILIES[6]:
        return False
    same_note = (four.note.condition, four.note.remark) == (six.note.condition, six.note.remark)
    return same_note and alike(replace(four.rule, source="")) == alike(replace(six.rule, source=""))


def _within(address: Address, cidr: str) -> bool:
    return not cidr or address in as_network(cidr)


def answer_of(action: str) -> str:
    """What a rule's action is to a packet."""
    return ALLOWED if action == ALLOW else DENIED


def _with(perhaps: list[tuple[Entry, str]], answer: str, entry: Entry | None) -> Decision:
    others = tuple((one, condition) for one, condition in perhaps if answer_of(one.rule.action) != answer)
    return Decision(UNDECIDED if others else answer, entry, others)


def _step(firewall: HostFirewall, chain: str, decision: Decision) -> Step:
    if decision.perhaps:
        other = decision.perhaps[0][0]
        conditions = ", or ".join(dict.fromkeys(condition for _entry, condition in decision.perhaps))
        what = "lets it in" if other.rule.action == ALLOW else "keeps it out"
        why = f"it depends on whether {conditions}: this rule then {what}"
        return Step(firewall.where, UNDECIDED, place(other), other.rule.flow, why)
    if decision.entry is not None:
        rule, note = decision.entry
        return Step(firewall.where, decision.answer, place(decision.entry), rule.flow, note.remark)
    if decision.answer == UNDECIDED:
        return Step(firewall.where, UNDECIDED, why=_unknown_default(firewall, chain))
    if chain == PUBLISHED:
        says = "let through" if decision.answer == ALLOWED else "dropped"
        return Step(firewall.where, decision.answer, why=f"no rule for published ports fits, and so it is {says}")
    says = "let in" if decision.answer == ALLOWED else "kept out"
    return Step(firewall.where, decision.answer, why=f"no rule fits; by default everything is {says}")


def _unknown_default(firewall: HostFirewall, chain: str) -> str:
    if chain == PUBLISHED:
        return f"{firewall.where} was read without its chain for published ports; give the output of iptables-save, too"
    return "no rule fits, and the default for what comes in is not told; give the output of `ufw status verbose`"


def place(entry: Entry) -> str:
    """The rule as its owner finds it: `rule 3: 22/tcp ALLOW Anywhere`."""
    told = entry.note.text or described(entry.rule)
    return f"{entry.note.place}: {told}" if entry.note.place else told


def described(rule: HostRule) -> str:
    """A rule in words: `allow tcp/22 from 10.0.0.0/8 to 192.168.100.20 by eth0`."""
    words = [rule.action, str(rule.ports) if rule.ports else "everything", "from", rule.source or "anywhere"]
    words += ["to", rule.destination] if rule.destination else []
    words += ["by", rule.interface] if rule.interface else []
    return " ".join(words)


def _shipped() -> Iterator[Entry]:
    """What Debian's ufw 0.36 lets in by before.rules and before6.rules, besides replies and loopback.

    Kinds of ICMP other than ping are about connections that are there, or about neighbours on the link.
    """
    yield Entry(HostRule("", Ports(0, "ICMP")), Note("before.rules", remark="ufw lets ping in"))
    for source, goal, server, client in ((FAMILIES[4], "", 67, 68), ("fe80::/10", "fe80::/10", 547, 546)):
        note = Note("before.rules", condition=f"it comes from port {server}", remark="answers of DHCP servers")
        yield Entry(HostRule(source, Ports(client, "UDP"), destination=goal), note)
    for addresses, port, name in (MDNS, SSDP):
        for address in addresses:
            note = Note("before.rules", remark=f"ufw lets multicast {name} in")
            yield Entry(HostRule("", Ports(port, "UDP"), destination=address), note)


BUILT_IN: dict[str, tuple[Entry, ...]] = {UFW: tuple(_shipped())}
"""What a program lets in before the rules of its owner, where nothing else was read."""
