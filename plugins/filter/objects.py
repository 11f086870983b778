# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Kubernetes objects as they should be, beside those that are there."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.kube.compare import differences
from ansible_collections.autolabs.platform.plugins.module_utils.kube.resources import Manifest, object_path


def objects_to_apply(wanted: Iterable[Manifest], live: Iterable[Manifest]) -> list[Manifest]:
    """Those of the wanted objects that are not there, or are others; see objects_to_apply.yml."""
    found = {object_path(manifest): manifest for manifest in live}
    return [manifest for manifest in wanted if differences(manifest, found.get(object_path(manifest), {}))]


class FilterModule:
    """What the collection adds to templates."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Filters by name."""
        return {"objects_to_apply": objects_to_apply}
