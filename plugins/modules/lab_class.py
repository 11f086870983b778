#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin of this name, which does the work."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: lab_class
short_description: Start, stop or remove a class of a lab
version_added: 0.1.0
description:
  - One action for a whole class. Every student (or group) of the roster gets an instance of the lab.
  - All objects are applied over a pooled connection and followed by one watch; one student's failure never stops
    the others, and running it again makes only what is missing.
  - Credentials are generated once an instance and kept in its Secret. They are never part of the result.
options:
  state:
    description:
      - V(started) makes the cluster hold exactly this class, running. Instances of students who left the roster are
        removed; their volumes stay.
      - V(stopped) removes the Pods alone. Service (so the node port), credentials and volume stay.
      - V(absent) removes all but the volumes.
    type: str
    choices: [started, stopped, absent]
    default: started
  roster:
    description:
      - Path on the controller of the roster, a CSV or JSON file.
      - With O(state=stopped) and O(state=absent), limits the work to these students and groups.
    type: path
  students:
    description:
      - The roster as a list, in place of O(roster). Ids, or dictionaries with V(id), V(name) and V(group).
    type: list
    elements: raw
  course_id:
    description: Course that the class belongs to; a label of its objects.
    type: str
    default: ''
  recreate:
    description:
      - Replace running instances that differ from the lab config. Their volumes stay.
      - Otherwise they are reported in RV(instances[].outdated) and left alone.
    type: bool
    default: false
  timeout:
    description: Seconds after which an instance that is not ready counts as failed.
    type: int
    default: 300
  wait:
    description:
      - Wait until every instance is ready or has failed.
      - With V(false) it is enough that all objects are there; the instances are V(starting) then.
    type: bool
    default: true
  admit:
    description:
      - What happens when there is not room for the whole class, in quota, nodes, node ports or storage.
      - V(whole) starts nothing and says in numbers what is missing.
      - V(partial) starts the instances that have room, in the order of the roster; the others are V(refused), which
        is no failure.
    type: str
    choices: [whole, partial]
    default: whole
  failure_threshold:
    description:
      - When so many instances have failed and none is ready, the lab is taken to be broken. Nothing more is started
        then, and what was starting is V(stopped).
      - So many instances begin before the others, which follow when one is ready or nothing speaks against it.
      - V(0) starts everything at once and never stops.
    type: int
    default: 3
  options_file:
    description:
      - Path on the controller of a JSON object with O(admit), O(class_id), O(course_id), O(failure_threshold),
        O(recreate), O(students) and O(timeout), where these come from people and so must not be variables, which
        Ansible takes for templates.
      - An option must not be both here and in the task.
    type: path
  credentials_file:
    description:
      - Path on the controller for a JSON file with the passwords of all instances, written with mode 0600.
      - Whoever names the file hands out what it holds and deletes it.
    type: path
  image_pull_secret:
    description: Secret in the lab namespaces with which images are pulled.
    type: str
    default: ''
  storage_class:
    description: StorageClass of the volumes; by default the cluster's own default.
    type: str
    default: ''
  pod_networks:
    description: Ranges of the pod network. No student comes from there.
    type: list
    elements: str
    default: [10.244.0.0/16]
  cluster_networks:
    description: Ranges of pods, services and nodes. They are never the internet.
    type: list
    elements: str
    default: [10.244.0.0/16, 10.96.0.0/12]
  cluster_domain:
    description: What the names of Services end in.
    type: str
    default: cluster.local
  node_ports:
    description: How many node ports the API server hands out.
    type: int
    default: 2768
extends_documentation_fragment:
  - autolabs.platform.lab
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
seealso:
  - module: autolabs.platform.lab_class_info
"""

EXAMPLES = r"""
---
- name: Start a class
  autolabs.platform.lab_class:
    lab: linux-basics.yml
    roster: group-101.csv
    credentials_file: /run/autolabs/group-101.json

- name: Stop the class; volumes, credentials and node ports stay
  autolabs.platform.lab_class:
    lab_id: linux-basics
    state: stopped

- name: Remove one student's instance
  autolabs.platform.lab_class:
    lab_id: linux-basics
    students: [anna]
    state: absent
"""

RETURN = r"""
---
msg:
  description: What came of it, in one sentence.
  returned: always
  type: str
  sample: 11 of 12 instances ready, 1 failed
admission:
  description: What there is room for.
  returned: when a class was to be started, also in check mode
  type: dict
  contains:
    fits:
      description: How many instances have room; those that run already are among them.
      type: int
      sample: 24
    of:
      description: How many the class has.
      type: int
      sample: 30
    shortages:
      description: What keeps the others out, a sentence each.
      type: list
      elements: str
      sample: [memory short by 1.5 Gi on the lab nodes]
problems:
  description: Every mistake in lab config and roster, with file, line and field.
  returned: when they cannot be used; nothing was changed then
  type: list
  elements: str
instances:
  description: The instances, in the order of the roster.
  returned: when lab config and roster are valid
  type: list
  elements: dict
  contains:
    instance:
      description: Name of the instance and of its objects.
      type: str
      sample: lab-123-student-456
    owner:
      description: Id of the student or group.
      type: str
    members:
      description: The students who use the instance, each with C(id) and C(name).
      type: list
      elements: dict
    state:
      description: V(ready), V(starting), V(failed), V(stopped), V(absent) or V(refused).
      type: str
    reason:
      description: Why, in words for a teacher.
      type: str
    detail:
      description:
        - What the cluster said, for an admin; of a program that crashed with the last lines of its log.
        - Credentials of the instance and secrets of the lab are dots in it.
      type: str
    connections:
      description:
        - Ways in, each with C(kind), C(host), C(port), C(user) and C(address); for SSH with C(host_key) and
          C(host_key_fingerprint).
        - In a lab for groups that is reached by SSH, each member has a port, and C(member) is the student's id.
      type: list
      elements: dict
    changed:
      description: Whether this run changed the instance.
      type: bool
    outdated:
      description: Fields that differ from the lab config.
      type: list
      elements: str
"""
