"""Who may do what: roles along the ACL's paths, pools, tokens (pve-access-control, PVE/RPCEnvironment.pm)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .errors import ApiError, no_permission
from .identity import Identity
from .permissions import PERMISSIONS, Check
from .roles import BUILT_IN

if TYPE_CHECKING:
    from .engine import Engine

Privileges = dict[str, bool]
"""Privilege to whether it holds for what is below the path as well."""


class Access:
    """Answers from the state's users, groups, roles, ACL entries and pools."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def privileges(self, who: Identity, path: str) -> Privileges:
        """The privileges on a path; a separated token has those that its user has as well."""
        if who.user == "root@pam" and (not who.token or not self._separated(who)):
            return dict.fromkeys(BUILT_IN["Administrator"], True)
        if not who.token:
            return self._of_principal(who.user, path, self._groups(who.user))
        users = self.privileges(Identity(who.user), path)
        if not self._separated(who):
            return users
        own = self._of_principal(who.name, path, set())
        return {name: spread and users[name] for name, spread in own.items() if name in users}

    def allows(self, who: Identity, path: str, names: Sequence[str], any_of: bool = False) -> bool:
        """Whether all, or any, of these privileges are there."""
        held = self.privileges(who, path)
        return any(name in held for name in names) if any_of else all(name in held for name in names)

    def check(self, who: Identity, path: str, names: Sequence[str], any_of: bool = False) -> None:
        """Refuse with what is missing: the first one of all, or all of any."""
        held = self.privileges(who, path)
        if any_of:
            if not any(name in held for name in names):
                raise no_permission(f"{path}, {'|'.join(names)}")
            return
        for name in names:
            if name not in held:
                raise no_permission(f"{path}, {name}")

    def check_vm(self, who: Identity, vmid: int, pool: str | None, names: Sequence[str], any_of: bool = False) -> None:
        """On a VM, or on the pool that it is made into (`check_vm_perm`)."""
        if pool and self.allows(who, f"/pool/{pool}", names, any_of):
            return
        self.check(who, f"/vms/{vmid}", names, any_of)

    def check_path(self, who: Identity, template: str, method: str, parameters: Mapping[str, Any]) -> None:
        """Hold a request against the table of the paths (`check_api2_permissions`)."""
        rule = PERMISSIONS.get((template, method))
        if rule == "world" or rule == "all":
            return
        if rule is None:
            if not who.root:
                raise no_permission("user != root@pam")
            return
        self._check(who, rule, parameters)

    def capabilities(self, who: Identity) -> dict[str, dict[str, int]]:
        """What a ticket's answer says for the web interface."""
        parts = {"vms": "/vms", "storage": "/storage", "dc": "/", "nodes": "/nodes", "access": "/access", "sdn": "/sdn"}
        return {part: dict.fromkeys(self.privileges(who, path), 1) for part, path in parts.items()}

    def permissions(self, who: Identity, path: str | None = None) -> dict[str, dict[str, int]]:
        """What GET /access/permissions answers: path to privilege to propagation."""
        paths = {"/", "/access", "/access/groups", "/nodes", "/pool", "/sdn", "/storage", "/vms"}
        paths |= {entry["path"] for entry in self._engine.state["acl"]}
        paths |= {f"/vms/{vmid}" for pool in self._engine.state["pools"].values() for vmid in pool["vms"]}
        chosen = {path} if path else paths
        found = {name: self.privileges(who, name) for name in sorted(chosen)}
        return {
            name: {key: int(spread) for key, spread in held.items()} for name, held in found.items() if held or path
        }

    def _check(self, who: Identity, rule: Check, parameters: Mapping[str, Any]) -> None:
        kind = rule[0]
        if kind == "and":
            for part in rule[1:]:
                self._check(who, part, parameters)
        elif kind == "or":
            for part in rule[1:]:
                try:
                    self._check(who, part, parameters)
                except ApiError as refused:
                    if refused.status != 403:
                        raise
                else:
                    return
            raise no_permission()
        elif kind == "perm":
            options = dict(zip(rule[3::2], rule[4::2], strict=False))
            needed = options.get("require_param")
            if needed and not parameters.get(needed):
                raise no_permission()
            path = re.sub(r"\{([^}]+)\}", lambda name: str(parameters.get(name[1], "")), rule[1])
            self.check(who, path, rule[2], bool(options.get("any")))
        elif kind == "userid-param":
            self._check_userid(who, rule[1], str(parameters.get("userid", "")))
        elif kind == "userid-group":
            self._check_groups(who, rule[1], parameters, list(rule[2:]))
        elif kind == "perm-modify":
            self.check_modify(who, str(parameters.get("path", "/")))

    def _check_userid(self, who: Identity, what: str, userid: str) -> None:
        if what == "self":
            if who.name != userid:
                raise no_permission()
        else:
            realm = userid.rpartition("@")[2]
            self.check(who, f"/access/realm/{realm}", [what])

    def _check_groups(
        self, who: Identity, names: Sequence[str], parameters: Mapping[str, Any], rest: list[Any]
    ) -> None:
        if self.allows(who, "/access/groups", names, any_of=True):
            return
        groups = set(str(parameters.get("groups") or "").replace(",", " ").split())
        if "create" not in rest:
            groups |= self._groups(str(parameters.get("userid", "")))
        if not groups:
            raise no_permission(f"/access/groups, {'|'.join(names)}")
        for group in sorted(groups):
            self.check(who, f"/access/groups/{group}", names, any_of=True)

    def check_modify(self, who: Identity, path: str) -> None:
        """Permissions.Modify, or the part's own Allocate (`check_perm_modify`)."""
        part = {"storage": "Datastore.Allocate", "vms": "VM.Allocate", "pool": "Pool.Allocate"}
        names = ["Permissions.Modify"]
        words = path.strip("/").split("/")
        if words[0] in part and len(words) > 1:
            names.append(part[words[0]])
        self.check(who, path, names, any_of=True)

    def _separated(self, who: Identity) -> bool:
        known = self._engine.state["users"].get(who.user, {"tokens": {}})
        return bool(known["tokens"].get(who.token, {"privsep": 1})["privsep"])

    def _groups(self, user: str) -> set[str]:
        return set(self._engine.state["users"].get(user, {}).get("groups", []))

    def _of_principal(self, name: str, path: str, groups: set[str]) -> Privileges:
        roles = self._roles(name, path, groups)
        pool = self._pool(path)
        if pool and "NoAccess" not in roles:
            of_pool = self._roles(name, f"/pool/{pool}", groups)
            roles = of_pool if "NoAccess" in of_pool else {**of_pool, **roles}
        if "NoAccess" in roles:
            return {}
        found: Privileges = {}
        for role, spread in roles.items():
            for privilege in self._of_role(role):
                found[privilege] = found.get(privilege, False) or spread
        return found

    def _roles(self, name: str, path: str, groups: set[str]) -> dict[str, bool]:
        """Roles at a path: the deepest entry wins, and a user's own beat those of groups (`AccessControl::roles`)."""
        found: dict[str, bool] = {}
        words = [word for word in path.split("/") if word]
        for depth in range(len(words) + 1):
            here = "/" + "/".join(words[:depth])
            final = depth == len(words)
            entries = [entry for entry in self._engine.state["acl"] if entry["path"] == here]
            entries = [entry for entry in entries if final or entry["propagate"]]
            own = {entry["roleid"]: bool(entry["propagate"]) for entry in entries if entry["ugid"] == name}
            theirs = {
                entry["roleid"]: bool(entry["propagate"])
                for entry in entries
                if entry["type"] == "group" and entry["ugid"] in groups
            }
            if own or theirs:
                found = own or theirs
        return found

    def _of_role(self, role: str) -> frozenset[str]:
        if role in BUILT_IN:
            return BUILT_IN[role]
        return frozenset(self._engine.state["roles"].get(role, []))

    def _pool(self, path: str) -> str | None:
        """The pool whose roles count at this path as well: that of a VM or of a storage."""
        found = re.fullmatch(r"/(vms|storage)/([^/]+)", path)
        if not found:
            return None
        for name, pool in self._engine.state["pools"].items():
            members = [str(vmid) for vmid in pool["vms"]] if found[1] == "vms" else pool["storage"]
            if found[2] in members:
                return str(name)
        return None
