"""Values of one key that say the same, and fields that change in a value while the rest of it stays."""

from __future__ import annotations

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.fields import (
    CLOUD_INIT,
    DISK,
    NETWORK,
    VM,
    same,
    wanted,
)
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.vm import Disk, read_vms


@pytest.mark.parametrize(
    ("key", "one", "other", "expected"),
    [
        ("startup", "order=3,up=30", "up=30,order=3", True),
        ("startup", "3,up=30", "order=3,up=30", True),
        ("agent", "1", "enabled=1", True),
        ("agent", "1,type=isa", "enabled=1", False),
        ("cpu", "host", "cputype=host", True),
        ("net0", "virtio=aa:00:00:00:00:01,bridge=b", "bridge=b,model=virtio,macaddr=AA:00:00:00:00:01", True),
        ("net0", "virtio=AA:00:00:00:00:01,bridge=b", "virtio=AA:00:00:00:00:01,bridge=c", False),
        ("scsi0", "local-lvm:x,size=1G", "size=1G,file=local-lvm:x", True),
        ("cores", 4, "4", True),
        ("memory", "current=512", "512", True),
        ("description", "a,b", "b,a", False),
        ("tags", None, None, True),
        ("tags", None, "a", False),
    ],
)
def test_values_of_a_key_say_the_same(key: str, one: str | int | None, other: str | int | None, expected: bool) -> None:
    assert same(key, one, other) is expected


CHANGED = [
    ({"agent": True}, {"agent": "0,fstrim_cloned_disks=1"}, {"agent": "1,fstrim_cloned_disks=1"}),
    ({"networks": [{"tag": 5}]}, {"net0": "virtio=AA,bridge=b,rate=3"}, {"net0": "virtio=AA,bridge=b,rate=3,tag=5"}),
    ({"networks": [{"ip6": "auto"}]}, {"ipconfig0": "ip=dhcp"}, {"ipconfig0": "ip=dhcp,ip6=auto"}),
    ({"networks": [{"ip": "", "ip6": ""}]}, {"ipconfig0": "ip=dhcp,ip6=auto"}, {}),
    ({"networks": [{"ip": "dhcp"}]}, {"ipconfig0": "ip=10.0.0.2/24,gw=10.0.0.1"}, {"ipconfig0": "ip=dhcp"}),
    ({"cloud_init": {"vendor": ""}}, {"cicustom": "vendor=local:snippets/a,user=b"}, {"cicustom": "user=b"}),
    ({"cloud_init": {"vendor": ""}}, {"cicustom": "vendor=local:snippets/a"}, {}),
    ({"cloud_init": {"nameservers": []}}, {"nameserver": "10.0.0.1"}, {}),
    ({"startup": {"down": 60}}, {"startup": "order=1"}, {"startup": "down=60"}),
]


@pytest.mark.parametrize(("given", "before", "after"), CHANGED)
def test_a_field_changes_and_the_rest_of_the_value_stays(
    given: dict[str, object], before: dict[str, str | int], after: dict[str, str | int]
) -> None:
    (vm,) = read_vms([{"name": "vm", **given}])
    config = dict(before)
    for row in wanted(vm):
        row.into(config)
    assert config == after
    assert all(row.of(config) == row.value for row in wanted(vm))


@pytest.mark.parametrize(
    ("given", "config", "differs"),
    [
        ({"memory": 8192, "balloon": 1024}, {"memory": "1024"}, True),
        ({"memory": 8192, "balloon": 8192}, {"memory": "1024"}, False),
        ({"memory": 8192, "balloon": 1024}, {"memory": "1024", "balloon": "1024"}, False),
        ({"balloon": 1024}, {"memory": "1024"}, False),
        ({"balloon": 1024}, {"memory": "8192"}, True),
    ],
)
def test_an_absent_balloon_is_as_large_as_the_memory_is_about_to_be(
    given: dict[str, object], config: dict[str, str | int], differs: bool
) -> None:
    (vm,) = read_vms([{"name": "vm", **given}])
    (balloon,) = [row for row in wanted(vm) if row.path == "balloon"]
    assert (balloon.of(config) != balloon.value) is differs


def test_every_field_of_a_vm_has_its_row_or_a_way_of_its_own() -> None:
    elsewhere = {"name", "vmid", "node", "template", "clone", "storage", "pool", "state"}
    (vm,) = read_vms([{"name": "vm"}])
    assert {row.name for row in VM} | elsewhere | {"disks", "networks", "cloud_init"} == set(vars(vm))
    assert {row.name for row in CLOUD_INIT} == set(vars(vm.cloud_init))
    assert {row.name for row in DISK} | {"slot", "size", "storage"} == set(vars(Disk("scsi0")))
    (network,) = read_vms([{"name": "vm", "networks": [{}]}])[0].networks or ()
    assert {row.name for row in NETWORK} == set(vars(network))
