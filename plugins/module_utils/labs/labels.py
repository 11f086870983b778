"""The labels by which the objects of a class are found again (source documents 001 §4.5.1)."""

from __future__ import annotations

from ansible_collections.autolabs.platform.plugins.module_utils.labs.model import Instance, LabClass
from ansible_collections.autolabs.platform.plugins.module_utils.labs.names import instance_name

OWNER_LABELS = {"per_student": "student_id", "per_group": "group_id"}
COMPONENT = "component"
OURS = ("app", "lab_id", "class_id", "deployment_mode", "course_id", *OWNER_LABELS.values(), COMPONENT)
"""The labels that only this engine sets; what else an object carries is somebody else's business."""


def class_selector(lab_id: str, class_id: str) -> dict[str, str]:
    """What all objects of a class carry, and nothing else does."""
    return {"app": "lab", "lab_id": lab_id, "class_id": class_id}


def instance_selector(lab_class: LabClass, instance: Instance) -> dict[str, str]:
    """What all objects of an instance carry, and nothing else does."""
    owner = {OWNER_LABELS[lab_class.lab.deployment_mode]: instance.owner}
    return class_selector(lab_class.lab.id, lab_class.id) | owner


def component_selector(lab_class: LabClass, component: str) -> dict[str, str]:
    """What the Pods of a component carry in all instances of a class, and no other Pod does."""
    return class_selector(lab_class.lab.id, lab_class.id) | {COMPONENT: component}


def class_labels(lab_class: LabClass) -> dict[str, str]:
    """The labels of what a class has once."""
    labels = class_selector(lab_class.lab.id, lab_class.id) | {"deployment_mode": lab_class.lab.deployment_mode}
    return labels | ({"course_id": lab_class.course} if lab_class.course else {})


def instance_labels(lab_class: LabClass, instance: Instance) -> dict[str, str]:
    """The labels of what an instance has."""
    return class_labels(lab_class) | instance_selector(lab_class, instance)


def owner_of(labels: dict[str, str]) -> str:
    """The student or group that an object belongs to, or nothing for an object of the class."""
    return next((labels[name] for name in OWNER_LABELS.values() if name in labels), "")


def instance_of(labels: dict[str, str]) -> str:
    """The name of the instance that an object belongs to, or nothing for an object of the class."""
    for mode, name in OWNER_LABELS.items():
        if name in labels:
            return instance_name(labels["lab_id"], labels["class_id"], mode, labels[name])
    return ""
