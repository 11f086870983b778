"""A site's VMs as one file of Terraform or OpenTofu (JSON syntax), for the provider bpg/proxmox.

The file holds no secret: the provider reads its token from PROXMOX_VE_API_TOKEN.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput, Problem
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.terraform.machine import (
    RESOURCE,
    Expression,
    machine,
    machine_problems,
    resource_name,
)
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.terraform.template import (
    image_problems,
    image_resources,
    lookup,
    template_id,
)
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.vm import ABSENT, Vm

PROVIDER = {"source": "bpg/proxmox", "version": "~> 0.112"}
"""The version that the tests run, and later ones before 1.0, which takes names away."""
TOOL = ">= 1.7.0"
"""`import` blocks whose id is an expression came with 1.6 (Terraform) and 1.7 (OpenTofu)."""


def export(
    vms: Iterable[Vm],
    connection: Mapping[str, Any],
    template: Mapping[str, Any] | None = None,
    *,
    take_over: bool = True,
) -> dict[str, Any]:
    """The content of a `.tf.json` file.

    vms: as they should be; those that are `absent` are only named.
    connection: api_host, api_port, validate_certs and api_ca of our connection options; nothing else of it is used.
    template: what proxmox_template makes, or None; used where a VM is made of it.
    take_over: whether VMs with a vmid are there already, and are imported. Otherwise all are new, and so is the
        template.
    Raises InvalidInput with every VM that cannot be written for the provider.
    """
    every = sorted(vms, key=lambda vm: vm.name)
    wanted = [vm for vm in every if vm.state != ABSENT]
    made = None if take_over else template
    _refuse(every, wanted, connection, made, take_over)
    resources = image_resources(made) if made else {}
    resources.setdefault(RESOURCE, {})
    data: dict[str, Any] = {}
    for vm in wanted:
        source = template_id(vm, template, made=made is not None)
        if source and source.pop("lookup", False):
            data.update(lookup(str(vm.template)))
        there = take_over and vm.vmid is not None
        resources[RESOURCE][resource_name(vm)] = machine(vm, source, there=there)
    document = {
        "terraform": {"required_version": TOOL, "required_providers": {"proxmox": PROVIDER}},
        "variable": _variables(connection),
        "provider": {
            "proxmox": {
                "endpoint": Expression("${var.proxmox_endpoint}"),
                "insecure": Expression("${var.proxmox_insecure}"),
            }
        },
        "data": {"proxmox_virtual_environment_vms": data} if data else {},
        "resource": {kind: entries for kind, entries in resources.items() if entries},
        "import": [_import(vm) for vm in wanted if take_over and vm.vmid is not None],
    }
    told = {"//": _told(every, wanted, connection, take_over)}
    return told | {key: literal(value) for key, value in document.items() if value}


def literal(value: Any) -> Any:
    """A value with its text escaped, so that Terraform finds nothing in it to evaluate.

    The marks of a template are doubled (https://developer.hashicorp.com/terraform/language/syntax/json).
    """
    if isinstance(value, Mapping):
        return {key: inner if key == "//" else literal(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [literal(inner) for inner in value]
    if isinstance(value, Expression):
        return str(value)
    return value.replace("${", "$${").replace("%{", "%%{") if isinstance(value, str) else value


def _refuse(
    every: list[Vm],
    wanted: list[Vm],
    connection: Mapping[str, Any],
    made: Mapping[str, Any] | None,
    take_over: bool,
) -> None:
    problems = [problem for vm in wanted for problem in machine_problems(vm)]
    names = [vm.name for vm in every]
    problems += [
        Problem("", 0, name, "two VMs have this name; a file of Terraform cannot hold both")
        for name in sorted({name for name in names if names.count(name) > 1})
    ]
    if not take_over:
        message = "is needed to make a new VM"
        problems += [
            Problem("", 0, f"{vm.name}.template", message, "9000")
            for vm in wanted
            if vm.template is None or vm.template == ""
        ]
    if not connection.get("api_host"):
        problems.append(Problem("", 0, "api_host", "is needed, since the provider asks that API", "pve-1.example.org"))
    if made:
        problems += image_problems(made)
    if problems:
        raise InvalidInput(problems)


def _variables(connection: Mapping[str, Any]) -> dict[str, Any]:
    host = str(connection["api_host"])
    shown = f"[{host}]" if ":" in host else host
    return {
        "proxmox_endpoint": {
            "type": "string",
            "description": "The address of the Proxmox VE API",
            "default": f"https://{shown}:{connection.get('api_port') or 8006}/",
        },
        "proxmox_insecure": {
            "type": "bool",
            "description": "Whether the certificate of the API is not verified",
            "default": connection.get("validate_certs") is False,
        },
    }


def _import(vm: Vm) -> dict[str, Any]:
    return {"to": f"{RESOURCE}.{resource_name(vm)}", "id": f"{vm.node}/{vm.vmid}"}


def _told(every: list[Vm], wanted: list[Vm], connection: Mapping[str, Any], take_over: bool) -> list[str]:
    told = [
        "Written by AutoLabs from the inventory of a site; change the inventory and write it again.",
        "The provider takes its token from PROXMOX_VE_API_TOKEN (USER!ID=SECRET); no secret belongs in this file.",
    ]
    if connection.get("api_ca"):
        told.append(f"The certificate of the API is verified by {connection['api_ca']}: name it in SSL_CERT_FILE.")
    absent = [vm.name for vm in every if vm not in wanted]
    if absent:
        told.append(f"Not in here, since they are to be absent: {', '.join(absent)}.")
    unknown = [vm.name for vm in wanted if vm.vmid is None]
    if take_over and unknown:
        told.append(f"Not imported, since their vmid is not known, and so made anew: {', '.join(unknown)}.")
    return told
