"""The result of an audit as data: what the reports show, and the module returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.audit.finding import GRAVE, KINDS, Finding, counts
from ansible_collections.autolabs.platform.plugins.module_utils.reach.verdict import (
    ALLOWED,
    DENIED,
    UNDECIDED,
    Step,
)

SCHEMA = 1
"""The version of the data; it changes with a field that goes or means something else, not with one that is added."""
DIFFERS, OPEN = "differs", "open"
ANSWERS = (ALLOWED, DENIED, UNDECIDED, DIFFERS, OPEN)
"""Of a cell: as of a verdict; or live differs from the catalogue; or no firewall of the site stands in between."""


@dataclass(frozen=True)
class Line:
    """What becomes of packets to some ports, from one endpoint to another."""

    ports: tuple[str, ...]
    """Such as `tcp/5432`; empty for every port, or every other one."""
    catalogue: str
    """`allowed` or `denied`."""
    live: str
    """`allowed`, `denied`, `undecided`, or empty where nobody was asked."""
    flows: tuple[str, ...] = ()
    why: str = ""
    """What the catalogue says it is for."""
    reference: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    """Each firewall on the way, and what it says."""
    assumptions: tuple[str, ...] = ()

    def as_result(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "ports": list(self.ports),
            "catalogue": self.catalogue,
            "live": self.live,
            "flows": list(self.flows),
            "why": self.why,
            "reference": list(self.reference),
            "steps": [dict(vars(step)) for step in self.steps],
            "assumptions": list(self.assumptions),
        }


@dataclass(frozen=True)
class Cell:
    """A pair of endpoints."""

    source: str
    destination: str
    answer: str
    lines: tuple[Line, ...] = ()

    def as_result(self) -> dict[str, Any]:
        """As plain data."""
        lines = [line.as_result() for line in self.lines]
        return {"from": self.source, "to": self.destination, "answer": self.answer, "lines": lines}


@dataclass(frozen=True)
class Named:
    """An endpoint or a zone, for people."""

    name: str
    title: str
    zone: str = ""
    what: str = ""
    """What it is on this site: `namespace platform, app=frontend`, `192.168.100.20`."""


@dataclass(frozen=True)
class Source:
    """Where the live state was read, or why it could not be."""

    name: str
    """`cluster`, `ufw on database-vm`, `Proxmox`."""
    asked: bool
    why: str = ""


@dataclass(frozen=True)
class Differing:
    """An object that is not as it would be rendered."""

    name: str
    """`NetworkPolicy platform/default-deny`."""
    state: str
    """`missing`, `changed`, or `left over`."""


@dataclass(frozen=True)
class Audit:
    """One audit."""

    time: int
    """When, in seconds since 1970."""
    site: str
    """What people call it."""
    findings: tuple[Finding, ...] = ()
    objects: tuple[Differing, ...] = ()
    sources: tuple[Source, ...] = ()
    absent: tuple[tuple[str, str], ...] = ()
    """Flows that this site has not, and why."""
    zones: tuple[Named, ...] = ()
    endpoints: tuple[Named, ...] = ()
    cells: tuple[Cell, ...] = ()
    facts: Mapping[str, int] = field(default_factory=dict)
    """How much was looked at: `flows`, `rules`, `policies`, `pods`, `questions`."""

    @property
    def counts(self) -> dict[str, int]:
        """Findings by kind."""
        return counts(self.findings)

    @property
    def grave(self) -> int:
        """Findings for which an audit fails."""
        return sum(self.counts[kind] for kind in GRAVE)

    @property
    def unasked(self) -> tuple[Source, ...]:
        """What could not be asked."""
        return tuple(source for source in self.sources if not source.asked)

    def sentence(self) -> str:
        """What came of it, in one sentence."""
        found = ", ".join(f"{self.counts[kind]} {kind}" for kind in KINDS if self.counts[kind])
        silent = ""
        if len(self.unasked) == 1:
            silent = f"; {self.unasked[0].name} could not be asked"
        elif self.unasked:
            silent = f"; {len(self.unasked)} of {len(self.sources)} sources could not be asked"
        if found:
            return f"The site differs from the catalogue: {found}{silent}" if self.grave else f"{found}{silent}"
        if not any(source.asked for source in self.sources):
            return "Nothing could be asked, so nothing is known"
        return f"What was asked is as the catalogue says{silent}" if silent else "The site is as the catalogue says"

    def as_result(self) -> dict[str, Any]:
        """As plain data; the module's RETURN documents it."""
        return {
            "schema": SCHEMA,
            "time": self.time,
            "site": self.site,
            "msg": self.sentence(),
            "counts": self.counts,
            "findings": [finding.as_result() for finding in self.findings],
            "objects": [dict(vars(one)) for one in self.objects],
            "sources": [dict(vars(one)) for one in self.sources],
            "absent": [{"flow": flow, "why": why} for flow, why in self.absent],
            "zones": [{"name": one.name, "title": one.title} for one in self.zones],
            "endpoints": [dict(vars(one)) for one in self.endpoints],
            "matrix": [cell.as_result() for cell in self.cells],
            "facts": dict(self.facts),
        }
