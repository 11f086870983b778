"""How students get in, from `x-lab.access`."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.autolabs.platform.plugins.module_utils.documents.shapes import Findings, Place, Values, Written
from ansible_collections.autolabs.platform.plugins.module_utils.labs.model import Access
from ansible_collections.autolabs.platform.plugins.module_utils.labs.objects.seats import MOST_SEATS

HIGHEST_PORT = 65535
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
    if block.get("deployment_mode") == "per_group":
        _check_seats(several, found, findings)
    return tuple(found)


def _check_seats(several: Sequence[Written], found: list[Access], findings: Findings) -> None:
    """Whether the component that a group reaches by ssh can have a container for each member."""
    ssh = next((access for access in found if access.kind == "ssh"), None)
    for written, access in zip(several, found, strict=True):
        if access is ssh and access.port + MOST_SEATS - 1 > HIGHEST_PORT:
            message = f"leaves no room for the ports of a group's members, which are this one and {MOST_SEATS - 1} more"
            findings.add(_place(written, "port"), message, str(DEFAULT_PORTS["ssh"]))
        elif ssh and access is not ssh and access.component and access.component == ssh.component:
            message = (
                f"in a lab for groups the service that is reached by ssh runs once for each member, so {access.kind} "
                "would lead to one of many; put what it serves into a service of its own"
            )
            findings.add(_place(written, "component"), message)


def _place(written: Written, name: str) -> Place:
    return written.value.place(name) if isinstance(written.value, Values) else written.at


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
