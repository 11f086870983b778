"""The privileges and built-in roles of Proxmox VE 8.4 (`create_roles` in pve-access-control, PVE/AccessControl.pm)."""

from __future__ import annotations

GROUPS: dict[str, dict[str, str]] = {
    # Per part: for nobody but Administrator; for admins; for users; for whoever only looks.
    "VM": {
        "admin": "VM.Config.Disk VM.Config.CPU VM.Config.Memory VM.Config.Network VM.Config.HWType VM.Config.Options"
        " VM.Allocate VM.Clone VM.Migrate VM.Monitor VM.Snapshot VM.Snapshot.Rollback",
        "user": "VM.Config.CDROM VM.Config.Cloudinit VM.Console VM.Backup VM.PowerMgmt",
        "audit": "VM.Audit",
    },
    "Sys": {
        "root": "Sys.PowerMgmt Sys.Modify Sys.Incoming Sys.AccessNetwork",
        "admin": "Sys.Console Sys.Syslog",
        "audit": "Sys.Audit",
    },
    "Datastore": {
        "admin": "Datastore.Allocate Datastore.AllocateTemplate",
        "user": "Datastore.AllocateSpace",
        "audit": "Datastore.Audit",
    },
    "SDN": {"admin": "SDN.Allocate SDN.Audit", "user": "SDN.Use", "audit": "SDN.Audit"},
    "User": {"root": "Realm.Allocate", "admin": "User.Modify Group.Allocate Realm.AllocateUser"},
    "Pool": {"admin": "Pool.Allocate", "user": "Pool.Audit", "audit": "Pool.Audit"},
    "Mapping": {"admin": "Mapping.Modify", "user": "Mapping.Use", "audit": "Mapping.Audit"},
}


def _roles() -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {"PVEAdmin": set(), "PVEAuditor": set()}
    for part, groups in GROUPS.items():
        words = {kind: set(groups.get(kind, "").split()) for kind in ("admin", "user", "audit")}
        found[f"PVE{part}Admin"] = words["admin"] | words["user"] | words["audit"]
        found["PVEAdmin"] |= found[f"PVE{part}Admin"]
        if words["user"]:
            found[f"PVE{part}User"] = words["user"] | words["audit"]
        found["PVEAuditor"] |= words["audit"]
    found["PVEAdmin"].discard("Mapping.Modify")
    found["PVETemplateUser"] = {"VM.Clone", "VM.Audit"}
    found["NoAccess"] = set()
    found["Administrator"] = set(PRIVILEGES)
    # In release 8 PVESysAdmin is the same as what its part gives.
    return {name: frozenset(words) for name, words in found.items()}


PRIVILEGES = frozenset({"Permissions.Modify"}).union(
    *(words.split() for groups in GROUPS.values() for words in groups.values())
)
BUILT_IN = _roles()
