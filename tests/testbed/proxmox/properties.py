"""Property strings of nets and drives, sizes and MAC addresses, as qemu-server writes them back."""

from __future__ import annotations

import re
import secrets

MODELS = (
    "e1000 e1000-82540em e1000-82544gc e1000-82545em e1000e i82551 i82557b i82559er ne2k_isa ne2k_pci pcnet rtl8139"
    " virtio vmxnet3"
).split()
BOOLEANS = {
    *("firewall", "link_down", "backup", "iothread", "ro", "replicate", "shared", "snapshot", "ssd", "detect_zeroes"),
    "pre-enrolled-keys",
}
UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
DRIVES = re.compile(r"(scsi([0-9]|[12][0-9]|30)|virtio([0-9]|1[0-5])|ide[0-3]|sata[0-5]|efidisk0|tpmstate0)")
MAC_PREFIX = "BC:24:11"


def parse(text: str, default: str) -> dict[str, str]:
    """The parts of a property string; the part without a name is that of the key `default`."""
    found = {}
    for part in text.split(","):
        name, equals, value = part.strip().partition("=")
        if name or equals:
            found[name if equals else default] = value if equals else name
    return found


def show(parts: dict[str, str], default: str) -> str:
    """A property string, the default key first and without its name, the others in order of their names."""
    words = [parts[default]] if default in parts else []
    return ",".join(words + [f"{name}={_value(name, parts[name])}" for name in sorted(parts) if name != default])


def parse_net(text: str) -> dict[str, str]:
    """A net: `model`, `macaddr` and the rest."""
    found = parse(text, "model")
    for name in list(found):
        if name in MODELS:
            found["model"], found["macaddr"] = name, found.pop(name)
    return found


def show_net(parts: dict[str, str]) -> str:
    """As written back, `virtio=MAC,bridge=vmbr0`; a MAC address is made up where there is none (`parse_net`)."""
    rest = {name: value for name, value in parts.items() if name not in ("model", "macaddr")}
    first = f"{parts.get('model', 'virtio')}={parts.get('macaddr') or random_mac()}"
    return ",".join([first, *([show(rest, "")] if rest else [])])


def parse_drive(text: str) -> dict[str, str]:
    """A drive: `file` and the rest."""
    found = parse(text, "file")
    if "volume" in found:
        found["file"] = found.pop("volume")
    return found


def show_drive(parts: dict[str, str]) -> str:
    """As written back (`print_drive`)."""
    return show(parts, "file")


def is_cdrom(parts: dict[str, str]) -> bool:
    """Whether it is a CD drive, the cloud-init drive included."""
    return parts.get("media") == "cdrom" or parts.get("file") in ("none", "cdrom")


def is_cloudinit(parts: dict[str, str]) -> bool:
    """Whether it is a cloud-init drive, made or still to be made."""
    return re.search(r"(:|/)(vm-\d+-)?cloudinit(\.\w+)?$", parts.get("file", "")) is not None


def random_mac() -> str:
    """A MAC address with the prefix of the data centre."""
    return MAC_PREFIX + "".join(f":{secrets.randbelow(256):02X}" for _ in range(3))


def size_bytes(text: str) -> int:
    """`20G` in bytes; plain numbers are bytes (`parse_size` of pve-common, PVE/JSONSchema.pm)."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([KMGT]?)", text)
    if not found:
        raise ValueError(text)
    return int(float(found[1]) * UNITS[found[2]])


def size_text(size: int) -> str:
    """Bytes in the largest unit that divides them (`format_size` there)."""
    for unit in "TGMK":
        if size >= UNITS[unit] and size % UNITS[unit] == 0:
            return f"{size // UNITS[unit]}{unit}"
    return str(size)


def _value(name: str, value: str) -> str:
    if name in BOOLEANS:
        return {"on": "1", "yes": "1", "true": "1", "off": "0", "no": "0", "false": "0"}.get(value, value)
    return value
