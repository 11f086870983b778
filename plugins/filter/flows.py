# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The flow catalogue for templates: what is wrong with it, what a site makes of it, and every rendering of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput, Problem
from ansible_collections.autolabs.platform.plugins.module_utils.flows.catalogue.model import Catalogue
from ansible_collections.autolabs.platform.plugins.module_utils.flows.catalogue.reading import read_catalogue
from ansible_collections.autolabs.platform.plugins.module_utils.flows.diagram.drawing import flow_diagram as svg
from ansible_collections.autolabs.platform.plugins.module_utils.flows.pages import table
from ansible_collections.autolabs.platform.plugins.module_utils.flows.pages.mermaid import mermaid
from ansible_collections.autolabs.platform.plugins.module_utils.flows.policies import namespaces as namespace_policies
from ansible_collections.autolabs.platform.plugins.module_utils.flows.proxmox import rules as proxmox
from ansible_collections.autolabs.platform.plugins.module_utils.flows.resolve import Resolved, misfits, resolve
from ansible_collections.autolabs.platform.plugins.module_utils.flows.site import (
    CLUSTER,
    CLUSTER_GROUPS,
    Site,
    api_endpoint,
)
from ansible_collections.autolabs.platform.plugins.module_utils.flows.ufw import rules as ufw
from ansible_collections.autolabs.platform.plugins.module_utils.net.addresses import AddressError, address

NO_MACHINES = ("all", "ungrouped")
"""Groups of every inventory that mean nothing to a catalogue."""
DIAGRAMS: dict[str, Callable[[Catalogue], str]] = {"svg": svg, "mermaid": mermaid}


@dataclass(frozen=True)
class _Read:
    site: Site
    catalogue: Catalogue
    resolved: Resolved


def flow_groups(groups: Mapping[str, Iterable[str]], hostvars: Mapping[str, Any]) -> dict[str, dict[str, list[str]]]:
    """The machines of each inventory group with their addresses; see flow_groups.yml."""
    members = {name: list(hosts) for name, hosts in groups.items() if name not in NO_MACHINES}
    names = dict.fromkeys(host for hosts in members.values() for host in hosts)
    found = {host: _addresses(host, hostvars[host]) for host in names}
    parts = [members[name] for name in CLUSTER_GROUPS if name in members]
    if parts:
        members[CLUSTER] = list(dict.fromkeys(host for hosts in parts for host in hosts))
    return {name: {host: found[host] for host in hosts} for name, hosts in members.items()}


def flow_api_endpoint(endpoint: str, machines: Mapping[str, Iterable[str]]) -> list[str]:
    """The address of an API that is none of its machines'; see flow_api_endpoint.yml."""
    return list(api_endpoint(str(endpoint), (str(text) for texts in machines.values() for text in texts)))


def flow_problems(flows_site: Any) -> list[str]:
    """A sentence for each mistake in the catalogue and in what a site says of itself; see flow_problems.yml."""
    return [str(problem) for problem in _problems(_plain(flows_site))]


def flow_absent(flows_site: Any) -> list[dict[str, str]]:
    """The flows of the catalogue that a site does not have, and why; see flow_absent.yml."""
    return [{"flow": entry.flow, "why": entry.why} for entry in _read(flows_site).resolved.absent]


def flow_table(flows_site: Any) -> str:
    """The catalogue as Markdown; see flow_table.yml."""
    read = _read(flows_site)
    return table.flow_table(read.catalogue, read.resolved.absent)


def flow_diagram(flows_site: Any, format: str = "svg") -> str:
    """The catalogue as a picture; see flow_diagram.yml."""
    if format not in DIAGRAMS:
        raise AnsibleFilterError(f"flow_diagram: {format!r} is none of {', '.join(DIAGRAMS)}")
    return DIAGRAMS[format](_read(flows_site).catalogue)


def ufw_rules(flows_site: Any, host: str) -> list[dict[str, Any]]:
    """The firewall rules of one machine; see ufw_rules.yml."""
    read = _read(flows_site)
    if host not in {machine.name for machine in read.site.machines()}:
        raise AnsibleFilterError(f"ufw_rules: there is no machine {host} in any group of the inventory")
    return [ufw.rule_dict(rule) for rule in ufw.ufw_rules(read.resolved.flows, str(host), read.site)]


def network_policies(flows_site: Any, nodes: Iterable[Mapping[str, Any]] = ()) -> list[dict[str, Any]]:
    """The NetworkPolicies of a site's own namespaces; see network_policies.yml."""
    read = _read(flows_site)
    tunnels = namespace_policies.tunnels_of(_plain(list(nodes)))
    return namespace_policies.network_policies(read.resolved.flows, read.site, read.resolved.namespaces, tunnels)


def proxmox_firewall(flows_site: Any, machines: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The firewall of the Proxmox cluster; see proxmox_firewall.yml."""
    read = _read(flows_site)
    try:
        return proxmox.proxmox_firewall(read.resolved.flows, read.site, _plain(machines))
    except InvalidInput as error:
        raise AnsibleFilterError(f"proxmox_firewall: {error}") from error


def _addresses(name: str, variables: Mapping[str, Any]) -> list[str]:
    """The addresses of a machine by its variables; none where nothing names one."""
    named = variables.get("flows_host_addresses")
    if named:
        return [str(text) for text in named]
    facts = variables.get("ansible_facts") or {}
    default = (facts.get(family) or {} for family in ("default_ipv4", "default_ipv6"))
    for text in (variables.get("ansible_host"), name, *(entry.get("address") for entry in default)):
        try:
            return [address(str(text))]
        except AddressError:
            continue
    return []


def _read(flows_site: Any) -> _Read:
    """Everything about the site's flows. Raises AnsibleFilterError with every mistake."""
    value = _plain(flows_site)
    problems = _problems(value)
    if problems:
        raise AnsibleFilterError("\n".join(str(problem) for problem in problems))
    return _resolved(json.dumps(value), _stamps(value))


def _problems(value: Any) -> list[Problem]:
    problems: list[Problem] = []
    networks: Mapping[str, tuple[str, ...]] = {}
    files: tuple[str, ...] = ()
    site = None
    try:
        site = Site.from_dict(value)
        networks, files = site.networks, site.files
    except InvalidInput as error:
        problems += error.problems
        # A mistake in the inventory does not hide those of the catalogue.
        named = value.get("files") if isinstance(value, dict) else None
        files = tuple(name for name in named if isinstance(name, str)) if isinstance(named, list) else ()
    try:
        catalogue = read_catalogue([Path(name) for name in files], networks)
    except InvalidInput as error:
        return problems + error.problems
    return problems + (misfits(catalogue, site) if site else [])


@lru_cache(maxsize=8)
def _resolved(text: str, stamps: tuple[tuple[int, int], ...]) -> _Read:
    site = Site.from_dict(json.loads(text))
    catalogue = read_catalogue([Path(name) for name in site.files], site.networks)
    return _Read(site, catalogue, resolve(catalogue, site))


def _stamps(value: Mapping[str, Any]) -> tuple[tuple[int, int], ...]:
    """What is new whenever a file of the catalogue is."""
    found = (Path(name).expanduser().stat() for name in value.get("files") or ())
    return tuple((entry.st_mtime_ns, entry.st_size) for entry in found)


def _plain(value: Any) -> Any:
    """A copy without what Ansible's own containers and texts carry along."""
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    return str(value) if isinstance(value, str) else value


class FilterModule:
    """What the collection adds to templates."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Filters by name."""
        return {
            "flow_absent": flow_absent,
            "flow_api_endpoint": flow_api_endpoint,
            "flow_diagram": flow_diagram,
            "flow_groups": flow_groups,
            "flow_problems": flow_problems,
            "flow_table": flow_table,
            "network_policies": network_policies,
            "proxmox_firewall": proxmox_firewall,
            "ufw_rules": ufw_rules,
        }
