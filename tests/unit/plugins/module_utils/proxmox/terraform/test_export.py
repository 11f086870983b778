"""A site's VMs as a file of Terraform: what it holds besides the VMs, what it refuses, and that it holds no secret."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.terraform.export import export, literal
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.vm import CloudInit, Disk, Network, Vm
from unit.support.terraform import misfits, schema

SECRETS = {"api_password": "hunter2", "api_token_id": "robot", "api_token_secret": "0f-0f", "api_token_file": "/t.json"}
CONNECTION: dict[str, Any] = {"api_host": "pve-1.autolabs.internal", "api_port": 8006, "validate_certs": True}
TEMPLATE = {
    "vmid": 9000,
    "name": "debian-12",
    "node": "pve-1",
    "storage": "local-lvm",
    "url": "https://mirror.example/debian-12-generic-amd64.img?x=1",
    "checksum": "sha512:0a0a",
    "image_storage": "local",
}
K8S = Vm(name="k8s-vm", vmid=130, node="pve-1", template=9000)
FULL = Vm(
    "k8s-vm", 130, "pve-1", "debian-12", "full", "local-lvm", "autolabs", "The ${cluster}", ("k8s", "demo"), 4, 1, 8192,
    0, "host", True, True, None, True, (Disk("scsi0", 200 << 30, "local-lvm", True, True, True, True),),
    (Network("vmbr0", "virtio", 100, True, "BC:24:11:00:00:01", 1450, "192.168.100.30/24", "192.168.100.1", "auto"),),
    CloudInit("autolabs", ("ssh-ed25519 A",), ("192.168.100.1",), "autolabs.internal", False, "local:snippets/v.yml"),
)  # fmt: skip


def vm(document: dict[str, Any], name: str = "k8s_vm") -> dict[str, Any]:
    found: dict[str, Any] = document["resource"]["proxmox_virtual_environment_vm"][name]
    return found


def test_the_provider_and_its_version_are_named() -> None:
    terraform = export([K8S], CONNECTION)["terraform"]
    assert terraform["required_providers"] == {"proxmox": {"source": "bpg/proxmox", "version": "~> 0.112"}}
    # The table is of the oldest version that the file takes.
    assert schema()["version"] == "v0.112.0"


@pytest.mark.parametrize(("connection", "endpoint", "insecure"), [
    ({"api_host": "pve-1"}, "https://pve-1:8006/", False),
    ({"api_host": "pve-1", "api_port": 443, "validate_certs": False}, "https://pve-1:443/", True),
    ({"api_host": "fd00::1", "validate_certs": None}, "https://[fd00::1]:8006/", False),
])  # fmt: skip
def test_the_api_is_a_variable_with_its_address(connection: dict[str, Any], endpoint: str, insecure: bool) -> None:
    document = export([K8S], connection)
    assert document["provider"]["proxmox"]["endpoint"] == "${var.proxmox_endpoint}"
    assert document["variable"]["proxmox_endpoint"]["default"] == endpoint
    assert document["variable"]["proxmox_insecure"]["default"] is insecure


@pytest.mark.parametrize("take_over", [True, False])
def test_no_secret_gets_into_the_file(take_over: bool) -> None:
    text = json.dumps(export([FULL], CONNECTION | SECRETS, TEMPLATE, take_over=take_over))
    assert not [secret for secret in SECRETS.values() if secret in text]


def test_who_verifies_the_api_is_told() -> None:
    assert "/ca.pem: name it in SSL_CERT_FILE" in str(export([K8S], CONNECTION | {"api_ca": "/ca.pem"})["//"])


def test_vms_that_are_there_are_imported() -> None:
    assert export([K8S], CONNECTION)["import"] == [
        {"to": "proxmox_virtual_environment_vm.k8s_vm", "id": "pve-1/130"},
    ]


def test_a_vm_without_a_vmid_is_made_anew_and_told() -> None:
    document = export([K8S, Vm(name="web", node="pve-1")], CONNECTION)
    assert len(document["import"]) == 1
    assert "Not imported, since their vmid is not known, and so made anew: web." in document["//"]


def test_a_new_site_imports_nothing() -> None:
    assert "import" not in export([K8S], CONNECTION, take_over=False)


def test_a_vm_that_is_to_be_absent_is_told_only() -> None:
    document = export([K8S, Vm(name="old", node="pve-1", state="absent")], CONNECTION)
    assert list(document["resource"]["proxmox_virtual_environment_vm"]) == ["k8s_vm"]
    assert "Not in here, since they are to be absent: old." in document["//"]


def test_a_site_without_vms_is_a_file_without_resources() -> None:
    assert "resource" not in export([], CONNECTION)


@pytest.mark.parametrize(("template", "source"), [
    (9000, {"vm_id": 9000}),
    ("9000", {"vm_id": 9000}),
])  # fmt: skip
def test_a_template_is_named_by_its_vmid(template: int | str, source: dict[str, Any]) -> None:
    document = export([Vm(name="k8s-vm", node="pve-1", template=template)], CONNECTION)
    assert vm(document)["clone"] == [source | {"full": True}]


def test_a_template_is_looked_up_by_its_name() -> None:
    document = export([Vm(name="k8s-vm", node="pve-1", template="debian-12")], CONNECTION)
    found = "one(data.proxmox_virtual_environment_vms.debian_12.vms)"
    assert vm(document)["clone"][0]["vm_id"] == f"${{{found}.vm_id}}"
    assert document["data"]["proxmox_virtual_environment_vms"] == {
        "debian_12": {
            "filter": [{"name": "name", "values": ["debian-12"]}, {"name": "template", "values": ["true"]}],
        }
    }
    assert misfits(document) == []


def test_the_sites_own_template_is_known_without_looking() -> None:
    document = export([Vm(name="k8s-vm", node="pve-2", template="debian-12")], CONNECTION, TEMPLATE)
    assert vm(document)["clone"] == [{"vm_id": 9000, "node_name": "pve-1", "full": True}]
    assert "data" not in document
    assert "proxmox_download_file" not in document["resource"]


def test_a_new_site_makes_its_template_of_the_image() -> None:
    document = export([FULL], CONNECTION, TEMPLATE, take_over=False)
    download = document["resource"]["proxmox_download_file"]["_template"]
    assert download["url"] == TEMPLATE["url"]
    assert (download["checksum_algorithm"], download["checksum"]) == ("sha512", "0a0a")
    assert download["file_name"] == "debian-12-generic-amd64.qcow2"
    made = vm(document, "_template")
    assert made["template"] is True
    assert made["vm_id"] == 9000
    assert made["disk"][0]["import_from"] == "${proxmox_download_file._template.id}"
    assert vm(document)["clone"][0]["vm_id"] == "${proxmox_virtual_environment_vm._template.vm_id}"


@pytest.mark.parametrize(("url", "name"), [
    ("https://mirror.example/a/debian-12.qcow2", "debian-12.qcow2"),
    ("https://mirror.example/debian-12.raw?x=1", "debian-12.raw"),
    ("https://mirror.example/jammy-server-cloudimg-amd64.img", "jammy-server-cloudimg-amd64.qcow2"),
])  # fmt: skip
def test_the_name_of_an_image_tells_its_format(url: str, name: str) -> None:
    document = export([FULL], CONNECTION, {**TEMPLATE, "url": url}, take_over=False)
    assert document["resource"]["proxmox_download_file"]["_template"]["file_name"] == name


@pytest.mark.parametrize("take_over", [True, False])
@pytest.mark.parametrize("given", [FULL, K8S])
def test_the_provider_knows_all_that_is_written(given: Vm, take_over: bool) -> None:
    assert misfits(export([given], CONNECTION, TEMPLATE, take_over=take_over)) == []


@pytest.mark.parametrize(("path", "value", "told"), [
    ("cpuu", 1, "cpuu cannot be set"),
    ("cpu", {"cores": 1}, "cpu is a block"),
    ("cpu", [{"cores": "4"}], "cores is '4', not number"),
    ("ipv4_addresses", [], "cannot be set"),
    ("on_boot", 1, "on_boot is 1, not bool"),
    ("disk", [{"size": 1}], "interface is missing"),
    ("lifecycle", {"ignore_changes": ["cpu[0].kind"]}, "cpu[0].kind is nothing"),
])  # fmt: skip
def test_a_wrong_file_would_be_found(path: str, value: Any, told: str) -> None:
    document = export([K8S], CONNECTION)
    vm(document)[path] = value
    assert told in str(misfits(document))


@pytest.mark.parametrize(("vms", "connection", "template", "told"), [
    ([K8S], {}, None, "api_host: is needed"),
    ([K8S, K8S], CONNECTION, None, "k8s-vm: two VMs have this name"),
    ([Vm(name="k8s-vm")], CONNECTION, None, "k8s-vm.node: is needed"),
    ([Vm(name="k8s-vm", node="pve-1")], CONNECTION, None, "k8s-vm.template: is needed to make a new VM"),
    ([K8S], CONNECTION, {**TEMPLATE, "url": ""}, "template.url: is needed"),
    ([K8S], CONNECTION, {**TEMPLATE, "checksum": "0a0a"}, "template.checksum: is to begin with its algorithm"),
])  # fmt: skip
def test_what_cannot_be_written_is_refused(vms: list[Vm], connection: Any, template: Any, told: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        export(vms, connection, template, take_over=False)
    assert told in str(refused.value)


def test_all_refusals_come_at_once() -> None:
    with pytest.raises(InvalidInput) as refused:
        export([Vm(name="a"), Vm(name="b", disks=(Disk("scsi0"),))], {})
    assert len(refused.value.problems) == 4


@pytest.mark.parametrize(("text", "written"), [
    ("${var.x}", "$${var.x}"),
    ("%{ if x }", "%%{ if x }"),
    ("100 % of $5 {x}", "100 % of $5 {x}"),
])  # fmt: skip
def test_text_of_people_is_never_evaluated(text: str, written: str) -> None:
    assert literal({"a": [text]}) == {"a": [written]}
    assert vm(export([Vm(name="k8s-vm", node="n", description=text)], CONNECTION))["description"] == written


def test_the_same_vms_give_the_same_file() -> None:
    others = [Vm(name=name, node="pve-1", vmid=index) for index, name in enumerate("cab", 100)]
    assert json.dumps(export(others, CONNECTION)) == json.dumps(export(others[::-1], CONNECTION))
