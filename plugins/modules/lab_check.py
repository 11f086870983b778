#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin of this name, which does the work."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: lab_check
short_description: Check a folder of labs, and tell what they will be
version_added: 0.1.0
description:
  - Finds every mistake in every lab of a folder, and tells the objects, the flows and the price of an instance of
    each good one.
  - No cluster is asked, and nothing is changed.
options:
  folder:
    description:
      - Path on the controller of the folder. Every file in it whose name ends in C(.yml) or C(.yaml) is a lab, but for
        names that begin with a dot. Folders in it are not entered.
      - A relative path begins at the working directory.
    type: path
    required: true
  limits:
    description:
      - The limits of the lab namespaces, as the list of a LimitRange. They give CPU and memory to services of a lab
        that name none, and so are part of the price. A lab that asks for less or more than they allow has a mistake.
      - By default as the role P(autolabs.platform.lab_namespaces#role) sets them.
    type: list
    elements: dict
    default:
      - type: Container
        min: {cpu: 100m, memory: 128Mi}
        max: {cpu: '1', memory: 1Gi}
        default: {cpu: 500m, memory: 512Mi}
        defaultRequest: {cpu: 500m, memory: 512Mi}
      - type: Pod
        max: {cpu: '2', memory: 2Gi}
      - type: PersistentVolumeClaim
        min: {storage: 64Mi}
        max: {storage: 10Gi}
  class_size:
    description: Students of the class whose price is told beside that of an instance.
    type: int
    default: 30
  group_size:
    description: Students in each of its groups, in labs for groups.
    type: int
    default: 3
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
seealso:
  - module: autolabs.platform.lab_class
"""

EXAMPLES = r"""
---
- name: Check the labs of a course
  autolabs.platform.lab_check:
    folder: courses/security/labs
  register: lab_outcome

- name: Show them
  ansible.builtin.debug:
    msg: "{{ lab_outcome.tables }}"
"""

RETURN = r"""
---
msg:
  description: What came of it, in one sentence.
  returned: always
  type: str
  sample: 12 labs, 1 of them with 2 mistakes
problems:
  description: Every mistake in every file, with file, line and field. The module failed where there is one.
  returned: always
  type: list
  elements: str
  sample: ['labs/shop.yml:7: services.shop.ports[0]: …']
tables:
  description: Labs, price, objects, flows and mistakes as text for people, also where some labs have mistakes.
  returned: when the folder holds labs
  type: str
labs:
  description: An entry for each file, by name.
  returned: when the folder holds labs
  type: list
  elements: dict
  contains:
    file:
      description: Path of the file.
      type: str
    problems:
      description: Its mistakes; the other fields are there where these leave a lab.
      type: list
      elements: str
    id:
      description: The lab's id.
      type: str
    title:
      description: Its title in C(en) and C(ru).
      type: dict
    deployment_mode:
      description: V(per_student) or V(per_group).
      type: str
    access:
      description: Ways in, each with C(kind), C(component) and C(port).
      type: list
      elements: dict
    components:
      description: Names of the components.
      type: list
      elements: str
    internet:
      description: Whether its instances reach the internet.
      type: bool
    security:
      description: V(restricted), V(baseline) or V(privileged).
      type: str
    objects:
      description: Objects of one instance, kind to number.
      type: dict
    class_objects:
      description: Objects that a class has once, kind to number.
      type: dict
    flows:
      description: What may pass, each with C(name), C(from), C(to), C(ports) and C(why). All else is closed.
      type: list
      elements: dict
    price:
      description:
        - What an instance of one student takes, with C(pods), C(cpu) and C(cpu_limit) in cores, C(memory),
          C(memory_limit) and C(storage) in bytes, and C(node_ports). A limit is null where there is none.
      type: dict
    price_per_further_member:
      description: What each further member of a group adds to it, likewise.
      type: dict
"""
