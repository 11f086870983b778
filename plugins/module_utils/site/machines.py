"""What machines of a site cannot be, alone and beside each other."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import Problem
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.vm import Vm
from ansible_collections.autolabs.platform.plugins.module_utils.site.model import (
    CLUSTER,
    CONTROL_PLANE,
    DATABASE,
    GITLAB,
    NODES,
    OF_MACHINES,
    WORKER,
    Address,
    Machine,
    SiteData,
)
from ansible_collections.autolabs.platform.plugins.module_utils.site.networks import unusable
from ansible_collections.autolabs.platform.plugins.module_utils.site.values import label_problem

PARTS = (GITLAB, DATABASE, CONTROL_PLANE, WORKER)
IMAGE_EXAMPLE = "checksum: sha512:..."
VM = "proxmox_vm"


def check(site: SiteData) -> Iterator[Problem]:
    """Names, groups, addresses, VMs, and how Proxmox is reached."""
    if site.on_proxmox:
        yield from _proxmox(site)
    owners: dict[Address, str] = {node.address: node.name for node in site.nodes if node.address}
    for machine in site.machines:
        yield from _name(machine)
        yield from _groups(site, machine)
        if machine.within(NODES):
            continue
        yield from _address(site, machine, owners)
        if machine.vm is not None:
            yield from _vm(site, machine, machine.vm)
    yield from _unique(site)


def _proxmox(site: SiteData) -> Iterator[Problem]:
    if not site.api_host:
        message = "is missing; say where the API of Proxmox is: the address or name of a node"
        yield Problem("", 0, "proxmox_api_host", message, "192.168.100.1")
    if not site.api_credentials:
        message = (
            "is missing, and there is no token either (proxmox_api_token_id with proxmox_api_token_secret, or the file "
            "proxmox_api_token_file). Give one of them, the password out of a vault; role proxmox_host makes the token "
            "with it"
        )
        yield Problem("", 0, "proxmox_api_password", message, "{{ vault_proxmox_password }}")
    if site.unreadable_ca:
        message = (
            f"{site.unreadable_ca} is not there. Copy /etc/pve/pve-root-ca.pem of a node to that path on the "
            "controller, or leave the variable empty where the system knows the authority"
        )
        yield Problem("", 0, "proxmox_api_ca", message)
    template = site.template
    if template and template.url and template.checksum is None:
        folder = template.url.rpartition("/")[0]
        message = (
            f"is missing, and nothing is installed unverified. Take it from {folder}/SHA512SUMS, the line of "
            f"{template.url.rpartition('/')[2]}"
        )
        yield Problem("", 0, "proxmox_vms_template.checksum", message, IMAGE_EXAMPLE)


def _name(machine: Machine) -> Iterator[Problem]:
    problem = label_problem(machine.name)
    if problem:
        yield Problem("", 0, f"hosts.{machine.name}", f"the name {problem}", "k8s-vm")


def _groups(site: SiteData, machine: Machine) -> Iterator[Problem]:
    field, cluster = f"hosts.{machine.name}", site.cluster
    if not machine.groups:
        message = "is in no group, so it would be nothing; put it into one of " + ", ".join(PARTS)
        yield Problem("", 0, field, message)
    if machine.within(NODES):
        others = ", ".join(group for group in machine.groups if group in OF_MACHINES)
        yield Problem("", 0, field, f"is in proxmox and in {others}; a node runs VMs and nothing of the platform")
        return
    if machine.name in cluster.control_planes and machine.name in cluster.workers:
        message = (
            f"is in {cluster.control_plane_group} and in {cluster.worker_group}. Leave it in the first, and set "
            "kubeadm_control_plane_schedulable if it is to run ordinary pods"
        )
        yield Problem("", 0, field, message)
    in_cluster = machine.name in {*cluster.control_planes, *cluster.workers}
    if in_cluster or machine.within(CLUSTER):
        for group in (GITLAB, DATABASE):
            if machine.within(group):
                own = next((part for part in machine.groups if part not in (GITLAB, DATABASE)), CLUSTER)
                message = (
                    f"is in {group} and in {own}: pods and {group} would take memory and ports from each other; give "
                    "each a machine of its own"
                )
                yield Problem("", 0, field, message)
    if machine.within(CLUSTER) and not in_cluster:
        message = f"is in k8s, and neither in {cluster.control_plane_group} nor in {cluster.worker_group}; choose one"
        yield Problem("", 0, field, message)


def _address(site: SiteData, machine: Machine, owners: dict[Address, str]) -> Iterator[Problem]:
    field, address = f"hosts.{machine.name}.ansible_host", machine.address
    if machine.host and re.fullmatch(r"[0-9./:]+", machine.host):
        yield Problem("", 0, field, f"{machine.host!r} is no address", _free(site))
        return
    if address is None:
        yield from _no_address(site, machine, field)
        return
    if address in owners:
        message = f"{address} is the address of {owners[address]} too; give one of them another"
        yield Problem("", 0, field, message)
        return
    owners[address] = machine.name
    yield from _place(site, machine, address)


def _no_address(site: SiteData, machine: Machine, field: str) -> Iterator[Problem]:
    """A VM that nobody would find; of other machines, a name says enough."""
    first = machine.vm.networks[0] if machine.vm is not None and machine.vm.networks else None
    if not machine.is_vm or (first is not None and first.ip == "dhcp"):
        return
    what = f"is the name {machine.host}" if machine.host else "is missing"
    message = (
        f"{what}; a VM needs an address, which cloud-init gives it. Give the address, or write `ip: dhcp` in "
        "proxmox_vm.networks"
    )
    yield Problem("", 0, field, message, _free(site))


def _place(site: SiteData, machine: Machine, address: Address) -> Iterator[Problem]:
    """An address that is none of the site's, or not for machines."""
    field = f"hosts.{machine.name}.ansible_host"
    if site.networks_broken:
        return
    network = site.network_of(address)
    if network is None:
        if site.networks:
            ranges = ", ".join(f"{entry.name} {entry.range}" for entry in site.networks)
            message = f"{address} is in no network of the site (site_networks: {ranges}); change one of them"
            yield Problem("", 0, field, message)
        elif machine.is_vm:
            message = f"names no network that {address} is of, so its prefix length and its gateway are not known"
            example = "site_networks: {infrastructure: {cidr: 192.168.100.0/24, gateway: 192.168.100.1}}"
            yield Problem("", 0, "site_networks", message, example)
    elif unusable(address, network.range):
        message = f"{address} is {unusable(address, network.range)} of {network.range}; give another one"
        yield Problem("", 0, field, message)
    elif address == network.gateway:
        yield Problem("", 0, field, f"{address} is the gateway of {network.name}; give another one")


def _vm(site: SiteData, machine: Machine, vm: Vm) -> Iterator[Problem]:
    if vm.state == "absent":
        return
    field = f"hosts.{machine.name}.{VM}"
    if vm.name != machine.name:
        message = f"is {vm.name!r}; leave it out, since Kubernetes and the names of the site take the inventory's"
        yield Problem("", 0, f"{field}.name", message, machine.name)
    for name, value, example in (
        ("template", vm.template, "9000"),
        ("storage", vm.storage, "local-lvm"),
        ("cores", vm.cores, "4"),
        ("memory", vm.memory, "8192"),
    ):
        if value is None and name not in machine.broken:
            message = "is missing; give it here, or to all VMs in proxmox_vms_defaults"
            yield Problem("", 0, f"{field}.{name}", message, example)
    if not vm.cloud_init.ssh_keys and "cloud_init" not in machine.broken:
        message = "has no key, so nobody could come in to the VM; give the public key of whoever runs Ansible"
        yield Problem("", 0, "proxmox_vms_defaults.cloud_init.ssh_keys", message, "[ssh-ed25519 AAAA... admin]")
    yield from _tag(site, machine, vm)
    for group in machine.groups:
        least = site.minimums.get(group)
        cores = vm.cores * (vm.sockets or 1) if vm.cores is not None else None
        if least and vm.memory is not None and vm.memory < least.memory:
            message = f"{vm.memory} MiB are too little for a machine of {group}; give {least.memory} at least"
            yield Problem("", 0, machine.field("memory"), message, str(least.memory))
        if least and cores is not None and cores < least.cores:
            message = f"{cores} is too little for a machine of {group}; give {least.cores} at least"
            yield Problem("", 0, machine.field("cores"), message, str(least.cores))


def _tag(site: SiteData, machine: Machine, vm: Vm) -> Iterator[Problem]:
    network = site.network_of(machine.address) if machine.address else None
    if network is None or not vm.networks or vm.networks[0].tag is None:
        return
    if vm.networks[0].tag != (network.vlan or 0):
        there = f"has the tag {network.vlan}" if network.vlan else "has no tag"
        message = (
            f"is {vm.networks[0].tag}, and {machine.address} is of {network.name}, which {there}: nobody would reach "
            "the VM. Leave the tag out"
        )
        yield Problem("", 0, f"hosts.{machine.name}.{VM}.networks[0].tag", message)


def _unique(site: SiteData) -> Iterator[Problem]:
    for machine, vm in site.vms():
        if site.template and site.template.url and vm.vmid == site.template.vmid:
            message = f"{vm.vmid} is the template's number (proxmox_vms_template.vmid); give another one"
            yield Problem("", 0, f"hosts.{machine.name}.{VM}.vmid", message)


def _free(site: SiteData) -> str:
    """An address that a machine could have."""
    taken = {machine.address for machine in site.everybody()}
    taken |= {network.gateway for network in site.networks}
    ranges = [network.range for network in site.networks if network.range.num_addresses > 2]
    return next((str(host) for found in ranges[-1:] for host in found.hosts() if host not in taken), "192.168.100.20")
