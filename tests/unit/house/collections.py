"""The collections that this one depends on: used, declared, and there without a Galaxy server."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import yaml
from packaging.specifiers import SpecifierSet
from unit.house.sources import files, within

USED = re.compile(r"\b((?:ansible|community|kubernetes)\.[a-z][a-z0-9_]+)\.[a-z][a-z0-9_]+\b")
# They come with ansible-core, or are Python and Kubernetes names that look like a collection's.
NOT_COLLECTIONS = {
    "ansible.builtin",
    "ansible.legacy",
    "ansible.module_utils",
    "ansible.plugins",
    "kubernetes.io",
    "kubernetes.default",
}


def declared(root: Path) -> dict[str, str]:
    """Name to version range, of galaxy.yml."""
    dependencies = yaml.safe_load((root / "galaxy.yml").read_text(encoding="utf-8")).get("dependencies") or {}
    return {str(name): str(versions) for name, versions in dependencies.items()}


def findings(root: Path) -> Iterator[str]:
    """What roles and playbooks use and galaxy.yml does not declare, or the reverse."""
    used: dict[str, Path] = {}
    for path in files(root):
        if within(root, path, "roles", "playbooks") and path.suffix in (".yml", ".j2"):
            for found in USED.finditer(path.read_text(encoding="utf-8")):
                used.setdefault(found[1], path.relative_to(root))
    names = declared(root).keys()
    for name in sorted(used.keys() - names - NOT_COLLECTIONS):
        yield f"{used[name]}: uses {name}, which galaxy.yml does not declare"
    for name in sorted(names - used.keys()):
        yield f"galaxy.yml: declares {name}, which no role or playbook uses"


def unsatisfied(root: Path, installed: Path) -> Iterator[str]:
    """Declared collections that the `ansible` package below `installed` does not bring in such a version."""
    for name, versions in declared(root).items():
        manifest = installed / name.replace(".", "/") / "MANIFEST.json"
        if not manifest.exists():
            yield f"galaxy.yml: {name} does not come with the ansible package"
            continue
        version = json.loads(manifest.read_text(encoding="utf-8"))["collection_info"]["version"]
        if version not in SpecifierSet(versions):
            yield f"galaxy.yml: {name} {versions}; the ansible package brings {version}"
