"""Real OpenTofu with the real provider takes what is exported, and refuses what is wrong.

Neither comes from a registry: both are built from their Go modules into the cache (tests/testbed/mirror/versions.yml),
4 minutes and 1 minute the first time. OpenTofu asks the provider for its schema; no Proxmox is asked.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.terraform.export import export
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.vm import (
    CloudInit,
    Disk,
    Network,
    Startup,
    Vm,
)
from testbed.mirror.manifest import load
from unit.support.terraform import Tofu, schema

pytestmark = pytest.mark.slow

CONNECTION = {"api_host": "fd00::1", "validate_certs": False}
TEMPLATE = {
    "vmid": 9000,
    "name": "debian-12",
    "node": "pve-1",
    "storage": "local-lvm",
    "url": "https://mirror.example/debian-12-generic-amd64.qcow2",
    "checksum": "sha512:0a0a",
    "image_storage": "local",
}
TRICKY = 'Costs 5 $ ${var.x} %{ if a } $${b} %%{c} "d" \\ Привет'
VMS = [
    Vm(
        "k8s-vm", 130, "pve-1", 9000, "full", "local-lvm", "autolabs", TRICKY, ("k8s", "demo"), 4, 1, 8192, 0, "host",
        True, True, Startup(3, 30, 60), False,
        (Disk("scsi0", 200 << 30, "local-lvm", True, True, True, True), Disk("virtio1", 1 << 30)),
        (Network("vmbr0", "virtio", 100, True, "BC:24:11:00:00:01", 1450, "192.0.2.30/24", "192.0.2.1", "auto"),
         Network("vmbr1", ip="dhcp", ip6="fd00::30/64", gateway6="fd00::1")),
        CloudInit("autolabs", ("ssh-ed25519 A",), ("192.0.2.1",), "autolabs.internal", False, "local:snippets/v.yml"),
    ),
    Vm("by-name", 131, "pve-2", "ubuntu-24", clone="linked", state="present"),
    Vm("1st", 132, "pve-2", 9001, state="stopped", pool="", description="", tags=(), startup=Startup(),
       networks=(Network(),), cloud_init=CloudInit("", (), (), "", True, "")),
    Vm("partly", 133, "pve-2", 9001, cores=4, memory=512, disks=(Disk("scsi0", 1 << 30),),
       networks=(Network("vmbr0", ip="dhcp"), Network(ip="")), cloud_init=CloudInit(searchdomain="a.internal")),
]  # fmt: skip


@pytest.mark.parametrize("take_over", [True, False])
@pytest.mark.parametrize("template", [None, TEMPLATE])
def test_what_is_exported_is_valid(tofu: Tofu, take_over: bool, template: dict[str, Any] | None) -> None:
    assert tofu.mistakes(export(VMS, CONNECTION, template, take_over=take_over)) == []


def drop(document: dict[str, Any], *path: Any) -> None:
    *way, last = path
    for step in way:
        document = document[step]
    del document[last]


def put(document: dict[str, Any], value: Any, *path: Any) -> None:
    *way, last = path
    for step in way:
        document = document[step]
    document[last] = value


MACHINE = ("resource", "proxmox_virtual_environment_vm", "k8s_vm")
BROKEN: list[tuple[Callable[[dict[str, Any]], None], str]] = [
    (lambda file: put(file, 4, *MACHINE, "corez"), "Extraneous JSON object property"),
    (lambda file: put(file, [{"corez": 4}], *MACHINE, "cpu"), "Extraneous JSON object property"),
    (lambda file: put(file, "many", *MACHINE, "memory", 0, "dedicated"), "Incorrect attribute value type"),
    (lambda file: drop(file, *MACHINE, "node_name"), "Missing required argument"),
    (lambda file: drop(file, *MACHINE, "network_device", 0, "trunks"), "Incorrect attribute value type"),
    (lambda file: put(file, ["cpu[0].kind"], *MACHINE, "lifecycle", "ignore_changes"), "Unsupported attribute"),
    (lambda file: put(file, "${proxmox_virtual_environment_vm.gone.name}", *MACHINE, "name"),
     "Reference to undeclared resource"),
    (lambda file: put(file, "${", *MACHINE, "description"), "Missing expression"),
    (lambda file: put(file, "${var.gone}", "provider", "proxmox", "endpoint"),
     "Reference to undeclared input variable"),
    (lambda file: put(file, True, "provider", "proxmox", "secure"), "Extraneous JSON object property"),
    (lambda file: put(file, {}, "resources"), "Extraneous JSON object property"),
    (lambda file: put(file, "k8s vm", "import", 0, "to"), ""),
]  # fmt: skip


@pytest.mark.parametrize(("break_it", "summary"), BROKEN)
def test_a_broken_file_is_refused(tofu: Tofu, break_it: Callable[[dict[str, Any]], None], summary: str) -> None:
    document = json.loads(json.dumps(export(VMS, CONNECTION)))
    break_it(document)
    mistakes = tofu.mistakes(document)
    assert mistakes
    assert summary in str(mistakes)


def test_text_of_people_comes_out_as_it_was_written(tofu: Tofu) -> None:
    """An output stands for the description, since it can be evaluated without a Proxmox."""
    description = export(VMS, CONNECTION)["resource"]["proxmox_virtual_environment_vm"]["k8s_vm"]["description"]
    tofu.write({"output": {"text": {"value": description}}})
    tofu("apply", "-auto-approve")
    assert json.loads(tofu("output", "-json"))["text"]["value"] == TRICKY


def test_the_table_of_the_provider_is_the_providers_own_schema(tofu: Tofu) -> None:
    tofu.write(export(VMS, CONNECTION))
    (told,) = json.loads(tofu("providers", "schema", "-json"))["provider_schemas"].values()
    table = schema()
    for section, theirs in (("resource", "resource_schemas"), ("data", "data_source_schemas")):
        for kind, known in table[section].items():
            assert known == _read(told[theirs][kind]["block"]), kind
    assert table["provider"] == _read(told["provider"]["block"])
    assert table["version"] == load().parts["terraform-provider-proxmox"].version


def _read(block: dict[str, Any]) -> dict[str, Any]:
    """A block of a schema, as the table writes it."""
    found: dict[str, Any] = {}
    for name, attribute in block.get("attributes", {}).items():
        only_read = attribute.get("computed") and not attribute.get("optional")
        found[name] = "computed" if only_read else _type(attribute["type"], "!" if attribute.get("required") else "")
    for name, inner in block.get("block_types", {}).items():
        found[name] = _read(inner["block"])
    return found


def _type(kind: Any, mark: str = "") -> Any:
    if isinstance(kind, str):
        return kind + mark
    return [_type(kind[1])] if kind[0] in ("list", "set") else dict(kind[1])
