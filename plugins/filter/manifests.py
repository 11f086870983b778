# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Vendors' files: their checksums, and their Kubernetes manifests with a site's settings in them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import yaml
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


def site_manifest(
    text: str,
    patches: Iterable[Manifest] = (),
    environment: Mapping[str, Mapping[str, Any]] | None = None,
) -> str:
    """A vendor's manifest with merge patches and environment variables in it; see site_manifest.yml.

    Text in and text out: as a template's data, 30 documents of a vendor cost seconds.
    """
    documents = [document for document in yaml.safe_load_all(text) if document]
    for patch in patches:
        position = _position(documents, patch.get("kind"), (patch.get("metadata") or {}).get("name"))
        documents[position] = merge(documents[position], patch)
    for container, variables in (environment or {}).items():
        set_environment(documents, container, variables)
    return "\n---\n".join(json.dumps(document) for document in documents)


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


def set_environment(documents: Iterable[Manifest], container: str, variables: Mapping[str, Any]) -> None:
    """Set variables of every container of this name in the workloads, and replace those of the same name."""
    found = [entry for document in documents for entry in _containers(document) if entry["name"] == container]
    if not found:
        raise AnsibleFilterError(f"the manifest has no container {container}")
    for entry in found:
        kept = [variable for variable in entry.get("env") or [] if variable["name"] not in variables]
        entry["env"] = kept + [{"name": name, "value": str(value)} for name, value in variables.items()]


def _position(documents: list[Manifest], kind: Any, name: Any) -> int:
    for number, document in enumerate(documents):
        if document["kind"] == kind and document["metadata"]["name"] == name:
            return number
    raise AnsibleFilterError(f"the manifest has no {kind} {name}")


def _containers(document: Manifest) -> list[Manifest]:
    spec = ((document.get("spec") or {}).get("template") or {}).get("spec") or {}
    return [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]


class FilterModule:
    """What the collection adds to templates."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Filters by name."""
        return {"checksum_of": checksum_of, "site_manifest": site_manifest}
