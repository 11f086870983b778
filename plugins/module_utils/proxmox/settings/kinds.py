"""The kinds of objects as a table: where the API (8.4) has them, what tells them apart, and their fields.

A field that is not in the table is refused: what its values mean, and so what no change is, would not be known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.settings.forms import (
    FLAG,
    HOST_NAMES,
    NAMES,
    NUMBER,
    PROPERTIES,
    SPACED,
    TEXT,
    Form,
)

LIVE = "live"
RELOAD = "reload"
"""At once, by a reload of the node's network that this brings about (ifupdown2)."""
VM_START = "VM start"
"""By a reload of the node's network; VMs that run keep what they have until their next start."""

DELETE, EMPTY = "delete", "empty"
"""How a field is taken away: named in the parameter `delete`, or written empty."""


@dataclass(frozen=True)
class Field:
    """One field of an object."""

    form: Form = TEXT
    default: Any = None
    """What the API takes a missing one for, so that to ask for it is no change."""
    fixed: bool = False
    """It can be given to a new object only."""
    secret: bool = False
    """The API never tells it: it is written to a new object, never compared and never shown."""
    adds_to: str = ""
    """The list of which these entries must be some; others stay."""
    how: str = LIVE


@dataclass(frozen=True)
class Kind:
    """One kind of object."""

    name: str
    key: tuple[str, ...]
    collection: str
    """GET: all of them; POST: a new one."""
    one: str = ""
    """PUT and DELETE."""
    fields: Mapping[str, Field] = field(default_factory=dict)
    needed: tuple[str, ...] = ()
    """Fields without which the API makes no new one."""
    unset: str = DELETE
    whole: bool = False
    """A PUT has to name every field, since it takes away what it does not name."""
    single: bool = False
    """There is always exactly one."""
    entries: str = ""
    """The name of a map of entries, each a field by itself; `fields[""]` is what they are."""
    query: Mapping[str, int | str] = field(default_factory=dict)
    told: tuple[str, ...] = ()
    """Of what is only looked up, never changed: the fields that people want to know."""

    def title(self, key: Iterable[str]) -> str:
        """The object in words: `token autolabs@pve!ansible`."""
        return " ".join((self.name, "!".join(key) if self.name == "token" else " ".join(key))).rstrip()

    def path(self, template: str, key: Iterable[str]) -> str:
        """A path of the API for the object with this key."""
        return template.format(**dict(zip(self.key, key, strict=True)))


COMMENT = Field(default="")
TEXT_FIELD, FLAG_FIELD = Field(), Field(FLAG, default=False)
LINK = Field(how=RELOAD, default="")

_STORAGE = Kind(
    "storage",
    ("storage",),
    "storage",
    "storage/{storage}",
    {
        "type": Field(fixed=True),
        "content": Field(NAMES),
        "content_add": Field(NAMES, adds_to="content"),
        "nodes": Field(NAMES, default=[]),
        "disable": FLAG_FIELD,
        "shared": FLAG_FIELD,
        "prune-backups": Field(PROPERTIES),
        "max-protected-backups": Field(NUMBER),
        "preallocation": TEXT_FIELD,
        "mkdir": Field(FLAG, default=True),
        "create-base-path": Field(FLAG, default=True),
        "create-subdirs": Field(FLAG, default=True),
        **dict.fromkeys(
            ("path", "vgname", "thinpool", "export", "share", "datastore", "target", "portal"), Field(fixed=True)
        ),
        **dict.fromkeys(("server", "pool", "options", "username", "fingerprint", "namespace", "subdir"), TEXT_FIELD),
        "password": Field(secret=True),
    },
    needed=("type",),
)
_NETWORK = Kind(
    "network",
    ("node", "iface"),
    "nodes/{node}/network",
    "nodes/{node}/network/{iface}",
    {
        "type": Field(fixed=True),
        "autostart": Field(FLAG, default=False, how=RELOAD),
        "bridge_ports": Field(SPACED, default=[], how=RELOAD),
        "bridge_vlan_aware": Field(FLAG, default=False, how=VM_START),
        "bridge_vids": Field(SPACED, how=VM_START),
        "slaves": Field(SPACED, default=[], how=RELOAD),
        "mtu": Field(NUMBER, how=VM_START),
        "vlan-id": Field(NUMBER, how=RELOAD),
        **dict.fromkeys(
            ("cidr", "gateway", "cidr6", "gateway6", "vlan-raw-device", "comments", "comments6"),
            LINK,
        ),
        **dict.fromkeys(("bond_mode", "bond_xmit_hash_policy", "bond-primary"), LINK),
    },
    needed=("type",),
    whole=True,
)
_BACKUP = Kind(
    "backup",
    ("id",),
    "cluster/backup",
    "cluster/backup/{id}",
    {
        "schedule": TEXT_FIELD,
        "storage": TEXT_FIELD,
        "enabled": Field(FLAG, default=True),
        "mode": Field(default="snapshot"),
        "compress": Field(default="0"),
        "prune-backups": Field(PROPERTIES),
        "all": FLAG_FIELD,
        "pool": TEXT_FIELD,
        "vmid": Field(NAMES),
        "exclude": Field(NAMES),
        "node": TEXT_FIELD,
        "mailto": Field(NAMES, default=[]),
        "mailnotification": Field(default="always"),
        "notification-mode": Field(default="auto"),
        "notes-template": TEXT_FIELD,
        "repeat-missed": FLAG_FIELD,
        "protected": FLAG_FIELD,
        "bwlimit": Field(NUMBER, default=0),
        "comment": COMMENT,
    },
    needed=("schedule",),
)

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            "role",
            ("roleid",),
            "access/roles",
            "access/roles/{roleid}",
            {"privs": Field(NAMES, default=[])},
            unset=EMPTY,
        ),
        Kind(
            "user",
            ("userid",),
            "access/users",
            "access/users/{userid}",
            {
                "enable": Field(FLAG, default=True),
                "expire": Field(NUMBER, default=0),
                "groups": Field(NAMES, default=[]),
                **dict.fromkeys(("comment", "email", "firstname", "lastname"), COMMENT),
                "password": Field(secret=True),
            },
            unset=EMPTY,
            query={"full": 1},
        ),
        # Tokens are told with their users, so that one request serves both.
        Kind(
            "token",
            ("userid", "tokenid"),
            "access/users",
            "access/users/{userid}/token/{tokenid}",
            {"privsep": Field(FLAG, default=True), "expire": Field(NUMBER, default=0), "comment": COMMENT},
            unset=EMPTY,
            query={"full": 1},
        ),
        Kind(
            "acl",
            ("path", "roleid", "type", "ugid"),
            "access/acl",
            "access/acl",
            {"propagate": Field(FLAG, default=True)},
            unset=EMPTY,
        ),
        Kind("pool", ("poolid",), "pools", "pools/{poolid}", {"comment": COMMENT}, unset=EMPTY),
        _STORAGE,
        _NETWORK,
        _BACKUP,
        Kind(
            "dns",
            ("node",),
            "nodes/{node}/dns",
            "nodes/{node}/dns",
            dict.fromkeys(("search", "dns1", "dns2", "dns3"), COMMENT),
            needed=("search",),
            whole=True,
            single=True,
        ),
        Kind(
            "hosts",
            ("node",),
            "nodes/{node}/hosts",
            "nodes/{node}/hosts",
            {"": Field(HOST_NAMES, default=[])},
            single=True,
            entries="entries",
        ),
        Kind(
            "time",
            ("node",),
            "nodes/{node}/time",
            "nodes/{node}/time",
            {"timezone": Field(default="")},
            single=True,
        ),
        Kind("node", ("node",), "nodes", told=("node", "status")),
        Kind("vm", ("name",), "cluster/resources", told=("name", "node", "vmid", "status"), query={"type": "vm"}),
    )
}
"""By the name that `kind` has."""
