"""The API over HTTPS: envelope, errors and connections as pveproxy has them (pve-http-server)."""

from __future__ import annotations

import json
import re
import socket
import sys
import threading
from collections.abc import Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from .engine import Engine
from .errors import ApiError
from .faults import Fault
from .hypervisor import Hypervisor
from .tls import server_context

API = re.compile(r"/api2/(json|extjs)(/.*)")


class StandIn:
    """A Proxmox VE API at `url`, whose state is kept in `folder`; `ca` is the certificate that vouches for it."""

    def __init__(
        self,
        folder: Path,
        hypervisor: Hypervisor,
        *,
        nodes: Sequence[str] = ("pve-1",),
        seconds: Mapping[str, float] = {},
        password: str,
        address: str = "127.0.0.1",
        port: int = 0,
        sock: socket.socket | None = None,
    ) -> None:
        """`seconds`: how long tasks of a kind last; `sock`: a bound socket to serve on, of another namespace say."""
        self.engine = Engine(folder, hypervisor, nodes, seconds, password)
        self.address, self.password = address, password
        context, self.ca = server_context(folder, address, [*self.engine.nodes, "localhost"])
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._server = _Server((address, port), self.engine, context, family, sock)
        self.port = int(self._server.server_address[1])
        host = f"[{address}]" if ":" in address else address
        self.url = f"https://{host}:{self.port}"
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Serve, in a thread."""
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop serving, at once; tasks that run are cut off."""
        if self._thread:
            self._server.shutdown()
            self._thread.join()
            self._thread = None
        self._server.server_close()
        self._server.disconnect()
        self.engine.close()

    def __enter__(self) -> StandIn:
        self.start()
        return self

    def __exit__(self, *of_exception: object) -> None:
        self.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    allow_reuse_address = True
    handshake_seconds = 60.0

    def __init__(
        self, at: tuple[str, int], engine: Engine, context: Any, family: int, sock: socket.socket | None
    ) -> None:
        self.address_family = socket.AddressFamily(family)
        self.engine, self.context = engine, context
        self.asked: list[dict[str, Any]] = []
        self._connections: set[socket.socket] = set()
        super().__init__(at, _Handler, bind_and_activate=sock is None)
        if sock is not None:
            self.socket.close()
            self.socket = sock
            self.server_address = sock.getsockname()
            sock.listen(self.request_queue_size)

    def server_bind(self) -> None:
        # Not the base class's, which asks DNS for our own name.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def finish_request(self, request: Any, client_address: Any) -> None:
        if self.engine.faults.down():
            return
        request.settimeout(self.handshake_seconds)
        try:
            # In the connection's own thread: a client that does not speak holds nobody up.
            secured = self.context.wrap_socket(request, server_side=True)
        except OSError:
            return
        # From here on only faults and `disconnect` end a connection: one that we ended for its silence could end under
        # the next request of a client that is slow, whose answer would be an SSLError.
        secured.settimeout(None)
        self._connections.add(secured)
        try:
            super().finish_request(secured, client_address)
        except OSError:
            pass
        finally:
            self._connections.discard(secured)
            secured.close()

    def disconnect(self) -> None:
        """End the connections that are open."""
        for connection in list(self._connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no news; a connection that we dropped for another reason is told on stderr."""
        if not isinstance(sys.exc_info()[1], OSError | ValueError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "pve-api-daemon/3.0", ""
    # Head and body in one packet: a client's delayed acknowledgement costs 40 ms otherwise.
    wbufsize, disable_nagle_algorithm = -1, True
    server: _Server

    def log_message(self, *args: Any) -> None:
        """Silent; GET /testbed/requests tells."""

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.server.engine.faults.down():
            self.close_connection = True
            return
        if parts.path.startswith("/testbed/"):
            self._testbed(parts.path, body)
            return
        found = API.fullmatch(parts.path)
        if not found:
            self._send(404, "Not Found", {"data": None})
            return
        path = found[2].rstrip("/") or "/"
        try:
            sent = _parameters(parts.query, body, self.headers.get("Content-Type", ""))
            faults = self.server.engine.faults
            self.server.asked.append({"method": self.command, "path": path, "parameters": _hidden(sent)})
            if fault := faults.of_request(self.command, path, after=False):
                self._misbehave(fault)
                return
            # Names of headers have no case: Go's clients write Csrfpreventiontoken.
            headers = {name.lower(): value for name, value in self.headers.items()}
            data = self.server.engine.answer(self.command, path, sent, headers)
            if fault := faults.of_request(self.command, path, after=True):
                self._misbehave(fault)
                return
            self._send(200, "OK", {"data": data})
        except ApiError as refused:
            self._refuse(refused)
        except Exception as problem:
            self._refuse(ApiError(f"internal error of the stand-in: {problem!r}"))

    do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815

    def _refuse(self, refused: ApiError) -> None:
        document: dict[str, Any] = {"data": None}
        if refused.status in (400, 403, 500):
            document["message"] = refused.text + "\n"
        if refused.errors:
            document["errors"] = refused.errors
        self._send(refused.status, refused.text, document)

    def _misbehave(self, fault: Fault) -> None:
        if fault.kind == "answer":
            self._send(fault.status, fault.text, {"data": None})
        else:
            self.close_connection = True

    def _testbed(self, path: str, body: bytes) -> None:
        server = self.server
        if path == "/testbed/faults" and self.command == "POST":
            try:
                rules = json.loads(body)
                server.engine.faults.add(rules)
                if "restart" in [rule["kind"] for rule in (rules if isinstance(rules, list) else [rules])]:
                    server.engine.tasks.cut()
            except (ValueError, TypeError) as wrong:
                self._send(400, "Bad Request", {"message": str(wrong)})
                return
        elif path == "/testbed/faults" and self.command == "DELETE":
            server.engine.faults.clear()
        elif path == "/testbed/requests" and self.command == "GET":
            self._send(200, "OK", {"data": list(server.asked)})
            return
        elif path == "/testbed/requests" and self.command == "DELETE":
            server.asked.clear()
        elif path == "/testbed/alive":
            self._send(200, "OK", {"data": server.engine.nodes})
            return
        else:
            self._send(404, "Not Found", {})
            return
        self._send(200, "OK", {"data": None})

    def _send(self, status: int, reason: str, document: Mapping[str, Any]) -> None:
        body = json.dumps(document).encode()
        self.send_response(status, re.sub(r"\s+", " ", reason).strip().encode("ascii", "replace").decode())
        self.send_header("Content-Type", "application/json;charset=UTF-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "max-age=0")
        self.end_headers()
        self.wfile.write(body)


def _parameters(query: str, body: bytes, kind: str) -> dict[str, Any]:
    """All parameters as they were sent: a form, JSON, multipart fields, or the query."""
    found: dict[str, Any] = {}
    pairs = parse_qsl(query, keep_blank_values=True)
    if body and kind.startswith("application/json"):
        try:
            document = json.loads(body)
        except ValueError:
            raise ApiError("Unable to parse JSON body", 400) from None
        found.update({name: _plain(value) for name, value in document.items() if value is not None})
    elif body and kind.startswith("multipart/"):
        raise ApiError("uploads are not part of the stand-in", 501)
    elif body:
        pairs += parse_qsl(body.decode(), keep_blank_values=True)
    for name, value in pairs:
        if name in found:
            found[name] = [*(found[name] if isinstance(found[name], list) else [found[name]]), value]
        else:
            found[name] = value
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, bool):
        return str(int(value))
    return [_plain(entry) for entry in value] if isinstance(value, list) else str(value)


def _hidden(sent: Mapping[str, Any]) -> dict[str, Any]:
    return {name: "********" if "password" in name else value for name, value in sent.items()}
