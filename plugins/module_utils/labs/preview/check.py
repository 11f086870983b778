"""Checks labs before they are needed: one, or a whole folder of them. No cluster is asked."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.documents.document import LARGEST
from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput, Problem
from ansible_collections.autolabs.platform.plugins.module_utils.documents.text import decoded
from ansible_collections.autolabs.platform.plugins.module_utils.labs.config.lab import parse_lab
from ansible_collections.autolabs.platform.plugins.module_utils.labs.model import Lab
from ansible_collections.autolabs.platform.plugins.module_utils.labs.preview.estimate import Estimate, estimate
from ansible_collections.autolabs.platform.plugins.module_utils.labs.preview.price import defaults_of
from ansible_collections.autolabs.platform.plugins.module_utils.labs.settings import Settings

Limits = Sequence[Mapping[str, Any]]

SUFFIXES = (".yml", ".yaml")


@dataclass(frozen=True)
class Checked:
    """What one file is worth."""

    file: str
    """Its name, fit to be shown."""
    problems: tuple[Problem, ...] = ()
    lab: Lab | None = None
    """None where the mistakes leave no lab."""
    estimate: Estimate | None = None
    """There where the lab is."""

    def as_result(self) -> dict[str, Any]:
        """As an entry of the module's result."""
        entry: dict[str, Any] = {"file": self.file, "problems": [str(problem) for problem in self.problems]}
        if self.lab is None or self.estimate is None:
            return entry
        return entry | {
            "id": self.lab.id,
            "title": {"en": self.lab.title.in_language("en"), "ru": self.lab.title.in_language("ru")},
            "deployment_mode": self.lab.deployment_mode,
            "access": [vars(access) for access in self.lab.access],
            "components": [component.name for component in self.lab.components],
            "internet": self.lab.internet,
            "security": self.lab.security_level,
            "objects": dict(self.estimate.objects),
            "class_objects": dict(self.estimate.class_objects),
            "flows": [row.as_result() for row in self.estimate.flows],
            "price": self.estimate.price.as_result(),
            "price_per_further_member": self.estimate.per_further_member.as_result(),
        }


def check_lab(text: str, file: str = "lab.yml", settings: Settings = Settings(), limits: Limits = ()) -> Checked:
    """The lab that a text holds and what it will be, or every mistake in it.

    file: its name, for the messages. limits: the list of the lab namespaces' LimitRange.
    """
    try:
        lab = parse_lab(text, file=file)
        found = estimate(lab, settings, limits)
        refused = (
            Problem(file, 0, f"services.{where}" if where else "x-lab.volume", why) for where, why in found.refused
        )
        return Checked(file, tuple(refused), lab, found)
    except InvalidInput as error:
        return Checked(file, tuple(error.problems))


def check_folder(folder: str, settings: Settings = Settings(), limits: Limits = ()) -> list[Checked]:
    """Every lab file of a folder, by name; not those of folders in it, and none whose name begins with a dot.

    A file that cannot be read is a mistake like others, and so is an id that two labs have. Raises InvalidInput where
    there is no such folder, or no lab in it, and where the limits are none.
    """
    defaults_of(limits)
    checked = [_file(path, settings, limits) for path in lab_files(folder)]
    return list(_with_own_ids(checked))


def lab_files(folder: str) -> list[Path]:
    """The lab files of a folder, by name. Raises InvalidInput where there are none."""
    try:
        names = os.listdir(folder)
    except OSError as error:
        raise _no_labs(folder, f"the folder cannot be read: {error.strerror}") from error
    found = [name for name in sorted(names) if name.lower().endswith(SUFFIXES) and not name.startswith(".")]
    if not found:
        raise _no_labs(folder, f"the folder holds no lab: the name of a lab's file ends in {' or '.join(SUFFIXES)}")
    return [Path(folder, name) for name in found]


def _no_labs(folder: str, message: str) -> InvalidInput:
    return InvalidInput([Problem(shown(folder), 0, "" if folder else "folder", message, "" if folder else "labs")])


def _file(path: Path, settings: Settings, limits: Limits) -> Checked:
    file = shown(path)
    try:
        return check_lab(_text(path, file), file, settings, limits)
    except InvalidInput as error:
        return Checked(file, tuple(error.problems))


def _text(path: Path, file: str) -> str:
    try:
        # What is no file could be without end, such as a pipe.
        if path.exists() and not path.is_file():
            raise InvalidInput([Problem(file, 0, "", "this is no file; rename it, or put it elsewhere")])
        # UTF-16 has two bytes for a letter that UTF-8 has one for.
        if path.stat().st_size > 2 * LARGEST:
            raise InvalidInput([Problem(file, 0, "", f"the file is larger than {LARGEST >> 20} MiB")])
        return decoded(path.read_bytes(), file)
    except OSError as error:
        raise InvalidInput([Problem(file, 0, "", f"cannot be read: {error.strerror}")]) from error


def _with_own_ids(checked: Sequence[Checked]) -> Iterator[Checked]:
    """The same; of labs with one id, each after the first has that as a mistake."""
    first: dict[str, str] = {}
    for one in checked:
        taken_by = first.setdefault(one.lab.id, one.file) if one.lab else one.file
        if one.lab and taken_by != one.file:
            message = f"the id {one.lab.id!r} is also that of {taken_by}; a lab is known by it, so change one of them"
            yield replace(one, problems=(*one.problems, Problem(one.file, 0, "name", message)))
        else:
            yield one


def shown(path: str | Path) -> str:
    """A path as text that a terminal and JSON can bear."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in str(path)
    )
