"""A static file server that stands alone: `python fileserver.py ADDRESS PORT FOLDER`."""

from __future__ import annotations

import socketserver
import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer


class Handler(SimpleHTTPRequestHandler):
    """GET and HEAD of files; without a log line for each."""

    protocol_version = "HTTP/1.1"
    timeout = 60

    def log_request(self, *_: object) -> None:
        """Errors are logged, answers are not."""


class Server(ThreadingHTTPServer):
    """As many requests at once as come."""

    request_queue_size = 128

    def server_bind(self) -> None:
        """Without the base class's look-up of this host's name, which takes long where no DNS answers."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]


if __name__ == "__main__":
    address, port, folder = sys.argv[1:]
    Server((address, int(port)), partial(Handler, directory=folder)).serve_forever()
