"""Arguments of the lab modules, and what they become. plugins/modules/lab_class*.py document the same options."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput, Problem
from ansible_collections.autolabs.platform.plugins.module_utils.documents.text import decoded
from ansible_collections.autolabs.platform.plugins.module_utils.kube.session import Session
from ansible_collections.autolabs.platform.plugins.module_utils.labs.classes import class_id_problems, make_class
from ansible_collections.autolabs.platform.plugins.module_utils.labs.config.lab import parse_lab
from ansible_collections.autolabs.platform.plugins.module_utils.labs.config.roster import parse_roster, roster_from_list
from ansible_collections.autolabs.platform.plugins.module_utils.labs.engine import ADMIT, Options
from ansible_collections.autolabs.platform.plugins.module_utils.labs.labels import OWNER_LABELS
from ansible_collections.autolabs.platform.plugins.module_utils.labs.live import Owners
from ansible_collections.autolabs.platform.plugins.module_utils.labs.model import Lab, LabClass, Student
from ansible_collections.autolabs.platform.plugins.module_utils.labs.names import label_problem
from ansible_collections.autolabs.platform.plugins.module_utils.labs.preview.check_tables import ClassSize
from ansible_collections.autolabs.platform.plugins.module_utils.labs.preview.price import SITE_LIMITS
from ansible_collections.autolabs.platform.plugins.module_utils.labs.settings import Settings
from ansible_collections.autolabs.platform.plugins.module_utils.net.addresses import AddressError, network

CLUSTER: dict[str, Any] = {
    "kubeconfig": {"type": "path"},
    "context": {"type": "str"},
    "access_host": {"type": "str", "default": ""},
}

LAB_CLASS_INFO: dict[str, Any] = CLUSTER | {
    "lab": {"type": "path"},
    "lab_id": {"type": "str"},
    "class_id": {"type": "str", "default": "1"},
}

LAB_CLASS: dict[str, Any] = LAB_CLASS_INFO | {
    "state": {"type": "str", "default": "started", "choices": ["started", "stopped", "absent"]},
    "roster": {"type": "path"},
    "students": {"type": "list", "elements": "raw"},
    "course_id": {"type": "str", "default": ""},
    "recreate": {"type": "bool", "default": False},
    "timeout": {"type": "int", "default": 300},
    "wait": {"type": "bool", "default": True},
    "admit": {"type": "str", "default": "whole", "choices": list(ADMIT)},
    "failure_threshold": {"type": "int", "default": 3},
    "options_file": {"type": "path"},
    "credentials_file": {"type": "path"},
    "image_pull_secret": {"type": "str", "default": ""},
    "storage_class": {"type": "str", "default": ""},
    "pod_networks": {"type": "list", "elements": "str", "default": list(Settings.pod_networks)},
    "cluster_networks": {"type": "list", "elements": "str", "default": list(Settings.cluster_networks)},
    "cluster_domain": {"type": "str", "default": Settings.cluster_domain},
    "node_ports": {"type": "int", "default": Settings.node_ports},
}

IN_OPTIONS_FILE = ("admit", "class_id", "course_id", "failure_threshold", "recreate", "students", "timeout")
"""What a run may be given by file: what people typed, which must never be a variable of a playbook."""

LAB_CHECK: dict[str, Any] = {
    "folder": {"type": "path", "required": True},
    "limits": {"type": "list", "elements": "dict", "default": list(SITE_LIMITS)},
    "class_size": {"type": "int", "default": ClassSize.students},
    "group_size": {"type": "int", "default": ClassSize.group},
}


def plain(arguments: dict[str, Any]) -> dict[str, Any]:
    """The same as plain data: Ansible's strings remember where they came from, and YAML cannot write them.

    What YAML reads as a date is the text of it again. Raises InvalidInput for a map with such a key.
    """
    try:
        return dict(json.loads(json.dumps(arguments, default=str)))
    except TypeError as error:
        raise InvalidInput([Problem("", 0, "students", f"the keys of a map must be text: {error}")]) from error


def with_options_file(arguments: dict[str, Any]) -> dict[str, Any]:
    """The task's arguments with those that its `options_file` holds, a JSON object. Raises InvalidInput.

    An option that is in both is a mistake: nobody could tell which one was meant.
    """
    if not arguments.get("options_file"):
        return arguments
    path = os.path.expanduser(arguments["options_file"])
    try:
        found = json.loads(_text(path))
    except ValueError as error:
        raise InvalidInput([Problem(path, 0, "", f"is not JSON: {error}", '{"class_id": "2"}')]) from error
    if not isinstance(found, dict):
        raise InvalidInput([Problem(path, 0, "", "holds no object of options", '{"class_id": "2"}')])
    problems = [
        Problem(path, 0, name, f"is no option of a run; there are {', '.join(IN_OPTIONS_FILE)}")
        for name in found
        if name not in IN_OPTIONS_FILE
    ]
    problems += [
        Problem(path, 0, name, "is given to the task as well; keep one") for name in found if name in arguments
    ]
    if problems:
        raise InvalidInput(problems)
    return arguments | found


def session(arguments: dict[str, Any]) -> Session:
    """The connection that the arguments ask for. Raises KubeError."""
    return Session(arguments["kubeconfig"] or os.environ.get("KUBECONFIG"), arguments["context"])


def settings(arguments: dict[str, Any]) -> Settings:
    """The site's values, as far as the module takes them. Raises InvalidInput."""
    networks = {name: tuple(arguments.get(name, ())) for name in ("pod_networks", "cluster_networks")}
    problems = [problem for name, ranges in networks.items() for problem in _range_problems(name, ranges)]
    if problems:
        raise InvalidInput(problems)
    return Settings(
        access_host=arguments["access_host"],
        image_pull_secret=arguments.get("image_pull_secret", ""),
        storage_class=arguments.get("storage_class", ""),
        pod_networks=networks["pod_networks"],
        cluster_networks=networks["cluster_networks"],
        cluster_domain=arguments.get("cluster_domain", Settings.cluster_domain),
        node_ports=arguments.get("node_ports", Settings.node_ports),
    )


def options(arguments: dict[str, Any], *, check_mode: bool, diff: bool = False) -> Options:
    """How the run is to go about it. Raises InvalidInput."""
    _check_least(arguments, ("timeout", 1, "300"), ("failure_threshold", 0, "3"))
    names = ("recreate", "timeout", "wait", "admit", "failure_threshold")
    return Options(check_mode, diff=diff, **{name: arguments[name] for name in names})


def class_size(arguments: dict[str, Any]) -> ClassSize:
    """The class that prices are told for. Raises InvalidInput."""
    _check_least(arguments, ("class_size", 1, "30"), ("group_size", 1, "3"))
    return ClassSize(arguments["class_size"], arguments["group_size"])


def _check_least(arguments: dict[str, Any], *bounds: tuple[str, int, str]) -> None:
    problems = [
        Problem("", 0, name, f"{arguments[name]} is less than {least}", example)
        for name, least, example in bounds
        if arguments[name] < least
    ]
    if problems:
        raise InvalidInput(problems)


def _range_problems(option: str, ranges: tuple[str, ...]) -> Iterator[Problem]:
    for text in ranges:
        try:
            network(text)
        except AddressError as error:
            yield Problem("", 0, option, str(error))


def lab(arguments: dict[str, Any]) -> Lab:
    """The lab that the file `lab` holds. Raises InvalidInput."""
    return parse_lab(_text(arguments["lab"]), file=arguments["lab"])


def lab_id(arguments: dict[str, Any]) -> str:
    """The lab's id, as given or as its file says. Raises InvalidInput."""
    if arguments["lab_id"] is None:
        return lab(arguments).id
    given: str = arguments["lab_id"]
    wrong = label_problem(given)
    if wrong:
        raise InvalidInput([Problem("", 0, "lab_id", f"{given!r} {wrong}", "linux-basics")])
    return given


def class_id(arguments: dict[str, Any]) -> str:
    """The class's id. Raises InvalidInput where no class can have it."""
    given: str = arguments["class_id"]
    problems = class_id_problems(given)
    if problems:
        raise InvalidInput(problems)
    return given


def roster(arguments: dict[str, Any]) -> tuple[Student, ...]:
    """The students that the file `roster` or the list `students` holds; at least one. Raises InvalidInput."""
    if arguments["roster"] == "":
        message = "the path of the roster is empty; give it, or leave the option out"
        raise InvalidInput([Problem("", 0, "roster", message, "group-101.csv")])
    if arguments["roster"] is not None:
        return parse_roster(_text(arguments["roster"]), file=arguments["roster"])
    return roster_from_list(arguments["students"] or [])


def lab_class(arguments: dict[str, Any]) -> LabClass:
    """The class that is to be started. Raises InvalidInput with the mistakes of lab and roster together."""
    problems: list[Problem] = []
    try:
        wanted = lab(arguments)
    except InvalidInput as error:
        problems += error.problems
    try:
        students = roster(arguments)
    except InvalidInput as error:
        problems += error.problems
    if problems:
        raise InvalidInput(problems)
    return make_class(wanted, students, arguments["class_id"], arguments["course_id"])


def _text(path: str) -> str:
    try:
        return decoded(Path(path).read_bytes(), path)
    except OSError as error:
        raise InvalidInput([Problem(path, 0, "", f"cannot be read: {error.strerror}")]) from error


def owners(arguments: dict[str, Any]) -> Owners:
    """The students and groups that stopping or removing is limited to; none where it is the whole class.

    The whole class is meant only where nobody was listed: a list that came out empty raises InvalidInput.
    """
    limited = arguments["roster"] is not None or arguments["students"] is not None
    listed = roster(arguments) if limited else ()
    students = {(OWNER_LABELS["per_student"], student.id) for student in listed}
    return frozenset(students | {(OWNER_LABELS["per_group"], student.group) for student in listed if student.group})
