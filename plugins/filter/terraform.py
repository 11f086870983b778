# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A site's VMs for Terraform and OpenTofu."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.terraform.export import export
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.vm import read_vms


def terraform_export(
    vms: Any, connection: Mapping[str, Any], template: Mapping[str, Any] | None = None, take_over: bool = True
) -> dict[str, Any]:
    """The content of a `.tf.json` file; see terraform_export.yml."""
    try:
        return export(read_vms(vms), dict(connection), dict(template) if template else None, take_over=take_over)
    except InvalidInput as error:
        raise AnsibleFilterError(f"terraform_export: {error}") from error


class FilterModule:
    """What the collection adds to templates."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Filters by name."""
        return {"terraform_export": terraform_export}
