"""Mistakes in what a person wrote."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One mistake in what a person wrote: what is wrong, where, and what is right."""

    file: str
    line: int
    """Counted from 1; 0 where the file as a whole is meant."""
    field: str
    """Dotted path such as `services.web.ports[0]`; empty for the whole file."""
    message: str
    example: str = ""
    """What would be right here, as it would be written."""

    def __str__(self) -> str:
        place = ":".join(part for part in (self.file, str(self.line or "")) if part)
        hint = f" (for example: {self.example})" if self.example else ""
        return ": ".join(part for part in (place, self.field, f"{self.message}{hint}") if part)


class InvalidInput(Exception):
    """What a person wrote cannot be used; `problems` holds every mistake, in the order of the file."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))
