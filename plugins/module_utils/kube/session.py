"""A pooled connection to one API server.

The kubernetes package reads the kubeconfig and signs in; requests go straight over its connection pool as JSON,
since turning every object into the client's classes and back costs more than the API server's own work.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.kube.errors import ApiError, KubeError
from ansible_collections.autolabs.platform.plugins.module_utils.kube.resources import (
    KINDS,
    Manifest,
    collection_path,
    object_path,
    selector,
)
from ansible_collections.autolabs.platform.plugins.module_utils.kube.retries import retried

try:
    import urllib3
    import yaml
    from kubernetes import client, config

    MISSING: str | None = None
except ImportError as error:
    MISSING = str(error)

FIELD_MANAGER = "autolabs"
CONNECTIONS = 32
PAGE = "500"
TRANSIENT = (0, 429, 500, 502, 503, 504)
CONFLICT = 409
APPLY = "application/apply-patch+yaml"


class Session:
    """Requests as one user of one cluster. Safe for use by many threads."""

    def __init__(self, kubeconfig: str | None = None, context: str | None = None) -> None:
        """Sign in by `kubeconfig` (a path; by default as kubectl finds it, or the Pod's own account).

        Raises KubeError when the library is missing or no cluster can be found.
        """
        if MISSING:
            raise KubeError(f"the Python package kubernetes is needed on the controller: {MISSING}")
        settings = client.Configuration()
        try:
            config.load_config(config_file=kubeconfig, context=context, client_configuration=settings)
        except (config.ConfigException, yaml.YAMLError, OSError, TypeError, ValueError) as error:
            # The last two are what the library raises for a file of another shape or encoding.
            raise KubeError(
                f"no cluster to talk to: {' '.join(str(error).split())}; give kubeconfig or set KUBECONFIG"
            ) from error
        settings.connection_pool_maxsize = CONNECTIONS
        settings.retries = False
        self._settings = settings
        self._pool = client.ApiClient(settings).rest_client.pool_manager

    @retried(*TRANSIENT)
    def request(self, method: str, path: str, body: Any = None, content_type: str = "application/json") -> Any:
        """Send one request and return the decoded answer. Raises ApiError; retries what is transient.

        Every request that this engine makes may be repeated: an apply means the same when sent twice, and a delete
        names the object by its uid.
        """
        answer = self._send(method, path, body, content_type, timeout=30.0)
        try:
            return json.loads(answer.data)
        except ValueError as error:
            raise ApiError(answer.status, f"{self._settings.host} does not answer as an API server does") from error

    # A quota answers so when it counts several objects at once; an apply by force has no other conflict.
    @retried(CONFLICT)
    def apply(self, manifest: Manifest, *, dry_run: bool = False) -> Manifest:
        """Server-side apply one object as field manager `autolabs`, and return it as the server keeps it."""
        query = {"fieldManager": FIELD_MANAGER, "force": "true"} | ({"dryRun": "All"} if dry_run else {})
        answer: Manifest = self.request("PATCH", object_path(manifest, **query), manifest, APPLY)
        return answer

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
        found: list[Manifest] = []
        query = {"labelSelector": selector(labels), "limit": PAGE}
        while True:
            page = self.request("GET", collection_path(kind, namespace, **query))
            # Items of a list carry no kind of their own.
            found += [{"apiVersion": KINDS[kind].api_version, "kind": kind, **item} for item in page["items"]]
            following = page["metadata"].get("continue")
            if not following:
                return found, page["metadata"]["resourceVersion"]
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
                    yield event
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise ApiError(0, f"watching {kind}: {error}") from error
        finally:
            answer.close()

    def _send(
        self, method: str, path: str, body: Any, content_type: str, *, timeout: float, stream: bool = False
    ) -> Any:
        headers = {"Accept": "application/json", "Content-Type": content_type}
        for scheme in self._settings.auth_settings().values():
            headers[scheme["key"]] = scheme["value"]
        try:
            answer = self._pool.request(
                method,
                self._settings.host + path,
                body=None if body is None else json.dumps(body, separators=(",", ":")).encode(),
                headers=headers,
                timeout=urllib3.Timeout(connect=5.0, read=timeout),
                retries=False,
                preload_content=not stream,
            )
        except urllib3.exceptions.HTTPError as error:
            raise ApiError(0, f"the API server {self._settings.host} does not answer: {error}") from error
        if answer.status >= 400:
            raise ApiError.from_answer(
                answer.status, answer.data, answer.headers.get("Retry-After"), f"{method} {path.split('?')[0]}"
            )
        return answer
