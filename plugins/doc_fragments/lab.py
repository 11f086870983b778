# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Options that the lab modules share."""

from __future__ import annotations


class ModuleDocFragment:
    """Documentation of the class and of the cluster it runs on."""

    DOCUMENTATION = r"""
options:
  lab:
    description:
      - Path on the controller of the lab config, a Compose file with an C(x-lab) block.
      - A relative path begins at the working directory.
    type: path
  lab_id:
    description:
      - Id of the lab, where its config is not at hand.
      - Exactly one of O(lab) and O(lab_id) is needed.
    type: str
  class_id:
    description:
      - Which start of the lab is meant; the first class of a lab is V(1).
    type: str
    default: '1'
  kubeconfig:
    description:
      - Path on the controller of the kubeconfig; by default as kubectl finds it.
    type: path
  context:
    description: Context of the kubeconfig.
    type: str
  access_host:
    description:
      - Name or address that students connect to.
      - By default the address of the node where an instance runs.
    type: str
    default: ''
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying anything.
  diff_mode:
    description: Returns what changes, or would change in check mode, for each instance. Never a credential.
  action:
    description: Runs on the controller; progress lines reach the terminal while it runs.
    support: full
requirements:
  - Python package kubernetes on the controller
author:
  - The AutoLabs team (@autolabs)
"""
