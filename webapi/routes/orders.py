"""The order of a class as a program writes it, in JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from webapi import engine
from webapi.engine import InvalidInput, Problem
from webapi.labs.library import StoredLab
from webapi.pages.forms import StartForm
from webapi.runs.model import Kind, RunRequest

# Field, what it must be, how that is called, an example.
FIELDS: tuple[tuple[str, tuple[type, ...], str, str], ...] = (
    ("class_id", (str,), "a text", '"1"'),
    ("course_id", (str,), "a text", '"cybersec-101"'),
    ("roster", (str,), "a text: CSV or JSON", '"id,name\\nanna,Anna"'),
    ("students", (list,), "a list of ids, or of objects with id, name and group", '["anna", "boris"]'),
    ("admit", (str,), "whole or partial", '"whole"'),
    ("recreate", (bool,), "true or false", "false"),
    ("failure_threshold", (int,), "a number from 0 to 5000", "3"),
)


@dataclass(frozen=True)
class Order:
    """A body that has fields of the right kind."""

    body: dict[str, Any]

    @classmethod
    def of(cls, body: dict[str, Any]) -> Order:
        """Raises InvalidInput with every field that is unknown or of another kind."""
        known = {name for name, *_rest in FIELDS}
        problems = [Problem("", 0, name[:64], "there is no such field") for name in body if name not in known]
        for name, kinds, words, right in FIELDS:
            value = body.get(name)
            # In Python, True is a number.
            fits = isinstance(value, kinds) and (isinstance(value, bool) == (bool in kinds))
            if name in body and not fits:
                problems.append(Problem("", 0, name, f"must be {words}", right))
        if body.get("admit") not in (None, "whole", "partial") and isinstance(body["admit"], str):
            problems.append(Problem("", 0, "admit", "must be whole or partial", '"whole"'))
        if ("roster" in body) == ("students" in body):
            problems.append(Problem("", 0, "roster", "give either roster or students", '"id,name\\nanna,Anna"'))
        if problems:
            raise InvalidInput(problems)
        return cls(body)

    def request(self, stored: StoredLab, kind: Kind, language: str) -> RunRequest:
        """What to ask the dispatcher for. Raises InvalidInput."""
        given = self.body
        form = StartForm(
            given.get("roster") or json.dumps(given.get("students") or [], ensure_ascii=False),
            given.get("class_id", "1"),
            given.get("course_id", ""),
            given.get("admit", "whole"),
            given.get("recreate", False),
            str(given.get("failure_threshold", 3)),
        )
        asked = form.request(stored, kind, language)
        if asked is None:
            raise InvalidInput(form.problems)
        engine.check_class_id(asked.class_id)
        return asked
