# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Checks a folder of labs on the controller, where the folder is."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput
from ansible_collections.autolabs.platform.plugins.module_utils.labs import arguments
from ansible_collections.autolabs.platform.plugins.module_utils.labs.preview.check import check_folder
from ansible_collections.autolabs.platform.plugins.module_utils.labs.preview.check_tables import sentence, tables


class ActionModule(ActionBase):
    """Tell what is wrong with labs, and what they will be."""

    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        """Read every lab of the folder; nothing else is read, and nothing is changed."""
        super().run(tmp, task_vars)
        validated = self.validate_argument_spec(argument_spec=arguments.LAB_CHECK)[1]
        try:
            given = arguments.plain(validated)
            size = arguments.class_size(given)
            checked = check_folder(given["folder"], limits=given["limits"])
        except InvalidInput as error:
            return {"failed": True, "msg": str(error), "problems": [str(problem) for problem in error.problems]}
        problems = [str(problem) for one in checked for problem in one.problems]
        return {
            "changed": False,
            "failed": bool(problems),
            "msg": sentence(checked),
            "problems": problems,
            "labs": [one.as_result() for one in checked],
            "tables": tables(checked, size),
        }
