"""What the stand-in answers: the envelope, errors in the real texts, who is let in."""

from __future__ import annotations

import http.client
import json
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
import requests
from proxmoxer import ResourceException
from testbed.proxmox.permissions import PERMISSIONS
from testbed.proxmox.roles import BUILT_IN
from testbed.proxmox.routing import ROUTES
from testbed.proxmox.schema import Schema, schema_path
from unit.support.stand_in import PASSWORD, Proxmox

needs_schema = pytest.mark.skipif(schema_path() is None, reason="the API's schema is not here")


def raw(proxmox: Proxmox, method: str, path: str, **options: Any) -> requests.Response:
    session = requests.Session()
    session.trust_env = False
    return session.request(
        method, f"{proxmox.server.url}/api2/json{path}", verify=str(proxmox.ca), timeout=10, **options
    )


def logged_in(proxmox: Proxmox, user: str = "root@pam", password: str = PASSWORD) -> dict[str, Any]:
    """Options of requests: a ticket, and the token that changes need."""
    data = raw(proxmox, "POST", "/access/ticket", data={"username": user, "password": password}).json()["data"]
    return {
        "cookies": {"PVEAuthCookie": data["ticket"]},
        "headers": {"CSRFPreventionToken": data["CSRFPreventionToken"]},
    }


def refused(call: Callable[[], Any]) -> tuple[int, str, dict[str, str]]:
    """Status, text and errors by parameter of what the call is refused with."""
    with pytest.raises(ResourceException) as caught:
        call()
    errors = {} if caught.value.errors is None else caught.value.errors
    return caught.value.status_code, caught.value.content.removesuffix(f" - {errors}"), errors


def test_answers_have_the_data_in_an_envelope(stand_in: Proxmox) -> None:
    answer = raw(stand_in, "GET", "/version", **logged_in(stand_in))
    assert answer.status_code == 200
    assert answer.json()["data"]["release"] == "8.4"


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({}, "No ticket"),
        ({"Cookie": "PVEAuthCookie=PVE:root@pam:66F0C0DE::forged"}, "permission denied - invalid PVE ticket"),
        ({"Authorization": "PVEAPIToken=nobody@pve!any=1"}, "no such user ('nobody@pve')"),
        ({"Authorization": "PVEAPIToken=root@pam!none=1"}, "no such token 'none' for user 'root@pam'"),
        ({"Authorization": "PVEAPIToken=root@pam!known=1"}, "invalid token value!"),
    ],
)
def test_who_is_not_known_is_answered_401(stand_in: Proxmox, headers: dict[str, str], reason: str) -> None:
    stand_in.api().access.users("root@pam").token("known").post()
    answer = raw(stand_in, "GET", "/version", headers=headers)
    assert (answer.status_code, answer.reason) == (401, reason)


def test_a_wrong_password_is_an_authentication_failure(stand_in: Proxmox) -> None:
    answer = raw(stand_in, "POST", "/access/ticket", data={"username": "root@pam", "password": "wrong"})
    assert (answer.status_code, answer.reason) == (401, "authentication failure")


def test_a_change_by_ticket_needs_the_csrf_token(stand_in: Proxmox) -> None:
    told = logged_in(stand_in)
    answer = raw(stand_in, "POST", "/pools", data={"poolid": "a"}, cookies=told["cookies"])
    assert (answer.status_code, answer.reason) == (401, "Permission denied - invalid csrf token")
    assert raw(stand_in, "POST", "/pools", data={"poolid": "a"}, **told).status_code == 200


@pytest.mark.parametrize("name", ["Csrfpreventiontoken", "csrfpreventiontoken", "CSRFPREVENTIONTOKEN"])
def test_names_of_headers_have_no_case(stand_in: Proxmox, name: str) -> None:
    told = logged_in(stand_in)
    cookie = f"PVEAuthCookie={told['cookies']['PVEAuthCookie']}"
    headers = {name: told["headers"]["CSRFPreventionToken"], "COOKIE": cookie}
    assert raw(stand_in, "POST", "/pools", data={"poolid": "a"}, headers=headers).status_code == 200
    token = stand_in.api().access.users("root@pam").token("go").post(privsep=0)
    by_token = {"AUTHORIZATION": f"PVEAPIToken={token['full-tokenid']}={token['value']}"}
    assert raw(stand_in, "GET", "/version", headers=by_token).status_code == 200


def test_a_connection_stays_open_while_its_client_is_silent(stand_in: Proxmox) -> None:
    stand_in.server._server.handshake_seconds = 0.2
    trusted = ssl.create_default_context(cafile=stand_in.ca)
    with closing(http.client.HTTPSConnection("127.0.0.1", stand_in.server.port, timeout=10, context=trusted)) as kept:
        for pause in (0.5, 0):
            kept.request("GET", "/testbed/alive")
            assert json.load(kept.getresponse()) == {"data": ["pve-1"]}
            threading.Event().wait(pause)


def test_a_token_shows_its_value_once_and_expires(stand_in: Proxmox) -> None:
    api = stand_in.api()
    made = api.access.users("root@pam").token("once").post(privsep=0)
    assert made["full-tokenid"] == "root@pam!once"
    assert "value" not in api.access.users("root@pam").token("once").get()
    assert stand_in.api(token_name="once", token_value=made["value"]).version.get()
    api.access.users("root@pam").token("once").put(expire=int(time.time()) - 5)
    status, text, _ = refused(stand_in.api(token_name="once", token_value=made["value"]).version.get)
    assert (status, text) == (401, "token 'root@pam!once' access expired")


def test_errors_are_the_reason_phrase_and_the_message(stand_in: Proxmox) -> None:
    answer = raw(stand_in, "GET", "/nodes/pve-1/qemu/100/config", **logged_in(stand_in))
    text = "Configuration file 'nodes/pve-1/qemu-server/100.conf' does not exist"
    assert (answer.status_code, answer.reason) == (500, text)
    assert answer.json() == {"data": None, "message": f"{text}\n"}


REFUSED: list[tuple[str, Callable[[Any], Any], int, str]] = [
    ("the VMID is taken", lambda api: api.nodes("pve-1").qemu.post(vmid=9000), 500,
     "unable to create VM 9000 - VM 9000 already exists on node 'pve-1'"),
    ("the clone's VMID is taken", lambda api: api.nodes("pve-1").qemu(9000).clone.post(newid=120), 500,
     "unable to create VM 120: config file already exists"),
    ("no such node", lambda api: api.nodes("pve-9").qemu.get(), 500,
     "hostname lookup 'pve-9' failed - failed to get address info for: pve-9: Name or service not known"),
    ("no such storage", lambda api: api.nodes("pve-1").qemu(9000).clone.post(newid=121, full=1, storage="none"), 500,
     "storage 'none' does not exist"),
    ("no such pool", lambda api: api.nodes("pve-1").qemu(9000).clone.post(newid=121, pool="none"), 500,
     "pool 'none' does not exist"),
    ("a linked clone elsewhere", lambda api: api.nodes("pve-1").qemu(9000).clone.post(newid=121, storage="local-lvm"),
     500, "parameter 'storage' not allowed for linked clones"),
    ("another digest", lambda api: api.nodes("pve-1").qemu(120).config.put(cores=4, digest="0" * 40), 500,
     "checksum mismatch (file change by other user?)"),
    ("shrinking", lambda api: api.nodes("pve-1").qemu(120).resize.put(disk="scsi0", size="5G"), 500,
     "shrinking disks is not supported"),
    ("no such disk", lambda api: api.nodes("pve-1").qemu(120).resize.put(disk="scsi7", size="5G"), 500,
     "disk 'scsi7' does not exist"),
    ("nothing to change", lambda api: api.nodes("pve-1").qemu(120).config.put(), 500, "no options specified"),
    ("too much balloon", lambda api: api.nodes("pve-1").qemu(120).config.put(balloon=4096), 500,
     "balloon value too large (must be smaller than assigned memory)"),
    ("an unknown boot device", lambda api: api.nodes("pve-1").qemu(120).config.put(boot="order=scsi9"), 500,
     "invalid bootorder: device 'scsi9' does not exist'"),
    ("an agent that does not run", lambda api: api.nodes("pve-1").qemu(120).agent.ping.post(), 500,
     "VM 120 is not running"),
    ("removing what is protected", lambda api: api.nodes("pve-1").qemu(120).delete(), 500,
     "can't remove VM 120 - protection mode enabled"),
    ("rebooting what is off", lambda api: api.nodes("pve-1").qemu(120).status.reboot.post(), 500, "VM 120 not running"),
    ("a role that is there", lambda api: api.access.roles.post(roleid="NoAccess"), 500,
     "create role failed: role 'NoAccess' already exists"),
    ("a path that is not there", lambda api: api.cluster.nothing.get(), 501,
     "Method 'GET /cluster/nothing' not implemented"),
]  # fmt: skip


@pytest.fixture
def with_vms(stand_in: Proxmox) -> Proxmox:
    """A template 9000 and a stopped, protected VM 120."""
    stand_in.template()
    stand_in.vm(120, protection=1)
    return stand_in


def test_refusals_have_the_real_texts(with_vms: Proxmox) -> None:
    api = with_vms.api()
    for what, call, status, text in REFUSED:
        assert refused(lambda call=call: call(api))[:2] == (status, text), what


WRONG: list[tuple[dict[str, Any], str, str]] = [
    (
        {"nonsense": 1},
        "nonsense",
        "property is not defined in schema and the schema does not allow additional properties",
    ),
    ({"net32": "virtio"}, "net32", "property is not defined in schema"),
    ({"cores": "many"}, "cores", "type check ('integer') failed - got 'many'"),
    ({"onboot": "maybe"}, "onboot", "type check ('boolean') failed - got 'maybe'"),
    ({"delete": "nonsense"}, "delete", "unknown option 'nonsense'"),
    ({"delete": "cores", "cores": 2}, "delete", "you can't use '-cores' and -delete cores' at the same time"),
]
WRONG_BY_SCHEMA: list[tuple[dict[str, Any], str, str]] = [
    ({"cores": 0}, "cores", "value must have a minimum value of 1"),
    ({"ostype": "beos"}, "ostype", "value 'beos' does not have a value in the enumeration"),
    ({"name": "not_a/name"}, "name", "invalid format - value does not look like a valid DNS name"),
    ({"description": "x" * 9000}, "description", "value may only be 8192 characters long"),
    ({"net0": "virtio,bridge=vmbr0,tag=9999"}, "net0", "tag: value must have a maximum value of 4094"),
    ({"net0": "warp,bridge=vmbr0"}, "net0", "model: value 'warp' does not have a value in the enumeration"),
    ({"scsi0": "local-lvm:1,colour=red"}, "scsi0", "colour: property is not defined in schema"),
    ({"ipconfig0": "ip=192.168.100.300/24"}, "ipconfig0", "ip: invalid format"),
    ({"ipconfig0": "gw=192.168.100.1"}, "ipconfig0", "missing property - 'gw' requires this property"),
    ({"sshkeys": "ssh-ed25519 AAAA"}, "sshkeys", "invalid format"),
    ({"tags": "no spaces/here"}, "tags", "invalid characters in tag"),
    ({"startup": "first"}, "startup", "unable to parse startup options"),
]


def check_wrong(proxmox: Proxmox, cases: list[tuple[dict[str, Any], str, str]]) -> None:
    config = proxmox.api().nodes("pve-1").qemu(120).config
    for settings, parameter, text in cases:
        status, phrase, errors = refused(lambda settings=settings: config.put(**settings))
        assert (status, phrase) == (400, "Parameter verification failed."), settings
        assert text in errors.get(parameter, str(errors)), settings


def test_wrong_parameters_are_named_one_by_one(with_vms: Proxmox) -> None:
    check_wrong(with_vms, WRONG)


@needs_schema
def test_values_are_held_against_the_schema(with_vms: Proxmox) -> None:
    check_wrong(with_vms, WRONG_BY_SCHEMA)


def test_without_a_schema_it_works_all_the_same(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOLABS_PVE_SCHEMA", str(tmp_path / "none"))
    proxmox = Proxmox(tmp_path / "proxmox")
    try:
        assert not proxmox.server.engine.schema.paths
        proxmox.template()
        proxmox.vm(120, cores=4)
        check_wrong(proxmox, WRONG)
    finally:
        proxmox.close()


@needs_schema
def test_the_paths_and_their_privileges_are_those_of_the_schema() -> None:
    """No path but real ones, and each asks for what the real one asks for."""
    schema = Schema()
    for template, methods in ROUTES.handlers.items():
        if template.endswith(("/lxc", "/query-url-metadata")):
            continue  # the schema at hand leaves these out; inventories and OpenTofu ask for them all the same
        for method in methods:
            operation = schema.operation(template, method)
            assert operation is not None, f"{method} {template}"
            told = operation.get("permissions") or {}
            if "check" in told:
                expected: Any = _plain(told["check"])
            else:
                expected = told.get("user")
            assert _plain(PERMISSIONS.get((template, method))) == expected, f"{method} {template}"
    assert {(path, method) for path, methods in ROUTES.handlers.items() for method in methods} >= {
        key for key in PERMISSIONS if key[0] in ROUTES.handlers and key[1] in ROUTES.handlers[key[0]]
    }


def _plain(check: Any) -> Any:
    return json.loads(json.dumps(check))


def test_built_in_roles_are_nested_as_in_the_real_one() -> None:
    assert BUILT_IN["PVEVMUser"] < BUILT_IN["PVEVMAdmin"] < BUILT_IN["PVEAdmin"] < BUILT_IN["Administrator"]
    assert "VM.Config.CDROM" in BUILT_IN["PVEVMUser"]
    assert "Sys.Modify" not in BUILT_IN["PVEAdmin"]
    assert BUILT_IN["PVEAuditor"] >= {"VM.Audit", "Sys.Audit", "Datastore.Audit", "SDN.Audit", "Pool.Audit"}
