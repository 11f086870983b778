"""One line of progress an instance: written by the engine, read by people and by the web app."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

_LINE = re.compile(
    r"^\[ *(?P<done>\d+)/(?P<total>\d+)\] (?P<instance>[a-z0-9-]+) (?P<state>[a-z]+) after (?P<seconds>[\d.]+) s"
    r"(?:: (?P<reason>.*))?$"
)


@dataclass(frozen=True)
class Progress:
    """Instance number `done` of `total` has reached `state`, `seconds` after the run began."""

    done: int
    total: int
    instance: str
    state: str
    seconds: float
    reason: str = ""
    """Why it is not ready; of one that is, how it is reached."""

    def __str__(self) -> str:
        width = len(str(self.total))
        words = self.reason.split()
        reason = f": {' '.join(words)}" if words else ""
        return f"[{self.done:>{width}}/{self.total}] {self.instance} {self.state} after {self.seconds:.1f} s{reason}"

    @classmethod
    def parse(cls, line: str) -> Progress | None:
        """The progress that a line of output tells, or None where it tells something else."""
        found = _LINE.match(line.strip())
        if not found:
            return None
        return cls(
            int(found["done"]),
            int(found["total"]),
            found["instance"],
            found["state"],
            float(found["seconds"]),
            found["reason"] or "",
        )


Report = Callable[[Progress], None]
