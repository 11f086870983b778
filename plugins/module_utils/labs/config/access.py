"""How students get in, from `x-lab.access`."""

from __future__ import annotations

from ansible_collections.autolabs.platform.plugins.module_utils.labs.model import Access
from ansible_collections.autolabs.platform.plugins.module_utils.labs.shapes import Findings, Values, Written

DEFAULT_PORTS = {"ssh": 2222, "http": 8080, "vnc": 5900}
"""Container ports above 1023: a lab has no root to open a lower one."""


def accesses(block: Values, services: Values, findings: Findings) -> tuple[Access, ...]:
    """The ways in that `block`, the x-lab block, names; what does not fit the services is taken down."""
    if "access" not in block.entries:
        return ()
    written = block.entries["access"]
    several = written.value if isinstance(written.value, tuple) else (written,)
    if not several and not block.broken:
        findings.add(written.at, "names no way in", "ssh")
    found: list[Access] = []
    for entry in several:
        access = _access(entry, services, findings)
        if access.kind in {other.kind for other in found}:
            findings.add(entry.at, f"{access.kind} is there twice; keep one of them")
        found.append(access)
    return tuple(found)


def _access(written: Written, services: Values, findings: Findings) -> Access:
    values = written.value if isinstance(written.value, Values) else Values(written.at, {"type": written})
    kind = values.get("type", "")
    names = [*services.entries, *services.broken]
    component = values.get("component", names[0] if len(names) == 1 else "")
    if not component and len(names) > 1 and "component" not in values.broken:
        findings.add(values.at, "does not say to which of the services", f"component: {names[0]}")
    elif component and names and component not in names:
        findings.add(values.place("component"), f"there is no service {component!r} in this file", names[0])
    return Access(kind, component, values.get("port", DEFAULT_PORTS.get(kind, 0)))
