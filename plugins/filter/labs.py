# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The lab engine's pure functions for templates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput
from ansible_collections.autolabs.platform.plugins.module_utils.labs import table
from ansible_collections.autolabs.platform.plugins.module_utils.labs.preview import manifests as preview
from ansible_collections.autolabs.platform.plugins.module_utils.labs.settings import Settings
from ansible_collections.autolabs.platform.plugins.module_utils.net.addresses import AddressError


def lab_manifests(text: str, students: list[Any], class_id: str = "1", **settings: Any) -> list[dict[str, Any]]:
    """All objects that a class would have; see lab_manifests.yml."""
    return _valid(lambda: preview.manifests(text, students, class_id, _settings(settings)))


def lab_network_policies(text: str, class_id: str = "1", **settings: Any) -> list[dict[str, Any]]:
    """The NetworkPolicies that a class would have; see lab_network_policies.yml."""
    return _valid(lambda: preview.network_policies(text, class_id, _settings(settings)))


def _settings(given: dict[str, Any]) -> Settings:
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}
    return Settings(**values)


def _valid(build: Callable[[], list[dict[str, Any]]]) -> list[dict[str, Any]]:
    try:
        return build()
    except (AddressError, InvalidInput, TypeError) as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """What the collection adds to templates."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Filters by name."""
        return {
            "lab_manifests": lab_manifests,
            "lab_network_policies": lab_network_policies,
            "lab_table": table.text_table,
        }
