# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The gateway of a site for templates: what it forwards, what is wrong with that, and its rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput
from ansible_collections.autolabs.platform.plugins.module_utils.flows.catalogue.reading import read_catalogue
from ansible_collections.autolabs.platform.plugins.module_utils.flows.flow import Flow
from ansible_collections.autolabs.platform.plugins.module_utils.flows.gateway import forwards as made
from ansible_collections.autolabs.platform.plugins.module_utils.flows.gateway import nft
from ansible_collections.autolabs.platform.plugins.module_utils.flows.resolve import resolve
from ansible_collections.autolabs.platform.plugins.module_utils.flows.site import Site
from ansible_collections.autolabs.platform.plugins.module_utils.net.addresses import AddressError


def gateway_forwards(flows_site: Any) -> list[dict[str, Any]]:
    """The forwards that the catalogue asks for; see gateway_forwards.yml."""
    try:
        return made.derived(_flows(Site.from_dict(_plain(flows_site))))
    except InvalidInput as error:
        raise AnsibleFilterError(f"gateway_forwards: {error}") from error


def gateway_problems(flows_site: Any, networks: Any, forwards: Any, gateway: str) -> list[str]:
    """A sentence for each mistake in what a gateway is to do; see gateway_problems.yml."""
    problems: list[str] = []
    try:
        ranges = nft.site_ranges(_plain(networks))
        if not ranges:
            problems.append("gateway_networks: names no network, so nobody would be behind this gateway")
    except (AddressError, AttributeError, TypeError) as error:
        problems.append(f"gateway_networks: {error}")
    try:
        site = Site.from_dict(_plain(flows_site))
        read = made.read_forwards(_plain(forwards), site)
        problems += [str(problem) for problem in made.refusals(read, _flows(site), str(gateway))]
    except InvalidInput as error:
        problems += [str(problem) for problem in error.problems]
    return problems


def gateway_rules(flows_site: Any, networks: Any, forwards: Any, masquerade: bool = True) -> str:
    """The gateway's rules for nft; see gateway_rules.yml."""
    try:
        read = made.read_forwards(_plain(forwards), Site.from_dict(_plain(flows_site)))
        return nft.ruleset(_plain(networks), read, bool(masquerade))
    except (InvalidInput, AddressError) as error:
        raise AnsibleFilterError(f"gateway_rules: {error}") from error


def gateway_unserved(flows_site: Any, forwards: Any) -> list[str]:
    """The flows from everyone that no forward serves; see gateway_unserved.yml."""
    try:
        site = Site.from_dict(_plain(flows_site))
        return made.unserved(made.read_forwards(_plain(forwards), site), _flows(site))
    except InvalidInput as error:
        raise AnsibleFilterError(f"gateway_unserved: {error}") from error


def _flows(site: Site) -> tuple[Flow, ...]:
    """The flows of a site. Raises InvalidInput."""
    catalogue = read_catalogue([Path(name) for name in site.files], site.networks)
    return resolve(catalogue, site).flows


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
            "gateway_forwards": gateway_forwards,
            "gateway_problems": gateway_problems,
            "gateway_rules": gateway_rules,
            "gateway_unserved": gateway_unserved,
        }
