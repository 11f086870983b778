"""Ports of the gateway that lead to machines behind it: what a site wrote, and what its flow catalogue makes of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput, Problem
from ansible_collections.autolabs.platform.plugins.module_utils.documents.shapes import did_you_mean
from ansible_collections.autolabs.platform.plugins.module_utils.flows.flow import Addresses, Flow, Host, Hosts
from ansible_collections.autolabs.platform.plugins.module_utils.flows.site import Site
from ansible_collections.autolabs.platform.plugins.module_utils.net import addresses
from ansible_collections.autolabs.platform.plugins.module_utils.net.ports import Ports

VARIABLE = "gateway_forwards"
EVERYONE = "everyone"
PROTOCOLS = ("tcp", "udp")
FIELDS = ("name", "protocol", "ports", "to", "to_port", "sources")


@dataclass(frozen=True)
class Forward:
    """What comes to `ports` of the gateway from `sources` goes to the machine with the addresses `to`."""

    name: str
    ports: tuple[Ports, ...]
    to: tuple[str, ...]
    """At most one address of each family."""
    to_port: int = 0
    """The machine's port, where it is not the gateway's; only with a single port."""
    sources: tuple[str, ...] = addresses.EVERYWHERE

    @property
    def inner(self) -> tuple[Ports, ...]:
        """The ports at which the machine sees what was forwarded."""
        return (Ports(self.to_port, self.ports[0].protocol),) if self.to_port else self.ports


def read_forwards(value: Any, site: Site) -> tuple[Forward, ...]:
    """The forwards that a person wrote: name, protocol, ports, to, to_port and sources of each.

    Machines and networks are those of `site`. Raises InvalidInput with every mistake.
    """
    problems: list[Problem] = []
    if not isinstance(value, list | tuple):
        raise InvalidInput([Problem("", 0, VARIABLE, "must be a list of forwards, or empty")])
    found = [_forward(entry, f"{VARIABLE}[{index}]", site, problems) for index, entry in enumerate(value)]
    if problems:
        raise InvalidInput(problems)
    return tuple(entry for entry in found if entry)


def derived(flows: Iterable[Flow]) -> list[dict[str, Any]]:
    """The forwards of flows that everyone comes in by to pods or containers, as a person would write them.

    Only where one machine publishes the ports: among several, a site has to choose.
    """
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for flow in flows:
        if _everyone(flow) and flow.published and len(flow.published.at.hosts) == 1:
            for port in flow.published.ports:
                protocol = port.protocol.lower()
                entry = found.setdefault(
                    (flow.name, protocol),
                    {
                        "name": flow.name,
                        "protocol": protocol,
                        "ports": [],
                        "to": flow.published.at.hosts[0].name,
                        "sources": EVERYONE,
                    },
                )
                text = str(port).partition("/")[2]
                if text not in entry["ports"]:
                    entry["ports"].append(text)
    return list(found.values())


def refusals(forwards: Iterable[Forward], flows: Iterable[Flow], gateway: str) -> list[Problem]:
    """Why forwards cannot be: no flow of the catalogue opens them, or the port is needed for something else.

    gateway: the name of the machine that forwards; what the catalogue lets in to it stays its own.
    """
    known, wanted = list(flows), list(forwards)
    problems: list[Problem] = []
    for index, entry in enumerate(wanted):
        at = f"{VARIABLE}[{index}] ({entry.name})"
        problems += _unknown_to_the_catalogue(entry, known, at)
        problems += _taken_by_the_gateway(entry, known, gateway, at)
        for other in wanted[:index]:
            if _collide(entry, other):
                message = f"shares a port and sources with {other.name}, and a packet can go to one machine only"
                problems.append(Problem("", 0, f"{at}.ports", message, "other ports, with to_port for the machine's"))
    return problems


def unserved(forwards: Iterable[Forward], flows: Iterable[Flow]) -> list[str]:
    """A sentence for each flow from everyone to machines that no forward serves as a whole."""
    known, told = list(forwards), {}
    for flow in flows:
        hosts, ports = _machines(flow)
        if not _everyone(flow) or not hosts:
            continue
        own = {address for host in hosts for address in host.addresses}
        inner = [port for entry in known if own & set(entry.to) for port in entry.inner]
        missing = [port for port in ports if not any(_holds(one, port) for one in inner)]
        if missing:
            names = ", ".join(host.name for host in hosts)
            told[flow.name] = f"{flow.name} ({', '.join(map(str, missing))} of {names})"
    return list(told.values())


def _forward(value: Any, at: str, site: Site, problems: list[Problem]) -> Forward | None:
    before = len(problems)
    if not isinstance(value, Mapping):
        problems.append(Problem("", 0, at, "must be a map of fields", "{name: web, ports: [443], to: k8s-vm}"))
        return None
    for name in value:
        if name not in FIELDS:
            problems.append(Problem("", 0, f"{at}.{name}", f"unknown field{did_you_mean(str(name), FIELDS)}"))
    protocol = str(value.get("protocol", "tcp")).lower()
    if protocol not in PROTOCOLS:
        problems.append(Problem("", 0, f"{at}.protocol", f"{protocol!r} is none of {', '.join(PROTOCOLS)}"))
        protocol = PROTOCOLS[0]
    ports = _ports(value.get("ports"), protocol, f"{at}.ports", problems)
    to_port = _to_port(value.get("to_port"), ports, f"{at}.to_port", problems)
    to = _to(value.get("to"), f"{at}.to", site, problems)
    sources = _sources(value.get("sources", EVERYONE), f"{at}.sources", site, problems)
    if len(problems) > before:
        return None
    name = str(value.get("name") or f"{protocol}-{ports[0].first}")
    return Forward(name, ports, to, to_port, sources)


def _ports(value: Any, protocol: str, at: str, problems: list[Problem]) -> tuple[Ports, ...]:
    written = list(value) if isinstance(value, list | tuple) else [] if value is None else [value]
    found = []
    for text in written:
        try:
            found.append(Ports.parse(f"{protocol}/{text}"))
        except ValueError as error:
            problems.append(Problem("", 0, at, str(error), '[443, "30000-32767"]'))
    if not written:
        problems.append(Problem("", 0, at, "says no port", '[443, "30000-32767"]'))
    return tuple(found)


def _to_port(value: Any, ports: tuple[Ports, ...], at: str, problems: list[Problem]) -> int:
    if value in (None, "", 0):
        return 0
    if not str(value).isdigit() or not 1 <= int(value) <= 65535:
        problems.append(Problem("", 0, at, f"{str(value)!r} is not a port", "8443"))
        return 0
    if len(ports) != 1 or ports[0].end != ports[0].first:
        message = "goes with a single port; several ports keep their numbers"
        problems.append(Problem("", 0, at, message, "a forward of its own for each port"))
    return int(value)


def _to(value: Any, at: str, site: Site, problems: list[Problem]) -> tuple[str, ...]:
    known = {host.name: host.addresses for host in site.machines()}
    text = str(value or "")
    if text in known:
        families = {addresses.network(address).version: address for address in reversed(known[text])}
        if not families:
            problems.append(Problem("", 0, at, f"no address of {text} is known; set its ansible_host"))
        return tuple(families[version] for version in sorted(families))
    try:
        return (addresses.address(text),)
    except addresses.AddressError:
        hint = did_you_mean(text, known)
        message = f"{text!r} is neither a machine of the inventory nor an address{hint}"
        problems.append(Problem("", 0, at, message, "192.168.100.30"))
        return ()


def _sources(value: Any, at: str, site: Site, problems: list[Problem]) -> tuple[str, ...]:
    written = list(value) if isinstance(value, list | tuple) else [value]
    found: list[str] = []
    for entry in map(str, written):
        if entry == EVERYONE:
            found += addresses.EVERYWHERE
        elif entry in site.networks:
            found += site.networks[entry]
        else:
            try:
                found.append(addresses.written_range(entry))
            except addresses.AddressError as error:
                hint = did_you_mean(entry, [EVERYONE, *site.networks])
                message = f"is no network of flows_networks either{hint}"
                problems.append(Problem("", 0, at, f"{error}, and {message}", "[everyone]"))
    if not written:
        problems.append(Problem("", 0, at, "names nobody; take the forward out, or say who comes in by it", EVERYONE))
    return addresses.collapsed(found)


def _unknown_to_the_catalogue(entry: Forward, flows: Iterable[Flow], at: str) -> Iterator[Problem]:
    known = list(flows)
    for address in entry.to:
        wanted = [text for text in entry.sources if _family(text) == _family(address)]
        for port in entry.inner:
            admitted = [
                text
                for flow in known
                if any(_holds(one, port) for one in _open_ports(flow, address))
                for text in _source_ranges(flow)
            ]
            ranges = addresses.collapsed(admitted)
            outside = [text for text in wanted if not any(addresses.within(text, one) for one in ranges)]
            if outside:
                message = (
                    f"no flow of the catalogue lets {', '.join(outside)} reach {address} at {port}, and only the "
                    "catalogue opens. Add such a flow with flows_files, or narrow the sources to those of a flow"
                )
                yield Problem("", 0, at, message)


def _taken_by_the_gateway(entry: Forward, flows: Iterable[Flow], gateway: str, at: str) -> Iterator[Problem]:
    for flow in flows:
        if flow.published or not isinstance(flow.destination, Hosts):
            continue
        if any(host.name == gateway for host in flow.destination.hosts):
            for taken in flow.ports:
                for port in entry.ports:
                    if taken.overlaps(port):
                        message = f"{port} of the gateway is needed by the gateway itself (flow {flow.name}: {taken})"
                        yield Problem("", 0, f"{at}.ports", message, "another port, with to_port for the machine's")


def _collide(one: Forward, other: Forward) -> bool:
    families = {_family(text) for text in one.to} & {_family(text) for text in other.to}
    shared = addresses.overlaps(one.sources, other.sources)
    return any(left.overlaps(right) for left in one.ports for right in other.ports) and any(
        _family(text) in families for text, _other in shared
    )


def _open_ports(flow: Flow, address: str) -> tuple[Ports, ...]:
    """The ports at which a flow comes in to the machine of an address."""
    hosts, ports = _machines(flow)
    if any(address in host.addresses for host in hosts):
        return ports
    if isinstance(flow.destination, Addresses) and not flow.published:
        own = [text for block in flow.destination.blocks for text in addresses.ranges(block)]
        if any(addresses.within(address, text) for text in own):
            return flow.ports
    return ()


def _machines(flow: Flow) -> tuple[tuple[Host, ...], tuple[Ports, ...]]:
    """The machines that a flow comes in to, and at which ports."""
    if flow.published:
        return flow.published.at.hosts, flow.published.ports
    return (flow.destination.hosts, flow.ports) if isinstance(flow.destination, Hosts) else ((), ())


def _source_ranges(flow: Flow) -> Iterator[str]:
    if isinstance(flow.source, Addresses):
        for block in flow.source.blocks:
            yield from addresses.ranges(block)
    elif isinstance(flow.source, Hosts):
        yield from (address for host in flow.source.hosts for address in host.addresses)


def _everyone(flow: Flow) -> bool:
    return isinstance(flow.source, Addresses) and set(addresses.EVERYWHERE) <= {
        block.cidr for block in flow.source.blocks if not block.excepts
    }


def _holds(outer: Ports, inner: Ports) -> bool:
    return outer.protocol == inner.protocol and outer.first <= inner.first and inner.end <= outer.end


def _family(text: str) -> int:
    return addresses.network(text).version
