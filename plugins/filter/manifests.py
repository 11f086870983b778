# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Vendors' files as data: their checksums, and manifests with a site's settings merged in."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

Manifest = dict[str, Any]

CHECKSUM = re.compile(r"^([0-9a-fA-F]{64}) [ *](?:\./)?(\S.*)$")


def checksum_of(sums: str, path: str) -> str:
    """The SHA-256 of `path` in a text that `sha256sum` wrote; see checksum_of.yml."""
    for line in sums.splitlines():
        found = CHECKSUM.match(line.rstrip())
        if found and found[2] == path:
            return found[1].lower()
    raise AnsibleFilterError(f"no checksum of {path}")


def with_merge_patches(documents: Iterable[Manifest], patches: Iterable[Manifest]) -> list[Manifest]:
    """The documents with JSON merge patches (RFC 7386) applied; see with_merge_patches.yml."""
    patched = list(documents)
    for patch in patches:
        kind, name = patch.get("kind"), (patch.get("metadata") or {}).get("name")
        number = _position(patched, kind, name)
        patched[number] = merge(patched[number], patch)
    return patched


def with_container_env(
    documents: Iterable[Manifest], container: str, environment: Mapping[str, Any]
) -> list[Manifest]:
    """The documents with environment variables of one container set; see with_container_env.yml."""
    patched = list(documents)
    holders = [number for number, document in enumerate(patched) if container in _container_names(document)]
    if not holders:
        raise AnsibleFilterError(f"the manifest has no container {container}")
    for number in holders:
        patched[number] = copy.deepcopy(patched[number])
        for entry in _containers(patched[number]):
            if entry["name"] == container:
                kept = [variable for variable in entry.get("env") or [] if variable["name"] not in environment]
                entry["env"] = kept + [{"name": name, "value": str(value)} for name, value in environment.items()]
    return patched


def merge(target: Any, patch: Any) -> Any:
    """RFC 7386: members of `patch` replace those of `target`, mappings by member, and null removes."""
    if not isinstance(patch, Mapping):
        return patch
    merged = dict(target) if isinstance(target, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge(merged.get(name), value)
    return merged


def _position(documents: list[Manifest], kind: Any, name: Any) -> int:
    for number, document in enumerate(documents):
        if document["kind"] == kind and document["metadata"]["name"] == name:
            return number
    raise AnsibleFilterError(f"the manifest has no {kind} {name}")


def _container_names(document: Manifest) -> set[str]:
    return {entry["name"] for entry in _containers(document)}


def _containers(document: Manifest) -> list[Manifest]:
    spec = ((document.get("spec") or {}).get("template") or {}).get("spec") or {}
    return [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]


class FilterModule:
    """What the collection adds to templates."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Filters by name."""
        return {
            "checksum_of": checksum_of,
            "with_container_env": with_container_env,
            "with_merge_patches": with_merge_patches,
        }
