#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin of this name, which does the work."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: reach_info
short_description: Tell who may reach whom, by which rule, and what a change would change
version_added: 0.1.0
description:
  - Proves what NetworkPolicies, the packet filters of machines (ufw or plain iptables) and the firewall of Proxmox VE
    let through, from nothing but what they say of themselves.
  - Questions are about the first packet of a connection; replies always pass.
  - No cluster, machine or Proxmox is asked, and nothing is changed.
options:
  manifests:
    description:
      - Objects of Kubernetes, or lists of them, such as RV(kubernetes.core.k8s_info#module:resources). Namespace, Pod,
        Node, Service, EndpointSlice and NetworkPolicy count, and workloads such as Deployment where there is no Pod.
    type: list
    elements: dict
    default: []
  folder:
    description:
      - Path on the controller of a folder of YAML and JSON files with objects, which are read as well, with those in
        the folders in it. Templates must be rendered first.
    type: path
  ufw:
    description:
      - By machine, as text, the output of C(ufw status verbose) in English or of C(iptables-save), or the files
        C(user.rules) and C(before.rules) of ufw one after the other.
      - Or a map with C(ipv4) and C(ipv6), such texts of either family, and C(default), V(allow) or V(deny), for what no
        rule fits, which ufw's files do not tell.
      - Where this is given, the firewall of any other machine on the way is unknown, and leaves an answer undecided.
    type: dict
    default: {}
  proxmox:
    description:
      - The firewall of Proxmox, as the API gives its parts. C(options), C(rules), C(groups) (each with C(group) and
        C(rules)), C(ipsets) (C(name), C(cidrs)) and C(aliases) (C(name), C(cidr)) of the cluster; C(nodes), by name,
        each with C(options) and C(rules); C(vms), by the name of the machine, each with C(vmid), C(options), C(rules)
        and, where there are any, C(ipsets), C(aliases) and C(nics) (C(net0), ... of its configuration).
    type: dict
    default: {}
  addresses:
    description: Lists of addresses, by machine, for machines that are no nodes of the cluster.
    type: dict
    default: {}
  question:
    description:
      - May V(from) reach V(to) on V(port) of V(protocol) (TCP by default)? From outside to a pod, the port is the pod's
        own, or the node port that leads to it.
      - Either end is a pod (C(namespace/name)), a machine, an address, or V(internet); the second may be a Service,
        C(service/namespace/name).
    type: dict
  matrix:
    description: Whether to tell everything that is let through.
    type: bool
    default: false
  matrix_addresses:
    description: Addresses and ranges that the matrix and the comparison have, besides pods and nodes.
    type: list
    elements: str
    default: []
  compare:
    description:
      - A second set of rules. What it lets through otherwise than the first is told, for endpoints that both have.
    type: dict
    suboptions:
      manifests:
        description: As O(manifests).
        type: list
        elements: dict
        default: []
      folder:
        description: As O(folder).
        type: path
      ufw:
        description: As O(ufw).
        type: dict
        default: {}
      proxmox:
        description: As O(proxmox).
        type: dict
        default: {}
  calico:
    description:
      - Whether what the documentation of Kubernetes leaves to the network plugin is as with Calico. Otherwise such
        answers are undecided, with what they depend on.
    type: bool
    default: true
  masquerade:
    description: Whether pods' packets leave the cluster with the address of their machine (C(natOutgoing) of Calico).
    type: bool
    default: true
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying anything.
    support: full
  diff_mode:
    description: Returns what changes, or would change in check mode.
    support: none
  action:
    description: Runs on the controller.
    support: full
author:
  - The AutoLabs team (@autolabs)
"""

EXAMPLES = r"""
---
- name: May a student come in by SSH?
  autolabs.platform.reach_info:
    manifests: "{{ cluster_objects }}"
    ufw: {k8s-1: "{{ rules.stdout }}"}
    question: {from: internet, to: labs/lab-1-student-anna, port: 2222}
  register: reach_outcome

- name: Show the way
  ansible.builtin.debug:
    msg: "{{ reach_outcome.explanation }}"

- name: What would the policies of this folder change?
  autolabs.platform.reach_info:
    manifests: "{{ cluster_objects }}"
    compare: {folder: manifests}
"""

RETURN = r"""
---
msg:
  description: What came of it, in one sentence.
  returned: always
  type: str
  sample: internet to labs/lab-1-student-anna on tcp/2222 is allowed
problems:
  description: Every mistake in what was given. The module failed where there is one.
  returned: where something cannot be read
  type: list
  elements: str
skipped:
  description: Files of O(folder) with documents that are no objects of Kubernetes.
  returned: success
  type: list
  elements: str
answer:
  description: V(allowed), V(denied), or V(undecided) where it depends on what is not known.
  returned: when O(question) is given
  type: str
steps:
  description: Each firewall on the way, in order; those after one that denies are left out.
  returned: when O(question) is given
  type: list
  elements: dict
  contains:
    where:
      description: Which firewall.
      type: str
    answer:
      description: What it says.
      type: str
    rule:
      description: The rule that decided, as its owner finds it; empty where the default decides.
      type: str
    flow:
      description: The flow that is the rule's comment; empty where it has none.
      type: str
    why:
      description: A sentence.
      type: str
assumptions:
  description: What an undecided answer depends on, a sentence each.
  returned: when O(question) is given
  type: list
  elements: str
explanation:
  description: All of this in lines for people.
  returned: when O(question) is given
  type: list
  elements: str
matrix:
  description: What is not denied.
  returned: when O(matrix) is true
  type: dict
  contains:
    rows:
      description: Groups that are alike, each with C(from), C(to), C(ports) (all where it is empty) and C(answer).
      type: list
      elements: dict
    counts:
      description: Pairs of endpoints times ports that NetworkPolicies allow, deny, and leave undecided.
      type: dict
    table:
      description: The rows in lines for people.
      type: list
      elements: str
    shadowed:
      description: Rules of machines and of Proxmox that never decide, and why.
      type: list
      elements: str
differences:
  description: What the second set lets through otherwise.
  returned: when O(compare) is given
  type: dict
  contains:
    changes:
      description: Groups, each with C(kind) (V(opens), V(closes) or V(unsure)), C(from), C(to) and C(ports).
      type: list
      elements: dict
    table:
      description: The same in lines for people.
      type: list
      elements: str
"""
