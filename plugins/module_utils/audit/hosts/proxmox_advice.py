"""What to set in the firewall of Proxmox VE, in the words of its API (8.4): its rules are set by hand."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.audit.finding import EXTRA, MISSING, UNDECIDED
from ansible_collections.autolabs.platform.plugins.module_utils.reach.hosts.proxmox import text_of

CLUSTER = "/cluster/firewall"
PLACE = re.compile(r"(?:group (?P<group>\S+) )?rule (?P<cluster>of the cluster )?(?P<number>\d+)(?:: |$)")
"""Where reach says that a live rule is."""
FLOW_SEPARATOR = ", "
Shapes = Mapping[str, Any]


def advice(host: str, kind: str, flow: str, rule: str, wanted: Shapes, live: Shapes) -> str:
    """A sentence: which rule or option to set, and by which path of the API.

    flow: the one that is closed, where any is. rule: the live rule that decides, where one does.
    wanted, live: all of the firewall in the API's shapes.
    """
    base = _base(host, wanted)
    if kind == UNDECIDED:
        return f"look at the rule below {base} in Proxmox, and write it so that it names addresses and ports"
    steps = []
    # One that should be there decides, too, where the one before it is gone.
    path = _path(rule, base)
    ours = _places(host, wanted, base).get(path.rpartition("/")[0], ())
    if path and rule.partition(": ")[2] not in map(text_of, ours):
        steps.append(f"DELETE {path}")
    if kind == MISSING:
        steps += dict.fromkeys(_rules(host, flow, wanted, live, base))
    if kind == EXTRA and not steps:
        steps += _options(host, wanted, live, base)
    if not steps:
        return f"take back by hand in Proxmox what was changed below {base}"
    extra = "; or add the flow to a file of flows_files" if kind == EXTRA else ""
    return f"set by hand in Proxmox: {'; '.join(steps)}{extra}"


def _base(host: str, wanted: Shapes) -> str:
    """Where the firewall of a VM is, or that of a node."""
    if machine := wanted["vms"].get(host):
        return f"/nodes/{machine['node']}/qemu/{machine['vmid']}/firewall"
    return f"/nodes/{host}/firewall"


def _path(rule: str, base: str) -> str:
    """The path of a live rule; empty for what is none, such as the options of PVE itself."""
    found = PLACE.match(rule)
    if not found:
        return ""
    if found["group"]:
        return f"{CLUSTER}/groups/{found['group']}/{found['number']}"
    return f"{CLUSTER if found['cluster'] else base}/rules/{found['number']}"


def _places(host: str, shapes: Shapes, base: str) -> dict[str, Sequence[Shapes]]:
    """The rules that hold for a machine, by their path."""
    part = _part(shapes, host)
    groups = shapes.get("groups") or ()
    return {
        f"{base}/rules": part.get("rules") or (),
        f"{CLUSTER}/rules": shapes.get("rules") or (),
        **{f"{CLUSTER}/groups/{one['group']}": one["rules"] for one in groups},
    }


def _part(shapes: Shapes, host: str) -> Shapes:
    found = ((shapes.get(kind) or {}).get(host) for kind in ("vms", "nodes"))
    return next((one for one in found if one), {})


def _rules(host: str, flow: str, wanted: Shapes, live: Shapes, base: str) -> Iterator[str]:
    """The rules of a flow that should be there, and are not."""
    used = {one["action"] for one in _part(wanted, host).get("rules", ()) if one["type"] == "group"}
    there = _places(host, live, base)
    for path, rules in _places(host, wanted, base).items():
        if path.startswith(f"{CLUSTER}/groups/") and path.rpartition("/")[2] not in used:
            continue
        texts = {text_of(rule) for rule in there.get(path, ())}
        for rule in rules:
            named = set(str(rule.get("comment", "")).split(FLOW_SEPARATOR))
            if named & set(flow.split(FLOW_SEPARATOR)) and text_of(rule) not in texts:
                yield f"POST {path} {_words(rule)}"


def _options(host: str, wanted: Shapes, live: Shapes, base: str) -> Iterator[str]:
    """The options that open a machine, and are not as they should be."""
    own, there = (_part(shapes, host) for shapes in (wanted, live))
    places = ((CLUSTER, wanted["options"], live.get("options") or {}),)
    for path, meant, found in (*places, (base, own.get("options") or {}, there.get("options") or {})):
        differing = {key: value for key, value in meant.items() if str(found.get(key, "")) != str(value)}
        if differing:
            yield f"PUT {path}/options {_words(differing)}"
    for name, nic in (there.get("nics") or {}).items():
        if not isinstance(nic, Mapping) and "firewall=1" not in str(nic).split(","):
            yield f"PUT {base.removesuffix('/firewall')}/config {name}={nic},firewall=1"


def _words(fields: Shapes) -> str:
    return " ".join(f"{key}={_quoted(str(value))}" for key, value in fields.items())


def _quoted(text: str) -> str:
    return f'"{text}"' if " " in text else text
