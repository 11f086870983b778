"""Who may do what: roles along paths, pools, tokens with separated privileges, and what each option asks for."""

from __future__ import annotations

from typing import Any

import pytest
from unit.support.stand_in import Proxmox
from unit.testbed.proxmox.test_answers import refused

LEAST = (
    "VM.Allocate VM.Audit VM.Clone VM.Config.CDROM VM.Config.CPU VM.Config.Cloudinit VM.Config.Disk VM.Config.HWType"
    " VM.Config.Memory VM.Config.Network VM.Config.Options VM.Monitor VM.PowerMgmt Datastore.AllocateSpace"
    " Datastore.Audit SDN.Use Pool.Audit"
).split()


@pytest.fixture
def proxmox(stand_in: Proxmox) -> Proxmox:
    """With a template, a VM 120 in pool `course`, and a user with a token and no rights."""
    stand_in.template()
    stand_in.vm(120, start=True)
    api = stand_in.api()
    api.pools.post(poolid="course")
    api.pools("course").put(vms="120")
    api.access.users.post(userid="anna@pve", password="long-enough")
    return stand_in


def anna(proxmox: Proxmox) -> Any:
    return proxmox.api("anna@pve", "long-enough")


def token(proxmox: Proxmox, **options: Any) -> Any:
    made = proxmox.api().access.users("anna@pve").token("lab").post(**options)
    return proxmox.api("anna@pve", token_name="lab", token_value=made["value"])


def allow(proxmox: Proxmox, path: str, role: str, *, tokens: str = "", **options: Any) -> None:
    who = {"tokens": tokens} if tokens else {"users": "anna@pve"}
    proxmox.api().access.acl.put(path=path, roles=role, **who, **options)


def test_without_rights_nothing_is_seen_and_the_missing_one_is_named(proxmox: Proxmox) -> None:
    api = anna(proxmox)
    assert api.cluster.resources.get(type="vm") == []
    assert api.nodes("pve-1").qemu.get() == []
    denied = refused(api.nodes("pve-1").qemu(120).config.get)
    assert denied[:2] == (403, "Permission check failed (/vms/120, VM.Audit)")
    assert refused(lambda: api.pools.post(poolid="x"))[1] == "Permission check failed (/pool/x, Pool.Allocate)"
    assert refused(api.nodes("pve-1").certificates.info.get)[0] == 501


def test_a_pools_role_counts_for_its_vms(proxmox: Proxmox) -> None:
    allow(proxmox, "/pool/course", "PVEVMUser")
    api = anna(proxmox)
    assert [vm["vmid"] for vm in api.cluster.resources.get(type="vm")] == [120]
    proxmox.done(api.nodes("pve-1").qemu(120).status.reboot.post())
    denied = refused(lambda: api.nodes("pve-1").qemu(120).config.put(cores=4))
    assert denied[1] == "Permission check failed (/vms/120, VM.Config.CPU)"
    assert refused(api.nodes("pve-1").qemu(9000).config.get)[0] == 403


def test_what_does_not_propagate_stays_where_it_is(proxmox: Proxmox) -> None:
    allow(proxmox, "/vms", "PVEVMAdmin", propagate=0)
    assert refused(anna(proxmox).nodes("pve-1").qemu(120).config.get)[0] == 403
    allow(proxmox, "/vms", "PVEVMAdmin", propagate=1)
    assert anna(proxmox).nodes("pve-1").qemu(120).config.get()


def test_a_deeper_entry_wins_and_noaccess_takes_all(proxmox: Proxmox) -> None:
    allow(proxmox, "/", "Administrator")
    allow(proxmox, "/vms/120", "NoAccess")
    assert refused(anna(proxmox).nodes("pve-1").qemu(120).config.get)[0] == 403
    assert anna(proxmox).nodes("pve-1").qemu(9000).config.get()


def test_a_groups_role_counts_for_its_members(proxmox: Proxmox) -> None:
    api = proxmox.api()
    api.access.groups.post(groupid="teachers")
    api.access.users("anna@pve").put(groups="teachers")
    api.access.acl.put(path="/vms", groups="teachers", roles="PVEVMUser")
    assert anna(proxmox).nodes("pve-1").qemu(120).config.get()


def test_a_separated_token_has_what_both_it_and_its_user_have(proxmox: Proxmox) -> None:
    allow(proxmox, "/vms", "PVEVMUser")
    api = token(proxmox)
    config = api.nodes("pve-1").qemu(120).config
    assert refused(config.get)[1] == "Permission check failed (/vms/120, VM.Audit)"
    allow(proxmox, "/vms", "PVEVMAdmin", tokens="anna@pve!lab")
    assert config.get()
    assert refused(lambda: config.put(cores=4))[0] == 403
    assert "VM.Config.CPU" not in api.access.permissions.get(path="/vms/120")["/vms/120"]


def test_a_whole_token_has_what_its_user_has(proxmox: Proxmox) -> None:
    allow(proxmox, "/vms", "PVEVMUser")
    assert token(proxmox, privsep=0).nodes("pve-1").qemu(120).config.get()


def test_a_role_of_least_privilege_makes_and_runs_vms_in_its_pool(proxmox: Proxmox) -> None:
    api = proxmox.api()
    api.access.roles.post(roleid="AutoLabs", privs=",".join(LEAST))
    for path in ("/pool/course", "/storage/local-lvm", "/sdn/zones/localnetwork", "/vms/9000"):
        allow(proxmox, path, "AutoLabs")
    allowed = anna(proxmox)
    qemu = allowed.nodes("pve-1").qemu
    assert refused(lambda: qemu(9000).clone.post(newid=121, full=1))[:2] == (403, "Permission check failed")
    proxmox.done(qemu(9000).clone.post(newid=121, full=1, pool="course"))
    qemu(121).config.put(cores=4, ciuser="me", net0="virtio,bridge=vmbr0,tag=5", scsi1="local-lvm:1", tags="a")
    proxmox.done(qemu(121).status.start.post())
    assert qemu(121).agent("network-get-interfaces").get()
    proxmox.done(qemu(121).status.stop.post())
    proxmox.done(qemu(121).delete())


@pytest.mark.parametrize(
    ("settings", "missing"),
    [
        ({"cores": 4}, "/vms/120, VM.Config.CPU"),
        ({"memory": 4096}, "/vms/120, VM.Config.Memory"),
        ({"onboot": 1}, "/vms/120, VM.Config.Options"),
        ({"net1": "virtio,bridge=vmbr0"}, "/vms/120, VM.Config.Network"),
        ({"ciuser": "me"}, "/vms/120, VM.Config.Cloudinit|VM.Config.Network"),
        ({"scsihw": "lsi"}, "/vms/120, VM.Config.HWType"),
        ({"boot": "order=net0"}, "/vms/120, VM.Config.Disk"),
        ({"scsi1": "local-lvm:1"}, "/storage/local-lvm, Datastore.AllocateSpace"),
    ],
)
def test_each_option_asks_for_its_privilege(proxmox: Proxmox, settings: dict[str, Any], missing: str) -> None:
    proxmox.api().access.roles.post(roleid="Few", privs="VM.Audit,VM.Config.CDROM")
    allow(proxmox, "/vms", "Few")
    config = anna(proxmox).nodes("pve-1").qemu(120).config
    assert refused(lambda: config.put(**settings))[:2] == (403, f"Permission check failed ({missing})")


def test_a_net_asks_for_its_bridge_and_a_start_order_for_the_site(proxmox: Proxmox) -> None:
    allow(proxmox, "/vms", "PVEVMAdmin")
    config = anna(proxmox).nodes("pve-1").qemu(120).config
    denied = refused(lambda: config.put(net1="virtio,bridge=vmbr0"))
    assert denied[1] == "Permission check failed (/sdn/zones/localnetwork/vmbr0, SDN.Use)"
    denied = refused(lambda: config.put(startup="order=3"))
    assert denied[1] == "Permission check failed (/, Sys.Modify)"
    assert refused(lambda: config.put(args="-s"))[1] == "only root can set 'args' config"


def test_tasks_of_others_are_hidden(proxmox: Proxmox) -> None:
    upid = proxmox.api().nodes("pve-1").qemu(120).status.reboot.post()
    proxmox.done(upid)
    denied = refused(anna(proxmox).nodes("pve-1").tasks(upid).status.get)
    assert denied[1] == "Permission check failed (/nodes/pve-1, Sys.Audit)"
    assert anna(proxmox).nodes("pve-1").tasks.get() == []


def test_rights_go_with_whom_they_were_given_to(proxmox: Proxmox) -> None:
    token(proxmox)
    allow(proxmox, "/vms", "PVEVMUser", tokens="anna@pve!lab")
    proxmox.api().access.users("anna@pve").delete()
    assert proxmox.api().access.acl.get() == []
