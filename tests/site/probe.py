"""One small program for both ends of a packet, in pods and on machines. It stands alone.

probe.py listen ADDRESS CONTROL PORT ...   answers on each port, by TCP and UDP, until it is ended. A connection to the
                                           port CONTROL that brings targets gets what became of them; 0 for none
probe.py ask                               reads targets and prints what became of them, in their order
probe.py relay                             reads a map of listeners (ADDRESS:CONTROL) to targets; asks each, all at once

Targets are a list of [ADDRESS, PORT, "TCP" or "UDP"]. What became of one: `open`; `refused`, so that a machine was
reached where nothing listens; `silent`; or the name of another error. Everything is JSON, in one line.
"""

import concurrent.futures
import errno
import json
import selectors
import socket
import socketserver
import sys
import threading
import time

PATIENCE = 4
AGAIN = 1
# Asks for the address of kubernetes.default.svc.cluster.local, so that cluster DNS answers as well.
NAME = b"".join(bytes([len(part)]) + part for part in b"kubernetes.default.svc.cluster.local".split(b"."))
QUESTION = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00" + NAME + b"\x00\x00\x01\x00\x01"


def ask(targets):
    """What became of each target."""
    chosen = selectors.DefaultSelector()
    found = ["silent"] * len(targets)
    waiting = {}
    for number, (address, port, protocol) in enumerate(targets):
        link = socket.socket(socket.AF_INET, socket.SOCK_STREAM if protocol == "TCP" else socket.SOCK_DGRAM)
        link.setblocking(False)
        failed = link.connect_ex((address, port))
        if failed not in (0, errno.EINPROGRESS):
            found[number] = said(failed)
            continue
        chosen.register(link, selectors.EVENT_WRITE if protocol == "TCP" else selectors.EVENT_READ, number)
        waiting[number] = link
    asked, end = 0.0, time.monotonic() + PATIENCE
    while waiting and time.monotonic() < end:
        if time.monotonic() - asked >= AGAIN:
            asked = time.monotonic()
            for number, link in waiting.items():
                if targets[number][2] == "UDP":
                    # The error of an earlier packet is read below.
                    try_to(link.send, QUESTION)
        for key, _events in chosen.select(0.2):
            link = key.fileobj
            if targets[key.data][2] == "TCP":
                failed = link.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            else:
                failed = try_to(link.recv, 4096)
            found[key.data] = said(failed)
            chosen.unregister(link)
            waiting.pop(key.data).close()
    for link in waiting.values():
        link.close()
    return found


def try_to(do, what):
    """The number of the error with which it fails; 0 where it does not."""
    try:
        do(what)
    except OSError as error:
        return error.errno
    return 0


def said(failed):
    """An error as an answer."""
    if failed == errno.ECONNREFUSED:
        return "refused"
    return errno.errorcode[failed] if failed else "open"


class Asked(socketserver.StreamRequestHandler):
    """Somebody wants this listener to ask."""

    def handle(self):
        line = self.rfile.readline()
        if line:
            self.wfile.write(json.dumps(ask(json.loads(line))).encode())


def listen(address, control, ports):
    """Answer until ended."""
    if control:
        socketserver.ThreadingTCPServer.allow_reuse_address = True
        server = socketserver.ThreadingTCPServer((address, control), Asked)
        threading.Thread(target=server.serve_forever, daemon=True).start()
    chosen = selectors.DefaultSelector()
    for port in ports:
        chosen.register(socket.create_server((address, port), backlog=256), selectors.EVENT_READ)
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind((address, port))
        chosen.register(udp, selectors.EVENT_READ)
    while True:
        for key, _events in chosen.select():
            if key.fileobj.type == socket.SOCK_DGRAM:
                _question, sender = key.fileobj.recvfrom(512)
                key.fileobj.sendto(b"here", sender)
            else:
                key.fileobj.accept()[0].close()


def relay(asked):
    """What each listener says of its targets; an error in words where it cannot be asked."""

    def one(listener, targets):
        host, _colon, port = listener.partition(":")
        try:
            with socket.create_connection((host, int(port)), 10) as link:
                link.settimeout(60)
                link.sendall(json.dumps(targets).encode() + b"\n")
                return json.loads(link.makefile("rb").read())
        except (OSError, ValueError) as error:
            return f"{listener}: {error}"

    with concurrent.futures.ThreadPoolExecutor(len(asked)) as pool:
        return dict(zip(asked, pool.map(one, asked, asked.values()), strict=True))


if __name__ == "__main__":
    if sys.argv[1] == "listen":
        listen(sys.argv[2], int(sys.argv[3]), [int(port) for port in sys.argv[4:]])
    else:
        print(json.dumps((ask if sys.argv[1] == "ask" else relay)(json.load(sys.stdin))))
