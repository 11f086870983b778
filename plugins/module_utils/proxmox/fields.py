"""The table of a VM's fields: the API's key of each one, how it is read and written, and what an absent one means.

Keys, formats and defaults are those of PUT /nodes/{node}/qemu/{vmid}/config; where the guest's network is told by
cloud-init, those of `ipconfig[n]`. A field that is `part` of a property string is changed in it, and the rest of the
string stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.proxmox import values
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.values import Raw
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.vm import Network, Startup, Vm


@dataclass(frozen=True)
class Kind:
    """How values of one sort are read and written."""

    read: Callable[[Raw], Any]
    """From the API's value to one that can be compared."""
    write: Callable[[Any], Raw | None]
    """From a wanted value to the API's; None takes the key, or the part, away."""
    normal: Callable[[Any], Any] = lambda wanted: wanted
    """From a wanted value to one that can be compared."""


@dataclass(frozen=True)
class Field:
    """A row of the table."""

    name: str
    """In the words of who writes VMs."""
    key: str
    """The API's; {} stands for the number of a network, or the slot of a disk."""
    kind: Kind
    default: Any = None
    """What it means when the key, or the part, is not there."""
    part: str = ""


@dataclass(frozen=True)
class Wanted:
    """A field that was given: one that is to be so."""

    path: str
    """As a person writes it: `networks[0].tag`."""
    key: str
    field: Field
    value: Any
    """As it can be compared."""
    absent: Any = None
    """What an absent key will mean, where that hangs on another field that is given."""

    def of(self, config: Mapping[str, Raw]) -> Any:
        """What a config has in its place."""
        if self.field.key == "balloon" and self.key not in config:
            return _memory(config) if self.absent is None else self.absent
        if self.key not in config:
            return self.field.default
        if not self.field.part:
            return self.field.kind.read(config[self.key])
        found = parts(self.key, config[self.key])
        return self.field.kind.read(found[self.field.part]) if self.field.part in found else self.field.default

    def into(self, config: dict[str, Raw]) -> None:
        """Put it into a config."""
        value = self.field.kind.write(self.value)
        if self.field.part:
            found = parts(self.key, config.get(self.key, ""))
            found.pop(self.field.part, None) if value is None else found.update({self.field.part: str(value)})
            value = joined(self.key, found) if found else None
        if value is None:
            config.pop(self.key, None)
        else:
            config[self.key] = value


def _memory(config: Mapping[str, Raw]) -> int:
    # Without a target the balloon is as large as the memory.
    return int(values.properties(config.get("memory", 512), "current")["current"])


def parts(key: str, text: Raw) -> dict[str, str]:
    """The properties of a key's value."""
    if key.startswith("net"):
        return values.network(text)
    if key.startswith(("ipconfig", "cicustom")):
        return values.properties(text)
    return values.properties(text, FIRST[key]) if key in FIRST else values.disk(text)


def same(key: str, one: Raw | None, other: Raw | None) -> bool:
    """Whether two values of a key say the same, however they are written."""
    if one is None or other is None:
        return one is other
    if str(one) == str(other):
        return True
    return key.startswith(STRINGS) and parts(key, one) == parts(key, other)


def joined(key: str, found: Mapping[str, str]) -> str:
    """The value of a key that has these properties."""
    if key.startswith("net"):
        return values.written_network(found)
    if key.startswith(("ipconfig", "cicustom")):
        return values.written(found)
    return values.written(found, FIRST.get(key, "file"))


FIRST = {"agent": "enabled", "memory": "current", "cpu": "cputype", "startup": "order"}
"""The property whose value may stand without its name."""
STRINGS = ("net", "ipconfig", "cicustom", "ide", "sata", "scsi", "virtio", *FIRST)
"""Beginnings of the keys whose values are property strings."""


def _startup(text: Raw) -> Startup:
    found = {name: int(value) for name, value in values.properties(text, "order").items()}
    return Startup(found.get("order"), found.get("up"), found.get("down"))


def _written_startup(startup: Startup) -> str | None:
    given = {"order": startup.order, "up": startup.up, "down": startup.down}
    return values.written({name: str(value) for name, value in given.items() if value is not None}) or None


def _cpu(text: Raw) -> str:
    found = values.properties(text, "cputype")
    return values.written(dict(sorted(found.items())), "cputype")


NUMBER = Kind(lambda raw: int(float(raw)), lambda value: value)
MEMORY = Kind(lambda raw: int(values.properties(raw, "current")["current"]), lambda value: value)
SWITCH = Kind(values.boolean, int)
TEXT = Kind(str, lambda value: value or None)
NONE_IS_ZERO = Kind(lambda raw: int(float(raw)), lambda value: value or None)
DESCRIPTION = Kind(values.description, lambda value: value or None, values.description)
TAGS = Kind(values.tags, lambda value: ";".join(value) or None, values.normal_tags)
KEYS = Kind(
    lambda raw: tuple(sorted(values.ssh_keys(raw))),
    lambda value: values.written_keys(value) or None,
    lambda wanted: tuple(sorted(values.normal_keys(wanted))),
)
ADDRESSES = Kind(
    lambda raw: tuple(values.address(word) for word in values.words(raw)),
    lambda value: " ".join(value) or None,
    lambda wanted: tuple(values.address(entry) for entry in wanted),
)
DOMAINS = Kind(
    lambda raw: " ".join(values.words(raw)),
    lambda value: value or None,
    lambda wanted: " ".join(values.words(wanted)),
)
CPU = Kind(_cpu, lambda value: value, _cpu)
STARTUP = Kind(_startup, _written_startup)
MAC = Kind(lambda raw: str(raw).upper(), lambda value: value, str.upper)
DISCARD = Kind(lambda raw: str(raw) == "on", lambda value: "on" if value else "ignore")
INTERFACE = Kind(values.interface, lambda value: value or None, values.interface)
ADDRESS = Kind(values.address, lambda value: value or None, values.address)

VM = (
    Field("description", "description", DESCRIPTION, ""),
    Field("tags", "tags", TAGS, ()),
    Field("cores", "cores", NUMBER, 1),
    Field("sockets", "sockets", NUMBER, 1),
    Field("memory", "memory", MEMORY, 512),
    Field("balloon", "balloon", NUMBER),
    Field("cpu", "cpu", CPU, "kvm64"),
    Field("agent", "agent", SWITCH, False, "enabled"),
    Field("onboot", "onboot", SWITCH, False),
    Field("startup", "startup", STARTUP, Startup()),
    Field("protection", "protection", SWITCH, False),
)
CLOUD_INIT = (
    Field("user", "ciuser", TEXT, ""),
    Field("ssh_keys", "sshkeys", KEYS, ()),
    Field("nameservers", "nameserver", ADDRESSES, ()),
    Field("searchdomain", "searchdomain", DOMAINS, ""),
    Field("upgrade", "ciupgrade", SWITCH, True),
    Field("vendor", "cicustom", TEXT, "", "vendor"),
)
NETWORK = (
    Field("model", "net{}", TEXT, "", "model"),
    Field("mac", "net{}", MAC, "", "macaddr"),
    Field("bridge", "net{}", TEXT, "", "bridge"),
    Field("tag", "net{}", NONE_IS_ZERO, 0, "tag"),
    Field("firewall", "net{}", SWITCH, False, "firewall"),
    Field("mtu", "net{}", NONE_IS_ZERO, 0, "mtu"),
    Field("ip", "ipconfig{}", INTERFACE, "", "ip"),
    Field("gateway", "ipconfig{}", ADDRESS, "", "gw"),
    Field("ip6", "ipconfig{}", INTERFACE, "", "ip6"),
    Field("gateway6", "ipconfig{}", ADDRESS, "", "gw6"),
)
DISK = (
    Field("ssd", "{}", SWITCH, False, "ssd"),
    Field("discard", "{}", DISCARD, False, "discard"),
    Field("iothread", "{}", SWITCH, False, "iothread"),
    Field("backup", "{}", SWITCH, True, "backup"),
)
"""Size and storage of a disk have ways of their own, see `disks`."""


def wanted(vm: Vm) -> Iterator[Wanted]:
    """The fields of a VM that were given, but for those of its disks."""
    # Without a target the balloon follows the memory, so also to the size that it is about to have.
    for row in given(vm, VM, "", ""):
        yield replace(row, absent=vm.memory) if row.field.key == "balloon" else row
    yield from given(vm.cloud_init, CLOUD_INIT, "cloud_init.", "")
    for number, entry in enumerate(vm.networks or ()):
        yield from given(_without_gateway(entry), NETWORK, f"networks[{number}].", str(number))


def _without_gateway(entry: Network) -> Network:
    # The server refuses a gateway beside an address that is not fixed (parse_ipconfig of PVE/QemuServer/Network.pm).
    if entry.ip is not None and "/" not in entry.ip:
        entry = replace(entry, gateway="")
    if entry.ip6 is not None and "/" not in entry.ip6:
        entry = replace(entry, gateway6="")
    return entry


def given(source: Any, table: tuple[Field, ...], prefix: str, number: str) -> Iterator[Wanted]:
    """The fields of one table that `source` gives."""
    for row in table:
        value = getattr(source, row.name)
        if value is not None:
            yield Wanted(prefix + row.name, row.key.format(number), row, row.kind.normal(value))


def shown(value: Any) -> Any:
    """A compared value as a person would write it."""
    if isinstance(value, Startup):
        return {name: entry for name, entry in asdict(value).items() if entry is not None}
    return list(value) if isinstance(value, tuple) else value
