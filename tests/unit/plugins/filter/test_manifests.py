"""A vendor's manifest takes the site's settings, and no setting is lost silently."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.autolabs.platform.plugins.filter.manifests import checksum_of, merge, site_manifest

VENDOR = """
# A comment alone is no document.
---
kind: ConfigMap
metadata: {name: settings, labels: {app: demo}}
data: {mtu: "0", level: info}
---
kind: DaemonSet
metadata: {name: node}
spec:
  template:
    spec:
      initContainers: [{name: agent}, {name: installer}]
      containers:
        - name: agent
          env: [{name: POOL, value: 192.168.0.0/16}, {name: KEPT, value: "yes"}]
---
"""
SUM = "ab" * 32


def documents(text: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(text))


def test_a_patch_changes_what_it_names_and_keeps_the_rest() -> None:
    patch = {"kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"mtu": "1440", "level": None}}
    first, second = documents(site_manifest(VENDOR, [patch]))
    assert first["data"] == {"mtu": "1440"}
    assert first["metadata"]["labels"] == {"app": "demo"}
    assert second == documents(VENDOR)[1]


def test_a_variable_is_set_in_every_container_of_the_name() -> None:
    _, node = documents(site_manifest(VENDOR, environment={"agent": {"POOL": "10.244.0.0/16", "SIZE": 26}}))
    spec = node["spec"]["template"]["spec"]
    assert spec["containers"][0]["env"] == [
        {"name": "KEPT", "value": "yes"},
        {"name": "POOL", "value": "10.244.0.0/16"},
        {"name": "SIZE", "value": "26"},
    ]
    assert spec["initContainers"] == [
        {"name": "agent", "env": [{"name": "POOL", "value": "10.244.0.0/16"}, {"name": "SIZE", "value": "26"}]},
        {"name": "installer"},
    ]


def test_the_same_settings_give_the_same_text() -> None:
    once = site_manifest(VENDOR, environment={"agent": {"POOL": "10.244.0.0/16"}})
    assert site_manifest(once, environment={"agent": {"POOL": "10.244.0.0/16"}}) == once


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"patches": [{"kind": "ConfigMap", "metadata": {"name": "other"}}]}, "the manifest has no ConfigMap other"),
        ({"patches": [{"kind": "Secret", "metadata": {"name": "settings"}}]}, "the manifest has no Secret settings"),
        ({"environment": {"sidecar": {"A": "1"}}}, "the manifest has no container sidecar"),
    ],
)
def test_a_setting_without_a_place_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(AnsibleFilterError, match=message):
        site_manifest(VENDOR, **settings)


@pytest.mark.parametrize(
    ("target", "patch", "merged"),
    [
        # The examples of RFC 7386, appendix A.
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_a_merge_is_as_the_rfc_says(target: Any, patch: Any, merged: Any) -> None:
    assert merge(target, patch) == merged


@pytest.mark.parametrize(
    "line", [f"{SUM}  host/a/file", f"{SUM} *host/a/file", f"{SUM.upper()}  host/a/file", f"{SUM}  ./host/a/file"]
)
def test_a_checksum_is_found_in_every_form_of_sha256sum(line: str) -> None:
    assert checksum_of(f"# vendors\n\n{'00' * 32}  host/a/file.sig\n{line}\r\n", "host/a/file") == SUM


@pytest.mark.parametrize("text", ["", f"{SUM}  host/a/file2", f"{SUM[:-2]}  host/a/file", f"# {SUM}  host/a/file"])
def test_a_checksum_that_is_not_there_is_refused(text: str) -> None:
    with pytest.raises(AnsibleFilterError, match="no checksum of host/a/file"):
        checksum_of(text, "host/a/file")
