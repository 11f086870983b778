"""A Kubernetes API server in memory, on loopback: apply, delete, lists with pages, and watches."""

from __future__ import annotations

import copy
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import yaml

Object = dict[str, Any]

IRREGULAR = {"NetworkPolicy": "networkpolicies", "StorageClass": "storageclasses"}
PLURALS = {
    *IRREGULAR.values(),
    *("configmaps", "events", "limitranges", "nodes", "persistentvolumeclaims", "persistentvolumes", "pods"),
    *("resourcequotas", "secrets", "services"),
}


class ApiServer:
    """Holds objects by path. A test changes them, hears of requests, and decides what is refused."""

    def __init__(self) -> None:
        self.objects: dict[str, Object] = {}
        self.requests: list[str] = []
        """Method and path; a dry run ends in ` (dry run)`."""
        self.refusals: dict[str, list[tuple[int, str, dict[str, str]]]] = {}
        """Method and the end of a path to answers (status, message, headers), taken one by one."""
        self.kubelet: Callable[[Object], Object | None] = lambda pod: None
        """The status that a new Pod gets at once."""
        self.logs: dict[str, str] = {}
        """What a Pod's program wrote, by the Pod's name."""
        self.ahead = 0.0
        """Seconds by which its clock is ahead of ours."""
        self.deletes_at_once = True
        """Otherwise a deleted Pod is ending until the test removes it."""
        self._events: list[tuple[int, Object]] = []
        self._oldest = 0
        self._version = 100
        self._broken = 0
        self._changed = threading.Condition()
        self._closed = False

    def put(self, manifest: Object, status: Object | None = None) -> None:
        """Create or change an object, as anybody may."""
        with self._changed:
            path = self.path_of(manifest)
            known = self.objects.get(path)
            kept = copy.deepcopy(manifest)
            kept["metadata"]["uid"] = known["metadata"]["uid"] if known else f"uid-{self._version}"
            if known and "status" in known:
                kept["status"] = known["status"]
            if status is not None:
                kept["status"] = status
            self.objects[path] = kept
            self._tell("MODIFIED" if known else "ADDED", kept)

    def remove(self, kind: str, name: str) -> None:
        """Let an object be gone."""
        with self._changed:
            path = next(path for path in self.objects if path.endswith(f"/{_plural(kind)}/{name}"))
            self._tell("DELETED", self.objects.pop(path))

    def report(self, pod: str, status: Object) -> None:
        """Give a Pod a status, as its kubelet does."""
        self.put(next(entry for path, entry in self.objects.items() if path.endswith(f"/pods/{pod}")), status)

    def has(self, kind: str, name: str) -> bool:
        """Whether there is such an object."""
        return any(path.endswith(f"/{_plural(kind)}/{name}") for path in self.objects)

    def wait_for(self, reached: Callable[[], bool]) -> None:
        """Until a request or change of an object has made it so; fails after ten seconds."""
        with self._changed:
            assert self._changed.wait_for(reached, timeout=10), self.requests

    def break_watches(self, *, forget: bool = False) -> None:
        """Cut every watch off within a line; `forget` the past, so that old versions are answered with 410."""
        with self._changed:
            self._broken += 1
            if forget:
                self._version += 1
                self._oldest = self._version
            self._changed.notify_all()

    def path_of(self, manifest: Object) -> str:
        """Where an object lives."""
        group = manifest["apiVersion"]
        metadata = manifest["metadata"]
        api = "/api" if group == "v1" else "/apis"
        where = f"/namespaces/{metadata['namespace']}" if "namespace" in metadata else ""
        return f"{api}/{group}{where}/{_plural(manifest['kind'])}/{metadata['name']}"

    def close(self) -> None:
        """End all watches."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _tell(self, change: str, manifest: Object) -> None:
        self._version += 1
        manifest["metadata"]["resourceVersion"] = str(self._version)
        self._events.append((self._version, {"type": change, "object": copy.deepcopy(manifest)}))
        self._changed.notify_all()

    def answer(
        self, method: str, path: str, query: dict[str, str], body: bytes, media: str = ""
    ) -> tuple[int, Object | str, dict[str, str]]:
        """What a request is answered with: status, body and headers."""
        with self._changed:
            self.requests.append(f"{method} {path}" + (" (dry run)" if "dryRun" in query else ""))
            self._changed.notify_all()
            for pattern, answers in self.refusals.items():
                wanted, _space, end = pattern.partition(" ")
                if method == wanted and path.endswith(end) and answers:
                    status, message, headers = answers.pop(0)
                    return status, {"kind": "Status", "code": status, "message": message}, headers
            if method == "POST":
                return self._create(path, json.loads(body))
            if method == "PATCH" and media == "application/merge-patch+json":
                return self._merge(path, json.loads(body))
            if method == "PATCH":
                return 200, self._apply(path, json.loads(body), dry_run="dryRun" in query), {}
            if method == "DELETE":
                return self._delete(path)
            if path in self.objects:
                return 200, copy.deepcopy(self.objects[path]), {}
            if path.endswith("/log") and path.split("/")[-2] in self.logs:
                return 200, self.logs[path.split("/")[-2]], {}
            if path.rsplit("/", 1)[1] not in PLURALS:
                return _status(404, "not found")
            return 200, self._page(path, query), {}

    def _create(self, path: str, manifest: Object) -> tuple[int, Object, dict[str, str]]:
        place = f"{path}/{manifest['metadata']['name']}"
        if place in self.objects:
            return _status(409, "already exists")
        self.put(manifest)
        return 201, copy.deepcopy(self.objects[place]), {}

    def _merge(self, path: str, patch: Object) -> tuple[int, Object, dict[str, str]]:
        """Merge the metadata and data of a ConfigMap, in the version that the patch names."""
        if path not in self.objects:
            return _status(404, "not found")
        found = copy.deepcopy(self.objects[path])
        if (
            patch["metadata"].get("resourceVersion", found["metadata"]["resourceVersion"])
            != found["metadata"]["resourceVersion"]
        ):
            return _status(409, "the object has been modified")
        merged = {**found.get("data", {}), **patch.get("data", {})}
        self.put({**found, "data": {key: value for key, value in merged.items() if value is not None}})
        return 200, copy.deepcopy(self.objects[path]), {}

    def _apply(self, path: str, manifest: Object, *, dry_run: bool) -> Object:
        if dry_run:
            return manifest
        new = path not in self.objects
        self.put(manifest)
        answer = copy.deepcopy(self.objects[path])
        status = self.kubelet(manifest) if new and manifest["kind"] == "Pod" else None
        if status:
            self.put(manifest, status)
        return answer

    def _delete(self, path: str) -> tuple[int, Object, dict[str, str]]:
        if path not in self.objects:
            return 404, {"kind": "Status", "code": 404, "message": "not found"}, {}
        found = self.objects[path]
        if found["kind"] == "Pod" and not self.deletes_at_once:
            found["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
            self._tell("MODIFIED", found)
        else:
            self._tell("DELETED", self.objects.pop(path))
        return 200, found, {}

    def _page(self, path: str, query: dict[str, str]) -> Object:
        labels = [entry.split("=") for entry in query.get("labelSelector", "").split(",") if entry]
        found = [
            {key: value for key, value in entry.items() if key not in ("kind", "apiVersion")}
            for place, entry in sorted(self.objects.items())
            if _is_below(place, path)
            and all(entry["metadata"].get("labels", {}).get(name) == value for name, value in labels)
            and _has_fields(entry, query.get("fieldSelector", ""))
        ]
        start, limit = int(query.get("continue", 0)), int(query["limit"])
        metadata = {"resourceVersion": str(self._version)}
        if start + limit < len(found):
            metadata["continue"] = str(start + limit)
        return {"items": copy.deepcopy(found[start : start + limit]), "metadata": metadata}

    def watch(self, path: str, version: int) -> Iterator[Object | None]:
        """Events of the objects below `path` since `version`; None to cut the connection."""
        kind = {"pods": "Pod"}[path.rsplit("/", 1)[1]]
        broken = self._broken
        if version < self._oldest:
            yield {"type": "ERROR", "object": {"kind": "Status", "code": 410, "message": "too old resource version"}}
            return
        while True:
            with self._changed:
                while not (self._closed or self._broken > broken or self._since(version)):
                    self._changed.wait()
                if self._closed:
                    return
                if self._broken > broken:
                    yield None
                    return
                events = self._since(version)
            for at, event in events:
                version = at
                if event["object"]["kind"] == kind:
                    yield event

    def _since(self, version: int) -> list[tuple[int, Object]]:
        return [(at, event) for at, event in self._events if at > version]


def _plural(kind: str) -> str:
    return IRREGULAR.get(kind, f"{kind.lower()}s")


def _is_below(place: str, path: str) -> bool:
    """Whether a list of `path` has the object at `place`; a list of all namespaces has those of each."""
    api, _slash, plural = path.rpartition("/")
    return place.startswith(f"{path}/") or (place.startswith(f"{api}/namespaces/") and f"/{plural}/" in place)


def _has_fields(entry: Object, selector: str) -> bool:
    """Whether an object has all fields of a selector such as `involvedObject.name=a,involvedObject.kind=Pod`."""
    for path, wanted in (part.split("=") for part in selector.split(",") if part):
        found: Any = entry
        for name in path.split("."):
            found = (found or {}).get(name)
        if found != wanted:
            return False
    return True


def _status(code: int, message: str) -> tuple[int, Object, dict[str, str]]:
    return code, {"kind": "Status", "code": code, "message": message}, {}


def _handler(server: ApiServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def _serve(self) -> None:
            url = urlsplit(self.path)
            query = dict(parse_qsl(url.query))
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if "watch" in query:
                self._stream(server.watch(url.path, int(query["resourceVersion"])))
                return
            status, answer, headers = server.answer(
                self.command, url.path, query, body, self.headers.get("Content-Type") or ""
            )
            content = (answer if isinstance(answer, str) else json.dumps(answer)).encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_PATCH = do_POST = do_DELETE = _serve  # noqa: N815

        def date_time_string(self, timestamp: float | None = None) -> str:
            return super().date_time_string(time.time() + server.ahead)

        def _stream(self, events: Iterator[Object | None]) -> None:
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.close_connection = True
            for event in events:
                if event is None:
                    self.wfile.write(b'7\r\n{"type"')
                    return
                line = json.dumps(event).encode() + b"\n"
                # A line comes in pieces, as it may from a real server.
                for piece in (line[:10], line[10:]):
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.write(b"0\r\n\r\n")

        def log_message(self, format: str, *args: Any) -> None:
            """Keep quiet."""

    return Handler


@contextmanager
def serving(folder: Path, *, certificate: Path | None = None, trusted: bool = True) -> Iterator[tuple[ApiServer, str]]:
    """Run a server; gives it, and the path of a kubeconfig for it below `folder`.

    certificate: a file with certificate and key, to serve over TLS; `trusted` by the kubeconfig, or not.
    """
    api = ApiServer()
    listener = ThreadingHTTPServer(("127.0.0.1", 0), _handler(api))
    listener.daemon_threads, listener.block_on_close = True, False
    kubeconfig = folder / "kubeconfig"
    cluster = {"server": f"{'https' if certificate else 'http'}://127.0.0.1:{listener.server_port}"}
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        listener.socket = context.wrap_socket(listener.socket, server_side=True)
        cluster |= {"certificate-authority": str(certificate)} if trusted else {}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "clusters": [{"name": "test", "cluster": cluster}],
        "users": [{"name": "test", "user": {}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
    }
    threading.Thread(target=listener.serve_forever, args=(0.02,), daemon=True).start()
    kubeconfig.write_text(yaml.safe_dump(config), encoding="utf-8")
    try:
        yield api, str(kubeconfig)
    finally:
        api.close()
        listener.shutdown()
        listener.server_close()
