"""What the web app asks of the collection's engine: pure functions only, and nowhere else.

Whatever touches a cluster goes through a run.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from webapi import collection

sys.path.extend(collection.missing())

from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput, Problem
from ansible_collections.autolabs.platform.plugins.module_utils.documents.text import decoded
from ansible_collections.autolabs.platform.plugins.module_utils.labs.classes import class_id_problems, make_class
from ansible_collections.autolabs.platform.plugins.module_utils.labs.config.lab import parse_lab
from ansible_collections.autolabs.platform.plugins.module_utils.labs.config.roster import parse_roster
from ansible_collections.autolabs.platform.plugins.module_utils.labs.model import Lab, LabClass, Student
from ansible_collections.autolabs.platform.plugins.module_utils.labs.names import label_problem
from ansible_collections.autolabs.platform.plugins.module_utils.labs.preview.estimate import estimate
from ansible_collections.autolabs.platform.plugins.module_utils.labs.preview.flow_rows import (
    DNS,
    EVERY_COMPONENT,
    EVERY_PORT,
    INTERNET,
    SAME_INSTANCE,
    STUDENTS,
    FlowRow,
)
from ansible_collections.autolabs.platform.plugins.module_utils.labs.preview.price import (
    SITE_LIMITS,
    Price,
    defaults_of,
)
from ansible_collections.autolabs.platform.plugins.module_utils.labs.progress import Progress
from ansible_collections.autolabs.platform.plugins.module_utils.labs.status import READY

__all__ = [
    "DNS",
    "EVERY_COMPONENT",
    "EVERY_PORT",
    "INTERNET",
    "SAME_INSTANCE",
    "SITE_LIMITS",
    "STUDENTS",
    "FlowRow",
    "InvalidInput",
    "Lab",
    "LabClass",
    "Price",
    "Problem",
    "Progress",
    "Student",
]

LAB_FILE = "lab.yml"
LARGEST = 1 << 20
"""Bytes of a lab config or a roster."""


Limits = Sequence[Mapping[str, Any]]
"""The list of a LimitRange."""


@dataclass(frozen=True)
class Preview:
    """A class as it would be built."""

    lab_class: LabClass
    objects: Mapping[str, int]
    """Number of objects by kind, of the whole class."""
    flows: tuple[FlowRow, ...]
    """What its network policies let through; what is not listed is closed."""
    refused: tuple[tuple[str, str], ...]
    """What the site's limits do not allow: component (empty for the volume) and reason."""
    per_instance: Price
    """Of one student's instance, or of that of a group of one."""
    whole: Price


def is_lab_id(text: str) -> bool:
    """Whether a lab can have this id; so also whether it is safe as a file's name."""
    return not label_problem(text)


def parse(text: str) -> Lab:
    """The lab that a config holds. Raises InvalidInput with every mistake in it."""
    if len(text.encode("utf-8", "surrogatepass")) > LARGEST:
        raise InvalidInput([Problem(LAB_FILE, 0, "", f"the lab config is larger than {LARGEST >> 20} MiB")])
    lab = parse_lab(text, file=LAB_FILE)
    # It names the file that holds it.
    wrong = label_problem(lab.id)
    if wrong:
        raise InvalidInput([Problem(LAB_FILE, 0, "name", f"{lab.id!r} {wrong}", "linux-basics")])
    return lab


def validate(text: str) -> tuple[Lab | None, tuple[Problem, ...]]:
    """The lab that a config holds, or every mistake in it."""
    try:
        return parse(text), ()
    except InvalidInput as error:
        return None, tuple(error.problems)


def lab_text(content: bytes) -> str:
    """The text of an uploaded lab config. Raises InvalidInput."""
    return decoded(content, LAB_FILE)


def roster(content: bytes, file: str = "roster") -> tuple[Student, ...]:
    """The students that an uploaded or pasted roster holds, CSV or JSON. Raises InvalidInput.

    file: its name, for the messages.
    """
    if len(content) > LARGEST:
        raise InvalidInput([Problem(file, 0, "", f"the roster is larger than {LARGEST >> 20} MiB")])
    return parse_roster(decoded(content, file), file=file)


def check_class_id(class_id: str) -> None:
    """Raises InvalidInput where no class can have this id."""
    problems = class_id_problems(class_id)
    if problems:
        raise InvalidInput(problems)


def lab_class(lab: Lab, students: Sequence[Student], class_id: str, course: str = "") -> LabClass:
    """Who gets which instance. Raises InvalidInput."""
    return make_class(lab, students, class_id, course)


def site_limits(path: Path) -> Limits:
    """The limits that a site's file holds: YAML, a list as a LimitRange has it. Raises InvalidInput and OSError."""
    try:
        found = yaml.safe_load(path.read_bytes())
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InvalidInput([Problem(str(path), 0, "", f"is no YAML: {' '.join(str(error).split())}")]) from error
    if not isinstance(found, list):
        message = "holds no list of limits as a LimitRange has them"
        raise InvalidInput([Problem(str(path), 0, "", message, "[{type: Container, default: {cpu: 500m}}]")])
    defaults_of(found)
    return tuple(found)


def preview(text: str, students: Sequence[Student], class_id: str = "1", *, limits: Limits = SITE_LIMITS) -> Preview:
    """What a class of the lab config `text` would be on the cluster. Raises InvalidInput.

    limits: those of the site's lab namespaces.
    """
    made = lab_class(parse(text), students, class_id)
    found = estimate(made.lab, limits=limits)
    return Preview(
        made,
        found.objects_for(len(made.instances)),
        found.flows,
        found.refused,
        found.price,
        found.price_for(len(instance.members) for instance in made.instances),
    )


def told(progress: Progress) -> dict[str, Any]:
    """What a line of progress tells, with `connections`: a ready instance has its addresses where others have reasons.

    Each is as in an action's result, as far as an address tells: kind, host, port, user, address.
    """
    if progress.state != READY:
        return asdict(progress) | {"connections": []}
    return asdict(progress) | {"reason": "", "connections": list(_connections(progress.reason))}


_SSH = re.compile(r"ssh -p (?P<port>\d{1,5}) (?P<user>[a-z0-9_-]+)@(?P<host>[0-9A-Za-z.:_-]+)")


def _connections(addresses: str) -> Iterator[dict[str, Any]]:
    for address in filter(None, addresses.split(", ")):
        ssh = _SSH.fullmatch(address)
        if ssh:
            yield {"kind": "ssh", **ssh.groupdict(), "port": int(ssh["port"]), "address": address}
            continue
        try:
            parts = urlsplit(address)
            kind, host, port = parts.scheme, parts.hostname, parts.port
        except ValueError:
            continue
        if kind in ("http", "vnc") and host and port:
            yield {"kind": kind, "host": host, "port": port, "address": address}
