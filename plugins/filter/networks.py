# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Address ranges of a site."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.net.addresses import AddressError, Network, network


def network_conflicts(networks: Mapping[str, str]) -> list[str]:
    """A sentence for each range that is none, and for each two that overlap; see network_conflicts.yml."""
    problems: list[str] = []
    ranges: dict[str, Network] = {}
    for name, text in networks.items():
        try:
            ranges[name] = network(str(text))
        except AddressError as error:
            problems.append(f"{name}: {error}")
    for (one, first), (other, second) in itertools.combinations(ranges.items(), 2):
        if first.version == second.version and first.overlaps(second):
            problems.append(f"{one} {first} and {other} {second} overlap")
    return problems


class FilterModule:
    """What the collection adds to templates."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Filters by name."""
        return {"network_conflicts": network_conflicts}
