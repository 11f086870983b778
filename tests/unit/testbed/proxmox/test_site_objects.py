"""What a host is set up with: storages, networks, pools, backup jobs, firewalls, downloads."""

from __future__ import annotations

import hashlib
import http.server
import struct
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from unit.support.stand_in import Proxmox
from unit.testbed.proxmox.test_answers import refused

QCOW2 = b"QFI\xfb" + struct.pack(">IQII", 3, 0, 0, 16) + struct.pack(">Q", 3 << 30) + b"\0" * 100


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    """The address of a server that has an image."""
    folder = tmp_path / "www"
    folder.mkdir()
    (folder / "debian.qcow2").write_bytes(QCOW2)

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *given: Any) -> None:
            super().__init__(*given, directory=str(folder))

        def log_message(self, *given: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def download(proxmox: Proxmox, url: str, **options: Any) -> str:
    storage = proxmox.api().nodes("pve-1").storage("local")
    return str(storage("download-url").post(url=url, **{"content": "import", "filename": "debian.qcow2", **options}))


def test_an_image_is_downloaded_checked_and_imported(stand_in: Proxmox, site: str) -> None:
    told = {"checksum": hashlib.sha256(QCOW2).hexdigest(), "checksum-algorithm": "sha256"}
    upid = download(stand_in, f"{site}/debian.qcow2", **told)
    assert ":download:debian.qcow2:root@pam:" in upid
    stand_in.done(upid)
    (entry,) = stand_in.api().nodes("pve-1").storage("local").content.get(content="import")
    assert (entry["volid"], entry["format"], entry["size"]) == ("local:import/debian.qcow2", "qcow2", len(QCOW2))
    stand_in.done(download(stand_in, f"{site}/debian.qcow2", **told))

    qemu = stand_in.api().nodes("pve-1").qemu
    stand_in.done(qemu.post(vmid=9000, scsi0="local-lvm:0,import-from=local:import/debian.qcow2,discard=on"))
    assert qemu(9000).config.get()["scsi0"] == "local-lvm:vm-9000-disk-0,discard=on,size=3G"


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"filename": "debian.zip"}, "invalid filename or wrong extension"),
        ({"content": "iso"}, "wrong file extension"),
        ({"content": "images"}, "images"),
    ],
)
def test_a_download_is_refused_at_once(stand_in: Proxmox, options: dict[str, Any], text: str) -> None:
    _, _, errors = refused(lambda: download(stand_in, "http://127.0.0.1:9/x", **options))
    assert text in str(errors)


def test_a_download_fails_with_what_was_wrong(stand_in: Proxmox, site: str) -> None:
    wrong = {"checksum": "0" * 64, "checksum-algorithm": "sha256"}
    assert "checksum mismatch" in stand_in.end(download(stand_in, f"{site}/debian.qcow2", **wrong))
    assert "exit code 8 (ERROR 404" in stand_in.end(download(stand_in, f"{site}/none.qcow2"))
    assert "exit code 4" in stand_in.end(download(stand_in, "http://127.0.0.1:9/debian.qcow2"))
    assert stand_in.api().nodes("pve-1").storage("local").content.get(content="import") == []


def test_a_download_asks_for_the_network_right_too(stand_in: Proxmox) -> None:
    api = stand_in.api()
    api.access.users.post(userid="anna@pve", password="long-enough")
    api.access.acl.put(path="/storage", users="anna@pve", roles="PVEDatastoreAdmin")
    post = stand_in.api("anna@pve", "long-enough").nodes("pve-1").storage("local")("download-url").post
    told = {"url": "http://127.0.0.1:9/debian.qcow2", "content": "import", "filename": "debian.qcow2"}
    assert refused(lambda: post(**told))[0] == 403
    api.access.roles.post(roleid="Net", privs="Sys.AccessNetwork")
    api.access.acl.put(path="/nodes/pve-1", users="anna@pve", roles="Net")
    assert post(**told)


def test_a_node_looks_up_what_is_behind_a_url(stand_in: Proxmox, site: str) -> None:
    look_up = stand_in.api().nodes("pve-1")("query-url-metadata").get
    found = {"filename": "debian.qcow2", "size": len(QCOW2), "mimetype": "application/octet-stream"}
    assert look_up(url=f"{site}/debian.qcow2?today") == found
    not_found = refused(lambda: look_up(url=f"{site}/none.qcow2"))
    assert not_found[:2] == (500, "invalid server response: '404 File not found'")
    assert "Can't connect to 127.0.0.1:9" in refused(lambda: look_up(url="http://127.0.0.1:9/x"))[1]
    assert "regex pattern" in refused(lambda: look_up(url="ftp://127.0.0.1/x"))[2]["url"]
    assert "url" in refused(look_up)[2]


@pytest.mark.parametrize(("path", "privileges"), [("/nodes/pve-1", "Sys.AccessNetwork"), ("/", "Sys.Audit,Sys.Modify")])
def test_looking_up_a_url_asks_for_a_right(stand_in: Proxmox, site: str, path: str, privileges: str) -> None:
    api = stand_in.api()
    api.access.users.post(userid="anna@pve", password="long-enough")
    look_up = stand_in.api("anna@pve", "long-enough").nodes("pve-1")("query-url-metadata").get
    assert refused(lambda: look_up(url=f"{site}/debian.qcow2"))[0] == 403
    api.access.roles.post(roleid="Net", privs=privileges)
    api.access.acl.put(path=path, users="anna@pve", roles="Net")
    assert look_up(url=f"{site}/debian.qcow2")["size"] == len(QCOW2)


def test_the_task_that_deletes_is_named_after_owner_and_storage(stand_in: Proxmox, site: str) -> None:
    node = stand_in.api().nodes("pve-1")
    stand_in.done(download(stand_in, f"{site}/debian.qcow2"))
    stand_in.template()
    stand_in.vm(120, scsi1="local-lvm:1").config.put(delete="scsi1")
    for storage, volume, name in (
        ("local", "import/debian.qcow2", "local"),
        ("local-lvm", "vm-120-disk-1", "120@local-lvm"),
    ):
        upid = node.storage(storage).content(f"{storage}:{volume}").delete()
        assert f":imgdel:{name}:root@pam:" in upid
        stand_in.done(upid)
        assert node.tasks(upid).status.get()["exitstatus"] == "OK"


def test_storages_are_made_changed_and_removed(stand_in: Proxmox) -> None:
    storage = stand_in.api().storage
    storage.post(storage="backups", type="dir", path="/srv/backups", content="backup,iso")
    assert storage("backups").get()["content"] == "backup,iso"
    storage("backups").put(content="backup", **{"prune-backups": "keep-daily=7,keep-weekly=4"})
    assert storage("backups").get()["prune-backups"] == "keep-daily=7,keep-weekly=4"
    again = refused(lambda: storage.post(storage="backups", type="dir", path="/srv"))
    assert again[1] == "create storage failed: storage ID 'backups' already defined"
    storage("backups").delete()
    assert refused(storage("backups").get)[1] == "storage 'backups' does not exist"


def test_network_changes_wait_for_the_reload(stand_in: Proxmox) -> None:
    network = stand_in.api().nodes("pve-1").network
    network.post(iface="vmbr1", type="bridge", cidr="192.168.200.1/24", autostart=1, comments="labs")
    found = network("vmbr1").get()
    assert (found["address"], found["netmask"], found["comments"]) == ("192.168.200.1", "24", "labs\n")
    assert "vmbr1" not in stand_in.server.engine.state["nodes"]["pve-1"]["network"]
    stand_in.done(network.put())
    assert "vmbr1" in stand_in.server.engine.state["nodes"]["pve-1"]["network"]
    second = refused(lambda: network.post(iface="vmbr2", type="bridge", cidr="10.1.0.1/24", gateway="10.1.0.254"))
    assert second[2] == {"gateway": "Default gateway already exists on interface 'vmbr0'."}
    network("vmbr1").delete()
    network.delete()  # reverts
    assert network("vmbr1").get()["type"] == "bridge"


def test_pools_hold_vms_and_storages(stand_in: Proxmox) -> None:
    stand_in.template()
    pools = stand_in.api().pools
    pools.post(poolid="course", comment="A course")
    pools.post(poolid="other")
    pools("course").put(vms="9000", storage="local-lvm")
    assert {member["id"] for member in pools("course").get()["members"]} == {
        "qemu/9000",
        "storage/pve-1/local-lvm",
    }
    taken = refused(lambda: pools("other").put(vms="9000"))
    assert "VM 9000 belongs already to pool 'course' and 'allow-move' is not set" in taken[1]
    pools("other").put(vms="9000", **{"allow-move": 1})
    full = refused(pools("other").delete)
    assert full[1] == "delete pool failed: pool 'other' is not empty (contains VM 9000)"


def test_backup_jobs(stand_in: Proxmox) -> None:
    backup = stand_in.api().cluster.backup
    backup.post(id="nightly", schedule="02:00", all=1, storage="local", compress="zstd", mode="snapshot",
                **{"prune-backups": "keep-daily=7,keep-weekly=4"})  # fmt: skip
    found = backup("nightly").get()
    assert (found["enabled"], found["prune-backups"]) == (1, {"keep-daily": "7", "keep-weekly": "4"})
    backup("nightly").put(vmid="100,101", schedule="03:00")
    assert "all" not in backup("nightly").get()
    assert refused(backup("none").get)[2] == {"id": "No such job 'none'"}
    backup("nightly").delete()
    assert backup.get() == []


def test_a_new_rule_is_the_first_wherever_it_was_wanted(stand_in: Proxmox) -> None:
    rules = stand_in.api().cluster.firewall.rules
    for name in "abc":
        rules.post(type="in", action="ACCEPT", comment=name, pos=5)
    assert [rule["comment"] for rule in rules.get()] == ["c", "b", "a"]
    assert [rule["pos"] for rule in rules.get()] == [0, 1, 2]
    assert rules(0).get()["enable"] == 0
    rules(0).put(moveto=2)
    assert [rule["comment"] for rule in rules.get()] == ["b", "c", "a"]
    rules(0).put(moveto=3)
    assert [rule["comment"] for rule in rules.get()] == ["c", "a", "b"]
    rules(1).delete()
    assert [rule["comment"] for rule in rules.get()] == ["c", "b"]
    assert refused(rules(9).get)[1] == "no rule at position 9"


def test_a_firewalls_digest_guards_it(stand_in: Proxmox) -> None:
    rules = stand_in.api().cluster.firewall.rules
    rules.post(type="in", action="ACCEPT")
    old = rules.get()[0]["digest"]
    rules(0).put(comment="x", digest=old)
    denied = refused(lambda: rules(0).put(comment="y", digest=old))
    assert denied[1] == "detected modified configuration - file changed by other user? Try again."


def test_rules_name_only_what_is_there(stand_in: Proxmox) -> None:
    firewall = stand_in.api().cluster.firewall
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"type": "group", "action": "web"}, "security group 'web' does not exist"),
        ({"type": "in", "action": "ACCEPT", "source": "+admins"}, "no such ipset 'admins'"),
        ({"type": "in", "action": "ACCEPT", "source": "office"}, "no such alias 'office'"),
        ({"type": "in", "action": "ACCEPT", "dport": "22"}, "missing property - 'dport' requires this property"),
    ]
    for settings, text in wrong:
        assert text in str(refused(lambda settings=settings: firewall.rules.post(**settings))[2])
    firewall.groups.post(group="web")
    firewall.ipset.post(name="admins")
    firewall.aliases.post(name="office", cidr="10.1.0.0/24")
    firewall.ipset("admins").post(cidr="10.2.0.0/24", comment="x")
    for settings, _ in wrong[:3]:
        firewall.rules.post(**settings)
    assert refused(firewall.ipset("admins").delete)[1] == "IPSet 'admins' is not empty"
    firewall.ipset("admins")("10.2.0.0/24").delete()
    firewall.ipset("admins").delete()


def test_nodes_and_vms_have_firewalls_of_their_own(stand_in: Proxmox) -> None:
    stand_in.template()
    api = stand_in.api()
    node, vm = api.nodes("pve-1").firewall, api.nodes("pve-1").qemu(9000).firewall
    for firewall in (node, vm):
        firewall.options.put(enable=1)
        assert firewall.options.get()["enable"] == 1
        firewall.rules.post(type="in", action="ACCEPT", enable=1)
    assert api.cluster.firewall.rules.get() == []
    vm.ipset.post(name="ipfilter-net0")
    assert vm.refs.get() == [{"type": "ipset", "name": "ipfilter-net0", "ref": "+ipfilter-net0"}]


def test_several_nodes_share_what_is_shared(tmp_path: Path) -> None:
    proxmox = Proxmox(tmp_path, nodes=("pve-1", "pve-2"))
    try:
        api = proxmox.api()
        assert [node["name"] for node in api.cluster.status.get() if node["type"] == "node"] == ["pve-1", "pve-2"]
        proxmox.template()
        qemu = api.nodes("pve-1").qemu
        denied = refused(lambda: qemu(9000).clone.post(newid=120, full=1, target="pve-2"))
        assert denied[1] == "can't clone VM to node 'pve-2' (VM uses local storage)"
        api.storage.post(storage="nfs", type="nfs", server="10.0.0.5", export="/vms", content="images")
        settings = {"scsi0": "nfs:4", "net0": "virtio,bridge=vmbr0"}
        proxmox.done(qemu.post(vmid=9001, **settings))
        proxmox.done(qemu(9001).template.post())
        assert qemu(9001).config.get()["scsi0"] == "nfs:9001/base-9001-disk-0.qcow2,size=4G"
        proxmox.done(qemu(9001).clone.post(newid=120, target="pve-2"))
        linked = api.nodes("pve-2").qemu(120).config.get()["scsi0"]
        assert linked == "nfs:9001/base-9001-disk-0.qcow2/120/vm-120-disk-0.qcow2,size=4G"
    finally:
        proxmox.close()
