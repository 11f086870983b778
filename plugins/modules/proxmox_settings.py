#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin of this name, which does the work."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: proxmox_settings
short_description: What Proxmox VE has besides VMs, as it should be
version_added: 0.1.0
description:
  - Brings pools, roles, users, tokens, access rights, storages, networks, backup jobs and settings of nodes to what is
    written, one after the other in their order, and changes nothing that is as it should be.
  - Every collection is asked for once. Mistakes and impossible changes are told all at once, before anything is
    changed.
  - A field that is not given is left as it is; one without a value is taken away. A value that the API takes a missing
    field for is no change.
options:
  objects:
    description:
      - The objects, each with C(kind), the fields that tell which one is meant, the fields that it should have by the
        names of the API, and maybe C(state).
      - C(state) is V(present) (the default), V(absent), or V(known), which refuses everything where the object is not
        there, and changes nothing of it.
      - V(role) has C(roleid) and C(privs); V(user) has C(userid), C(comment), C(email), C(enable), C(expire),
        C(firstname), C(lastname), C(groups) and C(password), which is written to a new user only.
      - V(token) has C(userid), C(tokenid), C(privsep), C(expire), C(comment) and C(secret_file), a path on the
        controller where its secret is written with mode 0600 as JSON with C(user), C(token_id) and C(secret). Where a
        token is there and the file is not, that is refused, unless C(renew=true) lets it be made anew.
      - V(acl) has C(path), C(roleid), C(type) (V(user), V(group) or V(token)), C(ugid) (of a token C(user@realm!name))
        and C(propagate).
      - V(pool) has C(poolid) and C(comment).
      - V(storage) has C(storage), C(type), C(content) as it should be or C(content_add) that should be part of it, and
        further fields of its type. The type and where it is can be given to a new storage only.
      - V(network) has C(node), C(iface), C(type), C(cidr), C(gateway), C(bridge_ports), C(bridge_vlan_aware),
        C(bridge_vids), C(vlan-id), C(vlan-raw-device), C(mtu) and further fields. The node's network is reloaded
        behind its last change, and only where there is one.
      - V(backup) has C(id), C(schedule), C(storage), C(mode), C(compress), C(prune-backups), C(pool), C(vmid) or
        C(all), C(mailto), C(mailnotification), C(notification-mode) and further fields of a backup job.
      - V(dns) (C(search), C(dns1), C(dns2), C(dns3)), V(hosts) (C(entries), names by address, as C(/etc/hosts) has
        them) and V(time) (C(timezone)) have C(node), and are always there.
      - V(node) has C(node) and V(vm) has C(name); they can only be V(known), and are told in RV(known).
    type: list
    elements: dict
    required: true
  own_roles:
    description:
      - Roles of which O(objects) has every right. Where somebody else has one of them, or has it elsewhere, that right
        is removed.
      - It needs at least one object of kind V(acl).
    type: list
    elements: str
    default: []
  versions:
    description: Major versions of Proxmox VE for which this is meant; others are refused. Empty for all.
    type: list
    elements: str
    default: []
extends_documentation_fragment:
  - autolabs.platform.proxmox
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
seealso:
  - module: autolabs.platform.proxmox_firewall
"""

EXAMPLES = r"""
---
- name: Let an automation user work in one pool
  autolabs.platform.proxmox_settings:
    objects:
      - kind: pool
        poolid: autolabs
      - kind: user
        userid: autolabs@pve
        comment: AutoLabs
      - kind: token
        userid: autolabs@pve
        tokenid: ansible
        secret_file: /root/.autolabs/proxmox-token.json
      - kind: acl
        path: /pool/autolabs
        roleid: PVEVMAdmin
        type: token
        ugid: autolabs@pve!ansible

- name: Keep backups of seven days and four weeks
  autolabs.platform.proxmox_settings:
    objects:
      - kind: backup
        id: autolabs
        schedule: "02:00"
        storage: local
        compress: zstd
        prune-backups: {keep-daily: 7, keep-weekly: 4}
        pool: autolabs
"""

RETURN = r"""
---
msg:
  description: What came of it, in one sentence.
  returned: always
  type: str
  sample: pool autolabs made, backup autolabs changed
objects:
  description: The objects that were changed, or would be.
  returned: success
  type: list
  elements: dict
  contains:
    object:
      description: Kind and key.
      type: str
      sample: storage local
    action:
      description: V(create), V(update), V(remove), or V(renew) of a token.
      type: str
    changes:
      description:
        - The fields, each with C(field), C(before), C(after) and C(how).
        - C(how) is V(live); V(reload) where the node's network is reloaded for it; or V(VM start) where VMs that run
          have it from their next start on.
      type: list
      elements: dict
known:
  description:
    - The nodes and VMs that were looked up, each with C(kind), C(node) and C(status); VMs with C(name) and C(vmid).
  returned: success
  type: list
  elements: dict
problems:
  description: Every mistake in the objects, and everything that cannot be brought about.
  returned: when there is any; nothing was changed then
  type: list
  elements: str
done:
  description: What was changed before a failure, a line an object.
  returned: when a change failed
  type: list
  elements: str
"""
