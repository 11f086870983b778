"""What people wrote into a form, what is wrong with it, and what becomes of it when nothing is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import Request

from webapi import engine
from webapi.engine import InvalidInput, Problem
from webapi.labs.library import StoredLab
from webapi.pages import example
from webapi.runs.model import Kind, RunRequest

MOST_FAILURES = 5000


@dataclass
class LabForm:
    """A lab config on its way into the library."""

    text: str = ""
    problems: list[Problem] = field(default_factory=list)

    @classmethod
    def of(cls, request: Request) -> LabForm:
        """As it was sent; an uploaded file takes the place of the text."""
        form = cls(_unix(request.form.get("config", "")))
        content = _uploaded(request)
        if content:
            try:
                form.text = _unix(engine.lab_text(content))
            except InvalidInput as error:
                form.problems += error.problems
        return form


@dataclass
class StartForm:
    """A class that somebody wants to start."""

    roster_text: str = ""
    class_id: str = "1"
    course_id: str = ""
    admit: str = "whole"
    recreate: bool = False
    failure_threshold: str = "3"
    problems: list[Problem] = field(default_factory=list)
    uploaded: bytes | None = None

    @classmethod
    def of(cls, request: Request) -> StartForm:
        """As it was sent; an uploaded file takes the place of the list."""
        given = request.form
        form = cls(
            _unix(given.get("roster", "")),
            given.get("class_id", "").strip(),
            given.get("course_id", "").strip(),
            "partial" if given.get("admit") == "partial" else "whole",
            given.get("recreate") == "yes",
            given.get("failure_threshold", "").strip(),
        )
        form.uploaded = _uploaded(request)
        if form.uploaded:
            # The browser does not send the file again, and so its text is kept in the list.
            form.roster_text = _unix(form.uploaded.decode("utf-8-sig", "replace"))
        return form

    @classmethod
    def again(cls, asked: RunRequest) -> StartForm:
        """As it was filled in for an earlier run."""
        options: Mapping[str, Any] = asked.options
        return cls(
            (asked.roster or b"").decode("utf-8-sig", "replace"),
            asked.class_id,
            str(options.get("course_id", "")),
            str(options.get("admit", "whole")),
            bool(options.get("recreate", False)),
            str(options.get("failure_threshold", 3)),
        )

    def wrong(self, name: str) -> bool:
        """Whether there is a mistake in a field."""
        return any(problem.field == name or problem.file == name for problem in self.problems)

    def request(self, stored: StoredLab, kind: Kind, language: str) -> RunRequest | None:
        """What to ask the dispatcher for, or None where there are mistakes: `problems` holds them."""
        self.problems += stored.problems
        content = self.uploaded or self.roster_text.encode("utf-8", "replace")
        options: dict[str, Any] = {"admit": self.admit, "recreate": self.recreate}
        if self.course_id:
            options["course_id"] = self.course_id
        options["failure_threshold"] = self._threshold()
        if stored.lab:
            self._check(stored.lab, content)
        if self.problems:
            return None
        as_json = content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"[", b"{"))
        return RunRequest(
            kind, stored.id, self.class_id, stored.text, content, "json" if as_json else "csv", options, language
        )

    def _check(self, lab: engine.Lab, content: bytes) -> None:
        """Find every mistake at once: those of the other fields also where nobody can be read from the roster."""
        students: tuple[engine.Student, ...] = example.STUDENTS
        try:
            students = engine.roster(content)
        except InvalidInput as error:
            self.problems += error.problems
        try:
            engine.lab_class(lab, students, self.class_id, self.course_id)
        except InvalidInput as error:
            self.problems += error.problems

    def _threshold(self) -> int:
        text = self.failure_threshold
        if text.isascii() and text.isdigit() and len(text) <= 4 and int(text) <= MOST_FAILURES:
            return int(text)
        message = f"write a number from 0 to {MOST_FAILURES}"
        self.problems.append(Problem("", 0, "failure_threshold", message, "3"))
        return 0


def _uploaded(request: Request) -> bytes | None:
    upload = request.files.get("file")
    # A byte more than is allowed, so that the engine says what is wrong.
    return (upload.stream.read(engine.LARGEST + 1) or None) if upload and upload.filename else None


def _unix(text: str) -> str:
    """Line ends as files have them: a browser sends those of a form as CR LF."""
    return text.replace("\r\n", "\n").replace("\r", "\n")
