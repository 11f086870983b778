"""A verdict in lines for people."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.autolabs.platform.plugins.module_utils.reach.path.ends import Filters
from ansible_collections.autolabs.platform.plugins.module_utils.reach.path.path import Question
from ansible_collections.autolabs.platform.plugins.module_utils.reach.verdict import ALLOWED, DENIED, Step, Verdict

HEADLINES = {ALLOWED: "is allowed", DENIED: "is denied"}


def headline(question: Question, verdict: Verdict) -> str:
    """`internet to labs/lab-1-student-anna on tcp/2222 is allowed`."""
    way = f"{question.source} to {question.destination} on {question.ports}"
    return f"{way} {HEADLINES.get(verdict.answer, 'is undecided')}"


def lines(question: Question, verdict: Verdict, filters: Filters | None = None) -> list[str]:
    """The answer, each firewall on the way in order, what the answer depends on, and what was not asked."""
    found = [headline(question, verdict)]
    found += [f"  {number}. {_step(step)}" for number, step in enumerate(verdict.steps, 1)]
    if verdict.assumptions:
        found += ["It depends on this:", *(f"  - {sentence}" for sentence in verdict.assumptions)]
    if filters is not None:
        found += _not_asked(filters)
    return found


def _step(step: Step) -> str:
    by = f" by {step.rule}" if step.rule else ""
    flow = f" (flow {step.flow})" if step.flow else ""
    why = f": {step.why}" if step.why else ""
    return f"{step.where}: {step.answer}{by}{flow}{why}"


def _not_asked(filters: Filters) -> Iterator[str]:
    missing = [
        name
        for name, given in (
            ("NetworkPolicies", filters.cluster.pods or filters.cluster.policies or filters.cluster.nodes),
            ("the machines' own firewalls", filters.hosts is not None),
            ("Proxmox", filters.proxmox is not None),
        )
        if not given
    ]
    if missing:
        yield f"Not asked, as nothing of it was given: {', '.join(missing)}"
