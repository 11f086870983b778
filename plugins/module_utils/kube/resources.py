"""Where the API server keeps each kind of object."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

Manifest = dict[str, Any]
"""A Kubernetes object as JSON."""


@dataclass(frozen=True)
class Kind:
    """A kind of object: its name, its API and its plural in paths."""

    name: str
    api: str
    plural: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        """As `apiVersion` of a manifest has it: `v1`, `networking.k8s.io/v1`."""
        return self.api.removeprefix("/apis/").removeprefix("/api/")


KINDS = {
    kind.name: kind
    for kind in (
        Kind("ConfigMap", "/api/v1", "configmaps"),
        Kind("Event", "/api/v1", "events"),
        Kind("LimitRange", "/api/v1", "limitranges"),
        Kind("NetworkPolicy", "/apis/networking.k8s.io/v1", "networkpolicies"),
        Kind("Node", "/api/v1", "nodes", namespaced=False),
        Kind("PersistentVolume", "/api/v1", "persistentvolumes", namespaced=False),
        Kind("PersistentVolumeClaim", "/api/v1", "persistentvolumeclaims"),
        Kind("Pod", "/api/v1", "pods"),
        Kind("ResourceQuota", "/api/v1", "resourcequotas"),
        Kind("Secret", "/api/v1", "secrets"),
        Kind("Service", "/api/v1", "services"),
        Kind("StorageClass", "/apis/storage.k8s.io/v1", "storageclasses", namespaced=False),
    )
}


def collection_path(kind: str, namespace: str | None, **query: str) -> str:
    """The path that lists a kind, such as `/api/v1/namespaces/labs/pods?labelSelector=app%3Dlab`."""
    known = KINDS[kind]
    middle = f"/namespaces/{quote(namespace)}" if namespace and known.namespaced else ""
    return f"{known.api}{middle}/{known.plural}" + (f"?{urlencode(query)}" if query else "")


def object_path(manifest: Manifest, **query: str) -> str:
    """The path of one object, from its own kind, namespace and name."""
    metadata = manifest["metadata"]
    base = collection_path(manifest["kind"], metadata.get("namespace"))
    return f"{base}/{quote(metadata['name'])}" + (f"?{urlencode(query)}" if query else "")


def selector(labels: dict[str, str]) -> str:
    """A label selector that asks for all of `labels`."""
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
