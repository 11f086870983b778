#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin of this name, which does the work."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: proxmox_firewall
short_description: The firewall of Proxmox VE, as the flow catalogue says
version_added: 0.1.0
description:
  - Brings options, rules, address sets and security groups of the cluster, and options and rules of the nodes and VMs
    that are named, to what P(autolabs.platform.proxmox_firewall#filter) gives.
  - Each of these lists of rules is whole and in order. What somebody added by hand is removed, and shown in the diff.
    Groups and sets whose comment does not begin with C(autolabs:) are left alone and told.
  - New rules are in force before old ones go, so that nothing is shut out on the way. The option C(enable) of the
    cluster comes last.
  - Where rules decide who reaches a node, the address of the controller must be among those that they let in at port
    8006; otherwise everything is refused. Afterwards new connections to the API are tried.
options:
  firewall:
    description: What P(autolabs.platform.proxmox_firewall#filter) gives.
    type: dict
    required: true
  controller_addresses:
    description:
      - The addresses from which the nodes see this controller.
      - By default the address from which it connects to the API, which is another one where there is NAT between them.
    type: list
    elements: str
    default: []
  probe_seconds:
    description:
      - For how long new connections are tried after a change. Proxmox puts rules in force every ten seconds.
      - V(0) tries once.
    type: int
    default: 15
extends_documentation_fragment:
  - autolabs.platform.proxmox
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
seealso:
  - module: autolabs.platform.proxmox_settings
"""

EXAMPLES = r"""
---
- name: Close what no flow needs
  autolabs.platform.proxmox_firewall:
    firewall: "{{ flows_site | autolabs.platform.proxmox_firewall({'database-vm': {'node': 'pve-1', 'vmid': 120}}) }}"
"""

RETURN = r"""
---
msg:
  description: What came of it, in one sentence.
  returned: always
  type: str
  sample: the firewall is as it should be
left:
  description: Security groups and sets that are not ours and were left alone.
  returned: success
  type: list
  elements: str
  sample: [group webservers]
unguarded:
  description:
    - By VM, its network cards without the firewall flag, for which no rule counts.
    - That is refused, but in check mode, as another task may be about to set it.
  returned: success
  type: dict
problems:
  description: Why it was refused.
  returned: when it was; nothing was changed then
  type: list
  elements: str
"""
