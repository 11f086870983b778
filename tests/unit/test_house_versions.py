"""Versions and dependencies are named in several places, and are the same in all of them."""

from __future__ import annotations

import json
import sysconfig
from pathlib import Path

import pytest
import yaml
from unit.house import collections, versions
from unit.house.sources import CHECKOUT

PACKAGE = Path(sysconfig.get_path("purelib")) / "ansible_collections"


def written(root: Path, name: str, content: object) -> None:
    """Put a YAML file into a tree."""
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(yaml.safe_dump(content), encoding="utf-8")


def test_roles_install_what_the_mirror_holds() -> None:
    assert list(versions.findings(CHECKOUT)) == []


@pytest.mark.parametrize(
    ("defaults", "expected"),
    [
        ({"kubeadm_version": "1.36.3"}, []),
        ({"kubeadm_version": "v1.36.3", "kubeadm_image": "x"}, []),
        ({"calico_version": "v3.28.5"}, []),
        ({"kubeadm_version": "1.36.2"}, ["is 1.36.2; the mirror holds v1.36.3 of kubernetes"]),
        ({"calico_version": "v3.28.4"}, ["is v3.28.4; the mirror holds v3.28.5"]),
        ({"container_runtime_containerd_version": "2.2.1"}, ["holds nothing of containerd"]),
        ({"kubeadm_etcd_version": "3.6.8"}, ["is of no part"]),
    ],
)
def test_a_version_that_the_mirror_does_not_hold_is_found(
    defaults: dict[str, str], expected: list[str], tmp_path: Path
) -> None:
    parts = [{"name": "kubernetes", "version": "v1.36.3"}]
    written(tmp_path, versions.MIRROR, {"parts": parts, "images": [{"name": "docker.io/calico/node:v3.28.5"}]})
    written(tmp_path, "roles/a/defaults/main.yml", defaults)
    found = list(versions.findings(tmp_path))
    assert len(found) == len(expected)
    assert all(part in line for part, line in zip(expected, found, strict=True))


def test_collections_are_declared_used_and_present() -> None:
    assert [*collections.findings(CHECKOUT), *collections.unsatisfied(CHECKOUT, PACKAGE)] == []


def test_what_execution_environments_install_is_what_is_declared() -> None:
    listed = yaml.safe_load((CHECKOUT / "requirements" / "collections.yml").read_text(encoding="utf-8"))
    assert {entry["name"]: entry["version"] for entry in listed["collections"]} == collections.declared(CHECKOUT)


def test_the_files_of_the_execution_environment_are_there() -> None:
    named = yaml.safe_load((CHECKOUT / "meta" / "execution-environment.yml").read_text(encoding="utf-8"))
    assert [name for name in named["dependencies"].values() if not (CHECKOUT / name).is_file()] == []


def test_collections_that_do_not_match_are_found(tmp_path: Path) -> None:
    written(tmp_path, "galaxy.yml", {"dependencies": {"ansible.posix": ">=2.0.0", "ansible.utils": ">=9.0.0"}})
    written(tmp_path, "roles/a/tasks/main.yml", [{"ansible.posix.sysctl": {}}, {"community.general.ufw": {}}])
    manifest = tmp_path / "package" / "ansible" / "utils" / "MANIFEST.json"
    manifest.parent.mkdir(parents=True)
    manifest.write_text(json.dumps({"collection_info": {"version": "6.0.0"}}), encoding="utf-8")
    assert [*collections.findings(tmp_path), *collections.unsatisfied(tmp_path, tmp_path / "package")] == [
        "roles/a/tasks/main.yml: uses community.general, which galaxy.yml does not declare",
        "galaxy.yml: declares ansible.utils, which no role or playbook uses",
        "galaxy.yml: ansible.posix does not come with the ansible package",
        "galaxy.yml: ansible.utils >=9.0.0; the ansible package brings 6.0.0",
    ]
