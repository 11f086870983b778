# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Audits the flows of a site on the controller, where what was gathered from all machines comes together."""

from __future__ import annotations

import time
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.autolabs.platform.plugins.module_utils.audit import arguments
from ansible_collections.autolabs.platform.plugins.module_utils.audit.audit import audit
from ansible_collections.autolabs.platform.plugins.module_utils.audit.report.files import write
from ansible_collections.autolabs.platform.plugins.module_utils.audit.report.markdown import sentences
from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput


class ActionModule(ActionBase):
    """Tell where what is in force differs from the flow catalogue."""

    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        """Compare, and write the reports; nothing else is changed, and no machine is asked."""
        super().run(tmp, task_vars)
        validated = self.validate_argument_spec(argument_spec=arguments.FLOWS_AUDIT)[1]
        given = arguments.plain(validated)
        try:
            catalogue, site = arguments.read_site(given["flows_site"])
            title = given["title"] or site.phase or "this site"
            found = audit(catalogue, site, given["live"], time=int(time.time()), title=title)
            # An audit changes nothing in check mode either, and its reports are its result.
            reports = write(found, given["folder"]) if given["folder"] else {}
        except InvalidInput as error:
            return {"failed": True, "msg": str(error), "problems": [str(problem) for problem in error.problems]}
        result = found.as_result()
        return {
            "changed": False,
            "failed": False,
            "msg": result["msg"],
            "differs": bool(found.grave),
            "counts": result["counts"],
            "findings": result["findings"],
            "objects": result["objects"],
            "sources": result["sources"],
            "absent": result["absent"],
            "facts": result["facts"],
            "lines": sentences(found),
            "reports": reports,
        }
