"""What becomes of a VM: field by field what is unchanged, changes live, needs a restart, or is refused.

Each case starts from the VM of `BASE`, which runs on pve-1 unless it says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

UNCHANGED, LIVE, RESTART, REFUSED = "unchanged", "live", "restart", "refused"

NAME, VMID, NODE, TEMPLATE = "k8s-vm", 130, "pve-1", 9000
MAC = "BC:24:11:00:00:01"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB+/0CVH0y8G1uKjIqQZvQ8sWv0G1ZQ2S1mN2m3oPq4r teacher"
OTHER_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIC9mZ0CVH0y8G1uKjIqQZvQ8sWv0G1ZQ2S1mN2m3oPq4 admin"
ENCODED_KEY = KEY.replace(" ", "%20").replace("+", "%2B").replace("/", "%2F")
ENCODED_OTHER = OTHER_KEY.replace(" ", "%20")
DISK = "local-lvm:vm-130-disk-0"

BASE: dict[str, str] = {
    "name": NAME,
    "memory": "2048",
    "cores": "2",
    "sockets": "1",
    "cpu": "host",
    "ostype": "l26",
    "scsihw": "virtio-scsi-single",
    "scsi0": f"{DISK},size=32G",
    "ide2": "local-lvm:vm-130-cloudinit,media=cdrom,size=4M",
    "net0": f"virtio={MAC},bridge=vmbr0",
    "boot": "order=scsi0",
    "ipconfig0": "ip=192.168.100.30/24,gw=192.168.100.1",
}
TEMPLATE_CONFIG: dict[str, str] = {
    "name": "debian-12",
    "memory": "1024",
    "cores": "1",
    "ostype": "l26",
    "scsihw": "virtio-scsi-single",
    "scsi0": "local-lvm:base-9000-disk-0,size=3G",
    "ide2": "local-lvm:vm-9000-cloudinit,media=cdrom,size=4M",
    "net0": "virtio=BC:24:11:00:90:00,bridge=vmbr0",
    "boot": "order=scsi0",
    "agent": "1",
    "template": "1",
}
NET = {"bridge": "vmbr0"}


@dataclass(frozen=True)
class Case:
    """One row of the table."""

    name: str
    wanted: Mapping[str, Any]
    """Fields besides the name; a `state` other than `present` is a field as any other."""
    expect: str
    after: Mapping[str, str | None] = field(default_factory=dict)
    """Keys of the config that are other than before, at the latest after the next start; None: gone."""
    fields: tuple[str, ...] = ()
    """The paths of all changes that are told."""
    has: Mapping[str, str | None] = field(default_factory=dict)
    """Keys in which the VM differs from BASE."""
    pending: Mapping[str, str | None] = field(default_factory=dict)
    drive: Mapping[str, str | None] = field(default_factory=dict)
    """What the cloud-init drive has otherwise than the config."""
    there: bool = True
    """Whether the VM is there already."""
    running: bool = True
    waits: tuple[str, ...] = ()
    """Fields that need a restart still, when nothing else is to be done."""
    forgotten: bool = False
    """Whether later runs cannot know that a restart is needed: no agent tells which address the guest has."""
    allow_restart: bool = False
    says: str = ""
    """Part of the refusal."""
    ends: str = ""
    """`running`, `stopped` or `absent` afterwards, where it is other than before."""
    pool: str = ""
    joins: str | None = None
    """The pool afterwards."""


NEW = {"node": NODE, "template": TEMPLATE}

SAME = [
    Case("nothing but a name", {}, UNCHANGED),
    Case("memory as it is", {"memory": 2048}, UNCHANGED),
    Case("numbers as text", {"memory": "2048", "cores": "2"}, UNCHANGED),
    Case("memory written as a property", {"memory": 2048}, UNCHANGED, has={"memory": "current=2048"}),
    Case("the default memory, key absent", {"memory": 512}, UNCHANGED, has={"memory": None}),
    Case("the default cores, key absent", {"cores": 1}, UNCHANGED, has={"cores": None}),
    Case("the default sockets, key absent", {"sockets": 1}, UNCHANGED, has={"sockets": None}),
    Case("the default processor, key absent", {"cpu": "kvm64"}, UNCHANGED, has={"cpu": None}),
    Case(
        "processor flags after the type", {"cpu": "host,flags=+aes"}, UNCHANGED, has={"cpu": "cputype=host,flags=+aes"}
    ),
    Case("no balloon as it is", {"balloon": 0}, UNCHANGED, has={"balloon": "0"}),
    Case("a balloon as large as the memory, key absent", {"balloon": 2048}, UNCHANGED),
    Case("the agent, short", {"agent": True}, UNCHANGED, has={"agent": "1"}),
    Case("the agent, long", {"agent": True}, UNCHANGED, has={"agent": "enabled=1,fstrim_cloned_disks=1"}),
    Case("no agent, key absent", {"agent": False}, UNCHANGED),
    Case("not at boot, key absent", {"onboot": False}, UNCHANGED),
    Case("at boot", {"onboot": True}, UNCHANGED, has={"onboot": "1"}),
    Case(
        "start order in another order", {"startup": {"up": 30, "order": 3}}, UNCHANGED, has={"startup": "up=30,order=3"}
    ),
    Case("start order without its key", {"startup": {"order": 3}}, UNCHANGED, has={"startup": "3"}),
    Case("no start order, key absent", {"startup": {}}, UNCHANGED),
    Case("not protected, key absent", {"protection": False}, UNCHANGED),
    Case("tags in another order and case", {"tags": ["demo", "K8s"]}, UNCHANGED, has={"tags": "k8s;demo"}),
    Case("tags with commas", {"tags": ["k8s", "demo"]}, UNCHANGED, has={"tags": "demo,k8s"}),
    Case("no tags, key absent", {"tags": []}, UNCHANGED),
    Case(
        "a description, with the line end of the server",
        {"description": "A node"},
        UNCHANGED,
        has={"description": "A node\n"},
    ),
    Case("a description with a percent sign", {"description": "100%25"}, UNCHANGED, has={"description": "100%25\n"}),
    Case("no description, key absent", {"description": ""}, UNCHANGED),
    Case("the network, MAC kept", {"networks": [NET]}, UNCHANGED),
    Case(
        "the network, as model and macaddr",
        {"networks": [{"bridge": "vmbr0", "model": "virtio", "mac": MAC}]},
        UNCHANGED,
        has={"net0": f"bridge=vmbr0,macaddr={MAC},model=virtio"},
    ),
    Case("a MAC in small letters with dashes", {"networks": [{"mac": "bc-24-11-00-00-01"}]}, UNCHANGED),
    Case("no tag, no firewall, no mtu", {"networks": [{"tag": 0, "firewall": False, "mtu": 0}]}, UNCHANGED),
    Case(
        "the address in another order",
        {"networks": [{"ip": "192.168.100.30/24", "gateway": "192.168.100.1"}]},
        UNCHANGED,
        has={"ipconfig0": "gw=192.168.100.1,ip=192.168.100.30/24"},
    ),
    Case(
        "an IPv6 address written long",
        {"networks": [{"ip6": "fd00:0:0::30/64"}]},
        UNCHANGED,
        has={"ipconfig0": "ip6=fd00::30/64"},
    ),
    Case(
        "a rate that nobody speaks of",
        {"networks": [NET]},
        UNCHANGED,
        has={"net0": f"virtio={MAC},bridge=vmbr0,rate=10"},
    ),
    Case("the size in other units", {"disks": {"scsi0": {"size": "32768M"}}}, UNCHANGED),
    Case("the size with its unit written out", {"disks": {"scsi0": {"size": "32GiB"}}}, UNCHANGED),
    Case(
        "a size that LVM rounded up",
        {"disks": {"scsi0": {"size": "3145729K"}}},
        UNCHANGED,
        has={"scsi0": f"{DISK},size=3076M"},
    ),
    Case("a disk's defaults", {"disks": {"scsi0": {"backup": True, "ssd": False, "discard": False}}}, UNCHANGED),
    Case(
        "discard=ignore is the default",
        {"disks": {"scsi0": {"discard": False}}},
        UNCHANGED,
        has={"scsi0": f"{DISK},discard=ignore,size=32G"},
    ),
    Case(
        "a disk with its key written",
        {"disks": {"scsi0": {"storage": "local-lvm", "ssd": True}}},
        UNCHANGED,
        has={"scsi0": f"size=32G,file={DISK},ssd=on"},
    ),
    Case(
        "ssh keys, encoded, with a line end",
        {"cloud_init": {"ssh_keys": [KEY]}},
        UNCHANGED,
        has={"sshkeys": f"{ENCODED_KEY}%0A"},
    ),
    Case(
        "ssh keys in another order",
        {"cloud_init": {"ssh_keys": [OTHER_KEY, KEY]}},
        UNCHANGED,
        has={"sshkeys": f"{ENCODED_KEY}%0A{ENCODED_OTHER}"},
    ),
    Case(
        "nameservers with commas",
        {"cloud_init": {"nameservers": ["192.168.100.1", "fd00::1"]}},
        UNCHANGED,
        has={"nameserver": "192.168.100.1,fd00::1"},
    ),
    Case(
        "a search domain",
        {"cloud_init": {"searchdomain": "autolabs.internal"}},
        UNCHANGED,
        has={"searchdomain": "autolabs.internal"},
    ),
    Case("upgrades by default", {"cloud_init": {"upgrade": True}}, UNCHANGED),
    Case(
        "a vendor snippet among others",
        {"cloud_init": {"vendor": "local:snippets/a.yml"}},
        UNCHANGED,
        has={"cicustom": "user=local:snippets/u.yml,vendor=local:snippets/a.yml"},
    ),
    Case("no vendor snippet", {"cloud_init": {"vendor": ""}}, UNCHANGED),
    Case("the pool as it is", {"pool": "autolabs"}, UNCHANGED, pool="autolabs"),
    Case("no pool", {"pool": ""}, UNCHANGED),
    Case("started, and it runs", {"state": "started"}, UNCHANGED),
    Case("stopped, and it is off", {"state": "stopped"}, UNCHANGED, running=False),
    Case("absent, and it is not there", {"state": "absent"}, UNCHANGED, there=False),
    Case(
        "memory that waits for a restart already",
        {"memory": 4096},
        UNCHANGED,
        pending={"memory": "4096"},
        waits=("memory",),
        fields=("memory",),
    ),
    Case(
        "an agent whose removal waits already",
        {"agent": False},
        UNCHANGED,
        has={"agent": "1"},
        pending={"agent": None},
        waits=("agent",),
        fields=("agent",),
    ),
    Case(
        "a user that the guest does not know yet",
        {"cloud_init": {"user": "autolabs"}},
        UNCHANGED,
        has={"ciuser": "autolabs"},
        drive={"ciuser": "debian"},
        waits=("cloud_init.user",),
        fields=("cloud_init.user",),
    ),
    Case(
        "upgrades that the guest still makes",
        {"cloud_init": {"upgrade": False}},
        UNCHANGED,
        has={"ciupgrade": "0"},
        drive={"ciupgrade": "1"},
        waits=("cloud_init.upgrade",),
        fields=("cloud_init.upgrade",),
    ),
    Case(
        "an address that the guest does not have yet, as its agent tells",
        {"networks": [{"ip": "192.168.100.30/24"}]},
        UNCHANGED,
        has={"agent": "1"},
        drive={"ipconfig0": "ip=192.168.100.29/24,gw=192.168.100.1"},
        waits=("networks[0].ip",),
        fields=("networks[0].ip",),
    ),
    Case(
        "what waits for the next start of a VM that is off",
        {"memory": 4096},
        UNCHANGED,
        pending={"memory": "4096"},
        running=False,
    ),
]

AT_ONCE = [
    Case("a description", {"description": "A node"}, LIVE, {"description": "A node\n"}, ("description",)),
    Case(
        "a description goes",
        {"description": ""},
        LIVE,
        {"description": None},
        ("description",),
        has={"description": "A node\n"},
    ),
    Case("tags", {"tags": ["K8s", "demo"]}, LIVE, {"tags": "demo;k8s"}, ("tags",)),
    Case("tags go", {"tags": []}, LIVE, {"tags": None}, ("tags",), has={"tags": "demo"}),
    Case("at boot", {"onboot": True}, LIVE, {"onboot": "1"}, ("onboot",)),
    Case("not at boot", {"onboot": False}, LIVE, {"onboot": "0"}, ("onboot",), has={"onboot": "1"}),
    Case("a start order", {"startup": {"order": 3, "up": 30}}, LIVE, {"startup": "order=3,up=30"}, ("startup",)),
    Case("a start order goes", {"startup": {}}, LIVE, {"startup": None}, ("startup",), has={"startup": "order=3"}),
    Case("protection", {"protection": True}, LIVE, {"protection": "1"}, ("protection",)),
    Case(
        "the target of a balloon", {"balloon": 1024}, LIVE, {"balloon": "1024"}, ("balloon",), has={"balloon": "2048"}
    ),
    Case(
        "a VLAN",
        {"networks": [{"tag": 100}]},
        LIVE,
        {"net0": f"virtio={MAC},bridge=vmbr0,tag=100"},
        ("networks[0].tag",),
    ),
    Case(
        "a VLAN goes",
        {"networks": [{"tag": 0}]},
        LIVE,
        {"net0": f"virtio={MAC},bridge=vmbr0"},
        ("networks[0].tag",),
        has={"net0": f"virtio={MAC},bridge=vmbr0,tag=100"},
    ),
    Case(
        "another bridge, the rest kept",
        {"networks": [{"bridge": "vmbr1"}]},
        LIVE,
        {"net0": f"virtio={MAC},bridge=vmbr1,rate=10"},
        ("networks[0].bridge",),
        has={"net0": f"virtio={MAC},bridge=vmbr0,rate=10"},
    ),
    Case(
        "the firewall",
        {"networks": [{"firewall": True}]},
        LIVE,
        {"net0": f"virtio={MAC},bridge=vmbr0,firewall=1"},
        ("networks[0].firewall",),
    ),
    Case(
        "another card, the MAC kept",
        {"networks": [{"model": "e1000"}]},
        LIVE,
        {"net0": f"e1000={MAC},bridge=vmbr0"},
        ("networks[0].model",),
    ),
    Case(
        "another MAC",
        {"networks": [{"mac": "BC:24:11:00:00:02"}]},
        LIVE,
        {"net0": "virtio=BC:24:11:00:00:02,bridge=vmbr0"},
        ("networks[0].mac",),
    ),
    Case(
        "one more network",
        {"networks": [{}, {"bridge": "vmbr1", "mac": "BC:24:11:00:00:02"}]},
        LIVE,
        {"net1": "virtio=BC:24:11:00:00:02,bridge=vmbr1"},
        ("networks[1].mac", "networks[1].bridge"),
    ),
    Case(
        "a network too many",
        {"networks": [{}]},
        LIVE,
        {"net1": None},
        ("networks[1]",),
        has={"net1": "virtio=BC:24:11:00:00:02,bridge=vmbr1"},
    ),
    Case(
        "a larger disk",
        {"disks": {"scsi0": {"size": "200G"}}},
        LIVE,
        {"scsi0": f"{DISK},size=200G"},
        ("disks.scsi0.size",),
    ),
    Case(
        "a disk of a terabyte",
        {"disks": {"scsi0": {"size": "1T"}}},
        LIVE,
        {"scsi0": f"{DISK},size=1T"},
        ("disks.scsi0.size",),
    ),
    Case(
        "a disk without backups",
        {"disks": {"scsi0": {"backup": False}}},
        LIVE,
        {"scsi0": f"{DISK},size=32G,backup=0"},
        ("disks.scsi0.backup",),
    ),
    Case(
        "a further disk",
        {"disks": {"scsi1": {"size": "10G", "storage": "local-lvm", "ssd": True}}},
        LIVE,
        {"scsi1": "local-lvm:vm-130-disk-1,size=10G,ssd=1"},
        ("disks.scsi1",),
    ),
    Case(
        "a further disk on the VM's storage",
        {"storage": "local-lvm", "disks": {"virtio1": {"size": "10G"}}},
        LIVE,
        {"virtio1": "local-lvm:vm-130-disk-1,size=10G"},
        ("disks.virtio1",),
    ),
    Case(
        "memory that may be plugged",
        {"memory": 4096},
        LIVE,
        {"memory": "4096"},
        ("memory",),
        has={"hotplug": "network,disk,memory", "numa": "1"},
    ),
    Case(
        "memory goes back to what runs",
        {"memory": 2048},
        LIVE,
        {"memory": "2048"},
        ("memory",),
        pending={"memory": "4096"},
    ),
    Case(
        "memory of a VM that is off",
        {"memory": 4096, "cores": 4},
        LIVE,
        {"memory": "4096", "cores": "4"},
        ("cores", "memory"),
        running=False,
    ),
    Case(
        "cloud-init of a VM that is off",
        {"cloud_init": {"user": "autolabs", "ssh_keys": [KEY]}},
        LIVE,
        {"ciuser": "autolabs", "sshkeys": ENCODED_KEY},
        ("cloud_init.user", "cloud_init.ssh_keys"),
        running=False,
    ),
    Case("a pool", {"pool": "autolabs"}, LIVE, {}, ("pool",), joins="autolabs"),
    Case("another pool", {"pool": "autolabs"}, LIVE, {}, ("pool",), pool="other", joins="autolabs"),
    Case("out of its pool", {"pool": ""}, LIVE, {}, ("pool",), pool="other", joins=""),
    Case("started", {"state": "started"}, LIVE, {}, ("state",), running=False, ends="running"),
    Case(
        "started with what waited",
        {"state": "started", "memory": 4096},
        LIVE,
        {},
        ("state",),
        running=False,
        pending={"memory": "4096"},
        ends="running",
    ),
    Case("stopped", {"state": "stopped"}, LIVE, {}, ("state",), ends="stopped"),
    Case(
        "stopped, then changed",
        {"state": "stopped", "cores": 4},
        LIVE,
        {"cores": "4"},
        ("state", "cores"),
        ends="stopped",
    ),
    Case("absent", {"state": "absent"}, LIVE, {}, ("state",), ends="absent"),
    Case("absent, and it was off", {"state": "absent"}, LIVE, {}, ("state",), running=False, ends="absent"),
    Case(
        "absent, though protected",
        {"state": "absent", "protection": False},
        LIVE,
        {},
        ("state",),
        has={"protection": "1"},
        ends="absent",
    ),
]

AT_NEXT_START = [
    Case("memory", {"memory": 4096}, RESTART, {"memory": "4096"}, ("memory",)),
    Case("cores", {"cores": 4}, RESTART, {"cores": "4"}, ("cores",)),
    Case("sockets", {"sockets": 2}, RESTART, {"sockets": "2"}, ("sockets",)),
    Case("the processor", {"cpu": "x86-64-v3"}, RESTART, {"cpu": "x86-64-v3"}, ("cpu",)),
    Case("the agent", {"agent": True}, RESTART, {"agent": "1"}, ("agent",)),
    Case(
        "no agent, its options kept",
        {"agent": False},
        RESTART,
        {"agent": "0,fstrim_cloned_disks=1"},
        ("agent",),
        has={"agent": "1,fstrim_cloned_disks=1"},
    ),
    Case("no balloon", {"balloon": 0}, RESTART, {"balloon": "0"}, ("balloon",)),
    Case(
        "a disk as an SSD",
        {"disks": {"scsi0": {"ssd": True}}},
        RESTART,
        {"scsi0": f"{DISK},size=32G,ssd=1"},
        ("disks.scsi0.ssd",),
    ),
    Case(
        "discard",
        {"disks": {"scsi0": {"discard": True}}},
        RESTART,
        {"scsi0": f"{DISK},size=32G,discard=on"},
        ("disks.scsi0.discard",),
    ),
    Case(
        "discard and a larger disk",
        {"disks": {"scsi0": {"size": "64G", "discard": True}}},
        RESTART,
        {"scsi0": f"{DISK},size=64G,discard=on"},
        ("disks.scsi0.discard", "disks.scsi0.size"),
    ),
    Case(
        "a larger disk whose discard waits",
        {"disks": {"scsi0": {"size": "64G", "discard": True}}},
        RESTART,
        {"scsi0": f"{DISK},size=64G,discard=on"},
        ("disks.scsi0.discard", "disks.scsi0.size"),
        pending={"scsi0": f"{DISK},size=32G,discard=on"},
    ),
    Case(
        "a disk that grew while its discard waited",
        {"disks": {"scsi0": {"size": "64G", "discard": True}}},
        RESTART,
        {"scsi0": f"{DISK},size=64G,discard=on"},
        ("disks.scsi0.discard", "disks.scsi0.size"),
        has={"scsi0": f"{DISK},size=64G"},
        pending={"scsi0": f"{DISK},size=32G,discard=on"},
    ),
    Case(
        "a larger disk whose discard waits, restarted",
        {"disks": {"scsi0": {"size": "64G", "discard": True}}},
        RESTART,
        {"scsi0": f"{DISK},size=64G,discard=on"},
        ("disks.scsi0.discard", "disks.scsi0.size"),
        pending={"scsi0": f"{DISK},size=32G,discard=on"},
        allow_restart=True,
    ),
    Case(
        "a further disk on IDE",
        {"disks": {"ide0": {"size": "10G", "storage": "local-lvm"}}},
        RESTART,
        {"ide0": "local-lvm:vm-130-disk-1,size=10G"},
        ("disks.ide0",),
    ),
    Case(
        "another card without hotplug",
        {"networks": [{"model": "e1000"}]},
        RESTART,
        {"net0": f"e1000={MAC},bridge=vmbr0"},
        ("networks[0].model",),
        has={"hotplug": "disk"},
    ),
    Case(
        "a network too many without hotplug",
        {"networks": [{}]},
        RESTART,
        {"net1": None},
        ("networks[1]",),
        has={"net1": "virtio=BC:24:11:00:00:02,bridge=vmbr1", "hotplug": "0"},
    ),
    Case("the user", {"cloud_init": {"user": "autolabs"}}, RESTART, {"ciuser": "autolabs"}, ("cloud_init.user",)),
    Case(
        "ssh keys",
        {"cloud_init": {"ssh_keys": [KEY, OTHER_KEY]}},
        RESTART,
        {"sshkeys": f"{ENCODED_KEY}%0A{ENCODED_OTHER}"},
        ("cloud_init.ssh_keys",),
    ),
    Case(
        "no ssh keys",
        {"cloud_init": {"ssh_keys": []}},
        RESTART,
        {"sshkeys": None},
        ("cloud_init.ssh_keys",),
        has={"sshkeys": ENCODED_KEY},
    ),
    Case(
        "nameservers",
        {"cloud_init": {"nameservers": ["192.168.100.1", "fd00::1"]}},
        RESTART,
        {"nameserver": "192.168.100.1 fd00::1"},
        ("cloud_init.nameservers",),
    ),
    Case(
        "a search domain",
        {"cloud_init": {"searchdomain": "autolabs.internal"}},
        RESTART,
        {"searchdomain": "autolabs.internal"},
        ("cloud_init.searchdomain",),
    ),
    Case("no upgrades", {"cloud_init": {"upgrade": False}}, RESTART, {"ciupgrade": "0"}, ("cloud_init.upgrade",)),
    Case(
        "a vendor snippet, the others kept",
        {"cloud_init": {"vendor": "local:snippets/b.yml"}},
        RESTART,
        {"cicustom": "user=local:snippets/u.yml,vendor=local:snippets/b.yml"},
        ("cloud_init.vendor",),
        has={"cicustom": "user=local:snippets/u.yml"},
    ),
    Case(
        "another address",
        {"networks": [{"ip": "192.168.100.31/24"}]},
        RESTART,
        {"ipconfig0": "gw=192.168.100.1,ip=192.168.100.31/24"},
        ("networks[0].ip",),
        has={"agent": "1"},
    ),
    Case(
        "another address, and no agent",
        {"networks": [{"ip": "192.168.100.31/24"}]},
        RESTART,
        {"ipconfig0": "gw=192.168.100.1,ip=192.168.100.31/24"},
        ("networks[0].ip",),
        forgotten=True,
    ),
    Case(
        "an address that waited, restarted",
        {"networks": [{"ip": "192.168.100.30/24"}]},
        RESTART,
        {},
        ("networks[0].ip",),
        has={"agent": "1"},
        drive={"ipconfig0": "ip=192.168.100.29/24,gw=192.168.100.1"},
        allow_restart=True,
    ),
    Case(
        "DHCP, which ends the gateway",
        {"networks": [{"ip": "dhcp"}]},
        RESTART,
        {"ipconfig0": "ip=dhcp"},
        ("networks[0].ip", "networks[0].gateway"),
        has={"agent": "1"},
        forgotten=True,
    ),
    Case(
        "no address",
        {"networks": [{"ip": "", "gateway": ""}]},
        RESTART,
        {"ipconfig0": None},
        ("networks[0].ip", "networks[0].gateway"),
    ),
    Case(
        "memory, with what changes at once",
        {"memory": 4096, "onboot": True},
        RESTART,
        {"memory": "4096", "onboot": "1"},
        ("memory", "onboot"),
    ),
    Case("memory, restarted", {"memory": 4096}, RESTART, {"memory": "4096"}, ("memory",), allow_restart=True),
    Case(
        "the user, restarted",
        {"cloud_init": {"user": "autolabs"}},
        RESTART,
        {"ciuser": "autolabs"},
        ("cloud_init.user",),
        allow_restart=True,
    ),
    Case(
        "what waited, restarted",
        {"memory": 4096},
        RESTART,
        {},
        ("memory",),
        pending={"memory": "4096"},
        allow_restart=True,
    ),
    Case(
        "other memory than what waits",
        {"memory": 8192},
        RESTART,
        {"memory": "8192"},
        ("memory",),
        pending={"memory": "4096"},
    ),
]

MADE = [
    Case(
        "a new VM",
        {**NEW, "vmid": VMID, "state": "started"},
        LIVE,
        {},
        ("state", "vmid", "node", "template", "clone"),
        there=False,
        ends="running",
    ),
    Case(
        "a new VM that stays off",
        {**NEW, "vmid": VMID, "state": "present", "memory": 4096, "disks": {"scsi0": {"size": "20G", "ssd": True}}},
        LIVE,
        {"memory": "4096", "scsi0": f"{DISK},size=20G,ssd=1"},
        ("state", "vmid", "node", "template", "clone", "memory", "disks.scsi0"),
        there=False,
        ends="stopped",
    ),
    Case(
        "a new VM in a pool",
        {**NEW, "vmid": VMID, "state": "stopped", "pool": "autolabs", "template": "debian-12"},
        LIVE,
        {},
        ("state", "vmid", "node", "template", "clone", "pool"),
        there=False,
        ends="stopped",
        joins="autolabs",
    ),
]

NOT_DONE = [
    Case("a smaller disk", {"disks": {"scsi0": {"size": "20G"}}}, REFUSED, says="never made smaller"),
    Case("a disk elsewhere", {"disks": {"scsi0": {"storage": "other-lvm"}}}, REFUSED, says="Move it by hand"),
    Case(
        "a disk in place of the cloud-init drive",
        {"disks": {"ide2": {"size": "10G"}}},
        REFUSED,
        says="the cloud-init drive",
    ),
    Case(
        "a further disk without its size",
        {"disks": {"scsi1": {"storage": "local-lvm"}}},
        REFUSED,
        says="needs its size",
    ),
    Case("a further disk that goes nowhere", {"disks": {"scsi1": {"size": "10G"}}}, REFUSED, says="goes somewhere"),
    Case(
        "a further disk on an unknown storage",
        {"disks": {"scsi1": {"size": "10G", "storage": "local-lvn"}}},
        REFUSED,
        says="did you mean `local-lvm`",
    ),
    Case(
        "a further disk on a storage for files",
        {"disks": {"scsi1": {"size": "10G", "storage": "local"}}},
        REFUSED,
        says="not for disks",
    ),
    Case("a further network without a bridge", {"networks": [{}, {"tag": 100}]}, REFUSED, says="needs the bridge"),
    Case("an unknown bridge", {"networks": [{"bridge": "vmbr7"}]}, REFUSED, says="has no bridge vmbr7"),
    Case("an unknown pool", {"pool": "autolab"}, REFUSED, says="did you mean `autolabs`"),
    Case("another node", {"node": "pve-2"}, REFUSED, says="qm migrate 130 pve-2"),
    Case("the VMID of another VM", {"vmid": TEMPLATE}, REFUSED, says="9000 is the VM debian-12"),
    Case("another VMID for a name that is there", {"vmid": 131}, REFUSED, says="130 on pve-1 has this name"),
    Case("absent, but protected", {"state": "absent"}, REFUSED, has={"protection": "1"}, says="`protection: false`"),
    Case("a new VM without a node", {"template": TEMPLATE}, REFUSED, there=False, says="needs its node"),
    Case("a new VM without a template", {"node": NODE}, REFUSED, there=False, says="cloned from a template"),
    Case(
        "a new VM of an unknown template",
        {"node": NODE, "template": "debian-13"},
        REFUSED,
        there=False,
        says="did you mean `debian-12`",
    ),
    Case(
        "a new VM on an unknown node",
        {"node": "pve-9", "template": TEMPLATE},
        REFUSED,
        there=False,
        says="no node that is online",
    ),
    Case(
        "a new VM smaller than its template",
        {**NEW, "disks": {"scsi0": {"size": "2G"}}},
        REFUSED,
        there=False,
        says="never made smaller",
    ),
    Case(
        "a new VM whose disk is to be elsewhere",
        {**NEW, "storage": "local-lvm", "disks": {"scsi0": {"storage": "other-lvm"}}},
        REFUSED,
        there=False,
        says="the disk is on local-lvm",
    ),
]

CASES = [*SAME, *AT_ONCE, *AT_NEXT_START, *MADE, *NOT_DONE]


def config_of(case: Case) -> dict[str, str]:
    """The config of the VM that is there before."""
    return {key: value for key, value in {**BASE, **case.has}.items() if value is not None}


def vm_of(case: Case) -> dict[str, Any]:
    """What is given to proxmox_vm."""
    return {"name": NAME, "state": "present", **case.wanted}
