"""What the inventory knows of a site: its machines, its networks, its phase and features."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput, Problem
from ansible_collections.autolabs.platform.plugins.module_utils.documents.shapes import Wrong, did_you_mean
from ansible_collections.autolabs.platform.plugins.module_utils.flows.catalogue import fields
from ansible_collections.autolabs.platform.plugins.module_utils.flows.flow import Host, Hosts
from ansible_collections.autolabs.platform.plugins.module_utils.net import addresses

PODS, SERVICES = CLUSTER_NETWORKS = ("pods", "services")
"""Networks that every site has, under these names."""
CLUSTER = "k8s"
CLUSTER_GROUPS = (CLUSTER, "k8s_control_plane", "k8s_worker")
"""The inventory groups of the cluster's machines; an inventory may name the parts alone."""
HOST_ADDRESSES = "flows_host_addresses"
"""The variable that names the addresses of one machine."""


@dataclass(frozen=True)
class Site:
    """One installation, as far as its flows are concerned."""

    groups: Mapping[str, tuple[Host, ...]] = field(default_factory=dict)
    """The machines of each inventory group, in its order."""
    networks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The ranges of each network that has any."""
    phase: str = ""
    features: tuple[str, ...] = ()
    masquerade: bool = True
    """Whether packets of pods leave the cluster with the address of their machine."""
    files: tuple[str, ...] = ()
    """Catalogue files that are laid over the built-in one."""

    @classmethod
    def from_dict(cls, value: Any) -> Site:
        """Read what role flows made of the inventory; keys that are not there have the defaults above.

        A machine may have no address: what becomes of that depends on whether the catalogue speaks of it.
        Raises InvalidInput with every mistake, each named by the variable that a person writes.
        """
        problems: list[Problem] = []
        if not isinstance(value, Mapping):
            raise InvalidInput([_problem("flows_site", f"must be a map, not {type(value).__name__}")])
        for name in value:
            if name not in _READERS:
                problems.append(_problem(f"flows_site.{name}", f"unknown field{did_you_mean(str(name), _READERS)}"))
        found = {name: read(value[name], f"flows_{name}", problems) for name, read in _READERS.items() if name in value}
        if problems:
            # A machine of several groups is one mistake.
            raise InvalidInput(list(dict.fromkeys(problems)))
        return cls(**found)

    def hosts(self, group: str) -> Hosts:
        """The machines of a group, none where there is no such group."""
        return Hosts(group, tuple(self.groups.get(group, ())))

    def cluster(self) -> Hosts:
        """The machines that pods run on, by whichever group the inventory names them."""
        found = {host.name: host for group in CLUSTER_GROUPS for host in self.groups.get(group, ())}
        return Hosts(CLUSTER, tuple(found.values()))

    def machines(self) -> tuple[Host, ...]:
        """Every machine once, by name."""
        found = {host.name: host for hosts in self.groups.values() for host in hosts}
        return tuple(found[name] for name in sorted(found))


def api_endpoint(written: str, known: Iterable[str]) -> tuple[str, ...]:
    """The address of a cluster's API beside those of its control planes: a balancer's, or a virtual one.

    written: address and port, as kubeadm has it (`192.0.2.10:6443`, `[fd00::10]:6443`); empty where nothing is.
    known: the addresses of the control planes.
    Empty where it is one of these, or a name.
    """
    host = written.rpartition(":")[0].removeprefix("[").removesuffix("]")
    try:
        found = addresses.address(host)
    except addresses.AddressError:
        return ()
    return () if found in {*known} else (found,)


def _problem(name: str, message: str, example: str = "") -> Problem:
    return Problem("", 0, name, message, example)


def _groups(value: Any, name: str, problems: list[Problem]) -> dict[str, tuple[Host, ...]]:
    groups: dict[str, tuple[Host, ...]] = {}
    for group, hosts in _entries(value, name, problems):
        groups[group] = tuple(
            Host(host, tuple(_each(texts, f"{host}: {HOST_ADDRESSES}", problems, addresses.address)))
            for host, texts in _entries(hosts, f"{name}.{group}", problems)
        )
    return groups


def _networks(value: Any, name: str, problems: list[Problem]) -> dict[str, tuple[str, ...]]:
    networks: dict[str, tuple[str, ...]] = {}
    for network, texts in _entries(value, name, problems):
        at = f"{name}.{network}"
        _word(fields.network_name, network, at, problems)
        ranges = list(_each(texts, at, problems, addresses.written_range))
        if network in CLUSTER_NETWORKS and set(ranges) & {*addresses.EVERYWHERE}:
            problems.append(_problem(at, f"the {network} of a cluster are not every address there is", "10.244.0.0/16"))
        if ranges:
            networks[network] = addresses.collapsed(ranges)
    return networks


def _phase(value: Any, name: str, problems: list[Problem]) -> str:
    if value in ("", *fields.PHASES):
        return str(value)
    known = ", ".join(fields.PHASES)
    problems.append(
        _problem(name, f"is {fields.quoted(str(value))}, which is none of {known}; leave it empty otherwise")
    )
    return ""


def _features(value: Any, name: str, problems: list[Problem]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_each(value, name, problems, fields.feature_name)))


def _masquerade(value: Any, name: str, problems: list[Problem]) -> bool:
    if not isinstance(value, bool):
        problems.append(_problem(name, f"is {fields.quoted(str(value))}, which is neither true nor false"))
    return bool(value)


def _files(value: Any, name: str, problems: list[Problem]) -> tuple[str, ...]:
    return tuple(_each(value, name, problems, str))


def _entries(value: Any, name: str, problems: list[Problem]) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        yield from ((str(key), entry) for key, entry in value.items())
    else:
        problems.append(_problem(name, f"must be a map, not {fields.quoted(str(value))}"))


def _each(value: Any, name: str, problems: list[Problem], parse: Callable[[str], str]) -> Iterator[str]:
    if not isinstance(value, list | tuple):
        problems.append(_problem(name, f"must be a list, not {fields.quoted(str(value))}"))
        return
    for index, item in enumerate(value):
        at = f"{name}[{index}]"
        if not isinstance(item, str):
            problems.append(_problem(at, f"must be text, not {fields.quoted(str(item))}"))
            continue
        found = _word(parse, item, at, problems)
        if found is not None:
            yield found


def _word(parse: Callable[[str], str], text: str, name: str, problems: list[Problem]) -> str | None:
    try:
        return parse(text)
    except Wrong as wrong:
        problems.append(_problem(name, wrong.message, wrong.example))
    except addresses.AddressError as error:
        problems.append(_problem(name, str(error)))
    return None


_READERS: dict[str, Callable[[Any, str, list[Problem]], Any]] = {
    "groups": _groups,
    "networks": _networks,
    "phase": _phase,
    "features": _features,
    "masquerade": _masquerade,
    "files": _files,
}
