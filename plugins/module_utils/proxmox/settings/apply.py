"""Carries changes out, one object after the other. At the edge."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.errors import ProxmoxError
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.settings.difference import (
    ACL,
    CREATE,
    REMOVE,
    RENEW,
    Change,
)
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.settings.kinds import DELETE
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.settings.reading import TOKEN
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.settings.there import DIGEST, RAW

HOSTS, NETWORK = "hosts", "network"
DONE = {CREATE: "made", REMOVE: "removed", RENEW: "made anew"}


class Writer(Protocol):
    """Who can change things by the API."""

    def post(self, path: str, /, **parameters: Any) -> Any:
        """Make something."""

    def put(self, path: str, /, **parameters: Any) -> Any:
        """Change something."""

    def delete(self, path: str, /, **parameters: Any) -> Any:
        """Remove something."""

    def wait(self, upid: str) -> Any:
        """Wait for the end of a task."""


class NotAll(ProxmoxError):
    """A change failed; those before it are made, and `done` names them."""

    def __init__(self, message: str, done: Sequence[str]) -> None:
        self.done = tuple(done)
        before = f" (done before that: {', '.join(done)})" if done else " (nothing was changed before that)"
        super().__init__(f"{message}{before}")


def carry_out(session: Writer, changes: Sequence[Change], report: Callable[[str], None]) -> None:
    """Make the changes in their order; the network of a node is reloaded behind its last change.

    report: told of each, in a line. Raises NotAll.
    """
    done: list[str] = []
    last = {change.wanted.key[0]: at for at, change in enumerate(changes) if change.wanted.kind.name == NETWORK}
    for at, change in enumerate(changes):
        one = change.wanted
        try:
            _write(session, change)
            if one.kind.name == NETWORK and last[one.key[0]] == at:
                _reload(session, one.key[0])
        except (ProxmoxError, OSError) as error:
            pending = one.kind.name == NETWORK and _pending(one.key[0])
            raise NotAll(f"{one.title}: {error}{pending or ''}", done) from error
        line = f"{one.title} {DONE.get(change.action, 'changed')}"
        done.append(line)
        report(line)


def _reload(session: Writer, node: str) -> None:
    session.wait(session.put(f"nodes/{node}/network"))


def _pending(node: str) -> str:
    return (
        f". What was written of the network of {node} waits there: look at it (System, Network), then on the node "
        f"apply it (pvesh set /nodes/{node}/network) or drop it (pvesh delete /nodes/{node}/network), and run again"
    )


def _write(session: Writer, change: Change) -> None:
    one = change.wanted
    kind, place = one.kind, one.kind.path(one.kind.one, one.key)
    if kind.name == TOKEN and change.action in (CREATE, RENEW):
        _make_token(session, change, place)
    elif kind.name == ACL:
        path, role, word, who = one.key
        switch = {"delete": 1} if change.action == REMOVE else _sent(change)
        session.put(place, **{"path": path, "roles": role, f"{word}s": who, **switch})
    elif change.action == REMOVE:
        session.delete(place)
    elif kind.name == HOSTS:
        lines = {entry.field: entry.after for entry in change.fields}
        text = hosts_text(str(change.there.get(RAW, "")), lines)
        session.post(place, data=text, digest=change.there.get(DIGEST))
    elif change.action == CREATE:
        made = {
            name: value for name, value in zip(kind.key, one.key, strict=True) if f"{{{name}}}" not in kind.collection
        }
        session.post(kind.path(kind.collection, one.key), **made, **_sent(change))
    else:
        session.put(place, **_sent(change), **_digest(change))


def _sent(change: Change) -> dict[str, Any]:
    """The fields as the API takes them; those that are taken away as it wants to be told."""
    one = change.wanted
    values = {entry.field: entry.after for entry in change.fields}
    if change.action == CREATE:
        values |= {name: value for name, value in one.fields.items() if one.described(name).secret}
    elif one.kind.whole:
        there = {
            name: known.form.canon(change.there[name])
            for name, known in one.kind.fields.items()
            if name in change.there
        }
        values = there | values
    empty = {name for name, value in values.items() if value in (None, "", [], {})}
    removed = [name for name in values if name in empty or one.fields.get(name, "") is None]
    sent = {name: one.described(name).form.sent(value) for name, value in values.items() if name not in removed}
    if change.action == CREATE or (one.kind.whole and one.kind.single):
        return sent
    if one.kind.unset == DELETE:
        asked = {entry.field for entry in change.fields}
        named = [name for name in removed if name in asked]
        return sent | ({"delete": ",".join(named)} if named else {})
    return sent | dict.fromkeys(removed, "")


def _digest(change: Change) -> dict[str, Any]:
    found = change.there.get(DIGEST)
    return {DIGEST: found} if found and change.wanted.kind.name == "storage" else {}


def _make_token(session: Writer, change: Change, place: str) -> None:
    """Make a token, and write its secret; there is none without a file that holds it."""
    one = change.wanted
    target = Path(one.secret_file)
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # mkstemp gives mode 0600. The file is made before the token, so that no secret is lost for want of a place.
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        if change.action == RENEW:
            session.delete(place)
        fields = {name: value for name, value in one.fields.items() if value is not None}
        answer = session.post(place, **{name: one.described(name).form.sent(value) for name, value in fields.items()})
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                handle = -1
                user, token = one.key
                json.dump({"user": user, "token_id": token, "secret": answer["value"]}, file)
            os.replace(name, target)
        except OSError:
            # Nobody knows its secret, so that the next run could not use it.
            session.delete(place)
            raise
    finally:
        if handle >= 0:
            os.close(handle)
        Path(name).unlink(missing_ok=True)


def hosts_text(text: str, entries: Mapping[str, Sequence[str] | None]) -> str:
    """A file such as /etc/hosts in which each of these addresses has exactly these names; none of them: no line.

    Other lines stay as they are, and so does the place of an address that has one.
    """
    lines: list[str] = []
    left = {address: list(names) for address, names in entries.items() if names}
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        if not words or words[0] not in entries:
            lines.append(line)
        elif names := left.pop(words[0], None):
            lines.append(" ".join((words[0], *names)))
    lines += [" ".join((address, *names)) for address, names in left.items()]
    return "".join(f"{line}\n" for line in lines)
