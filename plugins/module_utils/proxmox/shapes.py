"""What `vms` may look like, as data: read with every mistake at once, each with its path, message and example. Pure.

There is no rule here that the server states better itself when it is asked; a mistake that it would find only after
other VMs were changed, or never, is one.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator
from collections.abc import Mapping as AnyMapping
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.documents.document import (
    Mapping,
    Node,
    Scalar,
    Sequence,
)
from ansible_collections.autolabs.platform.plugins.module_utils.documents.shapes import (
    Field,
    Findings,
    ListOf,
    MapOf,
    Place,
    Record,
    Refusal,
    Values,
    Word,
    Wrong,
    did_you_mean,
)
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox import values

LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
SLOT = re.compile(r"(?:ide|sata|scsi|virtio)\d{1,2}")
TAG = re.compile(r"[a-z0-9_][a-z0-9_+.-]*", re.IGNORECASE)
USER = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
MAC = re.compile(r"[0-9A-F]{2}(?::[0-9A-F]{2}){5}")
VOLUME = re.compile(r"[A-Za-z][\w.-]*:snippets/[\w.+-]+")
SMALLEST_DISK = 1 << 20
VMIDS = (100, 999_999_999)


def document_of(value: Any) -> Node:
    """A value of a playbook as a tree that shapes read; it has no lines."""
    if isinstance(value, AnyMapping):
        return Mapping(0, {str(key): document_of(entry) for key, entry in value.items()})
    if isinstance(value, list | tuple):
        return Sequence(0, tuple(document_of(item) for item in value))
    if value is None:
        return Scalar(0, "", "null")
    if isinstance(value, bool):
        return Scalar(0, "true" if value else "false", "bool")
    return Scalar(0, str(value), "int" if isinstance(value, int) else "str")


def number(least: int, most: int | None = None, what: str = "") -> Word:
    """A whole number within limits."""
    limits = f"from {least} to {most}" if most is not None else f"of at least {least}"

    def parse(text: str) -> int:
        if not re.fullmatch(r"-?\d{1,12}", text.strip()):
            raise Wrong(f"must be a whole number{what}, not {text!r}")
        found = int(text)
        if found < least or (most is not None and found > most):
            raise Wrong(f"must be a number{what} {limits}, not {found}")
        return found

    return Word(parse, "a number")


def one_of(*known: str) -> Word:
    """One of some words."""

    def parse(text: str) -> str:
        if text not in known:
            raise Wrong(f"must be one of {', '.join(known)}, not {text!r}{did_you_mean(text, known)}")
        return text

    return Word(parse)


def matching(pattern: re.Pattern[str], rule: str, *, empty: bool = False, to: Callable[[str], str] = str) -> Word:
    """Text of a form; `rule` is what it must be, in words."""

    def parse(text: str) -> str:
        found = to(text.strip())
        if not (pattern.fullmatch(found) or (empty and not found)):
            raise Wrong(f"must be {rule}, not {text!r}")
        return found

    return Word(parse)


def _switch(text: str) -> bool:
    if text.lower() in values.TRUE:
        return True
    if text.lower() in values.FALSE:
        return False
    raise Wrong(f"must be true or false, not {text!r}")


def _template(text: str) -> int | str:
    if text.isdigit():
        return int(text)
    if not text.strip():
        raise Wrong("must be the VMID or the name of a template")
    return text


def _size(text: str) -> int:
    try:
        found = values.size_of(text)
    except ValueError:
        raise Wrong(f"must be a size with its unit (K, M, G or T), not {text!r}") from None
    if found < SMALLEST_DISK:
        raise Wrong(f"must be a size with its unit: {text} is {found} bytes")
    return found


def _mac(text: str) -> str:
    found = text.strip().upper().replace("-", ":")
    if not MAC.fullmatch(found):
        raise Wrong(f"must be a MAC address, not {text!r}")
    if int(found[:2], 16) & 1:
        raise Wrong(f"must be the MAC address of one card; {found} is one of many (its first byte is odd)")
    return found


def _interface(version: int, others: tuple[str, ...]) -> Word:
    said = f"an IPv{version} address with its prefix, {', '.join(others)}, or empty for none"

    def parse(text: str) -> str:
        if text.strip().lower() in ("", *others):
            return text.strip().lower()
        try:
            found = ipaddress.ip_interface(text.strip())
        except ValueError:
            raise Wrong(f"must be {said}, not {text!r}") from None
        if found.version != version:
            raise Wrong(f"must be {said}; {text} is one of IPv{found.version}")
        if "/" not in text:
            raise Wrong(f"needs the prefix of its network, such as {text.strip()}/{24 if version == 4 else 64}")
        network = found.network
        if version == 4 and network.prefixlen < 31 and found.ip in (network[0], network[-1]):
            raise Wrong(f"is not the address of a machine: {text} is the network itself or its broadcast address")
        return str(found)

    return Word(parse)


def _address(version: int | None) -> Word:
    said = "an address" if version is None else f"an IPv{version} address or empty for none"

    def parse(text: str) -> str:
        if version and not text.strip():
            return ""
        try:
            found = ipaddress.ip_address(text.strip())
        except ValueError:
            raise Wrong(f"must be {said}, not {text!r}") from None
        if version and found.version != version:
            raise Wrong(f"must be {said}; {text} is one of IPv{found.version}")
        return str(found)

    return Word(parse)


def _ssh_key(text: str) -> str:
    # What is wrong is never shown: it may be what must not be seen.
    if "PRIVATE KEY" in text:
        raise Wrong("is a private key; give the public one (the file that ends in .pub)")
    if len(text.strip().splitlines()) != 1 or len(text.split()) < 2:
        raise Wrong("must be one public key in one line, as it stands in the file that ends in .pub")
    return text.strip()


NAME = matching(LABEL, "a DNS label: small letters, digits and dashes, at most 63, with a letter or digit at both ends")
PLAIN = matching(re.compile(r"\S+"), "a name without spaces")
PLAIN_OR_NONE = matching(re.compile(r"\S+"), "a name without spaces, or empty for none", empty=True)
TEXT = Word(str)
SWITCH = Word(_switch, "true or false")
STATES = ("started", "stopped", "present", "absent")

DISK = Record(
    {
        "size": Field(Word(_size), "How large it is; it can only grow.", "200G"),
        "storage": Field(PLAIN, "Where it is.", "local-lvm"),
        "ssd": Field(SWITCH, "Whether the guest takes it for an SSD.", "true"),
        "discard": Field(SWITCH, "Whether what the guest frees is given back to the storage.", "true"),
        "iothread": Field(SWITCH, "Whether it has a thread of its own.", "true"),
        "backup": Field(SWITCH, "Whether backups hold it.", "true"),
    }
)
NETWORK = Record(
    {
        "bridge": Field(PLAIN, "The bridge of the node that it is plugged in.", "vmbr0"),
        "model": Field(one_of(*values.MODELS), "The card that the guest sees.", "virtio"),
        "tag": Field(number(0, 4094, " of a VLAN"), "Its VLAN; 0 for none.", "100"),
        "firewall": Field(SWITCH, "Whether the firewall of the node filters it.", "true"),
        "mac": Field(
            Word(_mac), "Its MAC address; the one that is there is kept where none is given.", "BC:24:11:00:00:01"
        ),
        "mtu": Field(number(0, 65520), "The largest packet; 1 for the bridge's, 0 for the guest's own.", "1450"),
        "ip": Field(_interface(4, ("dhcp",)), "Its address, which cloud-init sets.", "192.168.100.30/24"),
        "gateway": Field(_address(4), "The way out of its network.", "192.168.100.1"),
        "ip6": Field(_interface(6, ("dhcp", "auto")), "The same for IPv6.", "fd00::30/64"),
        "gateway6": Field(_address(6), "The same for IPv6.", "fd00::1"),
    }
)
CLOUD_INIT = Record(
    {
        "user": Field(matching(USER, "the name of a user of Linux", empty=True), "The account it makes.", "autolabs"),
        "ssh_keys": Field(ListOf(Word(_ssh_key)), "Who may log in.", "[ssh-ed25519 AAAAC3Nz... me]"),
        "nameservers": Field(ListOf(_address(None)), "Who is asked for names.", "[192.168.100.1]"),
        "searchdomain": Field(TEXT, "What is added to short names.", "autolabs.internal"),
        "upgrade": Field(SWITCH, "Whether packages are upgraded at the first boot.", "false"),
        "vendor": Field(
            matching(VOLUME, "a snippet as STORAGE:snippets/FILE, or empty for none", empty=True),
            "A file of cloud-init that is read besides.",
            "local:snippets/autolabs-vendor.yml",
        ),
    },
    refused={"password": Refusal("a password here would stand in logs and in the VM's config", "give ssh_keys")},
)
STARTUP = Record(
    {
        "order": Field(number(0), "Its place; what has none comes last.", "3"),
        "up": Field(number(0), "Seconds until the next one starts.", "30"),
        "down": Field(number(0), "Seconds that its end may take.", "60"),
    }
)


def _slot(text: str) -> None:
    if not SLOT.fullmatch(text):
        raise Wrong("is no place of a disk: write ide, sata, scsi or virtio and a number", "scsi0")


VM = Record(
    {
        "name": Field(NAME, "What it is called.", "k8s-vm", required=True),
        "vmid": Field(number(*VMIDS), "Its number; chosen where none is given.", "130"),
        "node": Field(PLAIN, "The node it runs on; needed to make it.", "pve-1"),
        "template": Field(Word(_template), "What it is cloned from; needed to make it.", "9000"),
        "clone": Field(one_of("full", "linked"), "Whether it has copies of the template's disks.", "full"),
        "storage": Field(PLAIN, "Where disks go that are made.", "local-lvm"),
        "pool": Field(PLAIN_OR_NONE, "Its pool; empty for none.", "autolabs"),
        "description": Field(TEXT, "What people read about it.", "The cluster's first node"),
        "tags": Field(ListOf(matching(TAG, "a tag: letters, digits and _ - + .")), "Its tags.", "[k8s, demo]"),
        "cores": Field(number(1), "Cores of each socket.", "4"),
        "sockets": Field(number(1), "Processors.", "1"),
        "memory": Field(number(16, None, " of MiB"), "Its memory in MiB.", "8192"),
        "balloon": Field(number(0, None, " of MiB"), "MiB it may be shrunk to; 0: never shrunk.", "0"),
        "cpu": Field(PLAIN, "The processor that the guest sees.", "host"),
        "agent": Field(SWITCH, "Whether the guest agent runs in it.", "true"),
        "onboot": Field(SWITCH, "Whether it starts with its node.", "true"),
        "startup": Field(STARTUP, "When it starts with its node.", "{order: 3, up: 30}"),
        "protection": Field(SWITCH, "Whether it and its disks are kept from being removed.", "false"),
        "disks": Field(
            MapOf(DISK, _slot, nothing=True), "Its disks, by where they are attached.", "{scsi0: {size: 200G}}"
        ),
        "networks": Field(ListOf(NETWORK), "Its network cards, all of them.", "[{bridge: vmbr0, ip: dhcp}]"),
        "cloud_init": Field(CLOUD_INIT, "What cloud-init is told.", "{user: autolabs}"),
        "state": Field(one_of(*STATES), "What becomes of it.", "started"),
    }
)


def read(value: Any, name: str) -> tuple[Values, ...]:
    """The maps of `vms`. Raises InvalidInput with every mistake; `name` is what people call the list."""
    findings = Findings("")
    found = findings.read(ListOf(VM, "a list of VMs"), document_of(value), Place(0, name), "[{name: k8s-vm}]")
    maps = tuple(entry.value for entry in found.value) if found else ()
    for entry in maps:
        for network in entry.get("networks", ()):
            _gateways(network.value, findings)
    for message, entries in (
        ("the VM of {} has this name already", _single(maps, "name")),
        ("the VM of {} has this VMID already", _single(maps, "vmid")),
        ("{} has this MAC address already", _of_networks(maps, "mac")),
        ("{} has this address already", _of_networks(maps, "ip")),
        ("{} has this address already", _of_networks(maps, "ip6")),
    ):
        _twice(entries, message, findings)
    findings.settle()
    return maps


def _gateways(network: Values, findings: Findings) -> None:
    for name, gateway in (("ip", "gateway"), ("ip6", "gateway6")):
        way, own = network.get(gateway), network.get(name)
        if not way or own is None:
            continue
        if "/" not in own:
            findings.add(network.place(gateway), f"goes with a fixed address, and `{name}` is {own or 'empty'}")
        elif way == own.split("/")[0]:
            findings.add(network.place(gateway), "is the address of the VM itself")
        elif not ipaddress.ip_address(way).is_link_local:
            block = ipaddress.ip_interface(own).network
            if ipaddress.ip_address(way) not in block:
                findings.add(network.place(gateway), f"is not in the network of `{name}`, {block}", str(block[1]))


def _single(maps: tuple[Values, ...], name: str) -> Iterator[tuple[Any, Place, str]]:
    return ((entry.get(name), entry.place(name), entry.at.field) for entry in maps if name in entry.entries)


def _of_networks(maps: tuple[Values, ...], name: str) -> Iterator[tuple[Any, Place, str]]:
    for entry in maps:
        for network in entry.get("networks", ()):
            value = network.value.get(name)
            if value and value not in ("dhcp", "auto"):
                yield value.split("/")[0], network.value.place(name), network.at.field


def _twice(entries: Iterator[tuple[Any, Place, str]], message: str, findings: Findings) -> None:
    seen: dict[Any, str] = {}
    for value, place, owner in entries:
        if value in seen:
            findings.add(place, f"{message.format(seen[value])} ({value}); each has its own")
        seen.setdefault(value, owner)
