"""Objects as they should be against what the API tells: the changes, field by field."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.settings import there
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.settings.apply import hosts_text
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.settings.difference import (
    Change,
    differences,
)
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.settings.reading import read_objects
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.settings.report import as_diff, sentence

POOL = {"kind": "pool", "poolid": "a"}
ROLE = {"kind": "role", "roleid": "AutoLabs"}
USER = {"kind": "user", "userid": "a@pve"}
TOKEN = {"kind": "token", "userid": "a@pve", "tokenid": "t", "secret_file": "/run/t.json"}
ACL = {"kind": "acl", "path": "/pool/a", "roleid": "AutoLabs", "type": "token", "ugid": "a@pve!t"}
STORAGE = {"kind": "storage", "storage": "local"}
BRIDGE = {"kind": "network", "node": "pve-1", "iface": "vmbr0"}
JOB = {"kind": "backup", "id": "autolabs"}
LOCAL = {"storage": "local", "type": "dir", "path": "/var/lib/vz", "content": "iso,vztmpl,backup", "digest": "d"}
NETWORK = {"iface": "vmbr0", "type": "bridge", "cidr": "10.0.0.1/24", "bridge_ports": "eno1", "autostart": 1}


class Answers:
    """An API that tells what it was given, and keeps what it was asked."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def get(self, path: str, /, **parameters: Any) -> Any:
        """What is at `path`."""
        self.asked.append(path)
        return self.answers.get(path)


def found(wanted: list[dict[str, Any]], secrets: Any = (), **answers: Any) -> list[Change]:
    objects = read_objects(wanted)
    paths = {name.replace("__", "/").replace("PVE", "pve-1"): answer for name, answer in answers.items()}
    return differences(objects, there.read(Answers(paths), objects), dict(secrets))


def told(changes: list[Change]) -> list[tuple[str, str, dict[str, tuple[Any, Any]]]]:
    return [
        (one.wanted.title, one.action, {entry.field: (entry.before, entry.after) for entry in one.fields})
        for one in changes
    ]


UNCHANGED: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (POOL, {"pools": [{"poolid": "a"}]}),
    ({**POOL, "comment": ""}, {"pools": [{"poolid": "a"}]}),
    ({**POOL, "state": "absent"}, {"pools": [{"poolid": "b"}]}),
    (
        {**ROLE, "privs": ["VM.Audit", "Sys.Audit"]},
        {"access__roles": [{"roleid": "AutoLabs", "privs": "Sys.Audit,VM.Audit"}]},
    ),
    ({**USER, "enable": True, "expire": 0}, {"access__users": [{"userid": "a@pve"}]}),
    ({**USER, "groups": []}, {"access__users": [{"userid": "a@pve", "groups": ""}]}),
    ({**USER, "password": "not compared"}, {"access__users": [{"userid": "a@pve"}]}),
    ({**ACL, "propagate": True}, {"access__acl": [{k: v for k, v in ACL.items() if k != "kind"}]}),
    ({**STORAGE, "content_add": ["iso"]}, {"storage": [LOCAL]}),
    ({**STORAGE, "content": ["backup", "iso", "vztmpl"]}, {"storage": [LOCAL]}),
    ({**STORAGE, "type": "dir", "disable": False, "nodes": []}, {"storage": [LOCAL]}),
    ({**BRIDGE, "bridge_ports": ["eno1"], "bridge_vlan_aware": False}, {"nodes__PVE__network": [NETWORK]}),
    ({**BRIDGE, "comments": "uplink"}, {"nodes__PVE__network": [{**NETWORK, "comments": "uplink\n"}]}),
    (
        {**JOB, "prune-backups": {"keep-weekly": 4, "keep-daily": 7}, "mode": "snapshot", "mailto": ["b@x", "a@x"]},
        {"cluster__backup": [{"id": "autolabs", "prune-backups": "keep-daily=7,keep-weekly=4", "mailto": "a@x,b@x"}]},
    ),
    (
        {**JOB, "prune-backups": "keep-daily=7"},
        {"cluster__backup": [{"id": "autolabs", "prune-backups": {"keep-daily": "7"}}]},
    ),
    ({"kind": "time", "node": "pve-1", "timezone": "UTC"}, {"nodes__PVE__time": {"timezone": "UTC"}}),
    ({"kind": "dns", "node": "pve-1", "dns2": None}, {"nodes__PVE__dns": {"search": "x", "dns1": "10.0.0.1"}}),
    (
        {"kind": "hosts", "node": "pve-1", "entries": {"10.0.0.2": ["b.x", "b"]}},
        {"nodes__PVE__hosts": {"data": "127.0.0.1 localhost\n10.0.0.2\tb.x b # ours\n"}},
    ),
    ({"kind": "node", "node": "pve-1", "state": "known"}, {"nodes": [{"node": "pve-1"}]}),
    ({**STORAGE, "state": "known"}, {"storage": [LOCAL]}),
]


@pytest.mark.parametrize(("wanted", "answers"), UNCHANGED)
def test_what_is_as_it_should_be_is_no_change(wanted: dict[str, Any], answers: dict[str, Any]) -> None:
    assert told(found([wanted], **answers)) == []


CHANGED: list[tuple[dict[str, Any], dict[str, Any], tuple[str, dict[str, tuple[Any, Any]]]]] = [
    (POOL, {}, ("create", {})),
    ({**POOL, "comment": "x"}, {"pools": [{"poolid": "a"}]}, ("update", {"comment": ("", "x")})),
    ({**POOL, "comment": None}, {"pools": [{"poolid": "a", "comment": "x"}]}, ("update", {"comment": ("x", "")})),
    ({**POOL, "state": "absent"}, {"pools": [{"poolid": "a", "comment": "x"}]}, ("remove", {"comment": ("x", None)})),
    (
        {**ROLE, "privs": ["VM.Audit"]},
        {"access__roles": [{"roleid": "AutoLabs", "privs": "VM.Audit,Sys.Modify"}]},
        ("update", {"privs": (["Sys.Modify", "VM.Audit"], ["VM.Audit"])}),
    ),
    ({**USER, "enable": False}, {"access__users": [{"userid": "a@pve"}]}, ("update", {"enable": (True, False)})),
    ({**USER, "password": "secret"}, {}, ("create", {"password": (None, "(not shown)")})),
    (
        {**STORAGE, "content_add": ["snippets"]},
        {"storage": [LOCAL]},
        ("update", {"content": (["backup", "iso", "vztmpl"], ["backup", "iso", "snippets", "vztmpl"])}),
    ),
    (
        {**BRIDGE, "bridge_vlan_aware": True},
        {"nodes__PVE__network": [NETWORK]},
        ("update", {"bridge_vlan_aware": (False, True)}),
    ),
    (
        {**JOB, "prune-backups": {"keep-daily": 7}},
        {"cluster__backup": [{"id": "autolabs", "prune-backups": "keep-all=1"}]},
        ("update", {"prune-backups": ({"keep-all": "1"}, {"keep-daily": "7"})}),
    ),
    (
        {"kind": "hosts", "node": "pve-1", "entries": {"10.0.0.2": ["b"], "10.0.0.3": []}},
        {"nodes__PVE__hosts": {"data": "10.0.0.3 c\n"}},
        ("update", {"10.0.0.2": ([], ["b"]), "10.0.0.3": (["c"], [])}),
    ),
    (
        {"kind": "time", "node": "pve-1", "timezone": "UTC"},
        {"nodes__PVE__time": {"timezone": "Europe/Berlin"}},
        ("update", {"timezone": ("Europe/Berlin", "UTC")}),
    ),
]


@pytest.mark.parametrize(("wanted", "answers", "change"), CHANGED)
def test_a_change_names_its_fields(wanted: dict[str, Any], answers: dict[str, Any], change: tuple[str, Any]) -> None:
    ((_title, action, fields),) = told(found([wanted], **answers))
    assert (action, fields) == change


REFUSED: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({**STORAGE, "type": "nfs"}, {"storage": [LOCAL]}, "storage local.type: is dir and cannot become nfs"),
    (
        {"kind": "vm", "name": "db", "state": "known"},
        {"cluster__resources": [{"name": "db", "vmid": 1}, {"name": "db", "vmid": 2}]},
        "vm db: there is more than one of this name",
    ),
    (STORAGE, {}, "storage local.type: is needed to make it"),
    (JOB, {}, "backup autolabs.schedule: is needed to make it"),
    ({**STORAGE, "state": "known"}, {"storage": [{"storage": "locale"}]}, "there are locale; did you mean `locale`?"),
    ({"kind": "node", "node": "pve-1", "state": "known"}, {}, "node pve-1: is not there, nor any other"),
    (TOKEN, {"access__users": [{"userid": "a@pve", "tokens": [{"tokenid": "t"}]}]}, "only once"),
]


@pytest.mark.parametrize(("wanted", "answers", "message"), REFUSED)
def test_what_cannot_be_brought_about_is_refused(wanted: dict[str, Any], answers: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        found([wanted], **answers)
    assert message in str(caught.value)


USERS = [{"userid": "a@pve", "tokens": [{"tokenid": "t", "privsep": 1}]}]


def test_a_token_whose_secret_is_at_hand_stays() -> None:
    assert found([TOKEN], {"/run/t.json": ("a@pve", "t")}, access__users=USERS) == []


def test_a_token_is_made_anew_when_that_is_asked_and_its_rights_are_given_again() -> None:
    acl = {key: value for key, value in ACL.items() if key != "kind"}
    changes = found([{**TOKEN, "renew": True}, ACL], access__users=USERS, access__acl=[acl])
    assert [(title, action) for title, action, _fields in told(changes)] == [
        ("token a@pve!t", "renew"),
        ("acl /pool/a AutoLabs token a@pve!t", "create"),
    ]


def test_a_right_of_an_own_role_that_is_not_asked_for_is_removed() -> None:
    acl = {key: value for key, value in ACL.items() if key != "kind"}
    others = [{**acl, "path": "/vms"}, {**acl, "path": "/", "roleid": "PVEAuditor"}]
    wanted = read_objects([ACL])
    told_there = there.read(Answers({"access/acl": [acl, *others]}), wanted)
    assert differences(wanted, told_there, {}) == []
    assert [(title, action) for title, action, _fields in told(differences(wanted, told_there, {}, ["AutoLabs"]))] == [
        ("acl /vms AutoLabs token a@pve!t", "remove")
    ]


def test_a_collection_is_asked_for_once() -> None:
    objects = read_objects([POOL, {**POOL, "poolid": "b"}, USER, TOKEN])
    api = Answers({})
    there.read(api, objects)
    assert api.asked == ["pools", "access/users"]


def test_the_diff_of_a_token_tells_where_its_secret_goes_and_not_what_it_is() -> None:
    (change,) = found([{**TOKEN, "privsep": True}])
    shown = as_diff(change)
    assert shown["before"] == ""
    assert shown["after"] == "privsep: true\nsecret: known after it is made, in /run/t.json\n"


def test_what_running_vms_have_only_later_is_told() -> None:
    changes = found([{**BRIDGE, "bridge_vlan_aware": True}], nodes__PVE__network=[NETWORK])
    assert sentence(changes, 1, check_mode=False).endswith(
        "; VMs that run have it from their next start on: network pve-1 vmbr0"
    )


def test_the_sentence_says_what_was_done_or_would_be() -> None:
    changes = found([POOL])
    assert sentence(changes, 1, check_mode=False) == "pool a made"
    assert sentence(changes, 1, check_mode=True) == "would be done: pool a made"
    assert sentence([], 1, check_mode=False) == "the object is as it should be"
    assert sentence([], 4, check_mode=False) == "all 4 objects are as they should be"


@pytest.mark.parametrize(
    ("before", "entries", "after"),
    [
        ("127.0.0.1 localhost\n", {"10.0.0.2": ["b"]}, "127.0.0.1 localhost\n10.0.0.2 b\n"),
        ("10.0.0.2 a\n# end\n", {"10.0.0.2": ["b", "c"]}, "10.0.0.2 b c\n# end\n"),
        ("10.0.0.2 a\n10.0.0.2 b\n", {"10.0.0.2": ["b"]}, "10.0.0.2 b\n"),
        ("10.0.0.2 a\n\n", {"10.0.0.2": []}, "\n"),
    ],
)
def test_other_lines_of_the_hosts_file_stay(before: str, entries: dict[str, Any], after: str) -> None:
    assert hosts_text(before, entries) == after
