# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Tells how the instances of a class are."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput
from ansible_collections.autolabs.platform.plugins.module_utils.kube.errors import ApiError, KubeError
from ansible_collections.autolabs.platform.plugins.module_utils.labs import arguments, engine
from ansible_collections.autolabs.platform.plugins.module_utils.labs.status import in_words


class ActionModule(ActionBase):
    """Read the state of a class."""

    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        """Read, and return one entry an instance."""
        super().run(tmp, task_vars)
        validated = self.validate_argument_spec(
            argument_spec=arguments.LAB_CLASS_INFO,
            required_one_of=[("lab", "lab_id")],
            mutually_exclusive=[("lab", "lab_id")],
        )[1]
        try:
            given = arguments.plain(validated)
            lab_id, class_id, settings = arguments.lab_id(given), arguments.class_id(given), arguments.settings(given)
            outcome = engine.info(arguments.session(given), lab_id, class_id, settings)
        except ApiError as error:
            return {"failed": True, "msg": in_words(error)}
        except (InvalidInput, KubeError, OSError) as error:
            return {"failed": True, "msg": str(error)}
        return {
            "changed": False,
            "msg": outcome.sentence(),
            "instances": [one.as_result() for one in outcome.outcomes],
        }
