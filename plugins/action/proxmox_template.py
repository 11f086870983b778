# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Makes a template of a cloud image, on the controller, so that progress lines reach the terminal as they come."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox import arguments, template
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.errors import ProxmoxError
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.progress import Progress
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.results import told


class ActionModule(ActionBase):
    """Make or remove a template."""

    _supports_check_mode = True
    _supports_async = False
    _supports_diff = True

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        """Validate, bring the template about, and turn what came of it, or what went wrong, into a result."""
        super().run(tmp, task_vars)
        given = arguments.plain(self.validate_argument_spec(argument_spec=arguments.PROXMOX_TEMPLATE)[1])
        bring = template.present if given["state"] == "present" else template.absent
        try:
            wanted = arguments.template(given)
            options = arguments.options(given, check_mode=self._task.check_mode)
            outcome = bring(arguments.session(given), wanted, options, _show)
        except (InvalidInput, ProxmoxError) as error:
            return told(error)
        result: dict[str, Any] = {
            "changed": outcome.changed,
            "msg": outcome.message,
            "vmid": outcome.vmid,
            "node": outcome.node,
        }
        if outcome.warnings:
            result["warnings"] = list(outcome.warnings)
        if self._task.diff and outcome.changed:
            result["diff"] = [
                {
                    "before": "".join(f"{line}\n" for line in outcome.before),
                    "after": "".join(f"{line}\n" for line in outcome.after),
                    "before_header": f"{outcome.node}: {wanted.name} (as it is)",
                    "after_header": f"{outcome.node}: {wanted.name} (as it should be)",
                }
            ]
        return result


def _show(progress: Progress) -> None:
    Display().display(str(progress))
