"""The credentials of a class as a file: the one way out that they have."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput, Problem
from ansible_collections.autolabs.platform.plugins.module_utils.labs.credentials import Credentials
from ansible_collections.autolabs.platform.plugins.module_utils.labs.model import Student
from ansible_collections.autolabs.platform.plugins.module_utils.labs.outcome import ClassOutcome, Outcome


def check(path: str) -> None:
    """Make sure, before anything is started, that `write` can put its file there. Raises InvalidInput."""
    if Path(path).is_dir():
        message = "is a folder; give the path of a file in it"
        raise InvalidInput([Problem(path, 0, "credentials_file", message, str(Path(path) / "credentials.json"))])
    folder = Path(path).absolute().parent
    if not os.access(folder, os.W_OK):
        message = f"the folder {folder} does not exist or cannot be written"
        raise InvalidInput([Problem(path, 0, "credentials_file", message)])


def write(path: str, outcome: ClassOutcome, credentials: dict[str, Credentials]) -> None:
    """Write a JSON list to `path`: an entry an instance with members, connections and password.

    A member of a group who has a seat has a password and connections of their own.

    The file belongs to the caller alone (mode 0600) from its first byte on, and is replaced as a whole. Raises
    OSError.
    """
    entries = [_entry(one, credentials[one.instance]) for one in outcome.outcomes if one.instance in credentials]
    target = Path(path)
    # mkstemp gives 0600 whatever the umask is.
    descriptor, partial = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            json.dump(entries, stream, ensure_ascii=False, indent=1)
        os.replace(partial, target)
    except BaseException:
        os.unlink(partial)
        raise


def _entry(one: Outcome, credentials: Credentials) -> dict[str, Any]:
    return {
        "instance": one.instance,
        "owner": one.owner,
        "members": [_member(student, one, credentials) for student in one.members],
        "connections": [connection.as_result() for connection in one.connections],
        "password": credentials.password,
    }


def _member(student: Student, one: Outcome, credentials: Credentials) -> dict[str, Any]:
    entry: dict[str, Any] = {"id": student.id, "name": student.name}
    if student.id in credentials.members:
        own = [connection for connection in one.connections if connection.member == student.id]
        entry["connections"] = [connection.as_result() for connection in own]
        entry["password"] = credentials.members[student.id]
    return entry
