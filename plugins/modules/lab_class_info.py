#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin of this name, which does the work."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: lab_class_info
short_description: Tell how the instances of a class are
version_added: 0.1.0
description:
  - Reads the state and the connections of every instance of a class. Nothing is changed.
extends_documentation_fragment:
  - autolabs.platform.lab
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
seealso:
  - module: autolabs.platform.lab_class
"""

EXAMPLES = r"""
---
- name: How is the class?
  autolabs.platform.lab_class_info:
    lab_id: linux-basics
  register: lab_outcome
"""

RETURN = r"""
---
msg:
  description: The states, counted.
  returned: always
  type: str
  sample: 12 of 12 instances ready
instances:
  description: As RV(autolabs.platform.lab_class#module:instances).
  returned: success
  type: list
  elements: dict
"""
