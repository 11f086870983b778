#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Give a host nftables tables of its own, in a file and in the kernel."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: nft_ruleset
short_description: Give a host nftables tables of its own, in a file and in the kernel
version_added: 0.1.0
description:
  - Writes a file for C(nft -f) and puts it in force in one transaction, so there is no moment without rules.
  - The kernel's tables are compared with what the file makes, so a rule that somebody added or removed by hand is told
    and mended. Other tables of the host are left alone.
  - The kernel judges the rules first, in a network namespace that ends at once; rules that it refuses change nothing.
options:
  path:
    description: Where the file goes. Its folder is there already; whoever loads it at boot is a matter of the caller.
    type: path
    required: true
  content:
    description:
      - The rules. For one transaction they begin with C(table FAMILY NAME) and C(delete table FAMILY NAME) for each of
        O(tables).
    type: str
    required: true
  tables:
    description: The tables that are ours, such as V(ip autolabs_gateway). One that O(content) does not fill is removed.
    type: list
    elements: str
    required: true
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying anything.
    support: full
  diff_mode:
    description: Returns what changes, or would change in check mode, in the file and in the kernel.
    support: full
requirements:
  - nftables 1.0.6, as in Debian 12
  - util-linux (C(unshare))
author:
  - The AutoLabs team (@autolabs)
"""

EXAMPLES = r"""
---
- name: Hide the machines behind the gateway's address
  autolabs.platform.nft_ruleset:
    path: /etc/autolabs/gateway.nft
    content: "{{ flows_site | autolabs.platform.gateway_rules(gateway_networks, gateway_forwards) }}"
    tables: [ip autolabs_gateway, ip6 autolabs_gateway]
"""

RETURN = r"""
---
loaded:
  description: Whether the kernel had other rules than these, or would have got them in check mode.
  returned: always
  type: bool
"""

from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.autolabs.platform.plugins.module_utils.flows.gateway import kernel
from ansible_collections.autolabs.platform.plugins.module_utils.flows.ufw.system import FirewallError, Runner, command
from ansible_collections.autolabs.platform.plugins.module_utils.flows.ufw.system import write as replace_file

ARGUMENTS = {
    "path": {"type": "path", "required": True},
    "content": {"type": "str", "required": True},
    "tables": {"type": "list", "elements": "str", "required": True},
}
MODE = 0o644


def result(given: dict[str, Any], check_mode: bool, run: Runner = command) -> dict[str, Any]:
    """Bring file and kernel to the rules, or say what would change. Raises FirewallError."""
    path, content = Path(given["path"]), given["content"]
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    diff = [{"before_header": str(path), "after_header": str(path), "before": before, "after": content}]
    try:
        wanted, present = kernel.wanted(content, run), kernel.present(given["tables"], run)
    except kernel.NotInstalled:
        if not check_mode:
            raise
        return {"changed": True, "loaded": True, "diff": diff, "msg": "The rules are known after nft is installed."}
    strange = sorted(set(wanted.listed) - set(given["tables"]))
    if strange:
        raise FirewallError(f"Nothing was changed: {', '.join(strange)} is not one of tables, so nobody would mind it.")
    other = wanted.listed != present.listed
    if not check_mode:
        if before != content:
            replace_file(path, content, MODE)
        if other:
            kernel.load(str(path), run)
    header = "rules in force"
    diff.append({"before_header": header, "after_header": header, "before": str(present), "after": str(wanted)})
    return {"changed": other or before != content, "loaded": other, "diff": diff}


def main() -> None:
    """Arguments in, one call, its result or its error out."""
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True)
    try:
        module.exit_json(**result(module.params, module.check_mode))
    except (FirewallError, OSError) as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
