"""What goes wrong between us and the API server."""

from __future__ import annotations

import json


class KubeError(Exception):
    """The cluster cannot be used: no kubeconfig, no library, no access."""


class ApiError(KubeError):
    """One request was refused, or got no answer (`status` 0)."""

    def __init__(self, status: int, message: str, *, reason: str = "", retry_after: float | None = None) -> None:
        self.status = status
        self.reason = reason
        self.retry_after = retry_after
        """Seconds after which the server asks to be called again."""
        super().__init__(message)

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
