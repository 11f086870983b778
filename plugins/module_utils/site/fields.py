"""Every field of a site, with its shape, a sentence and an example.

The input is one dictionary that the filter `site_described` makes of an inventory. Its keys are the variables that
people write, so that a message names what is to be changed; `hosts` has each machine with its own.
"""

from __future__ import annotations

from ansible_collections.autolabs.platform.plugins.module_utils.documents.shapes import (
    Field,
    ListOf,
    MapOf,
    Record,
    Word,
)
from ansible_collections.autolabs.platform.plugins.module_utils.site import values

# PVE 8: POST /nodes/{node}/qemu, parameter vmid; `tag` of net[n].
SMALLEST_VMID, LARGEST_VMID = 100, 999_999_999
LARGEST_VLAN = 4094
LARGEST_MEMORY = 1 << 26
"""MiB."""
LARGEST_CORES = 8192
LARGEST_DISK = 1 << 24
"""GiB."""

TEXT = Word(str)
LABEL = Word(values.label, "a name")
CORES = Word(values.whole(1, LARGEST_CORES), "a number of cores")
MEMORY = Word(values.whole(0, LARGEST_MEMORY, "MiB"), "a number of MiB")
GIB = Word(values.whole(0, LARGEST_DISK, "GiB"), "a number of GiB")
RANGES = Word(values.networks, "an address range")
TRUTH = Word(values.truth, "true or false")

NETWORK = Record(
    {
        "cidr": Field(Word(values.network, "an address range"), "Its addresses.", "192.168.100.0/24", required=True),
        "gateway": Field(Word(values.address, "an address"), "Who leads out of it.", "192.168.100.1"),
        "vlan": Field(Word(values.whole(1, LARGEST_VLAN), "a number"), "Its tag on the bridge.", "100"),
        "bridge": Field(Word(values.bridge, "a name"), "The bridge of the nodes that it is on.", "vmbr0"),
    }
)

CAPACITY = Record(
    {
        "cores": Field(CORES, "What `nproc` says there.", "24", required=True),
        "memory": Field(MEMORY, "MiB; what `free -m` says there, under total.", "32768", required=True),
        "disk": Field(
            MapOf(GIB, values.storage, words="a map of storages to GiB"), "GiB by storage.", "{local-lvm: 850}"
        ),
    }
)

HOST = Record(
    {
        "groups": Field(ListOf(TEXT), "Its groups in the inventory.", "[database]"),
        "ansible_host": Field(TEXT, "Its address.", "192.168.100.20"),
        "proxmox_vm": Field(values.Anything(), "The VM that it is.", "{cores: 4, memory: 8192}"),
        "proxmox_node": Field(LABEL, "What Proxmox calls this node.", "pve"),
        "proxmox_node_capacity": Field(
            CAPACITY, "What the node has.", "{cores: 24, memory: 32768, disk: {local-lvm: 850}}"
        ),
    }
)

TEMPLATE = Record(
    {
        "vmid": Field(Word(values.whole(SMALLEST_VMID, LARGEST_VMID), "a number"), "The template's number.", "9000"),
        "name": Field(LABEL, "The template's name.", "debian-12"),
        "url": Field(
            Word(values.url, "a URL"), "The cloud image that it is made of.", "https://images.example/d.qcow2"
        ),
        "checksum": Field(Word(values.checksum, "a checksum"), "The checksum of the image.", "sha512:..."),
        "storage": Field(Word(values.storage, "a name"), "Where its disk is kept.", "local-lvm"),
        "pool": Field(
            Word(values.storage, "a name"),
            "The pool that it is in, by which the automation has its rights.",
            "autolabs",
        ),
        "image_storage": Field(Word(values.storage, "a name"), "Where the image is downloaded to.", "local"),
        "node": Field(LABEL, "The node that it is made on; the first one if left out.", "pve-1"),
        "bridge": Field(Word(values.bridge, "a name"), "The bridge of its network card.", "vmbr0"),
        "vendor": Field(TEXT, "A snippet that cloud-init reads besides.", "local:snippets/autolabs-vendor.yml"),
    }
)

MINIMUM = Record(
    {
        "cores": Field(CORES, "Cores.", "2"),
        "memory": Field(MEMORY, "MiB.", "2048"),
    }
)

SITE = Record(
    {
        "autolabs_site": Field(LABEL, "The name of the site.", "prod", required=True),
        "flows_phase": Field(TEXT, "Its phase.", "prod"),
        "site_names_domain": Field(Word(values.domain, "a domain"), "Its domain.", "autolabs.internal"),
        "site_networks": Field(
            MapOf(NETWORK, str, words="a map of names to networks"),
            "The networks that machines are in.",
            "{infrastructure: {cidr: 192.168.100.0/24, gateway: 192.168.100.1}}",
        ),
        "flows_networks": Field(
            MapOf(ListOf(Word(values.network, "an address range"), "a list of address ranges"), str),
            "Who is who by address, for the flow catalogue.",
            "{admin: [192.0.2.0/24]}",
        ),
        "kubeadm_pod_subnet": Field(RANGES, "The pods' addresses.", "10.244.0.0/16"),
        "kubeadm_service_subnet": Field(RANGES, "The services' addresses.", "10.96.0.0/12"),
        "kubeadm_control_plane_endpoint": Field(TEXT, "Address and port of the API.", "192.168.100.40:6443"),
        "kubeadm_control_plane_group": Field(TEXT, "The group of the control planes.", "k8s_control_plane"),
        "kubeadm_worker_group": Field(TEXT, "The group of the workers.", "k8s_worker"),
        "kubeadm_control_plane_schedulable": Field(TRUTH, "Whether control planes run ordinary pods.", "true"),
        "site_minimums": Field(MapOf(MINIMUM, str), "The least that machines need.", "{database: {memory: 1024}}"),
        "site_shared_storage": Field(
            MapOf(GIB, values.storage, words="a map of storages to GiB"), "GiB that all nodes share.", "{ceph: 3000}"
        ),
        "site_reserved_memory": Field(MEMORY, "MiB of each node that are its own.", "2048"),
        "proxmox_api_host": Field(TEXT, "Where the API of Proxmox is.", "192.168.100.1"),
        "proxmox_api_credentials": Field(ListOf(TEXT), "Which credentials are given.", "[password]"),
        "proxmox_api_ca": Field(TEXT, "The authority of the API, where it cannot be read.", "/etc/ssl/pve.pem"),
        "proxmox_vms_defaults": Field(values.Anything(), "Fields of every VM.", "{storage: local-lvm}"),
        "proxmox_vms_template": Field(TEMPLATE, "The template that VMs are clones of.", "{vmid: 9000}"),
        "hosts": Field(MapOf(HOST, str, nothing=True, words="a map of machines"), "The machines.", "{k8s-vm: {}}"),
    }
)
