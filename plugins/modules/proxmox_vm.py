#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin of this name, which does the work."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: proxmox_vm
short_description: Bring virtual machines on Proxmox VE to what they should be
version_added: 0.1.0
description:
  - One task for all VMs. Each is cloned from its template, configured, grown, put into its pool and started, or
    changed where it differs; all of them at the same time.
  - What is not given is left as it is, and giving a default is the same as giving nothing. The diff tells each field
    that changes, of what runs and of what waits for a restart.
  - What cannot be (a disk that would shrink, a template, storage, bridge or pool that is not there, a VMID of
    something else) is told for all VMs before anything is changed. After that, the failure of one VM does not stop
    the others, and the next run goes on where this one ended.
  - Two runs at once do not make a VM twice. A VM that was changed by somebody else meanwhile is read and planned
    again.
options:
  vms:
    description:
      - The VMs as they should be. All mistakes in the list are told at once, and nothing is changed then.
      - Each has C(name), which is also how it is found where no C(vmid) is given. A VM that is to be made needs
        C(node) and C(template) (VMID or name) as well; C(clone) is V(full) or V(linked), and C(storage) holds the
        disks of a full clone.
      - C(pool), C(description), C(tags), C(cores), C(sockets), C(memory) and C(balloon) (MiB), C(cpu), C(agent),
        C(onboot), C(startup) (C(order), C(up), C(down)) and C(protection) are as Proxmox has them.
      - C(disks) has, by the place of each disk such as C(scsi0), its C(size) and C(storage), C(ssd), C(discard),
        C(iothread) and C(backup). A disk that is not there is added; disks only grow.
      - C(networks) is the whole list of network cards, each with C(bridge), C(model), C(tag), C(firewall), C(mac),
        C(mtu), C(ip), C(gateway), C(ip6) and C(gateway6). A MAC address that is not given is kept.
      - C(cloud_init) has C(user), C(ssh_keys), C(nameservers), C(searchdomain), C(upgrade) and C(vendor), a snippet.
      - C(state) is V(started) (by default), V(stopped), V(present) (made, and neither started nor stopped) or
        V(absent).
    type: list
    elements: dict
    required: true
  expected:
    description:
      - What earlier tasks of this run make. It is used in check mode only, where they only would have made it; VMs are
        planned as if it were there.
    type: dict
    suboptions:
      template:
        description: The template, as M(autolabs.platform.proxmox_template) has it.
        type: dict
        suboptions:
          vmid:
            description: Its VMID.
            type: int
            default: 9000
          name:
            description: Its name.
            type: str
            required: true
          node:
            description: The node that it is made on.
            type: str
            default: ""
      pools:
        description: Names of pools.
        type: list
        elements: str
        default: []
  allow_restart:
    description:
      - Whether running VMs are shut down and started again for changes that need it.
      - Otherwise such changes are written, wait for the next start, and are told.
    type: bool
    default: false
  force_stop:
    description:
      - Whether a VM that does not shut down in O(shutdown_timeout) is cut off. Otherwise it is left running.
      - A VM under high availability is shut down or restarted only where this is allowed, since Proxmox cuts it off.
    type: bool
    default: false
  wait_for_address:
    description:
      - Seconds within which the guest agent of each started VM must tell its address; V(0) does not wait.
      - A VM without an agent has the address that cloud-init gives it.
    type: int
    default: 0
  timeout:
    description: Seconds that one task of Proxmox, such as a clone, may take.
    type: int
    default: 1800
  shutdown_timeout:
    description: Seconds that a guest has to shut down.
    type: int
    default: 180
  lock_timeout:
    description: Seconds for which a VM that something else works on is waited for.
    type: int
    default: 300
extends_documentation_fragment:
  - autolabs.platform.proxmox
notes:
  - What cloud-init is told, a running guest learns at its next start. Proxmox tells later runs that this still waits,
    but not for a network's address, gateway or IPv6 address that was changed. Where the guest's agent answers and the
    account may ask it (C(VM.Monitor)), a static IPv4 address of the first network that the guest does not have is told
    as one that waits; of the others, and of guests without an agent, only the run that changes them can tell.
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
seealso:
  - module: autolabs.platform.proxmox_template
  - module: community.proxmox.proxmox_kvm
"""

EXAMPLES = r"""
---
- name: The VMs of the site
  autolabs.platform.proxmox_vm:
    api_host: pve-1.example.org
    api_token_file: /etc/autolabs/proxmox-token.json
    wait_for_address: 300
    vms:
      - name: k8s-vm
        vmid: 130
        node: pve-1
        template: 9000
        cores: 8
        memory: 16384
        disks: {scsi0: {size: 200G}}
        networks:
          - {bridge: vmbr0, ip: 192.168.100.30/24, gateway: 192.168.100.1}
        cloud_init:
          user: autolabs
          ssh_keys: ["{{ lookup('ansible.builtin.file', '~/.ssh/id_ed25519.pub') }}"]

- name: Remove a VM
  autolabs.platform.proxmox_vm:
    vms:
      - {name: k8s-vm, state: absent}
"""

RETURN = r"""
---
msg:
  description: What came of it, in one sentence; with the reason of every failure.
  returned: always
  type: str
  sample: '3 VMs: 1 made, 2 unchanged'
vms:
  description: The VMs, in the order of O(vms).
  returned: when they could be read and nothing was refused
  type: list
  elements: dict
  contains:
    name:
      description: Name of the VM.
      type: str
    vmid:
      description: Its id; none for a VM that would be made and gets one then.
      type: int
    node:
      description: Where it is.
      type: str
    state:
      description: V(started), V(stopped) or V(absent); in check mode, as it would be.
      type: str
    address:
      description: The address of its first network, as the agent tells it or as cloud-init was told; else empty.
      type: str
    changes:
      description:
        - What changed, or would change, each with C(field), C(before), C(after) and C(how). That is V(live),
          V(restart) where it takes effect at the next start, or V(pending) where it waited for that already.
      type: list
      elements: dict
    restart_needed:
      description: Fields that take effect at the next start only.
      type: list
      elements: str
failures:
  description: Each VM that could not be brought about, with C(name) and C(message).
  returned: when there are any
  type: list
  elements: dict
problems:
  description: Every mistake in O(vms), with its field.
  returned: when the list cannot be used; nothing was changed then
  type: list
  elements: str
"""
