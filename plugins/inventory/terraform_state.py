# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The inventory source `terraform_state`."""

from __future__ import annotations

DOCUMENTATION = r"""
name: terraform_state
author: The AutoLabs team (@autolabs)
version_added: 0.1.0
short_description: Proxmox VMs of a Terraform or OpenTofu state
description:
  - Reads the VMs of a state file (version 4) that were made by the provider C(bpg/proxmox)
    (C(proxmox_virtual_environment_vm)) or C(Telmate/proxmox) (C(proxmox_vm_qemu)).
  - Each VM is a host under its name, with C(ansible_host), C(proxmox_vmid), C(proxmox_node), C(proxmox_tags) and
    C(terraform_resource), and is in a group for each of its tags. The VMs of a site have its groups as tags, so they
    come out in the same groups.
  - The address is the static one that cloud-init gives, else what the guest's agent told, without loopback and
    link-local addresses. Templates are left out.
  - A state holds secrets. Nothing else of it is read, and nothing is asked of Proxmox.
extends_documentation_fragment:
  - constructed
options:
  plugin:
    description: Says that this file is for this source.
    type: str
    required: true
    choices: [autolabs.platform.terraform_state]
  path:
    description:
      - The state file, by default C(terraform.tfstate).
      - A relative path starts at the folder of this file. A state that is kept elsewhere is written to a file with
        C(tofu state pull).
    type: path
    default: terraform.tfstate
notes:
  - The name of the configuration ends in C(terraform_state.yml) or C(terraform_state.yaml).
  - A file that ends in C(.tfstate) is taken as the state itself, where this plugin is among those that Ansible tries
    (C(ANSIBLE_INVENTORY_ENABLED=autolabs.platform.terraform_state,auto,yaml)).
seealso:
  - plugin: autolabs.platform.terraform_export
    plugin_type: filter
"""

EXAMPLES = r"""
# site.terraform_state.yml: ansible-inventory -i site.terraform_state.yml --graph
plugin: autolabs.platform.terraform_state
path: ../terraform/terraform.tfstate
---
# With groups of your own
plugin: autolabs.platform.terraform_state
compose:
  ansible_user: "'autolabs'"
keyed_groups:
  - key: proxmox_node
    prefix: node
groups:
  with_database: "'database' in proxmox_tags"
"""

from pathlib import Path
from typing import Any

from ansible.errors import AnsibleParserError
from ansible.plugins.inventory import BaseInventoryPlugin, Constructable
from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.terraform.state import Host, hosts

CONFIGURATIONS = ("terraform_state.yml", "terraform_state.yaml")
STATES = (".tfstate",)


class InventoryModule(BaseInventoryPlugin, Constructable):
    """Hosts of a state."""

    NAME = "autolabs.platform.terraform_state"

    def verify_file(self, path: str) -> bool:
        """Whether a file is for this source, by its name."""
        return bool(super().verify_file(path)) and path.endswith((*CONFIGURATIONS, *STATES))

    def parse(self, inventory: Any, loader: Any, path: str, cache: bool = True) -> None:
        """Add the hosts. Raises AnsibleParserError with every mistake."""
        super().parse(inventory, loader, path, cache)
        state = Path(path)
        if path.endswith(STATES):
            self.set_options(direct={"plugin": self.NAME})
        else:
            self._read_config_data(path)
            state = state.resolve().parent / self.get_option("path")
        for host in self._read(state):
            self._add(host)

    def _read(self, state: Path) -> tuple[Host, ...]:
        try:
            return hosts(state.read_text(encoding="utf-8"), str(state))
        except OSError as error:
            raise AnsibleParserError(f"The state {state} cannot be read: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise AnsibleParserError(f"{state} is no state, which is text") from error
        except InvalidInput as error:
            raise AnsibleParserError(str(error)) from error

    def _add(self, host: Host) -> None:
        self.inventory.add_host(host.name)
        variables: dict[str, Any] = {
            "proxmox_vmid": host.vmid,
            "proxmox_node": host.node,
            "proxmox_tags": list(host.tags),
            "terraform_resource": host.resource,
        }
        if host.address:
            variables["ansible_host"] = host.address
        for name, value in variables.items():
            self.inventory.set_variable(host.name, name, value)
        for tag in host.tags:
            self.inventory.add_child(self.inventory.add_group(self._sanitize_group_name(tag)), host.name)
        strict = self.get_option("strict")
        known = self.inventory.get_host(host.name).get_vars()
        self._set_composite_vars(self.get_option("compose"), known, host.name, strict=strict)
        self._add_host_to_composed_groups(self.get_option("groups"), known, host.name, strict=strict)
        self._add_host_to_keyed_groups(self.get_option("keyed_groups"), known, host.name, strict=strict)
