"""Formats of parameters, and property strings (pve-common, PVE/JSONSchema.pm; qemu-server, PVE/QemuServer.pm)."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote


class FormatError(Exception):
    """A value is not of its format; the text is the API's."""


DNS_LABEL = r"([a-zA-Z0-9]([a-zA-Z0-9_-]*[a-zA-Z0-9])?)"
HOST = r"([a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?)"
STORAGE = r"[a-zA-Z][a-zA-Z0-9\-_.]*[a-zA-Z0-9]"


def _pattern(pattern: str, text: str) -> Callable[[str], None]:
    def check(value: str) -> None:
        if not re.fullmatch(pattern, value):
            raise FormatError(text.format(value=value))

    return check


def _address(version: int | None, network: bool = False, either: bool = False) -> Callable[[str], None]:
    def check(value: str) -> None:
        try:
            if network and ("/" in value or not either):
                if "/" not in value:
                    raise ValueError
                found = ipaddress.ip_interface(value).version
            else:
                found = ipaddress.ip_address(value).version
            if version not in (None, found):
                raise ValueError
        except ValueError:
            kind = "CIDR network" if network else f"IP{'' if version is None else f'v{version}'} address"
            raise FormatError(f"value does not look like a valid {kind}") from None

    return check


def _mac(value: str) -> None:
    if not re.fullmatch(r"[a-fA-F0-9]{2}(:[a-fA-F0-9]{2}){5}", value):
        raise FormatError("value does not look like a valid unicast MAC address")
    if int(value[:2], 16) & 1:
        raise FormatError("value does not look like a valid unicast MAC address")


def _urlencoded(value: str) -> None:
    # Only what encodeURIComponent leaves, and escapes (`verify_urlencoded`... qemu-server, 'urlencoded').
    if not re.fullmatch(r"[-%a-zA-Z0-9_.!~*'()]*", value):
        raise FormatError("value is not URL-encoded")
    unquote(value)


def _ipconfig(value: str) -> None:
    check_properties(value, IPCONFIG)


def _ip_or(words: tuple[str, ...], version: int) -> Callable[[str], None]:
    def check(value: str) -> None:
        if value not in words:
            try:
                _address(version, network=True)(value)
            except FormatError:
                raise FormatError(f"invalid IPv{version} configuration value '{value}'") from None

    return check


def _hotplug(value: str) -> None:
    for word in re.split(r"[,;\s]+", value):
        if word and word not in ("0", "1", "network", "disk", "cpu", "memory", "usb", "cloudinit"):
            raise FormatError("unable to parse hotplug option")


def _startup(value: str) -> None:
    for part in value.split(","):
        if not re.fullmatch(r"(order=)?\d+|up=\d+|down=\d+", part.strip()):
            raise FormatError("unable to parse startup options")


def _tag(value: str) -> None:
    if not re.fullmatch(r"(?i)[a-z0-9_][a-z0-9_\-+.]*", value):
        raise FormatError("invalid characters in tag")


def _cpu(value: str) -> None:
    words = value.split(",")
    model = words[0].removeprefix("cputype=")
    if not re.fullmatch(r"[a-zA-Z0-9_-]+", model):
        raise FormatError(f"invalid CPU model '{model}'")


def _boot(value: str) -> None:
    if not re.fullmatch(r"[acdn]{1,4}|(legacy=[acdn]{1,4}|order=[a-z0-9;]*)(,.*)?", value):
        raise FormatError("invalid boot configuration")


def _cicustom(value: str) -> None:
    kinds = ("user", "network", "meta", "vendor")
    check_properties(value, {kind: {"type": "string", "optional": 1, "format": "pve-volume-id"} for kind in kinds})


FORMATS: dict[str, Callable[[str], None]] = {
    "pve-node": _pattern(HOST, "value does not look like a valid node name"),
    "pve-vmid": _pattern(r"[1-9][0-9]{2,8}", "value does not look like a valid VM ID"),
    "pve-storage-id": _pattern(STORAGE, "storage ID '{value}' contains illegal characters"),
    "pve-configid": _pattern(r"[a-z][a-z0-9_-]+", "invalid configuration ID '{value}'"),
    "pve-iface": _pattern(r"[a-zA-Z][a-zA-Z0-9_]{1,20}([:.]\d+)?", "invalid network interface name '{value}'"),
    "pve-bridge-id": _pattern(r"[-_.\w\d]+", "value does not look like a valid bridge ID"),
    "pve-userid": _pattern(
        r"[^\s:/]+@[A-Za-z][A-Za-z0-9.\-_]+", "value '{value}' does not look like a valid user name"
    ),
    "pve-groupid": _pattern(r"[A-Za-z0-9.\-_]+", "group name '{value}' contains invalid characters"),
    "pve-roleid": _pattern(r"[A-Za-z0-9.\-_]+", "role name '{value}' contains invalid characters"),
    "pve-poolid": _pattern(
        r"[A-Za-z0-9.\-_]+(/[A-Za-z0-9.\-_]+){0,2}", "pool name '{value}' contains invalid characters"
    ),
    "pve-tokenid": _pattern(
        r"[^\s!@]+@[^\s!@]+![A-Za-z][A-Za-z0-9.\-_]+", "value '{value}' does not look like a valid token ID"
    ),
    "pve-priv": _pattern(r"[A-Za-z.]+", "invalid privilege '{value}'"),
    "dns-name": _pattern(rf"({DNS_LABEL}\.)*{DNS_LABEL}", "value does not look like a valid DNS name"),
    "pve-volume-id": _pattern(rf"{STORAGE}:.+", "unable to parse volume ID '{value}'"),
    "pve-volume-id-or-qm-path": _pattern(
        rf"none|cdrom|/.*|{STORAGE}:.+|\d+(\.\d+)?", "unable to parse volume ID '{value}'"
    ),
    "pve-volume-id-or-absolute-path": _pattern(rf"/.*|{STORAGE}:.+", "unable to parse volume ID '{value}'"),
    "disk-size": _pattern(r"\d+(\.\d+)?[KMGT]?", "value does not look like a valid disk size: {value}"),
    "pve-storage-content": _pattern(
        r"images|rootdir|vztmpl|iso|backup|snippets|import|none", "invalid content type '{value}'"
    ),
    "ip": _address(None),
    "address": _pattern(
        rf"[0-9a-fA-F:.]+|({DNS_LABEL}\.)*{DNS_LABEL}", "value does not look like a valid address: {value}"
    ),
    "ipv4": _address(4),
    "ipv6": _address(6),
    "CIDR": _address(None, network=True),
    "CIDRv4": _address(4, network=True),
    "CIDRv6": _address(6, network=True),
    "IPorCIDR": _address(None, network=True, either=True),
    "pve-ipv4-config": _ip_or(("dhcp",), 4),
    "pve-ipv6-config": _ip_or(("dhcp", "auto"), 6),
    "mac-addr": _mac,
    "urlencoded": _urlencoded,
    "pve-qm-ipconfig": _ipconfig,
    "pve-hotplug-features": _hotplug,
    "pve-startup-order": _startup,
    "pve-tag": _tag,
    "pve-vm-cpu-conf": _cpu,
    "pve-qm-boot": _boot,
    "pve-qm-cicustom": _cicustom,
}
IPCONFIG = {
    "ip": {"type": "string", "format": "pve-ipv4-config", "optional": 1},
    "gw": {"type": "string", "format": "ipv4", "optional": 1, "requires": "ip"},
    "ip6": {"type": "string", "format": "pve-ipv6-config", "optional": 1},
    "gw6": {"type": "string", "format": "ipv6", "optional": 1, "requires": "ip6"},
}


def check_format(name: str, value: str) -> None:
    """Raise FormatError unless a value is of a format; formats that this file does not know let all pass."""
    name = name.removesuffix("-opt")
    if name.endswith("-list") and name != "pve-qm-list":
        for entry in re.split(r"[,;\s]+", value):
            if entry:
                check_format(name.removesuffix("-list"), entry)
        return
    if value and name in FORMATS:
        FORMATS[name](value)


def check_properties(text: str, form: Mapping[str, Any]) -> dict[str, str]:
    """A property string as its parts, names as `form` has them; FormatError as `parse_property_string` says it."""
    from .schema import MISSING, UNDEFINED, check_value

    default = next((name for name, entry in form.items() if entry.get("default_key")), None)
    found: dict[str, str] = {}
    for part in text.split(","):
        if not part.strip():
            continue
        name, equals, value = part.strip().partition("=")
        if not equals:
            if default is None:
                raise FormatError("value without key, but schema does not define a default key")
            if default in found:
                raise FormatError("duplicate key in comma-separated list property: " + default)
            name, value = default, part.strip()
        entry = form.get(name)
        if entry is None:
            raise FormatError(f"format error\n{name}: {UNDEFINED}")
        if "keyAlias" in entry:
            found[entry["keyAlias"]] = name
        if "alias" in entry:
            name = entry["alias"]
            entry = form[name]
        if name in found:
            raise FormatError(f"duplicate key in comma-separated list property: {name}")
        found[name] = value
    wrong = {name: text for name, value in found.items() if (text := check_value(value, form[name]))}
    for name in found:
        needed = form[name].get("requires")
        if isinstance(needed, str) and needed not in found:
            wrong[needed] = f"missing property - '{name}' requires this property"
    for name, entry in form.items():
        if name not in found and not entry.get("optional") and "alias" not in entry and "type" in entry:
            wrong[name] = MISSING
    if wrong:
        raise FormatError("format error\n" + "\n".join(f"{name}: {text}" for name, text in sorted(wrong.items())))
    return found
