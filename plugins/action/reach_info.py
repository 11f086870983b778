# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Asks the prover on the controller, where folders of manifests are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput
from ansible_collections.autolabs.platform.plugins.module_utils.reach import request
from ansible_collections.autolabs.platform.plugins.module_utils.reach.folder import read_folder
from ansible_collections.autolabs.platform.plugins.module_utils.reach.path.ends import Filters
from ansible_collections.autolabs.platform.plugins.module_utils.reach.path.path import Network

RULES: dict[str, Any] = {
    "manifests": {"type": "list", "elements": "dict", "default": []},
    "folder": {"type": "path"},
    "ufw": {"type": "dict", "default": {}},
    "proxmox": {"type": "dict", "default": {}},
}
OPTIONS: dict[str, Any] = {
    **RULES,
    "addresses": {"type": "dict", "default": {}},
    "question": {"type": "dict"},
    "matrix": {"type": "bool", "default": False},
    "matrix_addresses": {"type": "list", "elements": "str", "default": []},
    "compare": {"type": "dict", "options": RULES},
    "calico": {"type": "bool", "default": True},
    "masquerade": {"type": "bool", "default": True},
}
WANTED = ("question", "matrix", "compare")


class ActionModule(ActionBase):
    """Tell who may reach whom, and why."""

    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        """Read what was given and answer; nothing else is asked, and nothing is changed."""
        super().run(tmp, task_vars)
        given = self.validate_argument_spec(argument_spec=OPTIONS)[1]
        try:
            if not any(given[name] for name in WANTED):
                return {"failed": True, "msg": f"nothing is asked; give one or more of {', '.join(WANTED)}"}
            return {"changed": False, **answers(given)}
        except InvalidInput as error:
            problems = [str(problem) for problem in error.problems]
            return {"failed": True, "msg": f"the prover cannot read this:\n{error}", "problems": problems}


def answers(given: Mapping[str, Any]) -> dict[str, Any]:
    """The result for arguments as the module takes them. Raises InvalidInput."""
    known, skipped = _filters(given, given["addresses"])
    result: dict[str, Any] = {"skipped": skipped}
    said = []
    if given["question"]:
        network = Network(calico=given["calico"], masquerade=given["masquerade"])
        result |= request.ask(known, request.question(given["question"]), network)
        said.append(result["explanation"][0])
    if given["matrix"]:
        result["matrix"] = request.matrix(known, given["matrix_addresses"], calico=given["calico"])
        said.append(f"{len(result['matrix']['rows'])} rows of what is not denied")
    if given["compare"]:
        other, more = _filters(given["compare"], given["addresses"])
        result["skipped"] = [*skipped, *more]
        found = request.compare(known, other, given["matrix_addresses"], calico=given["calico"])
        result["differences"] = found
        said.append(f"{len(found['changes'])} differences")
    return {"msg": "; ".join(said), **result}


def _filters(given: Mapping[str, Any], addresses: Mapping[str, Any]) -> tuple[Filters, list[str]]:
    objects, skipped = read_folder(Path(given["folder"])) if given.get("folder") else ([], [])
    manifests = [*(given.get("manifests") or ()), *objects]
    listed = {host: [one] if isinstance(one, str) else one for host, one in addresses.items()}
    return request.filters(manifests, given.get("ufw") or None, given.get("proxmox") or None, listed), skipped
