"""How the API writes values: property strings, sizes, switches, lists, keys. Reads what is there, and writes it. Pure.

Sources: PVE/JSONSchema.pm (parse_property_string, parse_boolean, parse_size), PVE/Tools.pm (split_list) and
PVE/GuestHelpers.pm (get_unique_tags) of pve-common and pve-guest-common; PVE/QemuServer/Network.pm of qemu-server.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from typing import TypeAlias
from urllib.parse import quote, unquote

Raw: TypeAlias = "str | int"
"""A value of GET /nodes/{node}/qemu/{vmid}/config: numbers come as numbers or as text."""

UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
GIB = UNITS["G"]
SIZE = re.compile(r"(?P<number>\d+(?:\.\d+)?)(?P<unit>[KMGT]?)i?B?", re.IGNORECASE)
TRUE = ("1", "on", "yes", "true")
FALSE = ("0", "off", "no", "false")
SEPARATORS = re.compile(r"[\s,;\0]+")
MODELS = (
    "e1000",
    "e1000-82540em",
    "e1000-82544gc",
    "e1000-82545em",
    "e1000e",
    "i82551",
    "i82557b",
    "i82559er",
    "ne2k_isa",
    "ne2k_pci",
    "pcnet",
    "rtl8139",
    "virtio",
    "vmxnet3",
)
"""Network cards; each may stand as the key of the MAC address: `virtio=BC:24:11:00:00:01`."""


def properties(text: Raw, first: str = "") -> dict[str, str]:
    """What a property string such as `virtio=BC:24:11:00:00:01,bridge=vmbr0` holds.

    first: the key of a value that stands without one, such as `file` of a disk.
    """
    found: dict[str, str] = {}
    for part in str(text).split(","):
        key, equals, value = part.strip().partition("=")
        if equals:
            found[key] = value
        elif key:
            found[first] = key
    return found


def written(found: Mapping[str, str], first: str = "") -> str:
    """A property string: the value of `first` at its beginning and without its key."""
    parts = [found[first]] if first in found else []
    return ",".join(parts + [f"{key}={value}" for key, value in found.items() if key != first])


def network(text: Raw) -> dict[str, str]:
    """The properties of net{i}, with `model` and `macaddr` however they are written."""
    found = properties(text, "model")
    for model in MODELS:
        if model in found:
            found = {"model": model, "macaddr": found.pop(model), **found}
    if "macaddr" in found:
        found["macaddr"] = found["macaddr"].upper()
    return found


def written_network(found: Mapping[str, str]) -> str:
    """net{i} as the server writes it: `virtio=BC:24:11:00:00:01,bridge=vmbr0`."""
    rest = {key: value for key, value in found.items() if key not in ("model", "macaddr")}
    model = found.get("model", "virtio")
    head = f"{model}={found['macaddr']}" if "macaddr" in found else model
    return ",".join([head, *([written(rest)] if rest else [])])


def disk(text: Raw) -> dict[str, str]:
    """The properties of a disk, with `file` however it is written."""
    found = properties(text, "file")
    return {"file": found.pop("volume"), **found} if "volume" in found else found


def size_of(text: Raw) -> int:
    """The bytes of `200G`, `204800M`, `2T` or `1073741824`. Raises ValueError."""
    found = SIZE.fullmatch(str(text).strip())
    if not found:
        raise ValueError(f"{text!r} is not a size such as 200G")
    return int(float(found["number"]) * UNITS[found["unit"].upper()])


def size_text(size: int) -> str:
    """A size in the largest unit that needs no fraction, as the server writes it: `200G`; a terabyte is `1024G`."""
    unit = next((unit for unit in "GMK" if size and size % UNITS[unit] == 0), "")
    return f"{size // UNITS[unit]}{unit}"


def new_disk(storage: str, size: int) -> str:
    """The `file` of a disk that is to be made: `local-lvm:32`, in GiB (Drive.pm, NEW_DISK_RE)."""
    return f"{storage}:{size // GIB if size % GIB == 0 else size / GIB}"


def boolean(text: Raw) -> bool:
    """A switch: 1, on, yes, true; anything else is off, as the server reads it."""
    return str(text).strip().lower() in TRUE


def words(text: Raw) -> tuple[str, ...]:
    """The entries of a list that is separated by spaces, commas or semicolons."""
    return tuple(word for word in SEPARATORS.split(str(text)) if word)


def tags(text: Raw) -> tuple[str, ...]:
    """Tags as they are compared: each once, in order, in small letters, as the server stores them by default."""
    return normal_tags(words(text))


def normal_tags(given: Iterable[str]) -> tuple[str, ...]:
    """The same, of tags that a person listed."""
    return tuple(sorted({tag.lower() for tag in given}))


def ssh_keys(text: Raw) -> tuple[str, ...]:
    """The keys of `sshkeys`, which is URL-encoded; `+` stands for itself there."""
    return normal_keys(unquote(str(text)).splitlines())


def normal_keys(given: Iterable[str]) -> tuple[str, ...]:
    """Keys without spaces around them, and without empty lines."""
    return tuple(line.strip() for line in given if line.strip())


def written_keys(keys: Iterable[str]) -> str:
    """`sshkeys`: one key a line, every other character than letters and digits encoded, spaces as %20."""
    return quote("\n".join(keys), safe="")


def description(text: Raw) -> str:
    """A description without the line end that the server adds."""
    return str(text).rstrip("\n")


def interface(text: Raw) -> str:
    """`ip` and `ip6` of ipconfig{i}: an address with its prefix in its shortest form, other words as they are."""
    try:
        return str(ipaddress.ip_interface(str(text)))
    except ValueError:
        return str(text).strip().lower()


def address(text: Raw) -> str:
    """A single address in its shortest form."""
    try:
        return str(ipaddress.ip_address(str(text)))
    except ValueError:
        return str(text).strip()
