"""What people write of objects is read as a whole, with every mistake."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.settings.reading import read_objects

TOKEN = {"kind": "token", "userid": "a@pve", "tokenid": "t"}


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ({}, "objects[0].kind: is none of role, user"),
        ({"kind": "pol", "poolid": "a"}, "did you mean `pool`?"),
        ({"kind": "pool"}, "objects[0].poolid: is not said"),
        ({"kind": "pool", "poolid": "a", "coment": "x"}, "objects[0].coment: no such field is known here: comment"),
        ({"kind": "pool", "poolid": "a", "state": "there"}, "a pool can be present or absent or known"),
        ({"kind": "node", "node": "pve-1"}, "a node can be known"),
        ({"kind": "time", "node": "pve-1", "state": "absent"}, "a time can be present or known"),
        ({"kind": "user", "userid": "a@pve", "enable": "maybe"}, "must be true or false"),
        ({"kind": "user", "userid": "a@pve", "expire": "soon"}, "must be a whole number"),
        ({"kind": "storage", "storage": "a", "content": {"a": 1}}, "must be a list"),
        ({"kind": "backup", "id": "a", "prune-backups": "seven"}, "must be a map, or a text of the form"),
        ({"kind": "hosts", "node": "pve-1", "entries": ["a"]}, "objects[0].entries: must be a map"),
        ({"kind": "hosts", "node": "pve-1", "entry": {}}, "did you mean `entries`?"),
        (TOKEN, "objects[0].secret_file: is not said"),
        ([], "must be a map"),
    ],
)
def test_a_mistake_is_told_with_its_place(entry: Any, told: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_objects([entry])
    assert told in str(caught.value)


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(InvalidInput) as caught:
        read_objects([{"kind": "pool"}, {"kind": "role", "roleid": "r", "colour": 1}, {"kind": "what"}])
    assert len(caught.value.problems) == 3


def test_the_same_object_twice_is_a_mistake() -> None:
    with pytest.raises(InvalidInput, match="pool a is in the list twice"):
        read_objects([{"kind": "pool", "poolid": "a"}, {"kind": "pool", "poolid": "a", "state": "absent"}])


def test_a_token_is_called_by_its_whole_name() -> None:
    (one,) = read_objects([{**TOKEN, "secret_file": "/run/t.json", "renew": True}])
    assert (one.title, one.secret_file, one.renew) == ("token a@pve!t", "/run/t.json", True)
