#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin of this name, which does the work."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: flows_audit
short_description: Hold the flow catalogue against what is in force
version_added: 0.1.0
description:
  - Compares by meaning, so by what rules let through, what the flow catalogue of a site says, what is rendered of it,
    and the live rules of cluster, machines and Proxmox.
  - Endpoints of the catalogue that do not run now are judged by pods that stand for them.
  - Policies of labs are made with each class. They are held against the most that the catalogue lets a lab ask for.
  - No machine is asked, and nothing but the reports is written. The playbook C(autolabs.platform.flows_audit)
    gathers what this module takes.
options:
  flows_site:
    description: What the inventory knows of the site, as the role P(autolabs.platform.flows#role) makes it.
    type: dict
    required: true
  live:
    description:
      - What is in force, as far as it could be asked.
      - C(policies), C(pods), C(namespaces), C(services) and C(nodes) are lists of objects as the API server has them.
        Without C(policies) the cluster counts as not asked.
      - C(calico_policies) and C(calico_global_policies) are those of C(crd.projectcalico.org), C(admin_policies) and
        C(baseline_admin_policies) those of C(policy.networking.k8s.io). They are not read; each that is there leaves
        something undecided.
      - C(ufw) has for each machine the text of C(ufw status verbose), of C(iptables-save) or of C(user.rules), or a map
        of C(iptables), C(ip6tables) and C(status).
      - C(proxmox) is the firewall in the shapes of its API, with C(options), C(groups), C(ipsets), C(nodes) and C(vms);
        or a map of C(answers) of the API by path, of the paths C(unanswered) with the reason, and of the C(hosts) of
        the inventory with their addresses. A machine whose firewall was not answered counts as not asked.
      - C(silent) says why a source could not be asked, by C(cluster), C(proxmox) or the name of a machine.
    type: dict
    required: true
  folder:
    description:
      - Folder on the controller for the reports, made where it is missing. Each file is replaced as a whole.
      - By default none are written.
    type: path
  title:
    description: What people call the site. By default its phase.
    type: str
    default: ''
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying anything.
    support: full
    details: Reports are written in check mode, too; they are what an audit is for.
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
- name: List the policies
  kubernetes.core.k8s_info:
    api_version: networking.k8s.io/v1
    kind: NetworkPolicy
  register: policies

- name: Hold them against the catalogue
  autolabs.platform.flows_audit:
    flows_site: "{{ flows_site }}"
    live:
      policies: "{{ policies.resources }}"
      silent: {proxmox: this site has none}
    folder: build/flows
  register: outcome
  failed_when: outcome.differs
"""

RETURN = r"""
---
msg:
  description: What came of it, in one sentence.
  returned: always
  type: str
  sample: 'The site differs from the catalogue: 1 missing, 2 extra'
problems:
  description: What is wrong with the catalogue, the site or what was gathered. Nothing was compared then.
  returned: when the module fails
  type: list
  elements: str
differs:
  description: Whether anything is missing or extra.
  returned: success
  type: bool
counts:
  description: Findings by kind, with C(missing), C(extra), C(shadowed) and C(undecided).
  returned: success
  type: dict
  sample: {missing: 1, extra: 2, shadowed: 0, undecided: 0}
findings:
  description: The gravest first. The JSON report has the same list.
  returned: success
  type: list
  elements: dict
  contains:
    kind:
      description:
        - V(missing) where the catalogue allows what live does not, V(extra) the other way round, V(shadowed) for a rule
          that never decides, V(undecided) where it depends on something.
      type: str
    layer:
      description:
        - V(cluster), V(hosts) or V(proxmox); V(rendered) where the rules made of the catalogue do not mean what it
          says.
      type: str
    where:
      description: Namespace or machine.
      type: str
    what:
      description: A sentence.
      type: str
    do:
      description: What to do about it.
      type: str
    flow:
      description: The flow of the catalogue, or empty.
      type: str
    rule:
      description: The live rule, or empty.
      type: str
    from:
      description: Who sends such packets.
      type: str
    to:
      description: Who receives them.
      type: str
    ports:
      description: Such as C(tcp/5432); empty for every port.
      type: list
      elements: str
    assumption:
      description: What it depends on, where V(undecided).
      type: str
    cells:
      description: Pairs of endpoints that it concerns, each a list of two names.
      type: list
      elements: list
objects:
  description: Policies, groups and sets that are not as rendered, each with C(name) and C(state).
  returned: success
  type: list
  elements: dict
sources:
  description: What was asked, each with C(name), C(asked) and C(why) not.
  returned: success
  type: list
  elements: dict
absent:
  description: Flows that this site has not, each with C(flow) and C(why).
  returned: success
  type: list
  elements: dict
facts:
  description: How much was looked at, by C(flows), C(policies), C(pods), C(machines) and C(pairs).
  returned: success
  type: dict
lines:
  description: The findings as text for people, an entry each.
  returned: success
  type: list
  elements: str
reports:
  description:
    - Paths of the reports by C(html), C(markdown), C(json) and C(prometheus); empty without O(folder).
    - The JSON has the fields C(schema) (1), C(time), C(site), C(msg), C(counts), C(findings), C(objects), C(sources),
      C(absent), C(zones), C(endpoints), C(facts), and C(matrix) with an entry for each pair of endpoints (C(from),
      C(to), C(answer), C(lines)).
    - The Prometheus text has the gauges C(autolabs_flows_findings), by kind, C(autolabs_flows_source_asked), by source,
      and C(autolabs_flows_last_audit_timestamp_seconds).
  returned: success
  type: dict
"""
