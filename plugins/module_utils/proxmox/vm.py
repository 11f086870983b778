"""A VM as it should be, a VM as it is, and what is there besides: the words of the engine's Proxmox part. Pure.

A field that is None was not given, and is left as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.documents.shapes import Values
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox import shapes

STARTED, STOPPED, PRESENT, ABSENT = shapes.STATES
FULL, LINKED = "full", "linked"

RUNNING = "running"


@dataclass(frozen=True)
class Startup:
    """When a VM starts with its node: its place in the order, and seconds to wait after it started or stopped."""

    order: int | None = None
    up: int | None = None
    down: int | None = None


@dataclass(frozen=True)
class Disk:
    """A disk; only what is given of it is brought about."""

    slot: str
    """Where it is attached: `scsi0`, `virtio1`, ..."""
    size: int | None = None
    """Bytes."""
    storage: str | None = None
    ssd: bool | None = None
    discard: bool | None = None
    iothread: bool | None = None
    backup: bool | None = None


@dataclass(frozen=True)
class Network:
    """A network interface, and the address that cloud-init gives it. The i-th is net{i} and ipconfig{i}."""

    bridge: str | None = None
    model: str | None = None
    tag: int | None = None
    """VLAN; 0 for none."""
    firewall: bool | None = None
    mac: str | None = None
    """As Proxmox writes it, in capitals. The one that is there is kept where none is given."""
    mtu: int | None = None
    """0 for what the guest's driver takes, 1 for the bridge's."""
    ip: str | None = None
    """`dhcp`, an address with its prefix, or "" for none."""
    gateway: str | None = None
    ip6: str | None = None
    """`dhcp`, `auto`, an address with its prefix, or "" for none."""
    gateway6: str | None = None


@dataclass(frozen=True)
class CloudInit:
    """What cloud-init is told."""

    user: str | None = None
    ssh_keys: tuple[str, ...] | None = None
    nameservers: tuple[str, ...] | None = None
    searchdomain: str | None = None
    upgrade: bool | None = None
    vendor: str | None = None
    """A snippet as a volume, `local:snippets/vendor.yml`; "" for none."""


@dataclass(frozen=True)
class Vm:
    """A VM as it should be."""

    name: str
    vmid: int | None = None
    node: str | None = None
    template: int | str | None = None
    """What it is cloned from: a VMID or a name."""
    clone: str = FULL
    storage: str | None = None
    """Where the disks of a full clone go (None: where the template's are), and further ones that name none."""
    pool: str | None = None
    """"" for none."""
    description: str | None = None
    tags: tuple[str, ...] | None = None
    cores: int | None = None
    sockets: int | None = None
    memory: int | None = None
    """MiB."""
    balloon: int | None = None
    """MiB it may be shrunk to; 0: never shrunk."""
    cpu: str | None = None
    agent: bool | None = None
    onboot: bool | None = None
    startup: Startup | None = None
    protection: bool | None = None
    disks: tuple[Disk, ...] = ()
    networks: tuple[Network, ...] | None = None
    """The whole list: further ones are removed."""
    cloud_init: CloudInit = CloudInit()
    state: str = STARTED


@dataclass(frozen=True)
class LiveVm:
    """A VM as the server tells it."""

    vmid: int
    name: str
    node: str
    status: str
    """`running` or `stopped` (GET /cluster/resources)."""
    config: Mapping[str, str | int] = field(default_factory=dict)
    """What it runs with: the values without the pending ones (GET /nodes/{node}/qemu/{vmid}/config?current=1)."""
    pending: Mapping[str, str | int | None] = field(default_factory=dict)
    """What it will have after its next start (GET .../pending); None for a key that will be deleted."""
    on_drive: Mapping[str, str | int | None] = field(default_factory=dict)
    """Of the keys that the cloud-init drive has otherwise than the config: what it has (GET .../cloudinit, entries with
    `pending` or `delete`). None where it has nothing, and where the config has no such key: that is not told. The guest
    of a running VM knows only these."""
    digest: str = ""
    pool: str = ""
    template: bool = False
    lock: str = ""

    @property
    def running(self) -> bool:
        """Whether it is on."""
        return self.status == RUNNING


@dataclass(frozen=True)
class Cluster:
    """What is there: all VMs, and what VMs may be made of."""

    vms: tuple[LiveVm, ...] = ()
    """All of them; config and pending only of those that `plan.to_read` names."""
    nodes: tuple[str, ...] = ()
    """Nodes that are online."""
    storages: Mapping[str, Mapping[str, frozenset[str]]] = field(default_factory=dict)
    """By node, what each active storage may hold (`images`, `snippets`, ...)."""
    bridges: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """By node."""
    pools: frozenset[str] = frozenset()
    containers: Mapping[int, str] = field(default_factory=dict)
    """Names of containers by their ids, which VMs cannot have."""


@dataclass(frozen=True)
class Expected:
    """What earlier tasks of a run make, and in check mode only would have made."""

    template: LiveVm | None = None
    pools: frozenset[str] = frozenset()


def read_vms(value: Any, name: str = "vms") -> tuple[Vm, ...]:
    """The VMs that a person listed.

    name: what people call the list, for the paths in messages.
    Raises InvalidInput with every mistake: path, message and example.
    """
    return tuple(_vm(entry) for entry in shapes.read(value, name))


def _vm(entry: Values) -> Vm:
    given = {key: found.value for key, found in entry.entries.items()}
    if "tags" in given:
        given["tags"] = _plain(given["tags"])
    if "startup" in given:
        given["startup"] = Startup(**_given(given["startup"]))
    if "disks" in given:
        given["disks"] = tuple(Disk(slot, **_given(disk.value)) for slot, disk in given["disks"].entries.items())
    if "networks" in given:
        given["networks"] = tuple(Network(**_given(network.value)) for network in given["networks"])
    if "cloud_init" in given:
        told = _given(given["cloud_init"])
        lists = {key: _plain(told[key]) for key in ("ssh_keys", "nameservers") if key in told}
        given["cloud_init"] = CloudInit(**{**told, **lists})
    return Vm(**given)


def _given(entry: Values) -> dict[str, Any]:
    return {key: found.value for key, found in entry.entries.items()}


def _plain(items: Any) -> tuple[Any, ...]:
    return tuple(item.value for item in items)
