"""What VMs are cloned from, for Terraform: one that is there, or one that the file makes of a cloud image."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import Problem
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.terraform.machine import (
    INTERFACE,
    RESOURCE,
    Expression,
)
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.vm import Vm

DOWNLOAD = "proxmox_download_file"
VMS = "proxmox_virtual_environment_vms"
NAME = "_template"
"""Of the resources that make the template; no VM has such a name."""
NEEDED = ("vmid", "node", "url", "checksum", "storage", "image_storage")
FORMATS = (".qcow2", ".raw", ".vmdk")
ALGORITHMS = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512")


def template_id(vm: Vm, template: Mapping[str, Any] | None, *, made: bool) -> dict[str, Any] | None:
    """Where a VM's template is, for its `clone` block: `vm_id`, and `node_name` where it is known.

    template: what proxmox_template makes, with its vmid, name and node.
    made: whether the file makes it.
    None where nothing is said; with `lookup` where the provider is to look the name up.
    """
    if vm.template is None or vm.template == "":
        return None
    ours = template is not None and str(vm.template) in (str(template.get("vmid")), str(template.get("name")))
    if ours and template:
        node = {"node_name": str(template["node"])} if template.get("node") else {}
        if made:
            return {"vm_id": Expression(f"${{{RESOURCE}.{NAME}.vm_id}}"), **node}
        return {"vm_id": int(template["vmid"]), **node}
    if str(vm.template).isdigit():
        return {"vm_id": int(vm.template)}
    found = f"one(data.{VMS}.{_label(str(vm.template))}.vms)"
    return {
        "vm_id": Expression(f"${{{found}.vm_id}}"),
        "node_name": Expression(f"${{{found}.node_name}}"),
        "lookup": True,
    }


def lookup(name: str) -> dict[str, Any]:
    """The data source that finds a template by its name."""
    return {_label(name): {"filter": [{"name": "name", "values": [name]}, {"name": "template", "values": ["true"]}]}}


def image_problems(template: Mapping[str, Any]) -> Iterator[Problem]:
    """Why a template cannot be written for the provider."""
    for field in NEEDED:
        if not template.get(field):
            yield Problem("", 0, f"template.{field}", "is needed to make the template")
    algorithm = str(template.get("checksum") or "").partition(":")[0]
    if template.get("checksum") and algorithm not in ALGORITHMS:
        yield Problem("", 0, "template.checksum", "is to begin with its algorithm", "sha512:0f3a...")


def image_resources(template: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The resources that make a template: the download of a cloud image, and a VM of it; without image_problems."""
    algorithm, _sign, checksum = str(template["checksum"]).partition(":")
    node = str(template["node"])
    return {
        DOWNLOAD: {
            NAME: {
                "node_name": node,
                "datastore_id": template["image_storage"],
                "content_type": "import",
                "url": template["url"],
                "file_name": _image_name(str(template["url"])),
                "checksum": checksum,
                "checksum_algorithm": algorithm,
                "overwrite": False,
            }
        },
        RESOURCE: {
            NAME: {
                "name": template.get("name") or f"template-{template['vmid']}",
                "node_name": node,
                "vm_id": int(template["vmid"]),
                "template": True,
                "started": False,
                "on_boot": False,
                "agent": [{"enabled": True}],
                "cpu": [{"cores": 1, "type": "x86-64-v2-AES"}],
                "memory": [{"dedicated": 1024}],
                "operating_system": [{"type": "l26"}],
                "scsi_hardware": "virtio-scsi-single",
                "boot_order": ["scsi0"],
                "serial_device": [{"device": "socket"}],
                "vga": [{"type": "serial0"}],
                "disk": [
                    {
                        "interface": "scsi0",
                        "datastore_id": template["storage"],
                        "import_from": Expression(f"${{{DOWNLOAD}.{NAME}.id}}"),
                    }
                ],
                "network_device": [
                    dict.fromkeys(INTERFACE) | {"bridge": template.get("bridge") or "vmbr0", "model": "virtio"}
                ],
                "initialization": [{"datastore_id": template["storage"]}],
            }
        },
    }


def _image_name(url: str) -> str:
    """The name of the image in its storage: Proxmox tells the format by it, and clouds call qcow2 `.img` as well."""
    name = PurePosixPath(unquote(urlsplit(url).path))
    return name.name if name.suffix in FORMATS else f"{name.stem}.qcow2"


def _label(name: str) -> str:
    """The name of a data source for a template's name."""
    safe = "".join(mark if mark.isascii() and mark.isalnum() else "_" for mark in name)
    return f"_{safe}" if safe[:1].isdigit() else safe
