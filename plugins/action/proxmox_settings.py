# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Brings pools, roles, users, tokens, storages, networks and backup jobs of Proxmox VE to what is written."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox import arguments
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.client import Session
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.errors import ProxmoxError
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.settings import apply, report, there
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.settings.difference import differences
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.settings.reading import read_objects

OPTIONS: dict[str, Any] = {
    "objects": {"type": "list", "elements": "dict", "required": True},
    "own_roles": {"type": "list", "elements": "str", "default": []},
    "versions": {"type": "list", "elements": "str", "default": []},
}


class ActionModule(ActionBase):
    """Objects of the API as they should be."""

    _supports_check_mode = True
    _supports_async = False
    _supports_diff = True

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        """Validate, compare, change, and turn what came of it into a result."""
        super().run(tmp, task_vars)
        try:
            given = self.validate_argument_spec(argument_spec=OPTIONS | arguments.CONNECTION)[1]
            return self._act(given)
        except InvalidInput as error:
            return {"failed": True, "msg": f"nothing was changed:\n{error}", "problems": [*map(str, error.problems)]}
        except apply.NotAll as error:
            return {"failed": True, "changed": bool(error.done), "msg": str(error), "done": list(error.done)}
        except ProxmoxError as error:
            return {"failed": True, "msg": str(error)}

    def _act(self, given: dict[str, Any]) -> dict[str, Any]:
        wanted = read_objects(given["objects"])
        session = arguments.session(given)
        if given["versions"]:
            _hold_version(session, given["versions"])
        found = there.read(session, wanted)
        changes = differences(wanted, found, there.secrets(wanted), given["own_roles"])
        check_mode = bool(self._task.check_mode)
        if not check_mode:
            apply.carry_out(session, changes, Display().display)
        result: dict[str, Any] = {
            "changed": bool(changes),
            "msg": report.sentence(changes, len(wanted), check_mode=check_mode),
            "known": report.known(wanted, found),
            "objects": [report.as_result(change) for change in changes],
        }
        if self._task.diff:
            result["diff"] = [report.as_diff(change) for change in changes]
        return result


def _hold_version(session: Session, accepted: list[str]) -> None:
    version = str((session.get("version") or {}).get("version", ""))
    if version.partition(".")[0] not in accepted:
        message = f"{session.endpoint.url} runs Proxmox VE {version}; this works with {' and '.join(accepted)} only"
        raise ProxmoxError(f"{message}. Nothing was changed.")
