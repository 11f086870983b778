"""A lab and its classes, as the tests vary them."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.kube.resources import Manifest
from ansible_collections.autolabs.platform.plugins.module_utils.labs.classes import make_class
from ansible_collections.autolabs.platform.plugins.module_utils.labs.credentials import Credentials
from ansible_collections.autolabs.platform.plugins.module_utils.labs.live import Live
from ansible_collections.autolabs.platform.plugins.module_utils.labs.model import (
    COMPLETED,
    Access,
    Component,
    Instance,
    Lab,
    LabClass,
    Mount,
    Student,
    Text,
)
from ansible_collections.autolabs.platform.plugins.module_utils.labs.objects.manifests import (
    class_objects,
    instance_objects,
)
from ansible_collections.autolabs.platform.plugins.module_utils.labs.objects.seats import seats_access
from ansible_collections.autolabs.platform.plugins.module_utils.labs.settings import Settings

SETTINGS = Settings()
CREDENTIALS = Credentials.generate()
COMPONENT = Component("linux", "registry.example/linux:1", mounts=(Mount("home", "/home"),))
LAB = Lab("123", Text("Linux"), Text(), (COMPONENT,), (Access("ssh", "linux", 2222),), volume_size=1 << 30)


DATABASE = Component("db", "registry.example/db:1", mounts=(Mount("data", "/var/lib/db"),))
SEVERAL = replace(LAB, components=(COMPONENT, Component("cache", "registry.example/cache:1"), DATABASE))
SEEDED = replace(
    LAB,
    components=(replace(COMPONENT, depends_on={"seed": COMPLETED}), Component("seed", "registry.example/seed:1")),
)
"""A component waits for the end of another one."""
GROUPS = replace(LAB, deployment_mode="per_group")


def component(**changes: Any) -> Lab:
    """The lab with changes of its one component."""
    return replace(LAB, components=(replace(COMPONENT, **changes),))


def class_of(*students: str, lab: Lab = LAB, course: str = "", class_id: str = "1") -> LabClass:
    """A class of students by id; `anna/7` is in group 7."""
    roster = [Student(name, group=group) for name, _slash, group in (text.partition("/") for text in students)]
    return make_class(lab, roster, class_id, course)


def manifests(lab_class: LabClass, settings: Settings = SETTINGS) -> list[Manifest]:
    """All objects of a class, with the same credentials for every instance, and for every member of a group."""
    found = class_objects(lab_class, settings)
    for instance in lab_class.instances:
        found += instance_objects(lab_class, instance, credentials(instance, lab_class), settings)
    return found


def credentials(instance: Instance, lab_class: LabClass) -> Credentials:
    """Those that all instances of these tests have; a member's password is their name."""
    members = {member.id: f"password-of-{member.id}" for member in instance.members}
    return replace(CREDENTIALS, members=members if seats_access(lab_class.lab) else {})


def live_with(lab_class: LabClass, **pod_status: Any) -> Live:
    """The cluster as it holds a class whose Pods have this status; ready, where none is given."""
    live = Live(lab_class.lab.security_level, "1")
    for manifest in copy.deepcopy(manifests(lab_class)):
        manifest["metadata"]["uid"] = f"uid of {manifest['metadata']['name']}"
        if manifest["kind"] == "Pod":
            manifest["status"] = pod_status or ready()
        live.keep(manifest)
    return live


def ready(host: str = "192.0.2.7") -> dict[str, Any]:
    """The status of a Pod that serves students."""
    return {"phase": "Running", "hostIP": host, "conditions": [{"type": "Ready", "status": "True"}]}


def waiting(reason: str, message: str = "", **container: Any) -> dict[str, Any]:
    """The status of a Pod whose container waits."""
    state = {"waiting": {"reason": reason, "message": message}}
    named = {"name": "linux", "image": "registry.example/linux:1", "state": state, **container}
    return {"phase": "Pending", "conditions": [{"type": "Ready", "status": "False"}], "containerStatuses": [named]}
