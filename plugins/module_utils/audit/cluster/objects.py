"""Objects that are not as they would be rendered, by name: what a next run changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.audit.result import Differing
from ansible_collections.autolabs.platform.plugins.module_utils.flows.policies.namespaces import LABELS

MISSING, CHANGED, LEFT_OVER = "missing", "changed", "left over"
PART = "autolabs.io/part"
Object = Mapping[str, Any]


def differing_policies(
    rendered: Iterable[Object], live: Iterable[Object], gone: Iterable[str] = ()
) -> Iterator[Differing]:
    """NetworkPolicies that are missing, changed, or no longer in the catalogue.

    gone: namespaces that the cluster has not, so that nothing can be in them.
    """
    wanted, there = (
        {_name(one): one for one in objects if one["metadata"].get("namespace") not in set(gone)}
        for objects in (rendered, live)
    )
    for name, one in wanted.items():
        if name not in there:
            yield Differing(f"NetworkPolicy {name}", MISSING)
        elif _meaning(one) != _meaning(there[name]):
            yield Differing(f"NetworkPolicy {name}", CHANGED)
    for name, one in there.items():
        if name not in wanted and (one["metadata"].get("labels") or {}).get(PART) == LABELS[PART]:
            yield Differing(f"NetworkPolicy {name}", LEFT_OVER)


def differing_proxmox(rendered: Object, live: Object) -> Iterator[Differing]:
    """Security groups, ipsets and rules of the Proxmox firewall that are missing, changed or left over."""
    for what, key in (("security group", "group"), ("ipset", "name")):
        part = {"group": "groups", "name": "ipsets"}[key]
        wanted = {one[key]: one for one in rendered.get(part, ())}
        there = {one[key]: one for one in live.get(part, ())}
        for name in wanted.keys() | there.keys():
            if name not in there:
                yield Differing(f"Proxmox {what} {name}", MISSING)
            elif name not in wanted:
                if str(there[name].get("comment", "")).startswith("autolabs"):
                    yield Differing(f"Proxmox {what} {name}", LEFT_OVER)
            elif _rules(wanted[name]) != _rules(there[name]):
                yield Differing(f"Proxmox {what} {name}", CHANGED)


def _name(one: Object) -> str:
    metadata = one["metadata"]
    return f"{metadata.get('namespace') or 'default'}/{metadata['name']}"


def _meaning(one: Object) -> Any:
    return _without_empty(one.get("spec") or {})


def _without_empty(value: Any) -> Any:
    """The API server leaves out lists that are empty."""
    if isinstance(value, Mapping):
        return {key: _without_empty(entry) for key, entry in value.items() if entry not in ([], None)}
    return [_without_empty(entry) for entry in value] if isinstance(value, list | tuple) else value


def _rules(one: Object) -> Any:
    """What counts: rules in their order, members in any; the API adds positions and digests."""
    counts = ("type", "action", "source", "dest", "proto", "dport", "icmp-type", "iface", "macro")
    rules = [{key: str(rule[key]) for key in counts if rule.get(key)} for rule in one.get("rules", ())]
    cidrs = one.get("cidrs", ())
    return rules, sorted(str(entry.get("cidr", entry) if isinstance(entry, Mapping) else entry) for entry in cidrs)
