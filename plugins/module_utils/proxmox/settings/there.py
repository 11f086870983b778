"""What there is, as the API tells it: one request a collection, whatever the number of objects. At the edge."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.settings.reading import TOKEN, Wanted

There = dict[tuple[str, tuple[str, ...]], Mapping[str, Any]]
"""By kind and key, the fields of each object that there is, as the API tells them."""
RAW, SEVERAL = "_raw", "_several"
"""The text of a file; whether more than one object has this key, as VMs may have the same name."""
DIGEST = "digest"


class Reader(Protocol):
    """Who can ask the API."""

    def get(self, path: str, /, **parameters: Any) -> Any:
        """What is at `path`."""


def read(session: Reader, wanted: Iterable[Wanted]) -> There:
    """Everything of the kinds that are wanted. Raises ProxmoxError."""
    answers: dict[tuple[str, tuple[tuple[str, int | str], ...]], Any] = {}
    found: There = {}
    done: set[tuple[str, str]] = set()
    for one in wanted:
        path = one.kind.path(one.kind.collection, one.key)
        if (one.kind.name, path) in done:
            continue
        done.add((one.kind.name, path))
        asked = (path, tuple(one.kind.query.items()))
        if asked not in answers:
            answers[asked] = session.get(path, **one.kind.query)
        for key, entry in _entries(one, answers[asked]):
            place = (one.kind.name, key)
            found[place] = {**entry, SEVERAL: True} if place in found else entry
    return found


def _entries(one: Wanted, answer: Any) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any]]]:
    kind = one.kind
    if kind.name == "hosts":
        text = str(answer.get("data") or "")
        yield one.key, {**host_entries(text), RAW: text, DIGEST: answer.get(DIGEST)}
    elif kind.single:
        yield one.key, answer or {}
    elif kind.name == TOKEN:
        for user in answer or ():
            for token in user.get("tokens") or ():
                yield (str(user["userid"]), str(token["tokenid"])), token
    else:
        # A collection of a node does not name the node.
        place = {name: value for name, value in zip(kind.key, one.key, strict=True) if f"{{{name}}}" in kind.collection}
        for entry in answer or ():
            yield tuple(str(place.get(name, entry.get(name, ""))) for name in kind.key), entry


def host_entries(text: str) -> dict[str, list[str]]:
    """The names of each address of a file such as /etc/hosts (hosts(5))."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        if words:
            found.setdefault(words[0], []).extend(words[1:])
    return found


def secrets(wanted: Iterable[Wanted]) -> dict[str, tuple[str, str]]:
    """Whose token each file of a secret holds, user and token; a file that is not there or holds none is not here."""
    found: dict[str, tuple[str, str]] = {}
    for path in {one.secret_file for one in wanted if one.secret_file}:
        try:
            held = json.loads(Path(path).read_text(encoding="utf-8"))
            if held["secret"]:
                found[path] = (str(held["user"]), str(held["token_id"]))
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return found
