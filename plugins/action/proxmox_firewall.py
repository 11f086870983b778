# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Brings the firewall of Proxmox VE to what the flow catalogue says, and never locks its own controller out."""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Iterator, Mapping
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput, Problem
from ansible_collections.autolabs.platform.plugins.module_utils.net.ports import Ports
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox import arguments
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.client import Session
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.errors import ProxmoxError, Unreachable
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.firewall import apply, there, wanted
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.firewall.diff import diff
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.firewall.plan import Plan, plan
from ansible_collections.autolabs.platform.plugins.module_utils.reach.hosts import proxmox as firewalls
from ansible_collections.autolabs.platform.plugins.module_utils.reach.hosts.firewall import verdict
from ansible_collections.autolabs.platform.plugins.module_utils.reach.verdict import ALLOWED

OPTIONS: dict[str, Any] = {
    "firewall": {"type": "dict", "required": True},
    "controller_addresses": {"type": "list", "elements": "str", "default": []},
    "probe_seconds": {"type": "int", "default": 15},
}
API = Ports(8006)
PAUSE_SECONDS = 1.0
PROBE_TIMEOUT_SECONDS = 5
UNDO = "on the node's own console: pvesh set /cluster/firewall/options --enable 0"


class ActionModule(ActionBase):
    """The firewall of a whole Proxmox cluster."""

    _supports_check_mode = True
    _supports_async = False
    _supports_diff = True

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        """Validate, compare, change, look whether we still get in, and turn what came of it into a result."""
        super().run(tmp, task_vars)
        try:
            given = self.validate_argument_spec(argument_spec=OPTIONS | arguments.CONNECTION)[1]
            return self._act(given)
        except InvalidInput as error:
            return {"failed": True, "msg": f"nothing was changed:\n{error}", "problems": [*map(str, error.problems)]}
        except ProxmoxError as error:
            return {"failed": True, "msg": str(error)}

    def _act(self, given: dict[str, Any]) -> dict[str, Any]:
        asked = wanted.read(given["firewall"])
        session = arguments.session(given)
        found = there.read(session, asked)
        todo = plan(asked, found)
        check_mode = bool(self._task.check_mode)
        problems: list[Problem] = []
        if asked.on and todo.common:
            problems += _shut_out(given, session)
        if not check_mode:
            # In check mode the cards may be among what a task before this one has only told.
            problems += _unguarded(found)
        if problems:
            raise InvalidInput(problems)
        result: dict[str, Any] = {
            "changed": not todo.empty,
            "msg": _sentence(todo, check_mode=check_mode),
            "left": list(todo.left),
            "unguarded": {name: list(cards) for name, cards in found.unguarded.items()},
        }
        if self._task.diff:
            result["diff"] = diff(asked, found)
        if check_mode or todo.empty:
            return result
        try:
            apply.carry_out(session, (*todo.calls, *todo.last), found)
        except ProxmoxError as error:
            message = f"{error}. What was opened until then stays open and nothing more was closed; run again"
            return result | {"failed": True, "msg": message}
        if asked.on and todo.common and (lost := _lost(given)):
            return result | {"failed": True, "msg": lost}
        return result


def _sentence(todo: Plan, *, check_mode: bool) -> str:
    if todo.empty:
        return "the firewall is as it should be"
    word = "would be" if check_mode else "is"
    message = f"the firewall {word} brought to the catalogue in {len(todo.calls) + len(todo.last)} steps"
    if todo.enables:
        message += f", and {word} in force now"
    return message


def _shut_out(given: Mapping[str, Any], session: Session) -> Iterator[Problem]:
    """Nodes that would not let this controller in any more, by the rules as they are to be."""
    sources = [str(address) for address in given["controller_addresses"]] or [_own_address(session)]
    for node, firewall in firewalls.read(given["firewall"]).items():
        for source in sources:
            if ipaddress.ip_address(source).is_loopback:
                continue
            step = verdict(firewall, source, API)
            if step.answer != ALLOWED and node in given["firewall"]["nodes"]:
                why = step.rule or step.why
                message = f"this controller comes from {source}, which its rules do not let in at port 8006 ({why})"
                yield Problem("", 0, f"node {node}", message, f"flows_networks: {{admin: [{source}/32]}}")


def _own_address(session: Session) -> str:
    """The address from which this controller talks to the API. Raises Unreachable."""
    at = session.endpoint
    try:
        with socket.create_connection((at.host, at.port), timeout=at.timeout) as connection:
            return str(connection.getsockname()[0]).partition("%")[0]
    except OSError as error:
        raise Unreachable(f"{at.url} does not answer: {error}") from error


def _unguarded(found: there.There) -> Iterator[Problem]:
    for name, cards in found.unguarded.items():
        message = f"{' and '.join(cards)} of this VM has no firewall flag, so that none of its rules would count"
        yield Problem("", 0, name, message, "networks: [{bridge: vmbr0, firewall: true}]")


def _lost(given: Mapping[str, Any]) -> str:
    """What to do where no new connection comes in any more; empty where one does all the time.

    PVE compiles its rules every ten seconds (pve-firewall(8)), so that one look right away would say nothing.
    """
    deadline = time.monotonic() + given["probe_seconds"]
    Display().display(f"The new firewall rules are written; seeing for {given['probe_seconds']} s whether we get in")
    while True:
        session = arguments.session({**given, "api_timeout": PROBE_TIMEOUT_SECONDS})
        session.patience = 0
        try:
            session.get("version")
        except ProxmoxError as error:
            return (
                f"the new firewall rules are written, and no new connection to the API comes in any more: {error}. "
                f"To take the firewall out of force, {UNDO}. Then see whether the network of administrators "
                "(flows_networks.admin) holds the address of this controller as the node sees it"
            )
        if time.monotonic() + PAUSE_SECONDS > deadline:
            return ""
        time.sleep(PAUSE_SECONDS)
