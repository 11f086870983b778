"""What an audit finds: one difference between what the catalogue says and what is in force."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

MISSING, EXTRA, SHADOWED, UNDECIDED = KINDS = ("missing", "extra", "shadowed", "undecided")
"""The catalogue allows it and live does not; the other way round; a rule that never decides; it depends."""
GRAVE = (MISSING, EXTRA)
"""What makes an audit fail: something does not work, or something is open that should not be."""

CLUSTER, HOSTS, PROXMOX, RENDERED = LAYERS = ("cluster", "hosts", "proxmox", "rendered")
"""Which rules it is about. `rendered`: those that are made of the catalogue mean something else than it says."""


@dataclass(frozen=True)
class Finding:
    """One difference, as a packet would notice it."""

    kind: str
    layer: str
    where: str
    """The host, namespace or machine whose rules these are: `ufw on database-vm`, `namespace platform`."""
    what: str
    """A sentence for people."""
    do: str
    """What to do about it, a sentence."""
    flow: str = ""
    """The flow of the catalogue; empty where there is none."""
    rule: str = ""
    """The live rule, as its owner would find it; empty where there is none."""
    source: str = ""
    """Who sends the packet: endpoints, pods or address ranges."""
    destination: str = ""
    ports: tuple[str, ...] = ()
    """Such as `tcp/5432`; empty for all."""
    assumption: str = ""
    """What it depends on, where undecided."""
    cells: tuple[tuple[str, str], ...] = ()
    """Pairs of endpoints (from, to) of the catalogue that it concerns."""

    def as_result(self) -> dict[str, Any]:
        """As an entry of the module's result."""
        return {
            "kind": self.kind,
            "layer": self.layer,
            "where": self.where,
            "what": self.what,
            "do": self.do,
            "flow": self.flow,
            "rule": self.rule,
            "from": self.source,
            "to": self.destination,
            "ports": list(self.ports),
            "assumption": self.assumption,
            "cells": [list(cell) for cell in self.cells],
        }


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The gravest first, then by place and flow; each once."""
    order = (EXTRA, MISSING, UNDECIDED, SHADOWED)
    return tuple(
        sorted(
            dict.fromkeys(findings),
            key=lambda one: (order.index(one.kind), LAYERS.index(one.layer), one.where, one.flow, one.rule, one.what),
        )
    )


def counts(findings: Iterable[Finding]) -> dict[str, int]:
    """How many of each kind."""
    kinds = [one.kind for one in findings]
    return {kind: kinds.count(kind) for kind in KINDS}
