"""A pooled connection to one API server.

Requests go straight over urllib3's connections as JSON: turning every object into the classes of the kubernetes package
and back costs more than the API server's own work.
"""

from __future__ import annotations

import json
import ssl
import time
import warnings
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode, urlsplit

from ansible_collections.autolabs.platform.plugins.module_utils.kube.account import sign_in
from ansible_collections.autolabs.platform.plugins.module_utils.kube.clock import ServerClock, moment
from ansible_collections.autolabs.platform.plugins.module_utils.kube.errors import ApiError
from ansible_collections.autolabs.platform.plugins.module_utils.kube.resources import (
    KINDS,
    Manifest,
    collection_path,
    object_path,
    selector,
)
from ansible_collections.autolabs.platform.plugins.module_utils.kube.retries import retried, seconds_left

try:
    import urllib3
except ImportError:
    # Who signs in is told so, and nobody gets further.
    urllib3 = None  # type: ignore[assignment]

Page = tuple[list[Manifest], str]
"""Objects, and the resource version of the list that they are from."""

FIELD_MANAGER = "autolabs"
PAGE = "500"
TRANSIENT = (0, 429, 500, 502, 503, 504)
CONFLICT = 409
NOT_FOUND = 404
UNAUTHORIZED = 401
APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
READ_SECONDS = 30.0
VALIDITY = {9: "is not valid yet", 10: "has expired"}
"""What OpenSSL's verify codes 9 and 10 say of a certificate (x509_vfy.h)."""


class Session:
    """Requests as one user of one cluster. Safe for use by many threads."""

    def __init__(self, kubeconfig: str | None = None, context: str | None = None) -> None:
        """Sign in by `kubeconfig` (a path; by default as kubectl finds it, or the Pod's own account).

        Raises KubeError when the library is missing or no cluster can be found.
        """
        self._account = sign_in(kubeconfig, context)
        self.deadline: float | None = None
        """When the run has to be over (monotonic clock): from then on nothing is tried again."""
        self._clock = ServerClock()
        # What stands before every path, where the server is behind a gateway.
        self._prefix = urlsplit(self._account.host).path.rstrip("/")

    def server_time(self) -> float:
        """Seconds since 1970 by the server's clock, to a second; by ours, as long as it has not answered."""
        return self._clock.now()

    @property
    def clock_offset(self) -> float:
        """Seconds by which the server's clock is ahead of ours; 0 where it is not known."""
        return self._clock.offset

    @retried(*TRANSIENT)
    def request(self, method: str, path: str, body: Any = None, content_type: str = "application/json") -> Any:
        """Send one request and return the decoded answer. Raises ApiError; retries what is transient.

        Every request that this engine makes may be repeated: an apply means the same when sent twice, and a delete
        names the object by its uid.
        """
        answer = self._send(method, path, body, content_type, timeout=self._patience())
        try:
            return json.loads(answer.data)
        except ValueError as error:
            raise ApiError(answer.status, f"{self._account.host} does not answer as an API server does") from error

    # A quota answers so when it counts several objects at once; an apply by force has no other conflict.
    @retried(CONFLICT)
    def apply(self, manifest: Manifest, *, dry_run: bool = False) -> Manifest:
        """Server-side apply one object as field manager `autolabs`, and return it as the server keeps it."""
        query = {"fieldManager": FIELD_MANAGER, "force": "true"} | ({"dryRun": "All"} if dry_run else {})
        answer: Manifest = self.request("PATCH", object_path(manifest, **query), manifest, APPLY)
        return _slim(answer)

    def get(self, kind: str, namespace: str | None, name: str) -> Manifest | None:
        """One object, or None where there is none. Raises ApiError."""
        try:
            answer: Manifest = self.request("GET", f"{collection_path(kind, namespace)}/{name}")
        except ApiError as error:
            if error.status == NOT_FOUND:
                return None
            raise
        return _slim(answer)

    def create(self, manifest: Manifest) -> Manifest:
        """Create one object. Raises ApiError, with status 409 where it is there already."""
        namespace = manifest["metadata"].get("namespace")
        query = {"fieldManager": FIELD_MANAGER}
        answer: Manifest = self.request("POST", collection_path(manifest["kind"], namespace, **query), manifest)
        return _slim(answer)

    def merge(self, manifest: Manifest) -> Manifest:
        """Change the fields given, and remove those that are None (RFC 7386), in the object as it is.

        With `metadata.resourceVersion`, only where nobody changed it since: else ApiError with status 409.
        """
        answer: Manifest = self.request("PATCH", object_path(manifest, fieldManager=FIELD_MANAGER), manifest, MERGE)
        return _slim(answer)

    @retried(*TRANSIENT)
    def log(self, pod: Manifest, container: str, *, previous: bool, lines: int) -> str:
        """The last lines that a container of a Pod wrote; those of the one before, if `previous`. Raises ApiError."""
        query = {"container": container, "previous": str(previous).lower(), "tailLines": str(lines)}
        path = f"{object_path(pod)}/log?{urlencode(query)}"
        answer = self._send("GET", path, None, "application/json", timeout=self._patience())
        return str(answer.data.decode(errors="replace"))

    def delete(self, manifest: Manifest) -> bool:
        """Delete one object, and no other that came to have its name; False when it was gone already."""
        uid = manifest["metadata"].get("uid")
        options = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": uid}} if uid else None
        try:
            self.request("DELETE", object_path(manifest), options)
        except ApiError as error:
            if error.status in (404, CONFLICT):
                return False
            raise
        return True

    def list(self, kind: str, namespace: str | None, labels: dict[str, str]) -> tuple[list[Manifest], str]:
        """All objects of a kind with these labels, and the resource version to watch from."""
        pages = list(self.pages(kind, namespace, labels))
        return [manifest for items, _version in pages for manifest in items], pages[-1][1]

    def pages(self, kind: str, namespace: str | None, labels: dict[str, str] | None = None) -> Iterator[Page]:
        """The same page by page, so that a caller who needs sums alone never holds them all. Raises ApiError.

        All pages show the same moment, that of the first.
        """
        query = {"limit": PAGE} | ({"labelSelector": selector(labels)} if labels else {})
        while True:
            page = self.request("GET", collection_path(kind, namespace, **query))
            # Items of a list carry no kind of their own.
            named = {"apiVersion": KINDS[kind].api_version, "kind": kind}
            yield [named | _slim(item) for item in page["items"]], page["metadata"]["resourceVersion"]
            following = page["metadata"].get("continue")
            if not following:
                return
            query["continue"] = following

    def watch(self, kind: str, namespace: str, labels: dict[str, str], version: str, seconds: int) -> Iterator[Any]:
        """Events (`type`, `object`) of one watch, which the server ends after `seconds`.

        Raises ApiError with status 410 when `version` is too old, and with status 0 when the connection breaks.
        """
        query = {"labelSelector": selector(labels), "watch": "1", "allowWatchBookmarks": "true"}
        query |= {"resourceVersion": version, "timeoutSeconds": str(seconds)}
        path = collection_path(kind, namespace, **query)
        answer = self._send("GET", path, None, "application/json", timeout=seconds + 10.0, stream=True)
        rest = b""
        try:
            for chunk in answer.stream(amt=None):
                *lines, rest = (rest + chunk).split(b"\n")
                for event in map(json.loads, lines):
                    if event["type"] == "ERROR":
                        status = event["object"]
                        raise ApiError(status.get("code", 0), status.get("message", "the watch ended"))
                    _slim(event["object"])
                    yield event
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise ApiError(0, f"watching {kind}: {error}") from error
        finally:
            answer.close()

    def _send(
        self, method: str, path: str, body: Any, content_type: str, *, timeout: float, stream: bool = False
    ) -> Any:
        headers = {"Accept": "application/json", "Content-Type": content_type, **self._account.headers()}
        try:
            answer = self._account.pool.request(
                method,
                self._prefix + path,
                body=None if body is None else json.dumps(body, separators=(",", ":")).encode(),
                headers=headers,
                timeout=urllib3.Timeout(connect=5.0, read=timeout),
                retries=False,
                preload_content=not stream,
            )
            # Of a watch, what was refused is read only here, and may break off as well.
            said = answer.data if answer.status >= 400 else b""
        except urllib3.exceptions.SSLError as error:
            raise self._untrusted(error) from error
        except urllib3.exceptions.HTTPError as error:
            raise ApiError(0, f"the API server {self._account.host} does not answer: {error}") from error
        self._clock.hear(answer.headers.get("Date"))
        if answer.status >= 400:
            refusal = ApiError.from_answer(
                answer.status, said, answer.headers.get("Retry-After"), f"{method} {path.split('?')[0]}"
            )
            raise self._unknown_user(refusal) if refusal.status == UNAUTHORIZED else refusal
        return answer

    def _patience(self) -> float:
        """Seconds to wait for an answer: near the deadline less, but never so little that a healthy server fails."""
        return max(1.0, min(READ_SECONDS, seconds_left(self.deadline)))

    def _unknown_user(self, error: ApiError) -> ApiError:
        host, difference = self._account.host, self._clock.difference()
        text = f"the API server {host} does not know who we are: the token or certificate of the kubeconfig is wrong"
        text += f", has expired or is not valid yet ({error})"
        return ApiError(UNAUTHORIZED, f"{text}; {difference}" if difference else text, reason=error.reason, final=True)

    def _untrusted(self, error: Exception) -> ApiError:
        """Why TLS failed. A certificate does not get better by asking again, a broken handshake may."""
        host, cause = self._account.host, _certificate_error(error)
        if cause is None:
            return ApiError(0, f"the API server {host} does not answer: {error}")
        validity = VALIDITY.get(cause.verify_code)
        if validity is None:
            return ApiError(0, f"the API server {host} cannot be trusted: {cause.verify_message}", final=True)
        text = f"the certificate of the API server {host} {validity}, by the clock of this controller, which says "
        text += f"{moment(time.time())}; renew the certificate (kubeadm certs renew) or set the clock right"
        self._ask_for_time()
        difference = self._clock.difference()
        return ApiError(0, f"{text}; {difference}" if difference else text, final=True)

    def _ask_for_time(self) -> None:
        """Hear the clock of a server whose certificate does not hold: only for the message, and telling it nothing."""
        try:
            with (
                urllib3.PoolManager(cert_reqs="CERT_NONE", retries=False, timeout=3.0) as pool,
                warnings.catch_warnings(),
            ):
                warnings.simplefilter("ignore", urllib3.exceptions.InsecureRequestWarning)
                self._clock.hear(pool.request("GET", self._account.host + "/version").headers.get("Date"))
        except urllib3.exceptions.HTTPError:
            return


def _certificate_error(error: BaseException | None) -> ssl.SSLCertVerificationError | None:
    """What OpenSSL said of a certificate, which urllib3 wraps."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return error
        inner = error.args[0] if error.args and isinstance(error.args[0], BaseException) else None
        error = inner or error.__cause__ or error.__context__
    return None


def _slim(manifest: Manifest) -> Manifest:
    """Without the record of who set which field, which nobody here reads and which is half of a small object."""
    manifest["metadata"].pop("managedFields", None)
    return manifest
