"""Carries a plan of the firewall out; every step of a list is held against the digest of what was read. At the edge."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.errors import Conflict
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.firewall.plan import DIGEST, Call, ListStep
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.firewall.rules import (
    Add,
    Drop,
    Rule,
    Set,
    after,
    canon,
)
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.firewall.there import There


class Session(Protocol):
    """Who reads and changes things by the API."""

    def get(self, path: str, /, **parameters: Any) -> Any:
        """What is at `path`."""

    def post(self, path: str, /, **parameters: Any) -> Any:
        """Make something."""

    def put(self, path: str, /, **parameters: Any) -> Any:
        """Change something."""

    def delete(self, path: str, /, **parameters: Any) -> Any:
        """Remove something."""


def carry_out(session: Session, calls: Iterable[Call | ListStep], there: There) -> None:
    """Make the calls in their order. Raises ProxmoxError; what was done until then stays, and lets in no less."""
    lists = {path: [*rules] for path, rules in there.rules.items()}
    for call in calls:
        if isinstance(call, Call):
            getattr(session, call.method)(call.path, **call.parameters)
        else:
            line = lists.setdefault(call.path, [])
            _step(session, call, line)
            lists[call.path] = after(line, call.step)


def _step(session: Session, call: ListStep, line: list[Rule]) -> None:
    path, step = call.path, call.step
    if isinstance(step, Add):
        # PVE holds no digest against a new rule; the step behind it, which moves or enables it, finds what differs.
        session.post(path, **{**step.rule, "enable": 0})
        return
    digest = _digest(session, path, line)
    place = f"{path}/{step.position}"
    if isinstance(step, Drop):
        session.delete(place, **digest)
    elif isinstance(step, Set):
        gone = [name for name, value in step.fields.items() if not value]
        kept = {name: value for name, value in step.fields.items() if value}
        session.put(place, **kept, **({"delete": ",".join(gone)} if gone else {}), **digest)
    else:
        session.put(place, moveto=step.before, **digest)


def _digest(session: Session, path: str, line: list[Rule]) -> dict[str, str]:
    """The digest of the list, which must be the one that we know."""
    found = session.get(path) or []
    if [canon(rule) for rule in found] != line:
        message = f"{path}: somebody else is changing these rules; run again, which goes on from what is there then"
        raise Conflict(message)
    told = next((str(rule[DIGEST]) for rule in found if rule.get(DIGEST)), "")
    return {DIGEST: told} if told else {}
