"""The answer to one question: may this endpoint reach that one, on this port, and by which rule."""

from __future__ import annotations

from dataclasses import dataclass

ALLOWED, DENIED, UNDECIDED = ANSWERS = ("allowed", "denied", "undecided")


@dataclass(frozen=True)
class Step:
    """What one firewall on the way says."""

    where: str
    """Which firewall, in words: `ingress to labs/lab-1-student-anna`, `ufw on database-vm`, `Proxmox, VM 120`."""
    answer: str
    rule: str = ""
    """The rule that decided, as its owner would find it: `NetworkPolicy labs/lab-1, egress rule 2`; empty where no
    rule fits and the default decides."""
    flow: str = ""
    """The flow of the catalogue that the rule carries as its comment; empty where it carries none."""
    why: str = ""
    """A sentence: `no policy selects the pod, so everything is let in`."""


@dataclass(frozen=True)
class Verdict:
    """What becomes of a packet, and why."""

    answer: str
    steps: tuple[Step, ...]
    """In the order of the packet's way; those after one that denies are left out."""
    assumptions: tuple[str, ...] = ()
    """Where undecided: what it depends on, a sentence each."""
