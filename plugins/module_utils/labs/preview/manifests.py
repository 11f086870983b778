"""A class as it would be built, without a cluster and without credentials."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput
from ansible_collections.autolabs.platform.plugins.module_utils.kube.resources import Manifest
from ansible_collections.autolabs.platform.plugins.module_utils.labs.classes import class_id_problems, make_class
from ansible_collections.autolabs.platform.plugins.module_utils.labs.config.lab import parse_lab
from ansible_collections.autolabs.platform.plugins.module_utils.labs.config.roster import roster_from_list
from ansible_collections.autolabs.platform.plugins.module_utils.labs.credentials import Credentials
from ansible_collections.autolabs.platform.plugins.module_utils.labs.model import LabClass
from ansible_collections.autolabs.platform.plugins.module_utils.labs.objects.manifests import (
    class_objects,
    instance_objects,
)
from ansible_collections.autolabs.platform.plugins.module_utils.labs.objects.seats import seats_access
from ansible_collections.autolabs.platform.plugins.module_utils.labs.settings import Settings

NO_CREDENTIALS = Credentials(password="", host_key="")


def manifests(
    lab_text: str, students: Sequence[object], class_id: str = "1", settings: Settings = Settings()
) -> list[Manifest]:
    """Every object of a class, in the order in which it comes to be; the Secrets' entries are empty.

    students: as an inline roster has them. Raises InvalidInput.
    """
    lab_class = make_class(parse_lab(lab_text), roster_from_list(list(students)), class_id)
    objects = class_objects(lab_class, settings)
    seated = seats_access(lab_class.lab) is not None
    for instance in lab_class.instances:
        members = {student.id: "" for student in instance.members} if seated else {}
        objects += instance_objects(lab_class, instance, replace(NO_CREDENTIALS, members=members), settings)
    return objects


def network_policies(lab_text: str, class_id: str = "1", settings: Settings = Settings()) -> list[Manifest]:
    """The policies that a class of this lab has once, whoever is in it. Raises InvalidInput.

    In a lab of several components each instance has one more, which is among its `manifests`.
    """
    problems = class_id_problems(class_id)
    if problems:
        raise InvalidInput(problems)
    lab_class = LabClass(parse_lab(lab_text), class_id, ())
    return [found for found in class_objects(lab_class, settings) if found["kind"] == "NetworkPolicy"]
