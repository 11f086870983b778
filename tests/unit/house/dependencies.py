"""Who may import whom."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from unit.house.sources import Import, files, imports, python_files, within

ENGINE = "plugins/module_utils"
# A part of the engine to the parts that it may import.
BELOW: dict[str, set[str]] = {
    "documents": set(),
    "net": set(),
    "flows": {"documents", "net"},
    "reach": {"documents", "net"},
    "audit": {"documents", "net", "flows", "reach"},
    "kube": set(),
    "proxmox": {"documents"},
    "site": {"documents", "net", "proxmox"},
    "labs": {"documents", "net", "flows", "kube"},
}
# ansible-core needs these itself, so they are wherever it is.
COMES_WITH_CORE = {"ansible", "cryptography", "jinja2", "packaging", "resolvelib", "yaml"}
# Other libraries: only here, and guarded.
EDGES = {f"{ENGINE}/kube": {"kubernetes", "urllib3"}, f"{ENGINE}/proxmox": {"proxmoxer", "requests"}}
RUNNER = "webapi/runner"
# The web app holds no credential for a cluster or a Proxmox host, so it has no use for the code that opens sessions.
NOT_FOR_WEBAPI = ("kube", "proxmox")
WEBAPI = "webapi"
COLLECTION_FACE = "webapi/engine.py"
# A part of the web app to those that it may import; parts that are not here may import all.
WEBAPI_BELOW: dict[str, set[str]] = {
    "collection": set(),
    "files": set(),
    "config": {"collection"},
    "engine": {"collection"},
    "labs": {"engine", "files"},
    "runs": {"files"},
    "runner": {"engine", "files", "runs"},
    "classes": {"engine", "runs"},
}
OUTSIDE = re.compile(r"\b(?:webapi|molecule)\b|\b(?:inventories|tests)/")


def engine_findings(root: Path) -> Iterator[str]:
    """Imports that point the wrong way inside the engine, or out of it."""
    for path in python_files(root, ENGINE):
        where = path.relative_to(root)
        part = path.relative_to(root / ENGINE).parts[0]
        if part.endswith(".py"):
            if part != "__init__.py":
                yield f"{where}: belongs to no part of the engine ({', '.join(BELOW)})"
            continue
        if part not in BELOW:
            yield f"{where}: the part {part} has no place in the order of the engine"
            continue
        for entry in imports(path):
            yield from _engine_import(f"{where}:{entry.line}", part, entry)


def _engine_import(place: str, part: str, entry: Import) -> Iterator[str]:
    if entry.module.startswith("."):
        yield f"{place}: relative import {entry.module}; imports are absolute"
    elif entry.module.split(".")[0] == "ansible":
        yield f"{place}: the engine is plain Python and does not import {entry.module}"
    elif entry.own:
        names = entry.module.split(".")
        if names[:2] != ["plugins", "module_utils"] or len(names) < 3:
            yield f"{place}: the engine imports {entry.module}, which lies above it"
        elif names[2] != part and names[2] not in BELOW[part]:
            yield f"{place}: {part} may not import {names[2]}"


def face_findings(root: Path) -> Iterator[str]:
    """Plugins besides the engine that import anything of this collection but the engine."""
    for path in python_files(root, "plugins"):
        if within(root, path, ENGINE):
            continue
        for entry in imports(path):
            if entry.module.startswith("."):
                yield f"{path.relative_to(root)}:{entry.line}: relative import {entry.module}; imports are absolute"
            elif entry.own and not entry.module.startswith(("plugins.module_utils.", "plugins.doc_fragments.")):
                yield f"{path.relative_to(root)}:{entry.line}: a plugin may import the engine only, not {entry.module}"


def third_party_findings(root: Path) -> Iterator[str]:
    """Libraries that are not there wherever ansible-core is, and are imported elsewhere than guarded at an edge."""
    free = COMES_WITH_CORE | set(sys.stdlib_module_names) | {"ansible_collections"}
    for path in python_files(root, "plugins"):
        allowed = next((names for edge, names in EDGES.items() if within(root, path, edge)), set())
        for entry in imports(path):
            library = entry.module.split(".")[0]
            if entry.own or not library or library in free:
                continue
            place = f"{path.relative_to(root)}:{entry.line}"
            if library not in allowed:
                yield f"{place}: {library} is imported outside its edge ({', '.join(EDGES)})"
            elif not entry.guarded:
                yield f"{place}: the import of {library} is not guarded against its absence"


def webapi_findings(root: Path) -> Iterator[str]:
    """ansible-runner imported elsewhere than in the web app's runner, and sessions opened by the web app."""
    for path in python_files(root):
        place = path.relative_to(root)
        for entry in imports(path):
            if entry.module.split(".")[0] == "ansible_runner" and not within(root, path, RUNNER, "tests"):
                yield f"{place}:{entry.line}: only {RUNNER} imports ansible_runner"
            names = entry.module.split(".")
            if not within(root, path, WEBAPI):
                continue
            if entry.own and names[2:3] and names[2] in NOT_FOR_WEBAPI:
                yield f"{place}:{entry.line}: the web app does not touch {names[2]}; a playbook run does"
            elif entry.own and str(place) != COLLECTION_FACE:
                yield f"{place}:{entry.line}: only {COLLECTION_FACE} imports the collection"
            yield from _webapi_import(place, entry)


def _webapi_import(place: Path, entry: Import) -> Iterator[str]:
    part = place.parts[1].removesuffix(".py")
    if part not in WEBAPI_BELOW:
        return
    names = entry.module.split(".")
    if names[0] in ("flask", "werkzeug", "flask_babel"):
        yield f"{place}:{entry.line}: {WEBAPI}/{part} knows nothing of HTTP and does not import {names[0]}"
    elif names[0] == WEBAPI and names[1:] and names[1] not in WEBAPI_BELOW[part] | {part}:
        yield f"{place}:{entry.line}: {WEBAPI}/{part} may not import {WEBAPI}/{names[1]}"


def mention_findings(root: Path) -> Iterator[str]:
    """Files of the installed collection that speak of folders which are not installed with it."""
    for path in files(root):
        if within(root, path, "plugins", "roles", "playbooks"):
            for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
                if found := OUTSIDE.search(line):
                    yield f"{path.relative_to(root)}:{number}: mentions {found[0]}, which an installation has not"
