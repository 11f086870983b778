"""Reads what ufw 0.36 says of its rules: `ufw status`, `ufw status verbose` and `ufw status numbered`.

The columns are those of `get_status` in ufw's backend_iptables.py: they overflow, so only the word of the action tells
where one ends.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput, Problem
from ansible_collections.autolabs.platform.plugins.module_utils.net.rules import ALLOW, DENY, HostRule
from ansible_collections.autolabs.platform.plugins.module_utils.reach.hosts.firewall import (
    FAMILIES,
    UFW,
    Entry,
    HostFirewall,
    Note,
    both_families,
)
from ansible_collections.autolabs.platform.plugins.module_utils.reach.hosts.port_lists import ports_of

ACTIONS = {"ALLOW": ALLOW, "LIMIT": ALLOW, "DENY": DENY, "REJECT": DENY}
REMARKS = {
    "LIMIT": "at most 5 connections in 30 seconds from one address",
    "REJECT": "it is refused with an answer",
}
RULE = re.compile(
    r"(?:\[\s*(?P<number>\d+)\]\s+)?(?P<to>\S.*?)\s+(?P<action>ALLOW|DENY|REJECT|LIMIT)(?: (?P<way>IN|OUT|FWD))?\s+"
    r"(?P<from>\S.*?)(?:\s+\((?P<marks>(?:log|log-all|out)(?:, out)?)\))?\s*(?:\s#\s(?P<comment>.*))?"
)
DEFAULT = re.compile(r"Default: (?P<incoming>\w+) \(incoming\), (?P<outgoing>\w+) \(outgoing\)")
DEFAULTS = {"allow": ALLOW, "deny": DENY, "reject": DENY}
ANYWHERE = "Anywhere"
V6 = " (v6)"
PROTOCOL = re.compile(r"(?P<rest>.*)/(?P<protocol>[a-z][a-z0-9]*)")
PORTS = re.compile(r"\d+(?::\d+)?(?:,\d+(?::\d+)?)*")
# A range of ports has a colon, too, but only one.
ADDRESS = re.compile(r"(?:[0-9]+(?:\.[0-9]+){3}|(?=(?:[^:]*:){2})[0-9a-fA-F:.]+)(?:/\d+)?")


@dataclass(frozen=True)
class _Side:
    """One column of a rule: an address, ports, a protocol and an interface, each where it is given."""

    address: str = ""
    ports: str = ""
    protocol: str = ""
    interface: str = ""
    profile: str = ""
    six: bool = False


def read_status(text: str, host: str = "", addresses: Iterable[str] = ()) -> HostFirewall:
    """The firewall that `ufw status` shows on a host of these addresses.

    Without `verbose` the default for what comes in is not told, and so not known. The chain of published ports is
    never told. A rule by application profile has ports only in `ufw status verbose`.
    Raises InvalidInput with every line that is none of ufw's.
    """
    file = f"ufw status of {host}" if host else "ufw status"
    lines = text.splitlines()
    state = next((line.partition(":")[2].strip() for line in lines if line.startswith("Status:")), "")
    if state not in ("active", "inactive"):
        message = "the text has no line `Status: active` or `Status: inactive`, in English; run `LC_ALL=C ufw status`"
        raise InvalidInput([Problem(file, 0, "", message)])
    default = next((found for line in lines if (found := DEFAULT.match(line))), None)
    families: dict[int, list[Entry]] = {4: [], 6: []}
    outgoing: list[str] = []
    forwarded: list[str] = []
    problems: list[Problem] = []
    for number, line in _rules(lines):
        found = RULE.fullmatch(line.strip())
        try:
            if not found:
                raise ValueError("this is no rule as ufw writes them")
            if found["way"] == "OUT":
                outgoing += [line.strip()] if ACTIONS[found["action"]] == DENY else []
            elif found["way"] == "FWD":
                forwarded.append(line.strip())
            else:
                for version, entry in _entries(found, number):
                    families[version].append(entry)
        except ValueError as error:
            problems.append(Problem(file, number, "", f"{error}: {line.strip()!r}"))
    if problems:
        raise InvalidInput(problems)
    if default and DEFAULTS.get(default["outgoing"]) == DENY:
        outgoing.append(default[0])
    both = list(both_families(families[4], families[6]))
    return HostFirewall(
        host,
        tuple(addresses),
        tuple(entry.rule for entry in both),
        default=DEFAULTS.get(default["incoming"], "") if default else "",
        enabled=state == "active",
        program=UFW,
        notes=tuple(entry.note for entry in both),
        outgoing=tuple(outgoing),
        unread=tuple(forwarded),
    )


def _rules(lines: list[str]) -> Iterator[tuple[int, str]]:
    heading = next((at for at, line in enumerate(lines) if re.match(r"\s*--\s+------\s+----", line)), len(lines))
    for number, line in enumerate(lines[heading + 1 :], heading + 2):
        if line.strip():
            yield number, line


def _entries(found: re.Match[str], number: int) -> Iterator[tuple[int, Entry]]:
    goal, source = _side(found["to"]), _side(found["from"])
    place = f"rule {found['number']}" if found["number"] else f"ufw status line {number}"
    text = " ".join(found[0].partition("]")[2].split() if found["number"] else found[0].split())
    conditions = []
    if goal.profile or source.profile:
        profile = goal.profile or source.profile
        conditions.append(f"the port is one of ufw's application profile {profile} (`ufw app info '{profile}'`)")
    if source.ports:
        conditions.append(f"it comes from port {source.ports}")
    note = Note(place, text, " and ".join(conditions), REMARKS.get(found["action"], ""))
    protocol = goal.protocol or source.protocol
    version = 6 if goal.six or source.six or ":" in goal.address + source.address else 4
    rule = HostRule(
        source.address or FAMILIES[version],
        None,
        ACTIONS[found["action"]],
        destination=goal.address,
        interface=goal.interface,
        flow=(found["comment"] or "").strip(),
    )
    for ports in ports_of(protocol, goal.ports):
        yield version, Entry(replace(rule, ports=ports), note)


def _side(text: str) -> _Side:
    """`192.168.100.20 9000/tcp on eth0`, `22/tcp (v6)`, `Anywhere (v6) on wg0`, `80,443/tcp (WWW Full (v6))`, `SSH`."""
    rest, _on, interface = text.partition(" on ")
    six = V6 in rest
    rest = rest.replace(V6, "").strip()
    if rest.endswith(")"):
        # `verbose` names the profile behind its ports.
        rest = rest.partition(" (")[0]
    protocol = ""
    if found := PROTOCOL.fullmatch(rest):
        rest, protocol = found["rest"], found["protocol"]
    first, _space, second = rest.partition(" ")
    if first == ANYWHERE and not second:
        return _Side("", "", protocol, interface, "", six)
    address = str(ipaddress.ip_network(first, strict=False)) if ADDRESS.fullmatch(first) else ""
    port = (second if address else rest).strip()
    if not port or PORTS.fullmatch(port):
        return _Side(address, port, protocol, interface, "", six)
    return _Side(address, "", protocol, interface, port, six)
