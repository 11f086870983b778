"""Asks a DNS server over UDP for the address of a name: dns_query.py SERVER NAME. Prints the first address."""

import ipaddress
import socket
import struct
import sys

server, name = sys.argv[1:3]
try:
    ipaddress.ip_address(server)
except ValueError:
    sys.exit(f"{server!r} is not the address of a server; set diagnose_dns")
labels = b"".join(bytes([len(part)]) + part.encode() for part in name.rstrip(".").split("."))
query = struct.pack(">6H", 1, 0x100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">2H", 1, 1)
with socket.socket(socket.AF_INET6 if ":" in server else socket.AF_INET, socket.SOCK_DGRAM) as asking:
    asking.settimeout(3)
    asking.sendto(query, (server, 53))
    answer = asking.recv(4096)
if answer[3] & 15 or not struct.unpack(">H", answer[6:8])[0]:
    sys.exit(f"{server} knows no {name}")
print(socket.inet_ntoa(answer[-4:]))
