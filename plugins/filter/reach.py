# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The prover for templates."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput
from ansible_collections.autolabs.platform.plugins.module_utils.reach import request
from ansible_collections.autolabs.platform.plugins.module_utils.reach.path.path import Network


def reach(
    manifests: Iterable[Mapping[str, Any]],
    source: str,
    destination: str,
    port: int,
    protocol: str = "TCP",
    ufw: Mapping[str, Any] | None = None,
    proxmox: Mapping[str, Any] | None = None,
    addresses: Mapping[str, Any] | None = None,
    calico: bool = True,
    masquerade: bool = True,
) -> dict[str, Any]:
    """Whether one endpoint may reach another, and why; see reach.yml."""
    try:
        asked = request.question({"from": source, "to": destination, "port": port, "protocol": protocol})
        known = request.filters(manifests, ufw, proxmox, addresses)
        return request.ask(known, asked, Network(calico=calico, masquerade=masquerade))
    except InvalidInput as error:
        raise AnsibleFilterError(f"reach: {error}") from error


class FilterModule:
    """What the collection adds to templates."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Filters by name."""
        return {"reach": reach}
