"""Files that a node fetches by itself, and what it finds out about them before.

pve-storage, PVE/API2/Storage/Status.pm, download_url; pve-manager, PVE/API2/Nodes.pm, query_url_metadata.
"""

from __future__ import annotations

import hashlib
import re
import ssl
import struct
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from . import storages, volumes
from .errors import ApiError, wrong_parameter
from .routing import Call, route
from .schema import MISSING
from .tasks import TaskFailed

ALGORITHMS = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512")
NAMES = {"iso": r".+\.(iso|img)", "vztmpl": r".+\.tar\.(gz|xz|zst|bz2)", "import": r".+\.(ova|qcow2|raw|vmdk)"}
CHUNK = 1 << 20


@route("POST", "/nodes/{node}/storage/{storage}/download-url")
def download(call: Call) -> Any:
    engine, name, kind, file = call.engine, call.text("storage"), call.text("content"), call.text("filename")
    algorithm, checksum = call.get("checksum-algorithm"), call.get("checksum")
    with engine.state.mutex:
        known = volumes.storage(engine, name, call.node)
        if known["type"] not in volumes.FILES:
            raise ApiError(f"can't upload to storage type '{known['type']}', not a file based storage!")
        if kind not in known["content"].split(","):
            raise ApiError(f"storage '{name}' is not configured for content-type '{kind}'")
        # normalize_content_filename: what is no plain character becomes an underscore.
        file = re.sub(r"[^-a-zA-Z0-9_.]", "_", file.rsplit("/", 1)[-1])
        if not re.fullmatch(NAMES.get(kind, "(?!)"), file, re.IGNORECASE):
            raise wrong_parameter(
                "filename", "invalid filename or wrong extension" if kind == "import" else "wrong file extension"
            )
        if bool(algorithm) != bool(checksum):
            raise wrong_parameter("checksum-algorithm" if checksum else "checksum", "missing property")
        if algorithm not in (None, *ALGORITHMS):
            raise wrong_parameter(
                "checksum-algorithm",
                f"value '{algorithm}' does not have a value in the enumeration '{', '.join(ALGORITHMS)}'",
            )
        if not re.match(r"https?://.+", call.text("url")):
            raise wrong_parameter("url", "value does not match the regex pattern")
    volid = f"{name}:{kind}/{file}"
    path = engine.storage_folder(name) / storages.FOLDERS.get(kind, kind) / file

    def work(log: Any) -> None:
        log(f"downloading {call.text('url')} to {path}")
        if path.exists() and algorithm and checksum:
            if _sum(path, algorithm) == checksum.lower():
                log("OK, got correct file already, no need to download")
                _keep(call, volid, kind, path)
                return
            raise TaskFailed(f"mismatch (got '{_sum(path, algorithm)}' != expect '{checksum.lower()}'), aborting")
        engine.linger()
        partial = path.with_name(f"{file}.tmp_dwnl.{time.monotonic_ns()}")
        try:
            _fetch(call.text("url"), partial, call.flag("verify-certificates", True))
            if algorithm and checksum:
                found = _sum(partial, algorithm)
                if found != checksum.lower():
                    raise TaskFailed(f"checksum mismatch: got '{found}' != expect '{checksum.lower()}'")
                log("OK, checksum verified")
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
        log(f"download of '{call.text('url')}' to '{path}' finished")
        _keep(call, volid, kind, path)

    return engine.tasks.start("download", file, call.node, call.who.name, work)


@route("GET", "/nodes/{node}/query-url-metadata")
def metadata(call: Call) -> Any:
    url = call.get("url")
    if url is None or not re.match(r"https?://.*", url):
        raise wrong_parameter("url", MISSING if url is None else "value does not match the regex pattern")
    asked = urllib.request.Request(url, method="HEAD", headers={"User-Agent": "Proxmox VE"})
    try:
        with _opener(call.flag("verify-certificates", True)).open(asked, timeout=60) as answer:
            headers = answer.headers
            if answer.status != 200:
                raise ApiError(f"invalid server response: '{answer.status} {answer.reason}'")
    except urllib.error.HTTPError as refused:
        raise ApiError(f"invalid server response: '{refused.code} {refused.reason}'") from None
    except OSError as failed:
        # What LWP makes of a server that does not answer.
        where = urlsplit(url).netloc
        raise ApiError(f"invalid server response: '500 Can't connect to {where} ({failed})'") from None
    told = headers.get("Content-Disposition", "")
    named = re.search(r'filename="([^"]*)"', told) or re.search(r"filename=([^;]*)", told)
    named = named or re.fullmatch(r"[^?]+/([^?/]*)(?:\?.*)?", url)
    found = {
        "filename": named[1] if named else "",
        "size": int(headers.get("Content-Length") or 0),
        "mimetype": headers.get("Content-Type", "").partition(";")[0],
    }
    return {name: value for name, value in found.items() if value}


def _opener(verify: bool) -> urllib.request.OpenerDirector:
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return urllib.request.build_opener(urllib.request.HTTPSHandler(context=context))


def _fetch(url: str, path: Path, verify: bool) -> None:
    failed_text = "download failed: command '/usr/bin/wget' failed: exit code"
    try:
        with _opener(verify).open(url, timeout=60) as source, path.open("wb") as target:
            while chunk := source.read(CHUNK):
                target.write(chunk)
    except urllib.error.HTTPError as refused:
        raise TaskFailed(f"{failed_text} 8 (ERROR {refused.code}: {refused.reason})") from None
    except OSError as failed:
        raise TaskFailed(f"{failed_text} 4 ({failed})") from None


def _sum(path: Path, algorithm: str) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def _keep(call: Call, volid: str, kind: str, path: Path) -> None:
    size = path.stat().st_size
    form = "qcow2" if kind == "import" and path.suffix == ".qcow2" else path.suffix[1:]
    entry = {"size": size, "format": form, "content": kind, "ctime": int(path.stat().st_mtime)}
    with call.engine.state.mutex:
        volumes.keep(call.engine, call.node, volid, {**entry, "virtual": _virtual(path, size)})


def _virtual(path: Path, size: int) -> int:
    """The size of the disk in an image: a qcow2 tells it in its head, a raw one is it."""
    with path.open("rb") as file:
        head = file.read(32)
    if head[:4] == b"QFI\xfb" and len(head) == 32:
        return int(struct.unpack(">Q", head[24:32])[0])
    return size
