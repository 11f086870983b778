# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Brings VMs to what they should be, on the controller, so that progress lines reach the terminal as they come."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox import arguments, results
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.converge import converge
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.errors import ProxmoxError
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.progress import Progress
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.vm import read_vms


class ActionModule(ActionBase):
    """Make, change, switch and remove VMs."""

    _supports_check_mode = True
    _supports_async = False
    _supports_diff = True

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        """Validate, converge, and turn what came of it, or what went wrong, into a result."""
        super().run(tmp, task_vars)
        given = arguments.plain(self.validate_argument_spec(argument_spec=arguments.PROXMOX_VM)[1])
        try:
            vms = read_vms(given["vms"])
            options = arguments.options(given, check_mode=self._task.check_mode)
            outcomes = converge(arguments.session(given), vms, options, _show)
        except (InvalidInput, ProxmoxError) as error:
            return results.told(error)
        return results.result(outcomes, check_mode=options.check_mode, diff=self._task.diff)


def _show(progress: Progress) -> None:
    Display().display(str(progress))
