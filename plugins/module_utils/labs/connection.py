"""How a student gets in, from the live objects of an instance."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.kube.resources import Manifest
from ansible_collections.autolabs.platform.plugins.module_utils.labs.credentials import Credentials
from ansible_collections.autolabs.platform.plugins.module_utils.labs.objects.seats import annotated, seats_in

ACCOUNT = "student"


@dataclass(frozen=True)
class Connection:
    """One way in. It holds no secret: the password goes by the credentials file alone."""

    kind: str
    host: str
    port: int
    user: str = ACCOUNT
    host_key: str = ""
    """The sshd's public key, as a known_hosts line has it after the name."""
    host_key_fingerprint: str = ""
    member: str = ""
    """The id of the student whom it is for, where each member of a group has one."""

    @property
    def address(self) -> str:
        """What a student types: an ssh command, or an address for the browser."""
        if self.kind == "ssh":
            return f"ssh -p {self.port} {self.user}@{self.host}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.kind}://{host}:{self.port}"

    def as_result(self) -> dict[str, str | int]:
        """As a module's result holds it, without empty fields."""
        return {key: value for key, value in asdict(self).items() if value} | {"address": self.address}


def connections(
    services: Iterable[Manifest], pods: Iterable[Manifest], credentials: Credentials | None, access_host: str
) -> tuple[Connection, ...]:
    """The connections that the node ports of an instance's live Services give.

    The host is `access_host`, or else the node of the Pod that the Service opens: with externalTrafficPolicy Local
    no other node forwards to it. A Service without a Pod that has a node gives none, unless `access_host` is there.
    A member of a group whom the Pod has no seat for gets none.
    """
    there = list(pods)
    made: list[Connection] = []
    for service in services:
        pod = _opened_by(service, there)
        host = access_host or ((pod or {}).get("status") or {}).get("hostIP", "")
        members = {port: student for student, port in annotated(service).items()}
        seated = {seat.port for seat in seats_in(pod) if members.get(seat.port) == seat.student}
        for port in (service["spec"].get("ports") or ()) if host else ():
            member = members.get(port["port"], "")
            if port.get("nodePort") and not (member and pod and port["port"] not in seated):
                made.append(_connection(port, host, member, credentials))
    return tuple(made)


def _opened_by(service: Manifest, pods: list[Manifest]) -> Manifest | None:
    selector = (service["spec"].get("selector") or {}).items()
    return next((pod for pod in pods if selector <= (pod["metadata"].get("labels") or {}).items()), None)


def _connection(port: dict[str, Any], host: str, member: str, credentials: Credentials | None) -> Connection:
    # A seat's port has its number behind the kind.
    kind = port["name"].partition("-")[0]
    key = credentials if kind == "ssh" else None
    return Connection(
        kind=kind,
        host=host,
        port=port["nodePort"],
        host_key=key.public_key if key else "",
        host_key_fingerprint=key.fingerprint if key else "",
        member=member,
    )
