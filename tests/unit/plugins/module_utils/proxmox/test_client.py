"""A session with Proxmox VE: who it trusts, what it asks again, and what it says when nothing answers."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox import client
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.client import Endpoint, Session
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.errors import (
    Account,
    Invalid,
    NotAllowed,
    NotSetUp,
    NotThere,
    OutcomeUnknown,
    ProxmoxError,
    Unauthorized,
    Unreachable,
)
from unit.support.certificates import certificate

from .conftest import Site

ROOT = Account("root@pam")


@pytest.fixture
def silent(tmp_path: Path) -> Iterator[int]:
    """The port of a server that takes every connection and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield int(listening.getsockname()[1])


@pytest.fixture
def expired(tmp_path: Path) -> Iterator[Endpoint]:
    """A server whose certificate ended yesterday."""
    path = certificate(tmp_path, -10, -1)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            with pytest.raises(OSError):
                with listening.accept()[0] as connection:
                    context.wrap_socket(connection, server_side=True)

        thread = threading.Thread(target=serve)
        thread.start()
        yield Endpoint("127.0.0.1", ROOT, "x", port=int(listening.getsockname()[1]), ca=str(path))
        thread.join()


def test_parameters_are_sent_as_proxmox_reads_them() -> None:
    assert [client.as_sent(value) for value in (True, False, 3, "a", ("a", True))] == [1, 0, 3, "a", ["a", 1]]
    with pytest.raises(TypeError):
        client.as_sent({"a": 1})


def test_an_unknown_ca_is_told_with_the_option_that_names_it(site: Site) -> None:
    with pytest.raises(Unreachable, match=r"unknown CA .*api_ca.*/etc/pve/pve-root-ca.pem"):
        site.session().get("version")  # It is known here.
        Session(site.endpoint(ca="")).get("version")


def test_a_certificate_of_another_ca_is_told(site: Site, tmp_path: Path) -> None:
    other = certificate(tmp_path, -1, 1)
    with pytest.raises(Unreachable, match="is not of the CA in"):
        Session(site.endpoint(ca=str(other))).get("version")


def test_a_certificate_for_another_name_is_told(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    find = socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *more, **named: find(host.replace("pve.example.org", "127.0.0.1"), *more, **named),
    )
    with pytest.raises(Unreachable, match=r"certificate for another name .*api_host.*pvecm updatecerts"):
        Session(site.endpoint(host="pve.example.org")).get("version")


def test_a_certificate_that_has_expired_is_told(expired: Endpoint) -> None:
    with pytest.raises(Unreachable, match="not valid: certificate has expired"):
        Session(expired).get("version")


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_certificates_may_be_left_unchecked_on_purpose(site: Site) -> None:
    assert Session(site.endpoint(ca="", verify=False)).get("version")["release"] == "8.4"


def test_a_port_where_nothing_listens_is_told_after_a_while(site: Site) -> None:
    port = site.endpoint().port
    site.stand_in.close()
    with pytest.raises(Unreachable, match=f"https://127.0.0.1:{port} cannot be reached"):
        site.session(patience=0.3).get("version")


def test_a_name_that_there_is_not_is_not_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def find(*words: object, **named: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", find)
    with pytest.raises(Unreachable, match="cannot be reached") as error:
        Session(Endpoint("nowhere.example.org", ROOT, "x"), patience=600).get("version")
    assert error.value.final


def test_a_server_that_does_not_answer_is_told_with_the_timeout(silent: int) -> None:
    at = Endpoint("127.0.0.1", Account("a@pve", "b"), "x", port=silent, verify=False, timeout=0.2)
    with pytest.raises(Unreachable, match=r"GET version: .* did not answer within 0.2 s \(api_timeout\)"):
        Session(at, patience=0.1).get("version")
    with pytest.raises(OutcomeUnknown, match="did not answer within"):
        Session(at, patience=600).post("pools", poolid="a")


def test_reading_is_repeated_and_told_once(site: Site) -> None:
    told: list[ProxmoxError] = []
    session = site.session(retrying=told.append)
    session.get("version")
    site.fault("answer", method="GET", path="/version", status=596, count=3)
    assert session.get("version")["release"] == "8.4"
    assert len(told) == 1 and "status 596" in str(told[0])


def test_a_change_whose_answer_is_lost_is_not_repeated(site: Site) -> None:
    site.fault("answer", method="POST", path="/pools", status=596, after=True)
    with pytest.raises(OutcomeUnknown, match="POST pools"):
        site.session().post("pools", poolid="once")
    assert "once" in [pool["poolid"] for pool in site.admin.get("pools")]


def test_a_change_that_never_arrived_is_repeated(site: Site) -> None:
    site.fault("answer", method="POST", path="/pools", status=595)
    site.session().post("pools", poolid="once")
    assert "once" in [pool["poolid"] for pool in site.admin.get("pools")]


def test_setting_the_same_again_is_safe_and_so_repeated(site: Site) -> None:
    site.fault("drop", method="PUT", path="/pools", after=True)
    site.session().put("pools", poolid="autolabs", comment="ours")
    assert site.admin.get("pools/autolabs")["comment"] == "ours"


def test_what_is_not_there_and_what_is_wrong_are_told_apart(site: Site) -> None:
    with pytest.raises(NotThere):
        site.admin.get("nodes/pve-1/qemu/777/config")
    with pytest.raises(Invalid) as wrong:
        site.admin.put("nodes/pve-1/qemu/9000/config", memory="much")
    assert "memory" in wrong.value.errors


def test_a_token_reads_what_its_role_allows_and_no_more(site: Site) -> None:
    session = site.token("PVEAuditor")
    assert session.get("nodes/pve-1/qemu/9000/config")["name"] == "debian-12"
    with pytest.raises(NotAllowed) as error:
        session.post("nodes/pve-1/qemu/9000/template")
    assert (error.value.path, error.value.privileges) == ("/vms/9000", ("VM.Allocate",))


def test_a_token_that_has_expired_is_told(site: Site) -> None:
    with pytest.raises(Unauthorized, match=r"token weak@pve!weak .*pveum user token"):
        site.token("PVEAuditor", expire=1).get("nodes/pve-1/qemu/9000/config")


def test_a_ticket_that_is_no_longer_taken_is_replaced(site: Site) -> None:
    session = site.session()
    session.get("version")
    session._api._backend.auth.pve_auth_ticket = "PVE:root@pam:00000000::stale"
    session._own.fresh = False
    assert session.get("cluster/resources")


def test_many_threads_share_one_way_in(site: Site) -> None:
    session = site.session()
    asked = site.stand_in._server.asked
    before = len(asked)
    threads = [threading.Thread(target=session.get, args=("version",)) for _number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    paths = [entry["path"] for entry in asked[before:]]
    assert (paths.count("/access/ticket"), paths.count("/version")) == (1, 8)


def test_a_missing_library_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "requests", None)
    with pytest.raises(NotSetUp, match="proxmoxer and requests are missing"):
        Session(Endpoint("pve", ROOT, "x"))


@pytest.mark.parametrize(
    ("host", "url"), [("pve-1", "https://pve-1:8006"), ("2001:db8::1", "https://[2001:db8::1]:8006")]
)
def test_an_endpoint_has_an_address_for_messages(host: str, url: str) -> None:
    assert replace(Endpoint("x", ROOT, "x"), host=host).url == url
