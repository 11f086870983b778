# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Applies the rules of a host and confirms them over a new connection, never waiting for others between."""

from __future__ import annotations

import time
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase

MODULE = "autolabs.platform.ufw_ruleset"
MARGIN_SECONDS = 10
"""How long before the host takes the rules back no confirmation is sent any more: it could come too late."""
PAUSE_SECONDS = 1


class ActionModule(ActionBase):
    """One task that is over within the time of one host, however many hosts there are."""

    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        """Run the module; with C(state=kept), apply and confirm."""
        super().run(tmp, task_vars)
        given = dict(self._task.args)
        if given.get("state") != "kept":
            return dict(self._execute_module(module_name=MODULE, module_args=given, task_vars=task_vars))
        try:
            result = self._module(given, task_vars, state="applied")
        except AnsibleError as error:
            # The module may have been killed after it loaded the rules; nobody knows the word that confirms them.
            return {"failed": True, "changed": True, "pending": True, "msg": f"The rules were not confirmed: {error}"}
        if result.get("failed") or not result.get("pending"):
            return result
        confirmed = self._confirmed({**given, "change": result["change"]}, task_vars)
        if confirmed.get("failed"):
            return {**result, "failed": True, "msg": confirmed["msg"]}
        return {**result, "pending": False}

    def _confirmed(self, given: dict[str, Any], task_vars: Any) -> dict[str, Any]:
        """What the host said to the confirmation, or why there was none."""
        deadline = time.monotonic() + int(given.get("rollback_after") or 60) - MARGIN_SECONDS
        told = ""
        while time.monotonic() < deadline:
            try:
                # Not the connection that was there before the rules: established ones stay, whatever the rules are.
                self._connection.reset()
                return self._module(given, task_vars, state="confirmed")
            except AnsibleError as error:
                told = str(error)
                time.sleep(PAUSE_SECONDS)
        return {"failed": True, "msg": f"The new firewall rules let no new connection of Ansible's in: {told}"}

    def _module(self, given: dict[str, Any], task_vars: Any, **changed: Any) -> dict[str, Any]:
        return dict(self._execute_module(module_name=MODULE, module_args={**given, **changed}, task_vars=task_vars))
