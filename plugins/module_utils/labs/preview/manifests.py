"""A class as it would be built, without a cluster and without credentials."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.autolabs.platform.plugins.module_utils.kube.resources import Manifest
from ansible_collections.autolabs.platform.plugins.module_utils.labs.classes import class_id_problems, make_class
from ansible_collections.autolabs.platform.plugins.module_utils.labs.config import parse_lab
from ansible_collections.autolabs.platform.plugins.module_utils.labs.credentials import Credentials
from ansible_collections.autolabs.platform.plugins.module_utils.labs.model import InvalidInput, LabClass
from ansible_collections.autolabs.platform.plugins.module_utils.labs.objects import class_objects, instance_objects
from ansible_collections.autolabs.platform.plugins.module_utils.labs.roster import roster_from_list
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
    for instance in lab_class.instances:
        objects += instance_objects(lab_class, instance, NO_CREDENTIALS, settings)
    return objects


def network_policies(lab_text: str, class_id: str = "1", settings: Settings = Settings()) -> list[Manifest]:
    """The policies of a class of this lab, whoever is in it. Raises InvalidInput."""
    problems = class_id_problems(class_id)
    if problems:
        raise InvalidInput(problems)
    lab_class = LabClass(parse_lab(lab_text), class_id, ())
    return [found for found in class_objects(lab_class, settings) if found["kind"] == "NetworkPolicy"]
