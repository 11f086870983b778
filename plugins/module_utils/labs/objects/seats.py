"""The seats of a group: an sshd of its own for each member, in one Pod.

An sshd without root serves one account, so every member has a container. A seat is closed when its member leaves the
group: its container stays in the Pod, since taking it out would end everybody else's work, but nobody gets in.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ansible_collections.autolabs.platform.plugins.module_utils.kube.resources import Manifest
from ansible_collections.autolabs.platform.plugins.module_utils.labs.model import Access, Component, Instance, Lab

SEATS_ANNOTATION = "autolabs.io/seats"
"""The open seats, such as `anna=2222,bob=2223`: on the Service, which outlives the Pod, and on the Pod."""
MOST_SEATS = 32
"""So many ports, from the access's own on, are a group's; its members may not be more."""
STUDENT_VARIABLE = "AUTOLABS_STUDENT_ID"
PORT_VARIABLE = "AUTOLABS_SSH_PORT"


@dataclass(frozen=True)
class Seat:
    """The container port on which one member's sshd listens."""

    student: str
    port: int
    open: bool = True


def seats_access(lab: Lab) -> Access | None:
    """The access of a lab that has a seat for each member; None for a lab without seats."""
    if lab.deployment_mode != "per_group":
        return None
    return next((access for access in lab.access if access.kind == "ssh"), None)


def seats(
    instance: Instance, access: Access, service: Manifest | None = None, pod: Manifest | None = None
) -> tuple[Seat, ...]:
    """All seats of an instance by port: an open one for each member, and the closed ones of the Pod.

    service, pod: the live ones that the members come in by, where they are there. A member keeps the port that the
    Service has for them, or else the one of their container; a new one gets the lowest that is free.
    """
    ports = range(access.port, access.port + MOST_SEATS)
    in_pod = {seat.student: seat.port for seat in seats_in(pod)}
    known = in_pod | annotated(service)
    # A port that was given away goes to nobody else, so that no member ever reaches another one's session.
    taken = set(known.values())
    free = [port for port in ports if port not in taken] + [port for port in ports if port in taken]
    found: dict[str, int] = {}
    for member in instance.members:
        port = known.get(member.id, 0)
        if port in ports and port not in found.values():
            found[member.id] = port
    for member in instance.members:
        if member.id not in found:
            found[member.id] = next(port for port in free if port not in found.values())
    opened = [Seat(student, port) for student, port in found.items()]
    closed = [Seat(student, port, open=False) for student, port in in_pod.items() if found.get(student) != port]
    return tuple(sorted([*opened, *closed], key=lambda seat: (seat.port, seat.student)))


def seats_in(pod: Manifest | None) -> tuple[Seat, ...]:
    """The seats that a live Pod has containers for, as if all were open."""
    found = []
    for container in (pod or {}).get("spec", {}).get("containers", ()):
        variables = {entry["name"]: entry.get("value", "") for entry in container.get("env") or ()}
        port = variables.get(PORT_VARIABLE, "")
        if port.isdecimal() and STUDENT_VARIABLE in variables:
            found.append(Seat(variables[STUDENT_VARIABLE], int(port)))
    return tuple(found)


def annotated(manifest: Manifest | None) -> dict[str, int]:
    """Student to port, as the annotation of a live Service or Pod has them."""
    written = ((manifest or {}).get("metadata", {}).get("annotations") or {}).get(SEATS_ANNOTATION, "")
    pairs = (entry.partition("=") for entry in written.split(","))
    return {student: int(port) for student, _sign, port in pairs if port.isdecimal()}


def annotation(found: Iterable[Seat]) -> dict[str, str]:
    """The annotation that tells the open ones of these seats."""
    return {SEATS_ANNOTATION: ",".join(f"{seat.student}={seat.port}" for seat in found if seat.open)}


def without_closed(found: Iterable[Seat]) -> tuple[Seat, ...]:
    """The seats of a new Pod."""
    return tuple(seat for seat in found if seat.open)


def as_in(pod: Manifest, found: Iterable[Seat]) -> tuple[Seat, ...]:
    """The seats of a Pod that stays: those that it has containers for."""
    there = {(seat.student, seat.port) for seat in seats_in(pod)}
    return tuple(seat for seat in found if (seat.student, seat.port) in there)


def component_has(lab: Lab, component: Component) -> bool:
    """Whether a component is the one that has the seats."""
    access = seats_access(lab)
    return access is not None and access.component == component.name
