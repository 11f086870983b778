"""Names that the firewall of Proxmox VE takes."""

from __future__ import annotations

import hashlib
import re

GROUP_LENGTH = 18
"""API: POST /cluster/firewall/groups, `group`."""
IPSET_LENGTH = 60
"""API: POST /cluster/firewall/ipset, `name`, takes 64; in a rule, `+dc/` stands before it."""

# PVE lowers names when it reads its files, so one with capitals would not be found again.
ACCEPTED = re.compile(r"[a-z][a-z0-9_-]+")
DIGEST_LENGTH = 6


def short_name(name: str, length: int) -> str:
    """`name` itself where PVE takes it; otherwise its beginning and a digest of all of it, always the same.

    length: the most characters that PVE takes, at least 10.
    """
    if ACCEPTED.fullmatch(name) and len(name) <= length:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:DIGEST_LENGTH]
    start = re.sub(r"[^a-z0-9_-]+", "-", name.lower())
    start = start if start[:1].isalpha() else f"n{start}"
    return f"{start[: length - DIGEST_LENGTH - 1]}-{digest}"
