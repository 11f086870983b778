# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The names of a site for templates: who has which, and who may ask for them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput
from ansible_collections.autolabs.platform.plugins.module_utils.flows.gateway.nft import dns_rules
from ansible_collections.autolabs.platform.plugins.module_utils.net.addresses import AddressError, within, written_range
from ansible_collections.autolabs.platform.plugins.module_utils.site import names


def site_names(machines: Any, aliases: Any, domain: str, own: str = "") -> list[dict[str, Any]]:
    """Addresses and their names; see site_names.yml."""
    try:
        found = _records(machines, aliases, domain)
    except (InvalidInput, AddressError) as error:
        raise AnsibleFilterError(f"site_names: {error}") from error
    left = names.without(found, str(own), str(domain)) if own else found
    return [{"address": entry.address, "names": list(entry.names)} for entry in left]


def site_names_problems(machines: Any, aliases: Any, domain: str) -> list[str]:
    """A sentence for each mistake; see site_names_problems.yml."""
    try:
        _records(machines, aliases, domain)
    except InvalidInput as error:
        return [str(problem) for problem in error.problems]
    except AddressError as error:
        return [str(error)]
    return []


def site_names_rules(listening: Iterable[str], sources: Iterable[str]) -> str:
    """Rules for nft by which only some may ask; see site_names_rules.yml."""
    # The filter ufw_rules writes nothing for everywhere.
    ranges = [text for source in sources for text in ([str(source)] if source else ["0.0.0.0/0", "::/0"])]
    try:
        return dns_rules(map(str, listening), ranges)
    except AddressError as error:
        raise AnsibleFilterError(f"site_names_rules: {error}") from error


def addresses_within(found: Iterable[str], ranges: Iterable[str]) -> list[str]:
    """The addresses that are in one of some ranges; see addresses_within.yml."""
    try:
        known = [written_range(str(text)) for text in ranges]
        return [str(text) for text in found if any(within(str(text), one) for one in known)]
    except AddressError as error:
        raise AnsibleFilterError(f"addresses_within: {error}") from error


def _records(machines: Mapping[str, Any], aliases: Mapping[str, Any], domain: str) -> tuple[names.Record, ...]:
    """What the inventory and a site's variables say. Raises InvalidInput, AddressError."""
    return names.records(
        {str(name): [str(text) for text in texts] for name, texts in machines.items()},
        {
            str(alias): [str(text) for text in (targets if isinstance(targets, list | tuple) else [targets])]
            for alias, targets in aliases.items()
        },
        str(domain),
    )


class FilterModule:
    """What the collection adds to templates."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Filters by name."""
        return {
            "addresses_within": addresses_within,
            "site_names": site_names,
            "site_names_problems": site_names_problems,
            "site_names_rules": site_names_rules,
        }
