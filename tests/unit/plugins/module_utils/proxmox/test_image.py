"""What a template is made of, and what one that is there has otherwise."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox import image
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.image import Template

SUM = "0123456789abcdef" * 4
DEBIAN = Template("debian-12", url="https://cloud.example.org/debian-12.qcow2", checksum=SUM, tags=("b", "a"))


@pytest.mark.parametrize(
    ("url", "image_name", "file"),
    [
        ("https://h/debian-12.qcow2", "", "debian-12-0123456789ab.qcow2"),
        ("https://h/noble-server-cloudimg-amd64.img?x=1", "", "noble-server-cloudimg-amd64-0123456789ab.qcow2"),
        ("https://h/disk.raw", "", "disk-0123456789ab.raw"),
        ("https://h/latest", "debian.qcow2", "debian.qcow2"),
    ],
)
def test_an_image_has_a_name_that_proxmox_imports_and_another_for_another_checksum(
    url: str, image_name: str, file: str
) -> None:
    assert replace(DEBIAN, url=url, image_name=image_name).file == file


def test_the_config_is_what_a_cloud_image_needs() -> None:
    config = replace(DEBIAN, vendor="local:snippets/vendor.yml").config()
    assert config["scsi0"] == "local-lvm:0,import-from=local:import/debian-12-0123456789ab.qcow2"
    assert config["ide2"] == "local-lvm:cloudinit"
    assert (config["boot"], config["serial0"], config["vga"]) == ("order=scsi0", "socket", "serial0")
    assert (config["scsihw"], config["agent"], config["tags"]) == ("virtio-scsi-single", "enabled=1", "a;b")
    assert config["cicustom"] == "vendor=local:snippets/vendor.yml"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"url": ""}, "is no address of a file"),
        ({"url": "ftp://h/x.qcow2"}, "is no address of a file"),
        ({"url": "https://h/x.qcow2.xz"}, "Proxmox does not unpack it"),
        ({"url": "https://h/x.iso"}, "ends in none of qcow2, raw, vmdk"),
        ({"image_name": "a b.qcow2"}, "characters that a storage does not take"),
        ({"checksum": ""}, "is no sha256 checksum: 64 hexadecimal digits"),
        ({"checksum_algorithm": "sha512"}, "is no sha512 checksum: 128 hexadecimal digits"),
    ],
)
def test_a_template_that_cannot_be_made_is_refused(changes: dict[str, str], told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        image.checked(replace(DEBIAN, **changes))


def as_read() -> dict[str, object]:
    """Its config as PVE gives it back."""
    config = DEBIAN.config()
    return config | {"net0": "virtio=BC:24:11:00:00:01,bridge=vmbr0", "description": DEBIAN.description + "\n"}


def test_a_template_as_it_should_be_differs_in_nothing() -> None:
    assert list(image.differences(DEBIAN, as_read())) == []


@pytest.mark.parametrize(
    ("there", "told"),
    [
        ({"memory": 512}, "memory is 512, not 1024"),
        ({"agent": "0"}, "the agent is not on"),
        ({"net0": "virtio=BC:24:11:00:00:01,bridge=vmbr1"}, "net0 is at vmbr1, not vmbr0"),
        ({"tags": "c"}, "tags are c, not a;b"),
        ({"cicustom": "vendor=local:snippets/x.yml"}, "cicustom is vendor=local:snippets/x.yml, not unset"),
        ({"description": "by hand"}, "it was not made from debian-12-0123456789ab.qcow2"),
    ],
)
def test_what_a_template_has_otherwise_is_told(there: dict[str, object], told: str) -> None:
    assert list(image.differences(DEBIAN, as_read() | there)) == [told]
