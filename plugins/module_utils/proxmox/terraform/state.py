"""Hosts of a state of Terraform or OpenTofu: the VMs of the providers bpg/proxmox and Telmate/proxmox.

The format is version 4 of the state (internal/states/statefile of OpenTofu). Attributes are those of
`proxmox_virtual_environment_vm` and `proxmox_vm_qemu`.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput, Problem

FORMAT = 4
PULL = "write it with `tofu state pull > FILE`"


@dataclass(frozen=True)
class Host:
    """A VM of a state."""

    name: str
    resource: str
    """Its address in the configuration."""
    address: str = ""
    """Where it answers; empty where the state does not tell."""
    vmid: int | None = None
    node: str = ""
    tags: tuple[str, ...] = ()


def hosts(text: str, file: str) -> tuple[Host, ...]:
    """The VMs of a state, sorted by name, without templates.

    text: the content of the file.
    file: its name, for messages.
    Raises InvalidInput with every mistake.
    """
    document = _document(text, file)
    found: list[Host] = []
    problems: list[Problem] = []
    for place, kind, attributes in _instances(document):
        try:
            host = READERS[kind](place, attributes)
        except (TypeError, ValueError, KeyError, AttributeError, IndexError):
            message = "has not the attributes of this resource; is the file cut off, or changed by hand?"
            problems.append(Problem(file, 0, place, message))
            continue
        if host is not None:
            found.append(host)
    for name in sorted({host.name for host in found}):
        same = [host.resource for host in found if host.name == name]
        if len(same) > 1:
            problems.append(
                Problem(file, 0, name, f"is the name of several VMs: {', '.join(same)}; rename all but one")
            )
    if problems:
        raise InvalidInput(problems)
    return tuple(sorted(found, key=lambda host: host.name))


def _document(text: str, file: str) -> Mapping[str, Any]:
    def refused(message: str) -> InvalidInput:
        return InvalidInput([Problem(file, 0, "", message)])

    if not text.strip():
        raise refused(f"the file is empty; {PULL}")
    try:
        document = json.loads(text)
    except ValueError as error:
        line = getattr(error, "lineno", 0)
        raise InvalidInput([Problem(file, line, "", f"this is no state, which is JSON; {PULL}")]) from None
    if not isinstance(document, Mapping):
        raise refused(f"this is JSON, but no state; {PULL}")
    if "encrypted_data" in document:
        raise refused(f"the state is encrypted; {PULL}, which decrypts it")
    if "planned_values" in document or "values" in document:
        raise refused(f"this is what `tofu show -json` writes, not a state; {PULL}")
    if "backend" in document:
        raise refused(f"this only says where the state is; {PULL}")
    version = document.get("version")
    if version != FORMAT:
        said = "is missing" if version is None else f"is {version}"
        raise refused(f"the version of the state {said}, and {FORMAT} is what can be read; {PULL}")
    if not isinstance(document.get("resources", []), list):
        raise refused(f"`resources` is no list; {PULL}")
    return document


def _instances(document: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Each instance of a VM: its address, its type and its attributes."""
    for resource in document.get("resources", []):
        if not isinstance(resource, Mapping) or resource.get("mode") != "managed":
            continue
        kind = str(resource.get("type"))
        if kind not in READERS:
            continue
        module = f"{resource['module']}." if resource.get("module") else ""
        for instance in resource.get("instances") or ():
            # A deposed instance is a VM on its way out.
            if not isinstance(instance, Mapping) or "deposed" in instance:
                continue
            index = f"[{json.dumps(instance['index_key'])}]" if "index_key" in instance else ""
            attributes = instance.get("attributes")
            yield f"{module}{kind}.{resource.get('name')}{index}", kind, attributes or {}


def _bpg(place: str, attributes: Mapping[str, Any]) -> Host | None:
    if attributes.get("template"):
        return None
    return Host(
        name=str(attributes["name"] or attributes["id"]),
        resource=place,
        address=_first(_static(attributes), _told(attributes)),
        vmid=int(attributes.get("vm_id") or attributes["id"]),
        node=str(attributes["node_name"]),
        tags=tuple(str(tag) for tag in attributes.get("tags") or ()),
    )


def _static(attributes: Mapping[str, Any]) -> Iterator[str]:
    """Addresses that cloud-init gives: IPv4 of all interfaces, then IPv6."""
    for family in ("ipv4", "ipv6"):
        for block in attributes.get("initialization") or ():
            for interface in block.get("ip_config") or ():
                for entry in interface.get(family) or ():
                    yield str(entry.get("address") or "")


def _told(attributes: Mapping[str, Any]) -> Iterator[str]:
    """Addresses that the guest's agent tells, those of the VM's own interfaces first.

    The agent also tells those of bridges and tunnels inside the guest, whose MAC addresses the VM does not have.
    """
    own = {str(device.get("mac_address")).upper() for device in attributes.get("network_device") or ()}
    macs = [str(mac).upper() for mac in attributes.get("mac_addresses") or ()]
    for family in ("ipv4_addresses", "ipv6_addresses"):
        lists = list(enumerate(attributes.get(family) or ()))
        lists.sort(key=lambda entry: not (entry[0] < len(macs) and macs[entry[0]] in own))
        for _index, addresses in lists:
            yield from map(str, addresses or ())


def _telmate(place: str, attributes: Mapping[str, Any]) -> Host | None:
    # The id is NODE/qemu/VMID.
    parts = str(attributes["id"]).split("/")
    tags = str(attributes.get("tags") or "").replace(",", ";").split(";")
    return Host(
        name=str(attributes["name"] or parts[-1]),
        resource=place,
        address=_first(_ipconfigs(attributes), _defaults(attributes)),
        vmid=int(attributes.get("vmid") or parts[-1]),
        node=str(attributes.get("current_node") or attributes.get("target_node") or parts[0]),
        tags=tuple(tag.strip() for tag in tags if tag.strip()),
    )


def _ipconfigs(attributes: Mapping[str, Any]) -> Iterator[str]:
    for key in ("ip", "ip6"):
        for index in range(16):
            pairs = (part.partition("=") for part in str(attributes.get(f"ipconfig{index}") or "").split(","))
            yield from (value for name, _sign, value in pairs if name.strip() == key)


def _defaults(attributes: Mapping[str, Any]) -> Iterator[str]:
    for name in ("default_ipv4_address", "ssh_host", "default_ipv6_address"):
        yield str(attributes.get(name) or "")


def _first(*sources: Iterator[str]) -> str:
    """The first address that others can reach; words such as `dhcp` are none."""
    for source in sources:
        for text in source:
            try:
                address = ipaddress.ip_interface(text.strip()).ip
            except ValueError:
                continue
            if not (address.is_loopback or address.is_link_local or address.is_unspecified or address.is_multicast):
                return str(address)
    return ""


READERS: dict[str, Callable[[str, Mapping[str, Any]], Host | None]] = {
    "proxmox_virtual_environment_vm": _bpg,
    "proxmox_vm_qemu": _telmate,
}
"""By type of resource."""
