"""What goes wrong between us and the API server."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

FORBIDDEN = re.compile(
    r'User "(?P<user>[^"]*)" cannot (?P<verb>\S+) resource "(?P<resource>[^"]*)" in API group "(?P<group>[^"]*)"'
    r'(?: in the namespace "(?P<namespace>[^"]*)")?'
)
"""How kube-apiserver words a refusal by its authorizer (apiserver, endpoints/handlers/responsewriters)."""


@dataclass(frozen=True)
class MissingRight:
    """What an account would have to be allowed."""

    user: str
    verb: str
    resource: str
    """Plural, with the subresource where there is one: `pods/log`."""
    group: str
    """The API group; empty for the core's."""
    namespace: str
    """Empty where the right is asked for at the cluster scope."""

    def __str__(self) -> str:
        resource = f"{self.resource}.{self.group}" if self.group else self.resource
        where = f"in the namespace {self.namespace}" if self.namespace else "in the whole cluster"
        return f"the account {self.user} may not {self.verb} {resource} {where}"


class KubeError(Exception):
    """The cluster cannot be used: no kubeconfig, no library, no access."""


class ApiError(KubeError):
    """One request was refused, or got no answer (`status` 0)."""

    def __init__(
        self, status: int, message: str, *, reason: str = "", retry_after: float | None = None, final: bool = False
    ) -> None:
        self.status = status
        self.reason = reason
        self.retry_after = retry_after
        """Seconds after which the server asks to be called again."""
        self.final = final
        """Whether asking again is of no use, whatever the status."""
        super().__init__(message)

    @property
    def missing_right(self) -> MissingRight | None:
        """The right that the account lacks, where the server refused for that."""
        found = FORBIDDEN.search(str(self)) if self.status == 403 else None
        return MissingRight(**{key: value or "" for key, value in found.groupdict().items()}) if found else None

    @classmethod
    def from_answer(cls, status: int, body: bytes, retry_after: str | None, request: str) -> ApiError:
        """Read the server's Status object (Kubernetes API conventions, "Response Status Kind")."""
        try:
            answer = json.loads(body)
            message, reason = str(answer.get("message", "")), str(answer.get("reason", ""))
        except (ValueError, AttributeError):
            message, reason = body[:500].decode(errors="replace").strip(), ""
        seconds = float(retry_after) if retry_after and retry_after.isdigit() else None
        return cls(status, f"{request}: {message or f'HTTP status {status}'}", reason=reason, retry_after=seconds)
