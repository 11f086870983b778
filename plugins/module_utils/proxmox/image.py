"""A template as it should be, and the names and values that the API takes for it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from posixpath import basename
from typing import Any
from urllib.parse import unquote, urlsplit

from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput, Problem
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox import values
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.addresses import agent_enabled

IMPORTABLE = ("qcow2", "raw", "vmdk")
"""Endings of images that storages take as content `import` (pve-storage, `UPLOAD_IMPORT_EXT_RE_1`, but for ova, which
is no image). PVE holds the file against the format that its name says, so an image ending in `.img` needs its true
name; those of the distributions are qcow2."""
FILE_NAME = re.compile(r"[A-Za-z0-9+=_.-]+")
"""pve-storage, `SAFE_CHAR_CLASS_RE`."""
DIGITS = {"md5": 32, "sha1": 40, "sha224": 56, "sha256": 64, "sha384": 96, "sha512": 128}
CHECKSUM_IN_NAME = 12
MARK = "Made by AutoLabs from"
"""How the description of a template of ours begins, from its first moment; its clones inherit it."""


@dataclass(frozen=True)
class Template:
    """A template as it should be."""

    name: str
    vmid: int = 9000
    node: str = ""
    """Empty: the only node that there is."""
    url: str = ""
    checksum: str = ""
    checksum_algorithm: str = "sha256"
    image_name: str = ""
    """Name of the image in its storage; empty: from the address."""
    image_storage: str = "local"
    storage: str = "local-lvm"
    """Of the disk and the cloud-init drive."""
    bridge: str = "vmbr0"
    cores: int = 1
    memory: int = 1024
    """MiB."""
    cpu: str = "x86-64-v2-AES"
    agent: bool = True
    scsihw: str = "virtio-scsi-single"
    ostype: str = "l26"
    tags: tuple[str, ...] = ()
    vendor: str = ""
    """A snippet with cloud-init's vendor data, as a volume: `local:snippets/vendor.yml`."""
    pool: str = ""
    """Rights on the pool hold for whatever is made in it; those on the VMID go when the template is removed."""

    @property
    def file(self) -> str:
        """Name of the image in its storage.

        It has a part of the checksum: PVE does not replace a file that is there, and so another image needs another
        name.
        """
        stem, _dot, ending = (self.image_name or _file_of(self.url)).rpartition(".")
        part = f"-{self.checksum[:CHECKSUM_IN_NAME].lower()}" if self.checksum and not self.image_name else ""
        return f"{stem}{part}.{'qcow2' if ending == 'img' else ending}"

    @property
    def volume(self) -> str:
        """The image as a volume."""
        return f"{self.image_storage}:import/{self.file}"

    @property
    def description(self) -> str:
        """What the template says of itself."""
        return f"{MARK} {self.file}"

    def config(self) -> dict[str, Any]:
        """Parameters of POST /nodes/{node}/qemu."""
        found = {
            "vmid": self.vmid,
            "name": self.name,
            "description": self.description,
            "cores": self.cores,
            "memory": self.memory,
            "cpu": self.cpu,
            "agent": "enabled=1" if self.agent else "enabled=0",
            "scsihw": self.scsihw,
            "ostype": self.ostype,
            "scsi0": f"{self.storage}:0,import-from={self.volume}",
            "ide2": f"{self.storage}:cloudinit",
            "boot": "order=scsi0",
            # Cloud images write to their serial console, and some do not boot without one.
            "serial0": "socket",
            "vga": "serial0",
            "net0": f"virtio,bridge={self.bridge}",
        }
        if self.tags:
            found["tags"] = ";".join(values.normal_tags(self.tags))
        if self.vendor:
            found["cicustom"] = f"vendor={self.vendor}"
        if self.pool:
            found["pool"] = self.pool
        return found


def checked(template: Template) -> Template:
    """The same. Raises InvalidInput with every mistake of a template that is to be made."""
    problems = list(_problems(template))
    if problems:
        raise InvalidInput(problems)
    return template


def _problems(template: Template) -> Iterator[Problem]:
    example = "https://cloud.example.org/debian-12-genericcloud-amd64.qcow2"
    if not re.fullmatch(r"https?://[^/]+/.+", template.url):
        yield Problem("", 0, "url", f"{template.url!r} is no address of a file", example)
        return
    option, name = ("image_name", template.image_name) if template.image_name else ("url", _file_of(template.url))
    ending = name.rpartition(".")[2]
    if ending not in (*IMPORTABLE, "img"):
        reason = (
            "; Proxmox does not unpack it, so unpack it where it is served" if ending in ("gz", "xz", "zst") else ""
        )
        wanted = ", ".join(IMPORTABLE)
        yield Problem("", 0, option, f"{name} ends in none of {wanted}{reason}", "debian-12.qcow2")
    elif not FILE_NAME.fullmatch(name):
        yield Problem("", 0, option, f"{name!r} has characters that a storage does not take", "debian-12.qcow2")
    digits = DIGITS[template.checksum_algorithm]
    if not re.fullmatch(rf"[0-9A-Fa-f]{{{digits}}}", template.checksum):
        message = f"is no {template.checksum_algorithm} checksum: {digits} hexadecimal digits"
        yield Problem("", 0, "checksum", message)


def differences(template: Template, config: Mapping[str, Any]) -> Iterator[str]:
    """What a template that is there has otherwise, a phrase each. config: GET /nodes/{node}/qemu/{vmid}/config."""
    wanted = template.config()
    agent = "on" if template.agent else "off"
    if agent_enabled(config) != template.agent:
        yield f"the agent is not {agent}"
    for key in ("cores", "memory", "cpu", "scsihw", "ostype", "vga", "serial0", "boot", "cicustom"):
        there, asked = str(config.get(key, "")), str(wanted.get(key, ""))
        if there != asked and not (key == "cores" and asked == "1" and not there):
            yield f"{key} is {there or 'not set'}, not {asked or 'unset'}"
    bridge = values.properties(str(config.get("net0", "")), "model").get("bridge", "")
    if bridge != template.bridge:
        yield f"net0 is at {bridge or 'no bridge'}, not {template.bridge}"
    if template.tags and values.tags(str(config.get("tags", ""))) != values.normal_tags(template.tags):
        yield f"tags are {config.get('tags', '')}, not {wanted['tags']}"
    if template.url and not str(config.get("description", "")).startswith(template.description):
        yield f"it was not made from {template.file}"


def _file_of(url: str) -> str:
    return basename(unquote(urlsplit(url).path))
