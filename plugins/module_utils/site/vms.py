"""The VMs of a site: what each says of itself, over what all have in common, over what follows from the site."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.documents.shapes import Wrong
from ansible_collections.autolabs.platform.plugins.module_utils.site import values
from ansible_collections.autolabs.platform.plugins.module_utils.site.model import NO_GROUPS, NODES

TEMPLATE_VMID = 9000
DEFAULTS = "proxmox_vms_defaults"

Described = Mapping[str, Any]
"""A site as the filter `site_described` gives it."""


def compose_vms(described: Described) -> dict[str, Any]:
    """The VMs of a site by the names of their machines, as `proxmox_vm` takes them.

    A machine is a VM where it has `proxmox_vm` and the site has nodes. Nothing is checked here, and what is no map of
    fields is given as it is.
    """
    hosts = _map(described.get("hosts"))
    nodes = [_map(host).get("proxmox_node") or name for name, host in hosts.items() if NODES in groups_of(host)]
    if not nodes:
        return {}
    common = _map(described.get(DEFAULTS))
    found: dict[str, Any] = {}
    for name, host in hosts.items():
        own = _map(host).get("proxmox_vm")
        if own is None or NODES in groups_of(host):
            continue
        given = merged(common, own) if isinstance(own, Mapping) else own
        found[name] = _completed(name, host, given, described, nodes) if isinstance(given, dict) else given
    return found


def absent(vms: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The same VMs as they are taken down, the last started first."""
    kept = ("name", "vmid", "node")
    ordered = sorted(vms.values(), key=_order, reverse=True)
    return [{**{key: vm[key] for key in kept if key in vm}, "state": "absent"} for vm in ordered]


def merged(common: Any, own: Any) -> Any:
    """`own` over `common`: maps by their keys, networks by their place, and everything else as a whole."""
    if not (isinstance(common, Mapping) and isinstance(own, Mapping)):
        return own
    result = {**common}
    for key, value in own.items():
        if key == "networks" and isinstance(value, list | tuple):
            result[key] = _networks(common.get(key), value)
        else:
            result[key] = merged(common.get(key), value)
    return result


def groups_of(host: Any) -> tuple[str, ...]:
    """The groups of a machine that say something about it."""
    groups = _map(host).get("groups")
    return tuple(str(group) for group in groups if group not in NO_GROUPS) if isinstance(groups, list | tuple) else ()


def address_of(host: Any) -> str | None:
    """The address of a machine by its `ansible_host`, where that is one."""
    text = _map(host).get("ansible_host")
    return str(text) if values.address_or_none(str(text)) else None


def _completed(
    name: str, host: Any, given: dict[str, Any], described: Described, nodes: Sequence[str]
) -> dict[str, Any]:
    vm = {"name": name, **given}
    if len(nodes) == 1:
        vm.setdefault("node", nodes[0])
    template = _map(described.get("proxmox_vms_template"))
    if template:
        vm.setdefault("template", template.get("vmid") or TEMPLATE_VMID)
    vm.setdefault("tags", list(dict.fromkeys([str(described.get("autolabs_site")), *groups_of(host)])))
    domain = described.get("site_names_domain")
    if domain and isinstance(vm.get("cloud_init"), Mapping):
        vm["cloud_init"] = {"searchdomain": domain, **vm["cloud_init"]}
    listed = vm.get("networks", [{}])
    if isinstance(listed, list | tuple) and all(isinstance(entry, Mapping) for entry in listed):
        known = dict(_ranges(described))
        vm["networks"] = [
            _network(entry, address_of(host) if number == 0 else None, known, first=number == 0)
            for number, entry in enumerate(listed)
        ]
    return vm


def _network(entry: Mapping[str, Any], address: str | None, known: Mapping[Any, Any], *, first: bool) -> dict[str, Any]:
    """A network card with what follows from the site's network that its address is of."""
    own = [entry[key] for key in ("ip", "ip6") if key in entry]
    texts = (str(text).partition("/")[0] for text in (own or [address]) if text)
    found = next((each for each in map(values.address_or_none, texts) if each is not None), None)
    reach = next((reach for reach in known if found is not None and found in reach), None)
    if found is None or reach is None:
        return dict(entry)
    ip, gateway = ("ip", "gateway") if found.version == 4 else ("ip6", "gateway6")
    follows = {
        "bridge": known[reach].get("bridge"),
        "tag": known[reach].get("vlan"),
        ip: f"{found}/{reach.prefixlen}",
        gateway: known[reach].get("gateway") if first else None,
    }
    return {**{key: value for key, value in follows.items() if value is not None}, **entry}


def _ranges(described: Described) -> Iterable[tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, Mapping[str, Any]]]:
    for entry in _map(described.get("site_networks")).values():
        try:
            yield values.network(str(_map(entry).get("cidr"))), _map(entry)
        except Wrong:
            continue


def _networks(common: Any, own: Sequence[Any]) -> list[Any]:
    base = list(common) if isinstance(common, list | tuple) else []
    return [merged(base[number] if number < len(base) else None, entry) for number, entry in enumerate(own)]


def _order(vm: Any) -> int:
    order = _map(_map(vm).get("startup")).get("order")
    return order if isinstance(order, int) else 0


def _map(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
