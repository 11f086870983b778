"""The vendors' own files, where their sites can be reached."""

from __future__ import annotations

import functools
import hashlib
import http.client
import os
import re
import urllib.error
import urllib.request
from pathlib import Path

from testbed.progress import say, step

PROBE_SECONDS = 3.0
SHA256 = re.compile(r"[0-9a-f]{64}")


class ChecksumMismatch(Exception):
    """A vendor's file is not the one that its checksum names."""


def site_of(path: str, scheme: str = "https") -> str:
    """The address of the site of a mirror path, which begins with the host."""
    return f"{scheme}://{path.split('/', 1)[0]}"


def download(path: str, target: Path, scheme: str = "https") -> bool:
    """Fetch the vendor's `path` (host first) to `target`; False where its site does not answer or the file fails.

    A checksum that the vendor publishes beside the file (`.sha256` or `.sha256sum`) is verified.
    Raises ChecksumMismatch, and leaves no file, when it differs.
    """
    if not answers(site_of(path, scheme)):
        return False
    address = f"{scheme}://{path}"
    partial = target.with_name(f".{target.name}.partial")
    try:
        with step(f"download {address}"):
            published = _published_checksum(address)
            found = _fetch(address, partial)
        if published and published != found:
            raise ChecksumMismatch(f"{address}: the vendor's checksum is {published}, the file's is {found}")
        os.replace(partial, target)
    except (OSError, http.client.HTTPException) as failed:
        say(f"{address} cannot be had, building instead: {failed}")
        return False
    finally:
        partial.unlink(missing_ok=True)
    return True


@functools.cache
def answers(site: str) -> bool:
    """Whether a site answers at all; asked once a run."""
    request = urllib.request.Request(site, method="HEAD")
    try:
        urllib.request.urlopen(request, timeout=PROBE_SECONDS).close()
    except urllib.error.HTTPError as answer:
        # A proxy that refuses the site also answers with an error status.
        return answer.code in (400, 401, 404, 405)
    except (OSError, http.client.HTTPException):
        say(f"{site} does not answer: building instead")
        return False
    return True


def _fetch(address: str, target: Path) -> str:
    """Write what the address serves to a file; returns its SHA-256."""
    total = hashlib.sha256()
    with urllib.request.urlopen(address, timeout=60) as response, target.open("wb") as stream:
        while chunk := response.read(1 << 20):
            total.update(chunk)
            stream.write(chunk)
        announced = response.headers.get("Content-Length")
    if announced and target.stat().st_size != int(announced):
        raise http.client.HTTPException(f"{target.stat().st_size} of {announced} bytes came")
    return total.hexdigest()


def _published_checksum(address: str) -> str:
    """What the vendor publishes beside the file; empty where there is nothing of the kind."""
    for suffix in (".sha256", ".sha256sum"):
        try:
            with urllib.request.urlopen(f"{address}{suffix}", timeout=30) as response:
                text = response.read(4096).decode(errors="replace")
        except urllib.error.HTTPError as answer:
            if answer.code in (403, 404):
                continue
            raise
        if words := SHA256.match(text.strip().lower()):
            return words[0]
    return ""
