"""What is started: one lab of one component, for a class of any size."""

from __future__ import annotations

import json
from pathlib import Path

from ansible_collections.autolabs.platform.plugins.module_utils.kube.resources import Manifest
from ansible_collections.autolabs.platform.plugins.module_utils.labs.classes import make_class
from ansible_collections.autolabs.platform.plugins.module_utils.labs.config.lab import parse_lab
from ansible_collections.autolabs.platform.plugins.module_utils.labs.config.roster import roster_from_list
from ansible_collections.autolabs.platform.plugins.module_utils.labs.credentials import Credentials
from ansible_collections.autolabs.platform.plugins.module_utils.labs.model import LabClass
from ansible_collections.autolabs.platform.plugins.module_utils.labs.objects.manifests import (
    class_objects,
    instance_objects,
)
from ansible_collections.autolabs.platform.plugins.module_utils.labs.settings import Settings
from testbed.paths import REPOSITORY

LAB_ID = "bench"
NAMESPACE = "labs"
SELECTOR = f"lab_id={LAB_ID}"
EXAMPLE = REPOSITORY / "docs/labs/linux-basics.yml"


def lab_text() -> str:
    """The lab of the README under a name of its own, so that a kept site may have a class of the README's too."""
    return EXAMPLE.read_text().replace("name: linux-basics", f"name: {LAB_ID}", 1)


def lab_class(count: int) -> LabClass:
    """A class of `count` students."""
    return make_class(parse_lab(lab_text(), file=EXAMPLE.name), roster_from_list(students(count)), "1", "")


def students(count: int) -> list[dict[str, str]]:
    """A roster of `count` students."""
    return [{"id": f"s{number:04}", "name": f"Student {number}"} for number in range(count)]


def write(folder: Path, count: int) -> tuple[Path, Path]:
    """Lab and roster as a teacher has them; returns their paths."""
    lab, roster = folder / f"{LAB_ID}.yml", folder / f"roster-{count}.json"
    lab.write_text(lab_text())
    roster.write_text(json.dumps(students(count)))
    return lab, roster


def objects(count: int) -> list[Manifest]:
    """All objects of the class, as the action applies them, so that all contenders apply the same."""
    wanted, settings = lab_class(count), Settings()
    of_instances = [
        instance_objects(wanted, instance, Credentials.generate(), settings) for instance in wanted.instances
    ]
    return class_objects(wanted, settings) + [manifest for part in of_instances for manifest in part]


def documented_objects(count: int) -> list[Manifest]:
    """The same class with a NetworkPolicy for every instance, as source document 001 has it and as one writes it who
    has no class: for the same isolation, the engine needs one policy in all."""
    shared: list[Manifest] = []
    own: list[Manifest] = []
    for manifest in objects(count):
        (shared if manifest["kind"] == "NetworkPolicy" else own).append(manifest)
    policies = [
        policy
        | {
            "metadata": policy["metadata"] | {"name": f"{pod['metadata']['name']}-policy"},
            "spec": policy["spec"] | {"podSelector": {"matchLabels": _identity(pod)}},
        }
        for pod in own
        if pod["kind"] == "Pod"
        for policy in shared
    ]
    return own + policies


def _identity(pod: Manifest) -> dict[str, str]:
    return {name: pod["metadata"]["labels"][name] for name in ("lab_id", "class_id", "student_id")}
