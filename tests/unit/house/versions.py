"""What the roles install by default is what the mirror holds, and so what the tests run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

MIRROR = "tests/testbed/mirror/versions.yml"
# Variable of a role to a part of the mirror, or to an image without its tag.
VARIABLES = {
    "calico_version": "docker.io/calico/node",
    "container_runtime_cni_plugins_version": "cni-plugins",
    "container_runtime_containerd_version": "containerd",
    "kubeadm_version": "kubernetes",
    "storage_local_path_version": "local-path-provisioner",
}


def findings(root: Path) -> Iterator[str]:
    """Versions in the defaults of the roles of `root` that differ from the mirror's, or are not known to it."""
    held = mirrored(root)
    for path in sorted((root / "roles").glob("*/defaults/main.yml")):
        defaults: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        for name, value in defaults.items():
            if not name.endswith("_version") or "{{" in str(value):
                continue
            place = f"{path.relative_to(root)}: {name}"
            if name not in VARIABLES:
                yield f"{place} is of no part of {MIRROR} (the table is in unit/house/versions.py)"
            elif str(value).removeprefix("v") != (version := held.get(VARIABLES[name], "nothing")).removeprefix("v"):
                yield f"{place} is {value}; the mirror holds {version} of {VARIABLES[name]}"


def mirrored(root: Path) -> dict[str, str]:
    """Part, or image without its tag, to the version that the mirror of `root` holds."""
    content = yaml.safe_load((root / MIRROR).read_text(encoding="utf-8"))
    versions = {part["name"]: str(part["version"]) for part in content["parts"]}
    for image in content["images"]:
        name, _, tag = image["name"].rpartition(":")
        versions[name] = tag
    return versions
