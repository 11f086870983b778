"""Reads a site, with every mistake at once: what a single value cannot be, and what values cannot be together."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput, Problem
from ansible_collections.autolabs.platform.plugins.module_utils.documents.shapes import Findings, Place, Values, Wrong
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.shapes import document_of
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.vm import Vm, read_vms
from ansible_collections.autolabs.platform.plugins.module_utils.site import capacity, cluster, machines, networks
from ansible_collections.autolabs.platform.plugins.module_utils.site.fields import SITE
from ansible_collections.autolabs.platform.plugins.module_utils.site.model import (
    CONTROL_PLANE,
    NODES,
    OF_MACHINES,
    WORKER,
    Cluster,
    Machine,
    Minimum,
    Node,
    SiteData,
    SiteNetwork,
    Template,
)
from ansible_collections.autolabs.platform.plugins.module_utils.site.values import address_or_none
from ansible_collections.autolabs.platform.plugins.module_utils.site.vms import (
    DEFAULTS,
    TEMPLATE_VMID,
    compose_vms,
    groups_of,
)

CHECKS = (networks.check, cluster.check, machines.check, capacity.check)
VMS = "vms"
FIELD = re.compile(rf"{VMS}\[0\]\.([^.\[]+)")
ADDRESS_TWICE = "has this address already"
NAMELESS = "site"
"""What messages begin with where the site has no name."""


@dataclass(frozen=True)
class _ReadVm:
    vm: Vm | None
    broken: frozenset[str] = frozenset()


def read_site(value: Any) -> SiteData:
    """The site that an inventory describes, as the filter `site_described` gives it.

    Raises InvalidInput with every mistake, each named by the variable, or the host and its variable.
    """
    name = str(value.get("autolabs_site") or NAMELESS) if isinstance(value, Mapping) else NAMELESS
    findings = Findings(name)
    try:
        given = SITE.read(document_of(value), Place(0), findings)
    except Wrong as wrong:
        raise InvalidInput([Problem(name, 0, "", wrong.message)]) from None
    vms, problems, derived = _vms(value)
    site = _site(name, given, value, vms)
    for problem in (*problems, *(problem for check in CHECKS for problem in check(site))):
        findings.add(Place(0, problem.field), problem.message, problem.example)
    findings.settle()
    # Each of these has a cause that a check names; should one not, it is told as it is.
    for problem in derived:
        findings.add(Place(0, problem.field), problem.message, problem.example)
    findings.settle()
    return site


def _site(name: str, given: Values, value: Mapping[str, Any], vms: Mapping[str, _ReadVm]) -> SiteData:
    hosts = given.get("hosts")
    read = {host: entry.value for host, entry in hosts.entries.items()} if hosts else {}
    raw = {host: _of_host(value, host) for host in read}
    template = given.get("proxmox_vms_template")
    return SiteData(
        name=name,
        phase=given.get("flows_phase"),
        domain=given.get("site_names_domain"),
        networks=tuple(_networks(given)),
        networks_broken=_broken_networks(given),
        ranges={
            key: tuple(item.value for item in entry.value) for key, entry in _entries(given, "flows_networks").items()
        },
        nodes=tuple(_node(host, fields) for host, fields in read.items() if NODES in groups_of(raw[host])),
        machines=tuple(
            _machine(host, fields, raw[host], value.get(DEFAULTS), vms)
            for host, fields in read.items()
            if NODES not in groups_of(raw[host]) or {*groups_of(raw[host])} & {*OF_MACHINES}
        ),
        cluster=_cluster(given, {host: groups_of(raw[host]) for host in read}),
        template=_template(template) if template and template.entries else None,
        minimums={
            group: Minimum(entry.value.get("cores", 0), entry.value.get("memory", 0))
            for group, entry in _entries(given, "site_minimums").items()
        },
        shared_storage={storage: entry.value for storage, entry in _entries(given, "site_shared_storage").items()},
        reserved_memory=given.get("site_reserved_memory", 0),
        api_host=given.get("proxmox_api_host"),
        api_credentials=tuple(item.value for item in given.get("proxmox_api_credentials", ())),
        unreadable_ca=given.get("proxmox_api_ca"),
    )


def _networks(given: Values) -> Iterator[SiteNetwork]:
    for name, entry in _entries(given, "site_networks").items():
        fields: Values = entry.value
        if "cidr" in fields.entries:
            rest = {key: fields.get(key) for key in ("gateway", "vlan", "bridge")}
            yield SiteNetwork(name, fields.get("cidr"), **rest)


def _broken_networks(given: Values) -> bool:
    found = given.get("site_networks")
    broken = found and (found.broken or any("cidr" not in entry.value.entries for entry in found.entries.values()))
    return "site_networks" in given.broken or bool(broken)


def _of_host(value: Mapping[str, Any], host: str) -> Mapping[str, Any]:
    """What was given of a machine."""
    found = {str(name): given for name, given in value["hosts"].items()}.get(host)
    return found if isinstance(found, Mapping) else {}


def _node(name: str, fields: Values) -> Node:
    capacity_given = fields.get("proxmox_node_capacity")
    disk = capacity_given.get("disk") if capacity_given else None
    return Node(
        name,
        fields.get("proxmox_node", name),
        address_or_none(fields.get("ansible_host")),
        capacity_given.get("cores") if capacity_given else None,
        capacity_given.get("memory") if capacity_given else None,
        {storage: entry.value for storage, entry in disk.entries.items()} if disk else None,
    )


def _machine(name: str, fields: Values, raw: Mapping[str, Any], common: Any, vms: Mapping[str, _ReadVm]) -> Machine:
    written, own, read = fields.get("ansible_host"), raw.get("proxmox_vm"), vms.get(name, _ReadVm(None))
    found = address_or_none(written)
    if found is None and read.vm and read.vm.networks and read.vm.networks[0].ip:
        found = address_or_none(read.vm.networks[0].ip.partition("/")[0])
    return Machine(
        name=name,
        groups=groups_of(raw),
        address=found,
        host=written if written != name and not address_or_none(written) else None,
        is_vm=name in vms,
        vm=read.vm,
        broken=read.broken,
        inherited=frozenset(common if isinstance(common, Mapping) else ())
        - frozenset(own if isinstance(own, Mapping) else ()),
    )


def _template(fields: Values) -> Template:
    rest = {key: fields.get(key) for key in ("name", "url", "node", "storage")}
    # One that cannot be read is not missing.
    checksum = fields.get("checksum", "" if "checksum" in fields.broken else None)
    return Template(fields.get("vmid", TEMPLATE_VMID), checksum=checksum, **rest)


def _cluster(given: Values, groups: Mapping[str, tuple[str, ...]]) -> Cluster:
    control = given.get("kubeadm_control_plane_group", CONTROL_PLANE)
    worker = given.get("kubeadm_worker_group", WORKER)
    return Cluster(
        tuple(name for name, own in groups.items() if control in own),
        tuple(name for name, own in groups.items() if worker in own),
        control,
        worker,
        given.get("kubeadm_control_plane_endpoint"),
        given.get("kubeadm_control_plane_schedulable", False),
        given.get("kubeadm_pod_subnet", ()),
        given.get("kubeadm_service_subnet", ()),
    )


def _entries(given: Values, key: str) -> Mapping[str, Any]:
    found = given.get(key)
    return found.entries if found else {}


def _vms(value: Mapping[str, Any]) -> tuple[dict[str, _ReadVm], list[Problem], list[Problem]]:
    """The VMs by machine; their mistakes; and those of what we added to them."""
    composed = compose_vms(value)
    try:
        read = read_vms(list(composed.values()), VMS)
        return {host: _ReadVm(vm) for host, vm in zip(composed, read, strict=True)}, [], []
    except InvalidInput as error:
        found = [_in_site(problem, list(composed), value) for problem in error.problems]
    vms = {host: _what_can_be_read(vm) for host, vm in composed.items()}
    return vms, [problem for problem, own in found if own], [problem for problem, own in found if not own]


def _what_can_be_read(vm: Any) -> _ReadVm:
    """A VM without the fields that have mistakes, so that those of others are told as well."""
    broken: frozenset[str] = frozenset()
    while isinstance(vm, Mapping):
        try:
            (read,) = read_vms([{key: given for key, given in vm.items() if key not in broken}], VMS)
            return _ReadVm(read, broken)
        except InvalidInput as error:
            fields = {match[1] for problem in error.problems if (match := FIELD.match(problem.field))}
            if not fields - broken or "name" in fields:
                break
            broken |= fields
    return _ReadVm(None)


def _in_site(problem: Problem, hosts: list[str], value: Mapping[str, Any]) -> tuple[Problem, bool]:
    """A mistake in the list of VMs, named by the variable that has it; and whether people wrote what is wrong."""
    match = re.fullmatch(rf"{VMS}\[([0-9]+)\]\.?(.*)", problem.field)
    if not match:
        return problem, True
    host, path = hosts[int(match[1])], match[2]
    message = re.sub(rf"{VMS}\[([0-9]+)\]", lambda found: f"hosts.{hosts[int(found[1])]}", problem.message)
    # Of addresses, `machines` says more: which machine has it too, VM or not.
    told_otherwise = path.endswith("networks[0].ip") and ADDRESS_TWICE in message
    field = field_of(value, host, path)
    return Problem("", 0, field or f"hosts.{host}", message, problem.example), bool(field) and not told_otherwise


def field_of(value: Mapping[str, Any], host: str, path: str) -> str:
    """Where a field of a VM is written: at the machine, or in the defaults that all have; empty where it follows from
    other variables."""
    steps = re.findall(r"[^.\[\]]+", path)
    for place, given in (
        (f"hosts.{host}.proxmox_vm", _of_host(value, host).get("proxmox_vm")),
        (DEFAULTS, value.get(DEFAULTS)),
    ):
        found = given
        for step in steps:
            found = _step(found, step)
        if found is not None:
            return f"{place}.{path}" if path else place
    return ""


def _step(value: Any, step: str) -> Any:
    if isinstance(value, list | tuple):
        return value[int(step)] if step.isdigit() and int(step) < len(value) else None
    return value.get(step) if isinstance(value, Mapping) else None
