"""A VM's configuration: how values are written back, what changes a running VM, what waits for its next start."""

from __future__ import annotations

import re
from typing import Any

import pytest
from testbed.proxmox import cloudinit
from unit.support.stand_in import Proxmox
from unit.testbed.proxmox.test_answers import refused

MAC = r"BC:24:11(:[0-9A-F]{2}){3}"


@pytest.fixture
def proxmox(stand_in: Proxmox) -> Proxmox:
    stand_in.template()
    return stand_in


WRITTEN_BACK: list[tuple[str, Any, str]] = [
    ("net0", "virtio,bridge=vmbr0,firewall=1", f"virtio={MAC},bridge=vmbr0,firewall=1"),
    (
        "net0",
        "model=virtio,macaddr=BC:24:11:00:00:01,tag=5,bridge=vmbr0",
        "virtio=BC:24:11:00:00:01,bridge=vmbr0,tag=5",
    ),
    ("net1", "firewall=on,bridge=vmbr0,e1000=BC:24:11:00:00:02", "e1000=BC:24:11:00:00:02,bridge=vmbr0,firewall=1"),
    ("scsi1", "local-lvm:4,ssd=1,discard=on", "local-lvm:vm-120-disk-1,discard=on,size=4G,ssd=1"),
    ("scsi1", "file=local-lvm:0.5", "local-lvm:vm-120-disk-1,size=512M"),
    ("tags", "Web,course;web", "course;web"),
    ("description", "  Two\nlines \n\n", "  Two\nlines"),
    ("onboot", "yes", "1"),
    ("sshkeys", "ssh-ed25519%20AAAA%20me%0A", "ssh-ed25519%20AAAA%20me%0A"),
    ("ipconfig0", "ip=192.168.100.5/24,gw=192.168.100.1", "ip=192.168.100.5/24,gw=192.168.100.1"),
    ("agent", "1", "1"),
    ("startup", "order=3,up=30", "order=3,up=30"),
    ("memory", 4096, "4096"),
]


@pytest.mark.parametrize(("option", "sent", "kept"), WRITTEN_BACK)
def test_values_are_written_back_as_the_real_one_writes_them(
    proxmox: Proxmox, option: str, sent: Any, kept: str
) -> None:
    vm = proxmox.vm(120, **{option: sent})
    assert re.fullmatch(kept if "(" in kept else re.escape(kept), str(vm.config.get()[option]))


def test_numbers_are_numbers_and_memory_is_a_text(proxmox: Proxmox) -> None:
    found = proxmox.vm(120, cores=4, onboot=1, balloon=512).config.get()
    assert (found["cores"], found["onboot"], found["balloon"], found["memory"]) == (4, 1, 512, "2048")


LIVE: list[tuple[str, dict[str, Any]]] = [
    ("name", {"name": "other"}),
    ("description", {"description": "x"}),
    ("onboot", {"onboot": 1}),
    ("tags", {"tags": "a"}),
    ("startup", {"startup": "order=2"}),
    ("protection", {"protection": 1}),
    ("cloud-init", {"ciuser": "me"}),
    ("ipconfig", {"ipconfig0": "ip=dhcp"}),
    ("cpu units", {"cpuunits": 200}),
    ("another net", {"net1": "virtio,bridge=vmbr0"}),
    ("the net's bridge and VLAN", {"net0": "virtio={mac},bridge=vmbr0,tag=7"}),
    ("the net's firewall", {"net0": "virtio={mac},bridge=vmbr0,firewall=1"}),
    ("another disk", {"scsi1": "local-lvm:1"}),
    ("a disk's limit", {"scsi0": "{disk},mbps=10"}),
    ("a disk left out of backups", {"scsi0": "{disk},backup=0"}),
    ("less memory by balloon", {"balloon": 1024}),
]
PENDING: list[tuple[str, dict[str, Any]]] = [
    ("cores", {"cores": 4}),
    ("memory", {"memory": 4096}),
    ("cpu", {"cpu": "host"}),
    ("no balloon", {"balloon": 0}),
    ("bios", {"bios": "ovmf"}),
    ("boot order", {"boot": "order=net0"}),
    ("agent", {"agent": "enabled=0"}),
    ("disk discard", {"scsi0": "{plain},ssd=1"}),
    ("an IDE disk", {"ide0": "local-lvm:1"}),
]


def placed(proxmox: Proxmox, settings: dict[str, Any]) -> dict[str, Any]:
    """The settings with the VM's own MAC address and disk in them."""
    config = proxmox.config(120)
    mac = config["net0"].split(",")[0].split("=")[1]
    plain = config["scsi0"].split(",")[0] + ",size=10G"
    words = {"{mac}": mac, "{disk}": config["scsi0"], "{plain}": plain}
    for word, value in words.items():
        settings = {key: text.replace(word, value) if isinstance(text, str) else text for key, text in settings.items()}
    return settings


def pending(vm: Any) -> set[str]:
    return {entry["key"] for entry in vm.pending.get() if "pending" in entry or "delete" in entry}


@pytest.mark.parametrize(("what", "settings"), LIVE, ids=[what for what, _ in LIVE])
def test_a_running_vm_takes_it_at_once(proxmox: Proxmox, what: str, settings: dict[str, Any]) -> None:
    vm = proxmox.vm(120, start=True)
    vm.config.put(**placed(proxmox, settings))
    assert pending(vm) == set()
    assert set(settings) <= set(vm.config.get(current=1))


@pytest.mark.parametrize(("what", "settings"), PENDING, ids=[what for what, _ in PENDING])
def test_a_running_vm_takes_it_at_its_next_start(proxmox: Proxmox, what: str, settings: dict[str, Any]) -> None:
    vm = proxmox.vm(120, start=True)
    before = vm.config.get(current=1)
    vm.config.put(**placed(proxmox, settings))
    (option,) = settings
    assert pending(vm) == {option}
    assert vm.config.get(current=1).get(option) == before.get(option)
    assert vm.config.get().get(option) != before.get(option)
    proxmox.done(vm.status.reboot.post())
    assert pending(vm) == set()
    assert vm.config.get(current=1).get(option) != before.get(option)


def test_a_net_of_another_model_needs_hotplug(proxmox: Proxmox) -> None:
    vm = proxmox.vm(120, start=True, hotplug="disk")
    vm.config.put(net0="e1000=BC:24:11:00:00:01,bridge=vmbr0")
    assert pending(vm) == {"net0"}
    vm.config.put(hotplug="network,disk")
    vm.config.put(net0="e1000=BC:24:11:00:00:02,bridge=vmbr0")
    assert pending(vm) == set()


def test_pending_changes_are_reverted_and_deleted(proxmox: Proxmox) -> None:
    vm = proxmox.vm(120, start=True, onboot=1)
    vm.config.put(cores=8)
    vm.config.put(revert="cores")
    assert pending(vm) == set()
    vm.config.put(delete="agent,onboot")
    assert {"key": "agent", "value": "enabled=1", "delete": 1} in vm.pending.get()
    assert "onboot" not in vm.config.get(current=1)
    vm.config.put(agent="enabled=1")
    assert pending(vm) == set()


def test_a_disk_taken_out_is_kept_unused_and_then_freed(proxmox: Proxmox) -> None:
    vm = proxmox.vm(120, scsi1="local-lvm:4")
    vm.config.put(delete="scsi1")
    assert vm.config.get()["unused0"] == "local-lvm:vm-120-disk-1"
    vm.config.put(delete="unused0")
    content = proxmox.api().nodes("pve-1").storage("local-lvm").content.get(vmid=120)
    assert [entry["volid"] for entry in content] == ["local-lvm:vm-120-cloudinit", "local-lvm:vm-120-disk-0"]


def test_the_digest_changes_with_the_configuration_and_guards_it(proxmox: Proxmox) -> None:
    vm = proxmox.vm(120)
    old = vm.config.get()["digest"]
    vm.config.put(cores=4, digest=old)
    assert vm.config.get()["digest"] != old
    assert refused(lambda: vm.config.put(cores=5, digest=old))[0] == 500


def test_disks_grow_by_and_to_a_size(proxmox: Proxmox) -> None:
    vm = proxmox.vm(120)
    proxmox.done(vm.resize.put(disk="scsi0", size="+2G"))
    assert "size=12G" in vm.config.get()["scsi0"]
    proxmox.done(vm.resize.put(disk="scsi0", size="20G"))
    assert "size=20G" in vm.config.get()["scsi0"]


def test_a_disk_that_has_its_size_already_is_left_as_it_is(proxmox: Proxmox) -> None:
    vm = proxmox.vm(120)
    before = vm.config.get()
    proxmox.done(vm.resize.put(disk="scsi0", size="10240M"))
    assert vm.config.get() == before


def test_a_change_as_a_task_is_waited_for_or_not(proxmox: Proxmox) -> None:
    vm = proxmox.vm(120)
    assert vm.config.post(cores=4, background_delay=5) is None
    proxmox.done(vm.config.post(cores=5))
    assert vm.config.get()["cores"] == 5


def test_clones_are_full_or_linked_and_get_what_is_theirs(proxmox: Proxmox) -> None:
    qemu = proxmox.api().nodes("pve-1").qemu
    proxmox.done(qemu(9000).clone.post(newid=121, name="linked"))
    proxmox.done(qemu(9000).clone.post(newid=122, full=1, storage="local-lvm", description="a copy"))
    template, linked, full = (qemu(vmid).config.get() for vmid in (9000, 121, 122))
    assert len({config["net0"] for config in (template, linked, full)}) == 3
    assert len({config["smbios1"] for config in (template, linked, full)}) == 3
    assert "template" not in full
    assert (linked["name"], full["name"], full["description"]) == ("linked", "Copy-of-VM-debian-12", "a copy")
    assert full["ide2"] == "local-lvm:vm-122-cloudinit,media=cdrom,size=4M"
    upid = qemu(9000).delete()
    assert "still in use" in proxmox.end(upid)
    proxmox.done(qemu(121).delete())
    proxmox.done(qemu(9000).delete())


def test_a_linked_clone_needs_a_template(proxmox: Proxmox) -> None:
    vm = proxmox.vm(120)
    assert "Linked clone feature is not supported" in refused(lambda: vm.clone.post(newid=121, full=0))[1]


def test_a_template_does_not_start(proxmox: Proxmox) -> None:
    upid = proxmox.api().nodes("pve-1").qemu(9000).status.start.post()
    assert proxmox.end(upid) == "you can't start a vm if it's a template"


def test_removing_takes_disks_pool_acl_firewall_and_backup_with_it(proxmox: Proxmox) -> None:
    api = proxmox.api()
    vm = proxmox.vm(120)
    api.pools.post(poolid="course")
    api.pools("course").put(vms="120")
    api.access.acl.put(path="/vms/120", users="root@pam", roles="PVEVMUser")
    api.cluster.backup.post(id="nightly", vmid="120,121", schedule="02:00", storage="local")
    vm.firewall.rules.post(type="in", action="ACCEPT")
    proxmox.done(vm.delete(purge=1, **{"destroy-unreferenced-disks": 1}))
    assert api.nodes("pve-1").storage("local-lvm").content.get(vmid=120) == []
    assert api.pools("course").get()["members"] == []
    assert api.access.acl.get() == []
    assert api.cluster.backup("nightly").get()["vmid"] == "121"
    assert proxmox.server.engine.state["firewall"]["vms"] == {}


def test_the_next_free_vmid(proxmox: Proxmox) -> None:
    api = proxmox.api()
    assert api.cluster.nextid.get() == "100"
    proxmox.vm(100)
    assert api.cluster.nextid.get() == "101"
    assert refused(lambda: api.cluster.nextid.get(vmid=100)) == (
        400,
        "Parameter verification failed.",
        {"vmid": "VM 100 already exists"},
    )


USER = """#cloud-config
hostname: k8s-1
manage_etc_hosts: true
fqdn: k8s-1.autolabs.internal
user: autolabs
ssh_authorized_keys:
  - ssh-ed25519 AAAA me
chpasswd:
  expire: False
users:
  - default
"""
NETWORK = """version: 1
config:
    - type: physical
      name: eth0
      mac_address: 'bc:24:11:00:00:01'
      subnets:
      - type: static
        address: '192.168.100.30'
        netmask: '255.255.255.0'
        gateway: '192.168.100.1'
      - type: ipv6_slaac
    - type: nameserver
      address:
      - '192.168.100.1'
      search:
      - 'autolabs.internal'
"""


def test_a_started_vm_gets_the_cloud_init_texts_of_its_configuration(proxmox: Proxmox) -> None:
    snippets = proxmox.server.engine.storage_folder("local") / "snippets"
    (snippets / "vendor.yml").write_text("#cloud-config\npackages: [qemu-guest-agent]\n")
    vm = proxmox.vm(
        130,
        name="k8s-1",
        start=True,
        ciuser="autolabs",
        sshkeys="ssh-ed25519%20AAAA%20me%0A",
        ciupgrade=0,
        ipconfig0="ip=192.168.100.30/24,gw=192.168.100.1,ip6=auto",
        net0="virtio=BC:24:11:00:00:01,bridge=vmbr0",
        nameserver="192.168.100.1",
        searchdomain="autolabs.internal",
        cicustom="vendor=local:snippets/vendor.yml",
    )
    texts = proxmox.machines.machines[130][1]
    assert texts.user_data == vm.cloudinit.dump.get(type="user") == USER
    assert texts.network_config == vm.cloudinit.dump.get(type="network") == NETWORK
    assert texts.vendor_data == "#cloud-config\npackages: [qemu-guest-agent]\n"
    assert re.fullmatch(r"instance-id: [0-9a-f]{40}\n", texts.meta_data)


def test_a_vm_without_a_cloud_init_drive_gets_no_texts(proxmox: Proxmox) -> None:
    qemu = proxmox.api().nodes("pve-1").qemu
    proxmox.done(qemu.post(vmid=140, ciuser="me", net0="virtio,bridge=vmbr0", start=1))
    assert proxmox.machines.machines[140][1].user_data == ""
    assert cloudinit.drive({}) is None


def test_cloud_init_changes_wait_for_the_drive_to_be_made_anew(proxmox: Proxmox) -> None:
    vm = proxmox.vm(120, start=True, ciuser="me")
    vm.config.put(ciuser="you", nameserver="10.0.0.1")
    told = {entry["key"]: entry for entry in vm.cloudinit.get()}
    assert told["ciuser"] == {"key": "ciuser", "value": "me", "pending": "you"}
    assert told["nameserver"] == {"key": "nameserver", "pending": "10.0.0.1"}
    vm.cloudinit.put()
    assert all("pending" not in entry for entry in vm.cloudinit.get())


def test_of_addresses_it_is_told_only_that_they_came_or_went(proxmox: Proxmox) -> None:
    vm = proxmox.vm(120, start=True, ipconfig0="ip=192.0.2.1/24", ipconfig1="ip=dhcp", ciupgrade=1)
    vm.config.put(ipconfig0="ip=192.0.2.2/24", ipconfig2="ip=dhcp", ciupgrade=0, delete="ipconfig1")
    told = {entry["key"]: entry for entry in vm.cloudinit.get()}
    assert told["ipconfig1"] == {"key": "ipconfig1", "delete": 1}
    assert told["ipconfig2"] == {"key": "ipconfig2", "pending": "ip=dhcp"}
    assert told["ciupgrade"] == {"key": "ciupgrade", "delete": 1}
    assert "ipconfig0" not in told


def test_a_cloud_init_password_is_kept_encrypted_and_hidden(proxmox: Proxmox) -> None:
    vm = proxmox.vm(120, cipassword="open sesame")
    assert vm.config.get()["cipassword"] == "**********"
    assert "password: $5$" in vm.cloudinit.dump.get(type="user")


def test_a_bridge_that_is_not_there_is_told_at_the_start(proxmox: Proxmox) -> None:
    vm = proxmox.vm(120, net0="virtio,bridge=vmbr9")
    assert proxmox.end(vm.status.start.post()) == "bridge 'vmbr9' does not exist"


def test_a_vm_that_does_not_shut_down_is_stopped_by_force(proxmox: Proxmox) -> None:
    vm = proxmox.vm(120, start=True)
    proxmox.fault("shutdown_never", vmid=120)
    assert proxmox.end(vm.status.shutdown.post(timeout=1)) == "VM quit/powerdown failed - got timeout"
    proxmox.done(vm.status.shutdown.post(timeout=1, forceStop=1))
    assert vm.status.current.get()["status"] == "stopped"
