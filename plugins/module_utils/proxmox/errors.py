"""What goes wrong between us and the API of Proxmox VE, in words for who has to put it right.

The texts that are looked for are those of PVE 8.4: pve-common (`PVE/Tools.pm`), pve-guest-common
(`PVE/AbstractConfig.pm`), qemu-server (`PVE/API2/Qemu.pm`), pve-access-control (`PVE/RPCEnvironment.pm`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

NO_ANSWER = 0
"""The status of a request that got none."""
NEVER_SENT = (503, 595)
"""A proxy, or the node asked, could not reach the node that would have answered: nothing was done."""
UNKNOWN = (NO_ANSWER, 502, 504, 596, 597, 599)
"""The request may have been carried out or not."""

LOCKED = re.compile(r"\bis locked\b|can.t lock file|can.t acquire lock|got lock request timeout|cfs-lock .* error")
CONFLICT = re.compile(r"detected modified configuration|checksum miss?match \(file change")
TAKEN = re.compile(r"VM \d+ already exists|CT \d+ already exists|config file already exists|\bVM ID \d+ is in use")
NOT_THERE = re.compile(r"does not exist|no such |not found|unable to find")
DENIED = re.compile(r"Permission check failed(?: \((?P<path>/[^,)]*), (?P<privileges>[^)]*)\))?")

ROLES = {
    "VM": "PVEVMAdmin",
    "Datastore": "PVEDatastoreAdmin",
    "SDN": "PVESDNAdmin",
    "Pool": "PVEPoolAdmin",
    "Mapping": "PVEMappingAdmin",
    "User": "PVEUserAdmin",
    "Group": "PVEUserAdmin",
}
"""PVE's own role that has all privileges of a kind; Administrator has all."""


@dataclass(frozen=True)
class Account:
    """Who asks: a user, or a token of a user."""

    user: str
    token: str = ""
    """Name of the token; empty for the user."""

    def __str__(self) -> str:
        return f"token {self.user}!{self.token}" if self.token else f"user {self.user}"


class ProxmoxError(Exception):
    """Something on Proxmox VE could not be read or done."""

    status: int = -1
    """The HTTP status of the answer; 0 where none came, -1 where this is not about one request."""
    final = False
    """Whether asking again is of no use."""


class NotSetUp(ProxmoxError):
    """The connection cannot even be tried: a library or a part of the options is missing."""

    final = True


class Refused(ProxmoxError):
    """The API answered, and refused."""

    def __init__(self, message: str, *, status: int = -1) -> None:
        self.status = status
        super().__init__(message)


class NotAllowed(Refused):
    """The account lacks a privilege: `privileges` (of which any one may do) on `path`, where PVE named them."""

    def __init__(self, message: str, *, path: str = "", privileges: tuple[str, ...] = ()) -> None:
        self.path = path
        self.privileges = privileges
        super().__init__(message, status=403)


class Unauthorized(Refused):
    """PVE does not know the account, or not with this secret, or no longer."""


class Locked(Refused):
    """Something else is being done with the same thing; it ends."""


class Conflict(Refused):
    """The configuration is not the one that was read: somebody changed it since."""


class Taken(Refused):
    """The id of a new guest belongs to another one."""


class NotThere(Refused):
    """What the request is about does not exist."""


class Invalid(Refused):
    """Parameters that PVE does not take; `errors` says what is wrong with each."""

    def __init__(self, message: str, errors: Mapping[str, str]) -> None:
        self.errors = dict(errors)
        super().__init__(message, status=400)


class NoAnswer(ProxmoxError):
    """One request got no answer of the API."""

    def __init__(self, message: str, *, status: int = NO_ANSWER, final: bool = False) -> None:
        self.status = status
        self.final = final
        super().__init__(message)


class Unreachable(NoAnswer):
    """The API cannot be reached; what was asked was not done, or does not matter."""


class OutcomeUnknown(NoAnswer):
    """The answer to a change was lost: it may have taken place or not, so look before anything is repeated."""


class TaskFailed(ProxmoxError):
    """A task of PVE ended with an error, or not in time."""

    def __init__(self, message: str, *, upid: str, exit_status: str = "") -> None:
        self.upid = upid
        self.exit_status = exit_status
        super().__init__(message)

    @property
    def locked(self) -> bool:
        """Whether it only met a lock, so that trying again helps."""
        return bool(LOCKED.search(self.exit_status))

    @property
    def taken(self) -> bool:
        """Whether the id of its new guest belongs to another one."""
        return bool(TAKEN.search(self.exit_status))


def refusal(status: int, message: str, errors: Mapping[str, str], *, request: str, account: Account) -> ProxmoxError:
    """The error that an answer of the API is.

    message: the reason that PVE gave. errors: what is wrong with each parameter, of a 400. request: such as
    `PUT nodes/pve-1/qemu/100/config`.
    """
    text = " ".join(message.split())
    if status == 401:
        return Unauthorized(_unauthorized(text, account), status=status)
    if status == 403:
        return _not_allowed(text, request, account)
    if status == 400 and errors:
        told = "; ".join(f"{name}: {' '.join(str(reason).split())}" for name, reason in sorted(errors.items()))
        return Invalid(f"{request}: Proxmox does not take it: {told}", errors)
    told = f"{request}: {text or f'HTTP status {status}'}"
    if CONFLICT.search(text):
        return Conflict(told, status=status)
    if LOCKED.search(text):
        return Locked(told, status=status)
    if TAKEN.search(text):
        return Taken(told, status=status)
    if status == 404 or NOT_THERE.search(text):
        return NotThere(told, status=status)
    return Refused(told, status=status)


def _unauthorized(text: str, account: Account) -> str:
    if not account.token:
        way_out = "check user, realm (user@pam, user@pve) and password"
    elif "expired" in text:
        way_out = "make a new one, or let it live longer: pveum user token modify USER TOKEN --expire 0"
    else:
        way_out = f"see which tokens there are: pveum user token list {account.user}; its secret is shown only once"
    return f"Proxmox does not let the {account} in ({text or 'no reason given'}): {way_out}"


def _not_allowed(text: str, request: str, account: Account) -> NotAllowed:
    found = DENIED.search(text)
    if not found or not found["path"]:
        return NotAllowed(f"the {account} may not do this: {request}: {text}")
    path, privileges = found["path"], tuple(re.split(r"[|,]\s*", found["privileges"].strip()))
    role = ROLES.get(privileges[0].split(".")[0], "Administrator")
    give = f"pveum acl modify {path} --roles {role}"
    way_out = f"{give} --users {account.user}"
    if account.token:
        way_out = (
            f"{give} --tokens '{account.user}!{account.token}'; with privilege separation a token may do what both it "
            f"and its user may, so also {way_out}"
        )
    message = (
        f"the {account} lacks the privilege {' or '.join(privileges)} on {path} (for {request}); give it a role that "
        f"has it: {way_out}"
    )
    return NotAllowed(message, path=path, privileges=privileges)
