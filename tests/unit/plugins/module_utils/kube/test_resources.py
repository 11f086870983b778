"""Where objects live."""

from __future__ import annotations

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.kube.resources import (
    KINDS,
    collection_path,
    object_path,
    selector,
)


@pytest.mark.parametrize(
    ("kind", "namespace", "path"),
    [
        ("Pod", "labs", "/api/v1/namespaces/labs/pods"),
        ("Pod", None, "/api/v1/pods"),
        ("Node", "labs", "/api/v1/nodes"),
        ("NetworkPolicy", "labs", "/apis/networking.k8s.io/v1/namespaces/labs/networkpolicies"),
    ],
)
def test_a_kind_has_its_place(kind: str, namespace: str | None, path: str) -> None:
    assert collection_path(kind, namespace) == path


def test_an_object_is_found_by_its_own_words() -> None:
    manifest = {"kind": "Secret", "metadata": {"name": "lab-1", "namespace": "labs"}}
    assert object_path(manifest, dryRun="All") == "/api/v1/namespaces/labs/secrets/lab-1?dryRun=All"


def test_a_query_is_escaped() -> None:
    path = collection_path("Pod", "labs", labelSelector=selector({"lab_id": "1", "app": "lab"}))
    assert path == "/api/v1/namespaces/labs/pods?labelSelector=app%3Dlab%2Clab_id%3D1"


@pytest.mark.parametrize(("kind", "version"), [("Pod", "v1"), ("NetworkPolicy", "networking.k8s.io/v1")])
def test_a_manifest_names_its_api(kind: str, version: str) -> None:
    assert KINDS[kind].api_version == version
