"""The gateway's rules as nftables tables of their own, beside whatever else the host has (nft(8))."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ansible_collections.autolabs.platform.plugins.module_utils.flows.gateway.forwards import Forward
from ansible_collections.autolabs.platform.plugins.module_utils.net import addresses
from ansible_collections.autolabs.platform.plugins.module_utils.net.ports import Ports, joined

TABLE = "autolabs_gateway"
DNS_TABLE = "inet autolabs_names"
FAMILIES = {4: "ip", 6: "ip6"}
TABLES = tuple(f"{family} {TABLE}" for family in FAMILIES.values())
TYPES = {4: "ipv4_addr", 6: "ipv6_addr"}
REDIRECT = {4: "icmp type redirect", 6: "icmpv6 type nd-redirect"}
NEVER_HIDDEN = {4: ("224.0.0.0/4", "255.255.255.255"), 6: ("fe80::/10", "ff00::/8")}
"""Where nothing is hidden: what stays on its link, by multicast or broadcast (RFC 5771, 919, 4291)."""
HIDDEN6 = "fc00::/7"
"""Unique local addresses (RFC 4193), of which the internet knows none; other IPv6 addresses go out as they are."""


def site_ranges(networks: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    """The addresses of all networks of a site; a network of every address is none of the site's.

    Raises AddressError.
    """
    found = (addresses.written_range(str(text)) for texts in networks.values() for text in texts)
    return addresses.collapsed(text for text in found if text not in addresses.EVERYWHERE)


def ruleset(networks: Mapping[str, Iterable[str]], forwards: Iterable[Forward], masquerade: bool = True) -> str:
    """The text that `nft -f` loads in one transaction, whatever was in our tables before.

    networks: the site's own, by name; nothing among them is translated.
    masquerade: whether what leaves them gets the gateway's address. Then nobody outside has a route to them, and what
        comes in is let through only where a forward says so. False where routers around know the way to the site.
    """
    ranges, entries = site_ranges(networks), list(forwards)
    parts = [f"table {table}\ndelete table {table}\n" for table in TABLES]
    for version, family in FAMILIES.items():
        own = [text for text in ranges if addresses.network(text).version == version]
        if own:
            lines = [line for chain in _chains(version, own, entries, masquerade) for line in (*chain, "")]
            body = "\n".join(f"\t{line}" if line else "" for line in [*_site(version, own), "", *lines[:-1]])
            parts.append(f"table {family} {TABLE} {{\n{body}\n}}\n")
    return "\n".join(parts)


def dns_rules(listening: Iterable[str], sources: Iterable[str]) -> str:
    """The text that lets only `sources` ask the name server at the addresses `listening`; the host itself always may.

    A name server that answers everybody multiplies attacks on others. Raises AddressError.
    """
    served, asking = [addresses.address(text) for text in listening], addresses.collapsed(sources)
    rules = ['iifname "lo" accept']
    for version, family in FAMILIES.items():
        own = [text for text in served if addresses.network(text).version == version]
        known = [text for text in asking if addresses.network(text).version == version]
        if own and not {*addresses.EVERYWHERE} & {*known}:
            others = f"{family} saddr != {_set(known)} " if known else ""
            rules += [f"{family} daddr {_set(own)} {others}{protocol} dport 53 drop" for protocol in ("udp", "tcp")]
    body = "\n".join(f"\t{line}" for line in _chain("asked", "filter", "input", "filter", rules))
    return f"table {DNS_TABLE}\ndelete table {DNS_TABLE}\n\ntable {DNS_TABLE} {{\n{body}\n}}\n"


def _site(version: int, own: list[str]) -> list[str]:
    return [
        "set site {",
        f"\ttype {TYPES[version]}",
        "\tflags interval",
        f"\telements = {{ {', '.join(own)} }}",
        "}",
    ]


def _chains(version: int, own: list[str], forwards: list[Forward], masquerade: bool) -> Iterator[list[str]]:
    ip = FAMILIES[version]
    here = [
        (entry, address) for entry in forwards for address in entry.to if addresses.network(address).version == version
    ]
    yield _chain("inbound", "nat", "prerouting", "dstnat", [
        f"fib daddr type local {match} dnat to {_target(entry, address)} {_comment(entry)}"
        for entry, address in here
        for match in _matches(version, entry, entry.ports, _neighbours(address, own))
    ])  # fmt: skip
    if masquerade:
        hidden = f"ip6 saddr {HIDDEN6} " if version == 6 else ""
        yield _chain("outbound", "nat", "postrouting", "srcnat", [
            'oifname "lo" return',
            f"{ip} daddr {{ {', '.join(NEVER_HIDDEN[version])} }} return",
            f"{hidden}{ip} saddr @site {ip} daddr != @site masquerade",
        ])  # fmt: skip
        yield _chain("through", "filter", "forward", "filter", [
            "ct state established,related accept",
            *(
                f"{ip} daddr {address} {match} accept {_comment(entry)}"
                for entry, address in here
                for match in _matches(version, entry, entry.inner, [])
            ),
            f"{ip} saddr != @site {ip} daddr @site drop",
        ])  # fmt: skip
    # The gateway has one card for both ways where machines and uplink share a network; machines are to stay with it.
    yield _chain("sent", "filter", "output", "filter", [f"{REDIRECT[version]} drop"])


def _chain(name: str, kind: str, hook: str, priority: str, rules: list[str]) -> list[str]:
    head = f"type {kind} hook {hook} priority {priority}; policy accept;"
    return [f"chain {name} {{", *(f"\t{line}" for line in [head, *rules]), "}"]


def _matches(version: int, entry: Forward, ports: Iterable[Ports], neighbours: list[str]) -> Iterator[str]:
    """What a packet of a forward is known by: sources and ports, a text for each protocol.

    neighbours: ranges that are left out.
    """
    ip = FAMILIES[version]
    sources = [text for text in entry.sources if addresses.network(text).version == version]
    if not sources:
        return
    words = [] if set(sources) & {*addresses.EVERYWHERE} else [f"{ip} saddr {_set(sources)}"]
    words += [f"{ip} saddr != {_set(neighbours)}"] if neighbours else []
    for protocol in dict.fromkeys(port.protocol.lower() for port in ports):
        same = [port for port in joined(ports) if port.protocol.lower() == protocol]
        numbers = [str(port).partition("/")[2] for port in same]
        yield " ".join([*words, f"{protocol} dport {_set(numbers)}"])


def _neighbours(address: str, own: list[str]) -> list[str]:
    """The ranges of the site that a machine answers without its gateway, which so could not translate back."""
    return [text for text in own if addresses.within(address, text)]


def _target(entry: Forward, address: str) -> str:
    if not entry.to_port:
        return address
    return f"[{address}]:{entry.to_port}" if ":" in address else f"{address}:{entry.to_port}"


def _comment(entry: Forward) -> str:
    kept = "".join(letter for letter in entry.name if letter.isalnum() or letter in "-_. ")
    return f'comment "{kept[:64]}"'


def _set(words: Iterable[str]) -> str:
    listed = list(words)
    return listed[0] if len(listed) == 1 else f"{{ {', '.join(listed)} }}"
