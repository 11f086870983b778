"""How a student gets in, from the live objects of an instance."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from ansible_collections.autolabs.platform.plugins.module_utils.kube.resources import Manifest
from ansible_collections.autolabs.platform.plugins.module_utils.labs.credentials import Credentials

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
    service: Manifest | None, pod: Manifest | None, credentials: Credentials | None, access_host: str
) -> tuple[Connection, ...]:
    """The connections that a Service's node ports give.

    The host is `access_host`, or else the node where the pod runs: with externalTrafficPolicy Local no other
    node forwards to it. Empty while there is no Service, or no host yet.
    """
    host = access_host or ((pod or {}).get("status") or {}).get("hostIP", "")
    if service is None or not host:
        return ()
    made = []
    for port in service["spec"]["ports"]:
        if port.get("nodePort"):
            key = credentials if port["name"] == "ssh" else None
            made.append(
                Connection(
                    kind=port["name"],
                    host=host,
                    port=port["nodePort"],
                    host_key=key.public_key if key else "",
                    host_key_fingerprint=key.fingerprint if key else "",
                )
            )
    return tuple(made)
