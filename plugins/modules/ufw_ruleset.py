#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Give a host its firewall rules, on probation until they are confirmed."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: ufw_ruleset
short_description: Give a host its firewall rules, on probation until they are confirmed
version_added: 0.1.0
description:
  - Makes ufw hold exactly the given rules. Rules that somebody added by hand are removed.
  - New rules are in force at once, and the host takes them back by itself after O(rollback_after) seconds, unless
    O(state=confirmed) comes in time. Send that over a new connection; so rules that lock the controller out take
    themselves back.
  - There is no moment without rules. All rules of a table change in one transaction, and connections that are
    established stay.
  - A module that is killed, or a host that restarts before the confirmation, comes back to the old rules too.
options:
  state:
    description:
      - V(applied) puts the rules in force, pending confirmation.
      - V(confirmed) keeps what was applied, by O(change). It fails when the host has taken it back already.
      - V(kept) is both, over two connections; a host does not wait for others between them.
      - V(checked) judges the rules, and neither reads nor changes the host.
    type: str
    choices: [applied, confirmed, kept, checked]
    default: applied
  rules:
    description:
      - The rules of this host, as the filter P(autolabs.platform.ufw_rules#filter) makes them. What no rule lets in is
        refused; what the host opens itself is let out.
    type: list
    elements: dict
    required: true
    suboptions:
      chain:
        description: V(input) for the host itself, V(published) for pods and containers behind a port of the host.
        type: str
        choices: [input, published]
        default: input
      action:
        description: What happens to packets that fit.
        type: str
        choices: [allow, deny]
        default: allow
      source:
        description: The range that they come from; empty for everywhere.
        type: str
        default: ''
      ports:
        description: Protocol and ports, such as V(tcp/22) or V(udp/30000-32767); not set for all.
        type: str
      destination:
        description: The range that they go to; empty for every address of the host.
        type: str
        default: ''
      interface:
        description: The only interface by which they come in; empty for all.
        type: str
        default: ''
      flow:
        description: The flow of the catalogue that the rule stands for; it becomes the rule's comment.
        type: str
        default: ''
  needed:
    description:
      - Ports of the host at which somebody must be let in, such as V(tcp/22). Rules that let nobody in there are
        refused.
    type: list
    elements: str
    default: []
  guarded:
    description:
      - Ports, such as V(tcp/30000-32767) for node ports, at which connections end before the cluster can forward them,
        but for those that a rule lets in.
    type: list
    elements: str
    default: []
  neighbours:
    description:
      - Ranges that reach pods of the host by their own addresses without a tunnel, as Calico has it within one subnet.
        Of others, nothing is forwarded to pods and containers but what a rule publishes.
    type: list
    elements: str
    default: []
  change:
    description: What RV(ignore:change) was when the rules were applied; O(state=confirmed) needs it.
    type: str
  rollback_after:
    description: Seconds after which rules that are not confirmed are taken back.
    type: int
    default: 60
attributes:
  action:
    description: Has an action plugin, which comes in anew for O(state=kept).
    support: full
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying anything.
    support: full
  diff_mode:
    description: Returns what changes, or would change in check mode; a rule a line, in words.
    support: full
requirements:
  - ufw 0.36.2 with iptables, as in Debian 12
  - systemd
author:
  - The AutoLabs team (@autolabs)
"""

EXAMPLES = r"""
---
- name: Apply and confirm
  autolabs.platform.ufw_ruleset:
    rules: "{{ flows_site | autolabs.platform.ufw_rules(inventory_hostname) }}"
    needed: [tcp/22]
    state: kept

- name: Apply
  autolabs.platform.ufw_ruleset:
    rules: "{{ flows_site | autolabs.platform.ufw_rules(inventory_hostname) }}"
    needed: [tcp/22]
  register: applied

- name: Come in anew
  ansible.builtin.meta: reset_connection

- name: Confirm
  autolabs.platform.ufw_ruleset:
    rules: "{{ flows_site | autolabs.platform.ufw_rules(inventory_hostname) }}"
    state: confirmed
    change: "{{ applied.change }}"
"""

RETURN = r"""
---
pending:
  description: Whether a change waits for its confirmation.
  returned: always
  type: bool
change:
  description: The word that confirms the change; empty when nothing changed.
  returned: when O(state=applied)
  type: str
added:
  description: Rules and settings that came, in words.
  returned: when O(state=applied)
  type: list
  elements: str
  sample: ["allow tcp 22 from 192.0.2.0/24 (admin-ssh)"]
removed:
  description: Rules and settings that went, in words.
  returned: when O(state=applied)
  type: list
  elements: str
  sample: ["allow tcp 8080 from anywhere (by hand, in no flow)"]
"""

from collections.abc import Sequence
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.autolabs.platform.plugins.module_utils.flows.ufw.host import (
    Firewall,
    NotInstalled,
)
from ansible_collections.autolabs.platform.plugins.module_utils.flows.ufw.plan import BadRules, host_rule, unreachable
from ansible_collections.autolabs.platform.plugins.module_utils.flows.ufw.published import Behind
from ansible_collections.autolabs.platform.plugins.module_utils.flows.ufw.system import FirewallError
from ansible_collections.autolabs.platform.plugins.module_utils.net.addresses import network
from ansible_collections.autolabs.platform.plugins.module_utils.net.ports import Ports
from ansible_collections.autolabs.platform.plugins.module_utils.net.rules import HostRule

RULE = {
    "chain": {"type": "str", "choices": ["input", "published"], "default": "input"},
    "action": {"type": "str", "choices": ["allow", "deny"], "default": "allow"},
    "source": {"type": "str", "default": ""},
    "ports": {"type": "str"},
    "destination": {"type": "str", "default": ""},
    "interface": {"type": "str", "default": ""},
    "flow": {"type": "str", "default": ""},
}
ARGUMENTS = {
    "state": {"type": "str", "choices": ["applied", "confirmed", "kept", "checked"], "default": "applied"},
    "rules": {"type": "list", "elements": "dict", "required": True, "options": RULE},
    "needed": {"type": "list", "elements": "str", "default": []},
    "guarded": {"type": "list", "elements": "str", "default": []},
    "neighbours": {"type": "list", "elements": "str", "default": []},
    "change": {"type": "str"},
    "rollback_after": {"type": "int", "default": 60},
}


def checked(arguments: dict[str, Any]) -> list[HostRule]:
    """The rules, with every mistake of theirs told at once. Raises BadRules."""
    rules, problems = [], []
    for value in arguments["rules"]:
        try:
            rules.append(host_rule(value))
        except BadRules as error:
            problems.append(str(error))
    if problems:
        raise BadRules("\n".join(problems))
    if closed := unreachable(rules, [Ports.parse(text) for text in arguments["needed"]]):
        raise BadRules(
            f"No rule lets anybody in at {', '.join(str(port) for port in closed)} of this host, so nobody could work "
            "on it any more. Is there a flow to its group with that port, and does the site name the network that it "
            "comes from? Administrators are the network admin (flows_networks.admin)."
        )
    return rules


def behind(arguments: dict[str, Any]) -> Behind:
    """What the host forwards besides what its rules publish. Raises ValueError."""
    ports = tuple(Ports.parse(text) for text in arguments["guarded"])
    return Behind(ports, tuple(str(network(text)) for text in arguments["neighbours"]))


def applied(
    firewall: Firewall, rules: list[HostRule], seconds: int, check_mode: bool, more: Behind | None = None
) -> dict[str, Any]:
    """Bring the host to the rules, or say what would change. Raises FirewallError."""
    more = more or Behind()
    change = ""
    try:
        if check_mode:
            plan = firewall.plan(rules, more)
        else:
            plan, change = firewall.apply(rules, seconds, more)
    except NotInstalled:
        if not check_mode:
            raise
        return {"changed": True, "pending": False, "msg": "The rules are known after ufw is installed."}
    return {
        # In check mode too: what waits would be taken back first.
        "changed": plan.changed or (check_mode and firewall.pending),
        "pending": plan.changed and not check_mode,
        "change": change,
        "warnings": list(plan.warnings),
        "added": plan.added,
        "removed": plan.removed,
        "diff": {"before": _text(plan.before), "after": _text(plan.after)},
    }


def confirmed(
    firewall: Firewall, rules: list[HostRule], change: str, check_mode: bool, more: Behind | None = None
) -> dict[str, Any]:
    """Keep what was applied. Raises FirewallError."""
    waits = firewall.pending if check_mode else firewall.confirm(change)
    if not waits and not check_mode and firewall.plan(rules, more or Behind()).changed:
        raise FirewallError("There is nothing to confirm: the host has taken the new rules back.")
    return {"changed": waits, "pending": check_mode and waits}


def main() -> None:
    """Arguments in, one call, its result or its error out."""
    needs = [("state", "confirmed", ["change"])]
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True, required_if=needs)
    firewall, given = Firewall(), module.params
    try:
        rules, more = checked(given), behind(given)
        if given["state"] == "checked":
            module.exit_json(changed=False, pending=False)
        if given["state"] == "kept":
            raise FirewallError("Nothing was changed: with state=kept this has to be a task, not an ad-hoc module.")
        if given["state"] == "confirmed":
            module.exit_json(**confirmed(firewall, rules, given["change"], module.check_mode, more))
        module.exit_json(**applied(firewall, rules, given["rollback_after"], module.check_mode, more))
    except (BadRules, FirewallError, ValueError, OSError) as error:
        # Whoever may not read the host is told of bad rules as well.
        module.fail_json(msg=str(error), pending=given["state"] != "checked" and firewall.pending)


def _text(lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


if __name__ == "__main__":
    main()
