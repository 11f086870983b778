"""What a running VM takes at once, by the rules of qemu-server."""

from __future__ import annotations

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.hotplug import at_once, features, is_cloud_init

DEFAULT = features({})
NONE = features({"hotplug": "0"})
NET = "virtio=AA:00:00:00:00:01,bridge=vmbr0"
DISK = "local-lvm:vm-130-disk-0,size=32G"

CHANGES = [
    ("description", None, "text", NONE, True),
    ("onboot", "1", "0", NONE, True),
    ("memory", "1024", "2048", DEFAULT, False),
    ("memory", "1024", "2048", features({"hotplug": "memory"}), True),
    ("cores", "1", "2", features({"hotplug": "cpu,memory"}), False),
    ("balloon", "1024", "2048", NONE, True),
    ("balloon", None, "2048", NONE, True),
    ("balloon", "0", "2048", NONE, False),
    ("balloon", None, "0", NONE, False),
    ("agent", None, "1", DEFAULT, False),
    ("agent", "1", "1,fstrim_cloned_disks=1", DEFAULT, True),
    ("agent", "1", "enabled=1", DEFAULT, True),
    ("agent", "1", "0", DEFAULT, False),
    ("net0", NET, f"{NET},tag=5", NONE, True),
    ("net0", NET, f"{NET},firewall=1", NONE, True),
    ("net0", NET, f"{NET},mtu=1400", DEFAULT, True),
    ("net0", NET, f"{NET},mtu=1400", NONE, False),
    ("net0", NET, "virtio=AA:00:00:00:00:01", NONE, False),
    ("net1", None, NET, DEFAULT, True),
    ("net1", None, NET, NONE, False),
    ("net1", NET, None, DEFAULT, True),
    ("scsi0", DISK, f"{DISK},backup=0", NONE, True),
    ("scsi0", DISK, f"{DISK},ssd=1", DEFAULT, False),
    ("scsi0", DISK, f"{DISK},iothread=1", DEFAULT, False),
    ("scsi1", None, DISK, DEFAULT, True),
    ("virtio1", None, DISK, NONE, False),
    ("ide1", None, DISK, DEFAULT, False),
    ("sata1", None, DISK, DEFAULT, False),
    ("boot", "order=scsi0", "order=net0", DEFAULT, False),
]


@pytest.mark.parametrize(("key", "before", "after", "plug", "expected"), CHANGES)
def test_a_running_vm_takes_it(
    key: str, before: str | None, after: str | None, plug: frozenset[str], expected: bool
) -> None:
    assert at_once(key, before, after, plug) is expected


@pytest.mark.parametrize(
    ("config", "found"),
    [
        ({}, {"network", "disk", "usb"}),
        ({"hotplug": 1}, {"network", "disk", "usb"}),
        ({"hotplug": "0"}, set()),
        ({"hotplug": "disk,cpu"}, {"disk", "cpu"}),
    ],
)
def test_what_may_be_plugged(config: dict[str, str | int], found: set[str]) -> None:
    assert features(config) == found


@pytest.mark.parametrize(
    ("key", "expected"),
    [("ciuser", True), ("ipconfig3", True), ("sshkeys", True), ("ipconfigs", False), ("net0", False)],
)
def test_what_cloud_init_is_told(key: str, expected: bool) -> None:
    assert is_cloud_init(key) is expected
