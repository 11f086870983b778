"""Reads the flow catalogue, the built-in file and what a site lays over it; every mistake is told, by file and line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import TypeVar

from ansible_collections.autolabs.platform.plugins.module_utils.documents.document import LARGEST, read_document
from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput, Problem
from ansible_collections.autolabs.platform.plugins.module_utils.documents.shapes import Findings, Values
from ansible_collections.autolabs.platform.plugins.module_utils.documents.shapes import Place as Line
from ansible_collections.autolabs.platform.plugins.module_utils.documents.text import decoded
from ansible_collections.autolabs.platform.plugins.module_utils.flows.catalogue import checks, entries, pods
from ansible_collections.autolabs.platform.plugins.module_utils.flows.catalogue.fields import (
    ENDPOINTS,
    FILE,
    FLOWS,
    ZONES,
)
from ansible_collections.autolabs.platform.plugins.module_utils.flows.catalogue.layers import Layers, Mistakes
from ansible_collections.autolabs.platform.plugins.module_utils.flows.catalogue.model import (
    Catalogue,
    EndpointEntry,
    FlowEntry,
    Zone,
)

BUILT_IN = Path(__file__).with_name("catalogue.yml")
BUILT_IN_NAME = "plugins/module_utils/flows/catalogue/catalogue.yml"
"""The name of the built-in file in messages and documents, wherever the collection is installed."""
EXAMPLE = "flows: {}"

_Stamp = tuple[str, int, int]
_Entry = TypeVar("_Entry", Zone, EndpointEntry, FlowEntry)


def read_catalogue(files: Sequence[Path] = (), networks: Mapping[str, Sequence[str]] | None = None) -> Catalogue:
    """The built-in catalogue with `files` laid over it, in their order.

    networks: the ranges of the networks that the site names, as Site has them: zones of such a network must not
        overlap others.
    Raises InvalidInput with every mistake of all files.
    """
    stamps = tuple(_stamp(Path(path).expanduser()) for path in files)
    named = tuple(sorted((name, tuple(ranges)) for name, ranges in (networks or {}).items()))
    return _read(_stamp(BUILT_IN), stamps, named)


def parse_catalogue(texts: Mapping[str, str], networks: Mapping[str, Sequence[str]] | None = None) -> Catalogue:
    """The catalogue that texts by file name hold together, without the built-in one. Raises InvalidInput."""
    return _together({file: partial(str, text) for file, text in texts.items()}, networks or {})


@lru_cache(maxsize=16)
def _read(built_in: _Stamp, stamps: tuple[_Stamp, ...], networks: tuple[tuple[str, tuple[str, ...]], ...]) -> Catalogue:
    names = {BUILT_IN_NAME: built_in[0], **{name: name for name, *_times in stamps}}
    return _together({file: partial(_text, Path(name), file) for file, name in names.items()}, dict(networks))


def _together(sources: Mapping[str, Callable[[], str]], networks: Mapping[str, Sequence[str]]) -> Catalogue:
    mistakes = Mistakes()
    layers = Layers(mistakes)
    for file, text in sources.items():
        mistakes.file(file)
        try:
            _lay(layers, file, text())
        except InvalidInput as error:
            mistakes.extend(error.problems)
    checks.removed(layers)
    catalogue = Catalogue(
        zones=_by_name(entries.zone(entry, mistakes) for entry in layers.readable(ZONES)),
        endpoints=_by_name(entries.endpoint(entry, layers) for entry in layers.readable(ENDPOINTS)),
        flows=_by_name(entries.flow(entry, layers) for entry in layers.readable(FLOWS)),
    )
    checks.zones_apart(catalogue, layers, networks)
    pods.namespaces_agree(catalogue, layers)
    pods.labs_stay_closed(catalogue, layers)
    pods.labs_are_labs(catalogue, layers)
    checks.expressible(catalogue, layers)
    mistakes.settle()
    return catalogue


def _stamp(path: Path) -> _Stamp:
    """What is new whenever a file's content is; of a file that cannot be read, its name."""
    try:
        found = path.stat()
    except OSError:
        return str(path), 0, 0
    return str(path), found.st_mtime_ns, found.st_size


def _text(path: Path, file: str) -> str:
    try:
        with path.open("rb") as stream:
            content = stream.read(2 * LARGEST + 1)
    except OSError as error:
        message = f"cannot be read on the controller: {error.strerror}; flows_files lists catalogue files"
        raise InvalidInput([Problem(file, 0, "", message)]) from None
    return decoded(content, file)


def _lay(layers: Layers, file: str, text: str) -> None:
    document, problems = read_document(text, file, kind="catalogue", example=EXAMPLE)
    findings = Findings(file, problems)
    said: Values = FILE.read(document, Line(document.line), findings)
    layers.add(file, said)
    findings.settle()


def _by_name(found: Iterable[_Entry | None]) -> dict[str, _Entry]:
    return {entry.name: entry for entry in found if entry is not None}
