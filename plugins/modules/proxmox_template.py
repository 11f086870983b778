#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin of this name, which does the work."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: proxmox_template
short_description: Make a template for virtual machines of a cloud image
version_added: 0.1.0
description:
  - Proxmox downloads the image and checks it, imports it as the disk of a VM with a cloud-init drive, and makes that a
    template. Nothing passes the controller.
  - A template of this VMID and name that is there is left alone; options that it has otherwise are told as a warning.
  - What an ended run left half made is completed, or made anew. A VMID of something else is refused.
options:
  state:
    description:
      - V(present) makes the template where it is not there.
      - V(absent) removes it and, where O(url) says which, its image.
    type: str
    choices: [present, absent]
    default: present
  name:
    description: Name of the template.
    type: str
    required: true
  vmid:
    description: Its VMID.
    type: int
    default: 9000
  node:
    description: Node that has the template; by default the only one that there is.
    type: str
    default: ''
  url:
    description:
      - Address of the image, from where the node gets it. Needed to make a template.
      - It ends in V(.qcow2), V(.raw), V(.vmdk) or, where it is a qcow2 image all the same, V(.img). Proxmox unpacks
        none.
    type: str
    default: ''
  checksum:
    description: Checksum of the image, which Proxmox holds it against. Needed to make a template.
    type: str
    default: ''
  checksum_algorithm:
    description: What O(checksum) was made by.
    type: str
    choices: [md5, sha1, sha224, sha256, sha384, sha512]
    default: sha256
  image_name:
    description:
      - Name of the image in O(image_storage). Its ending says the format, and Proxmox refuses an image of another one.
      - By default from O(url), with a part of the checksum, so that another image has another name.
    type: str
    default: ''
  image_storage:
    description: Storage of the image; it must hold content V(import).
    type: str
    default: local
  storage:
    description: Storage of the template's disk and cloud-init drive.
    type: str
    default: local-lvm
  bridge:
    description: Bridge of its network card.
    type: str
    default: vmbr0
  cores:
    description: Cores that its clones have where they say nothing else.
    type: int
    default: 1
  memory:
    description: Memory (MiB) likewise.
    type: int
    default: 1024
  cpu:
    description: Type of its processor likewise.
    type: str
    default: x86-64-v2-AES
  agent:
    description: Whether the image has the QEMU guest agent, or O(vendor) installs it.
    type: bool
    default: true
  scsihw:
    description: Controller of its disks.
    type: str
    default: virtio-scsi-single
  ostype:
    description: What kind of system it is.
    type: str
    default: l26
  tags:
    description: Its tags.
    type: list
    elements: str
    default: []
  vendor:
    description: Snippet with cloud-init's vendor data for all clones, such as V(local:snippets/vendor.yml).
    type: str
    default: ''
  pool:
    description:
      - Pool that it is made in. Who has rights on the pool has them on the template, whenever it is made anew;
        rights on its VMID go with it when it is removed.
    type: str
    default: ''
  timeout:
    description: Seconds that one task of Proxmox, such as the download, may take.
    type: int
    default: 1800
  lock_timeout:
    description: Seconds for which another run that makes the same template is waited for.
    type: int
    default: 300
extends_documentation_fragment:
  - autolabs.platform.proxmox
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
seealso:
  - module: autolabs.platform.proxmox_vm
"""

EXAMPLES = r"""
---
- name: The template of all VMs
  autolabs.platform.proxmox_template:
    api_host: pve-1.example.org
    api_token_file: /etc/autolabs/proxmox-token.json
    name: debian-12
    url: https://cloud.debian.org/images/cloud/bookworm/latest/debian-12-genericcloud-amd64.qcow2
    checksum: "{{ debian_checksum }}"
    checksum_algorithm: sha512
"""

RETURN = r"""
---
msg:
  description: What came of it, in one sentence.
  returned: always
  type: str
  sample: template debian-12 was made as 9000 on pve-1
vmid:
  description: VMID of the template.
  returned: success
  type: int
  sample: 9000
node:
  description: Node that has it.
  returned: success
  type: str
  sample: pve-1
"""
