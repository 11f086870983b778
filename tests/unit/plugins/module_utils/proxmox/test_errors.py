"""What Proxmox answers becomes an error of a kind, whose message says what to do."""

from __future__ import annotations

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox import errors
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.errors import Account, ProxmoxError

USER = Account("ops@pve")
TOKEN = Account("autolabs@pve", "automation")


def refused(status: int, text: str, account: Account = USER, **wrong: str) -> ProxmoxError:
    return errors.refusal(status, text, wrong, request="POST nodes/pve-1/qemu/9000/clone", account=account)


@pytest.mark.parametrize(
    ("status", "text", "kind"),
    [
        (500, "VM is locked (clone)", errors.Locked),
        (500, "can't lock file '/var/lock/qemu-server/lock-100.conf' - got timeout", errors.Locked),
        (500, "cfs-lock 'file-user_cfg' error: got lock request timeout", errors.Locked),
        (500, "VM 100 qmp command 'query-status' failed - got timeout", errors.Refused),
        (500, "detected modified configuration - file changed by other user? Try again.", errors.Conflict),
        (500, "checksum missmatch (file change by other user?)", errors.Conflict),
        (500, "unable to create VM 100: config file already exists", errors.Taken),
        (500, "unable to create VM 100 - VM 100 already exists on node 'pve-2'", errors.Taken),
        (500, "VM 100 already running", errors.Refused),
        (500, "Configuration file 'nodes/pve-1/qemu-server/100.conf' does not exist", errors.NotThere),
        (404, "Not Found", errors.NotThere),
        (401, "authentication failure", errors.Unauthorized),
        (403, "Permission check failed (/vms/100, VM.Allocate)", errors.NotAllowed),
        (403, "Permission check failed", errors.NotAllowed),
        (501, "Method 'POST /nodes' not implemented", errors.Refused),
    ],
)
def test_each_answer_is_an_error_of_its_kind(status: int, text: str, kind: type[ProxmoxError]) -> None:
    error = refused(status, text)
    assert error.__class__ is kind
    assert error.status == status


def test_wrong_parameters_are_told_one_by_one() -> None:
    error = refused(400, "Parameter verification failed.", memory="value must be at least 16\n", cores="not a number")
    assert isinstance(error, errors.Invalid)
    assert str(error).endswith("does not take it: cores: not a number; memory: value must be at least 16")
    assert error.errors["cores"] == "not a number"


def test_a_lacking_privilege_is_named_with_its_path_and_the_command_that_gives_it() -> None:
    error = refused(403, "Permission check failed (/vms/100, VM.Allocate)\n")
    assert isinstance(error, errors.NotAllowed)
    assert (error.path, error.privileges) == ("/vms/100", ("VM.Allocate",))
    assert "user ops@pve lacks the privilege VM.Allocate on /vms/100" in str(error)
    assert "pveum acl modify /vms/100 --roles PVEVMAdmin --users ops@pve" in str(error)
    assert "--tokens" not in str(error)


def test_a_token_is_told_that_its_user_needs_the_privilege_as_well() -> None:
    message = str(refused(403, "Permission check failed (/storage/local, Datastore.Audit|Datastore.Allocate)", TOKEN))
    assert "token autolabs@pve!automation lacks the privilege Datastore.Audit or Datastore.Allocate" in message
    assert "--tokens 'autolabs@pve!automation'" in message
    assert "--users autolabs@pve" in message and "privilege separation" in message


@pytest.mark.parametrize(
    ("account", "text", "way_out"),
    [
        (USER, "authentication failure", "user, realm (user@pam, user@pve) and password"),
        (TOKEN, "token expired", "pveum user token modify"),
        (TOKEN, "invalid token value!", "pveum user token list autolabs@pve"),
    ],
)
def test_who_is_not_let_in_is_told_why_and_what_to_do(account: Account, text: str, way_out: str) -> None:
    message = str(refused(401, text, account))
    assert str(account) in message and text in message and way_out in message


@pytest.mark.parametrize(
    ("exit_status", "locked", "taken"),
    [
        ("clone failed: can't lock file '/var/lock/pve-manager/pve-storage-local-lvm' - got timeout", True, False),
        ("unable to create VM 100: config file already exists", False, True),
        ("VM quit/powerdown failed - got timeout", False, False),
    ],
)
def test_a_failed_task_tells_whether_trying_again_helps(exit_status: str, locked: bool, taken: bool) -> None:
    error = errors.TaskFailed("failed", upid="", exit_status=exit_status)
    assert (error.locked, error.taken) == (locked, taken)
