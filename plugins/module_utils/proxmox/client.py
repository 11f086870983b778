"""Requests to the API of Proxmox VE, as one user or token. proxmoxer carries them; what they end with is ours."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.proxmox import tasks
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.errors import (
    NEVER_SENT,
    NO_ANSWER,
    UNKNOWN,
    Account,
    NotSetUp,
    OutcomeUnknown,
    ProxmoxError,
    Unauthorized,
    Unreachable,
    refusal,
)
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.retries import PATIENCE_SECONDS, retried

try:
    # proxmoxer ends the whole process where requests is missing, so that is asked first.
    import requests
    from proxmoxer import ProxmoxAPI
    from proxmoxer.core import AuthenticationError, ProxmoxResource, ResourceException
except ImportError:
    requests = None  # type: ignore[assignment]

PORT = 8006
# X509_V_ERR_* of OpenSSL (x509_vfy.h).
UNKNOWN_CA = (18, 19, 20, 21)
OTHER_NAME = (62, 64)
NO_SUCH_NAME = ("Name or service not known", "nodename nor servname", "No address associated")


@dataclass(frozen=True)
class Endpoint:
    """Where the API is, and who asks."""

    host: str
    account: Account
    secret: str = field(repr=False)
    """The token's secret; the user's password where the account is no token."""
    port: int = PORT
    verify: bool = True
    ca: str = ""
    """Path of a CA certificate; empty for those that the system trusts."""
    timeout: float = 30.0
    """Seconds that one request may take."""

    @property
    def url(self) -> str:
        """Address for messages."""
        host = f"[{self.host}]" if self.host.count(":") > 1 else self.host
        return f"https://{host}:{self.port}"


class Session:
    """Requests to one Proxmox cluster. Many threads may use it; each has its own connection."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        patience: float = PATIENCE_SECONDS,
        retrying: Callable[[ProxmoxError], None] | None = None,
    ) -> None:
        """Nothing is sent before the first request.

        patience: seconds for which an API that does not answer is asked again. retrying: told why, once a request.
        Raises NotSetUp where proxmoxer or requests is missing.
        """
        if requests is None:
            raise NotSetUp("the Python packages proxmoxer and requests are missing on the controller: pip install them")
        self.endpoint = endpoint
        self.patience = patience
        self.retrying = retrying
        self._own = threading.local()
        self._sign_in = threading.Lock()
        self._api: Any = None

    @property
    def account(self) -> Account:
        """Who asks."""
        return self.endpoint.account

    def get(self, path: str, /, **parameters: Any) -> Any:
        """What is at `path`, such as `nodes/pve-1/qemu`. Raises ProxmoxError; an API that does not answer is asked
        again for a while."""
        return self._repeated("GET", path, parameters)

    def put(self, path: str, /, **parameters: Any) -> Any:
        """Change what is at `path`. Setting the same twice is setting it once, so this is repeated as `get` is.

        Where a change means something else the second time, name `digest`: the second time ends with Conflict, then.
        """
        return self._repeated("PUT", path, parameters)

    def post(self, path: str, /, **parameters: Any) -> Any:
        """Make something. Repeated only where it never arrived; raises OutcomeUnknown where it may have."""
        return self._once("POST", path, parameters)

    def delete(self, path: str, /, **parameters: Any) -> Any:
        """Remove something. Repeated only where it never arrived; raises OutcomeUnknown where it may have."""
        return self._once("DELETE", path, parameters)

    def wait(
        self, upid: str, progress: Callable[[float], None] | None = None, *, timeout: float = tasks.TIMEOUT_SECONDS
    ) -> tasks.TaskEnd:
        """Wait until a task has ended. progress: called with the seconds so far, at most once a second.

        Raises TaskFailed with the task's last log lines.
        """
        return tasks.wait(self, upid, progress, timeout=timeout)

    @retried(Unreachable, OutcomeUnknown, statuses=(*UNKNOWN, *NEVER_SENT))
    def _repeated(self, method: str, path: str, parameters: Mapping[str, Any]) -> Any:
        return self._send(method, path, parameters)

    @retried(Unreachable, statuses=(NO_ANSWER, *NEVER_SENT))
    def _once(self, method: str, path: str, parameters: Mapping[str, Any]) -> Any:
        return self._send(method, path, parameters)

    def _send(self, method: str, path: str, parameters: Mapping[str, Any]) -> Any:
        request = f"{method} {path}"
        written = {name: as_sent(value) for name, value in parameters.items() if value is not None}
        try:
            return self._exchange(method, path, written, request)
        except Unauthorized:
            if self.account.token or getattr(self._own, "fresh", False):
                raise
        # A ticket ends after two hours, and with the keys of a node that was set up anew: the password does not.
        self._forget()
        return self._exchange(method, path, written, request)

    def _exchange(self, method: str, path: str, parameters: dict[str, Any], request: str) -> Any:
        resource = self._resource()(path.strip("/"))
        try:
            answer = getattr(resource, method.lower())(**parameters)
        except ResourceException as error:
            raise self._answered(error, method, request) from error
        except AuthenticationError as error:
            # A ticket is renewed after an hour, in the middle of any request.
            raise self._not_let_in(error) from error
        except requests.RequestException as error:
            raise self._unanswered(error, method, request) from error
        self._own.fresh = False
        return answer

    def _resource(self) -> Any:
        """The root of the API, over this thread's own connection."""
        with self._sign_in:
            if self._api is None:
                self._api = self._connected()
                self._own.fresh = True
            api = self._api
        if getattr(self._own, "api", None) is not api:
            # The ticket is shared, the connection is not: requests' sessions are not made for many threads.
            backend = api._backend
            self._own.api = api
            self._own.root = ProxmoxResource(
                base_url=backend.get_base_url(), session=backend.get_session(), serializer=backend.get_serializer()
            )
        return self._own.root

    def _forget(self) -> None:
        with self._sign_in:
            if getattr(self._own, "api", None) is self._api:
                self._api = None

    def _connected(self) -> Any:
        at, account = self.endpoint, self.endpoint.account
        secret = {"token_name": account.token, "token_value": at.secret} if account.token else {"password": at.secret}
        verify = (at.ca or True) if at.verify else False
        try:
            return ProxmoxAPI(at.host, port=at.port, user=account.user, verify_ssl=verify, timeout=at.timeout, **secret)
        except AuthenticationError as error:
            raise self._not_let_in(error) from error
        except requests.RequestException as error:
            raise self._unanswered(error, "GET", "POST access/ticket") from error
        except OSError as error:
            # requests says so where the file of the CA is not there.
            raise NotSetUp(f"the CA certificate {at.ca} cannot be used: {error}") from error

    def _not_let_in(self, error: Exception) -> ProxmoxError:
        # proxmoxer tells the status in its text alone.
        digits = str(error).rpartition("code: ")[2]
        status = int(digits) if digits.isdigit() else 401
        if status == 401:
            return refusal(401, "wrong user name or password", {}, request="", account=self.account)
        return Unreachable(f"{self.endpoint.url} could not check the password (status {status})", status=status)

    def _answered(self, error: Any, method: str, request: str) -> ProxmoxError:
        status = int(error.status_code)
        if status in NEVER_SENT:
            return Unreachable(f"{request}: {self.endpoint.url} does not reach the node ({status})", status=status)
        if status in UNKNOWN:
            message = f"{request}: the connection broke within Proxmox (status {status})"
            kind = Unreachable if method == "GET" else OutcomeUnknown
            return kind(message, status=status)
        errors = error.errors if isinstance(error.errors, dict) else {}
        # proxmoxer gives the body as an error of this name where it is not JSON.
        errors = {name: str(reason) for name, reason in errors.items() if not isinstance(reason, bytes)}
        return refusal(status, str(error.content or ""), errors, request=request, account=self.account)

    def _unanswered(self, error: Any, method: str, request: str) -> ProxmoxError:
        url = self.endpoint.url
        if found := next((one for one in _causes(error) if isinstance(one, ssl.SSLCertVerificationError)), None):
            return Unreachable(_distrust(found, self.endpoint), final=True)
        if isinstance(error, requests.ConnectTimeout) or _is(error, "NewConnectionError", "NameResolutionError"):
            final = any(name in str(error) for name in NO_SUCH_NAME)
            return Unreachable(f"{request}: {url} cannot be reached: {_reason(error)}", final=final)
        if isinstance(error, requests.Timeout):
            message = f"{request}: {url} did not answer within {self.endpoint.timeout:g} s (api_timeout)"
        elif isinstance(error, requests.ConnectionError):
            message = f"{request}: the connection to {url} broke: {_reason(error)}"
        elif isinstance(error, OSError) and "CA certificate" in str(error):
            return NotSetUp(str(error))
        else:
            message = f"{request}: {url}: {_reason(error)}"
        return Unreachable(message) if method == "GET" else OutcomeUnknown(message)


def as_sent(value: Any) -> Any:
    """A parameter as PVE reads it: booleans are 1 and 0, the values of a list are sent one by one."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, Mapping):
        raise TypeError("a parameter of the API is text, a number, a boolean or a list")
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [as_sent(one) for one in value]
    return value


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error and whatever it was made of: requests wraps urllib3's, which wraps that of the socket."""
    seen: list[BaseException] = []
    waiting: list[Any] = [error]
    while waiting:
        one = waiting.pop()
        if isinstance(one, BaseException) and one not in seen:
            seen.append(one)
            waiting += [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]
            yield one


def _is(error: BaseException, *names: str) -> bool:
    return any(one.__class__.__name__ in names for one in _causes(error))


def _reason(error: BaseException) -> str:
    """The innermost reason, in the system's words."""
    told = [
        one for one in _causes(error) if isinstance(one, OSError) and not isinstance(one, requests.RequestException)
    ]
    return str(told[-1].strerror or told[-1]) if told else str(error)


def _distrust(error: ssl.SSLCertVerificationError, at: Endpoint) -> str:
    if error.verify_code in UNKNOWN_CA:
        way_out = "name the CA's certificate (api_ca): on a node it is /etc/pve/pve-root-ca.pem"
        if at.ca:
            way_out = f"the certificate is not of the CA in {at.ca} (api_ca); a node's own is /etc/pve/pve-root-ca.pem"
        return f"{at.url} shows a certificate of an unknown CA ({error.verify_message}): {way_out}"
    if error.verify_code in OTHER_NAME:
        return (
            f"{at.url} shows a certificate for another name ({error.verify_message}): connect by a name that it has "
            "(api_host), or make one for this name: pvenode cert set, or pvecm updatecerts -f for the node's own names"
        )
    return (
        f"{at.url} shows a certificate that is not valid: {error.verify_message}; make a new one: pvecm updatecerts -f"
    )
