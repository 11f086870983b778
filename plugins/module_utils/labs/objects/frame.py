"""The frame of every object of a class: its name, its labels, and a digest of what we set."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.kube.resources import KINDS, Manifest
from ansible_collections.autolabs.platform.plugins.module_utils.labs.model import LabClass
from ansible_collections.autolabs.platform.plugins.module_utils.labs.settings import NAMESPACES

RECIPE_ANNOTATION = "autolabs.io/recipe"
"""A digest of what we set: it differs when something was taken out of the lab config, which a look at the fields
that are wanted cannot tell, and when a file changed that a running Pod does not read again."""


def framed(
    lab_class: LabClass,
    kind: str,
    name: str,
    labels: dict[str, str],
    recipe: Any = None,
    *,
    annotations: dict[str, str] | None = None,
    **content: Any,
) -> Manifest:
    """An object of the class with `content` beside its metadata.

    recipe: what the digest is made of; by default the names of the entries, or the whole content.
    """
    if recipe is None:
        recipe = sorted(content["data"]) if "data" in content else content
    digest = hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:16]
    return {
        "apiVersion": KINDS[kind].api_version,
        "kind": kind,
        "metadata": {
            "name": name,
            "namespace": NAMESPACES[lab_class.lab.security_level],
            "labels": labels,
            "annotations": {RECIPE_ANNOTATION: digest, **(annotations or {})},
        },
        **content,
    }
