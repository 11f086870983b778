"""The flows of the catalogue as the rules of one host's firewall.

Only what comes in has rules: what a host opens itself is let out by ufw, and replies are let in. A flow for pods or
containers behind a port of the host is a rule of the published chain, which the host's own rules never meet.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.flows.flow import Addresses, Flow, Hosts, Pods
from ansible_collections.autolabs.platform.plugins.module_utils.flows.site import PODS, Site
from ansible_collections.autolabs.platform.plugins.module_utils.net import addresses
from ansible_collections.autolabs.platform.plugins.module_utils.net.ports import Ports, joined
from ansible_collections.autolabs.platform.plugins.module_utils.net.rules import INPUT, PUBLISHED, HostRule


def ufw_rules(flows: Iterable[Flow], host: str, site: Site) -> tuple[HostRule, ...]:
    """What comes in to `host` by `flows`, in their order; everything else is refused.

    `host` is the machine's name in the inventory. Flows per lab count as what a lab may ask for at most. Of a flow,
    neighbouring ranges and ports are one rule, and every address of both families is one rule without a source.
    """
    wanted: dict[tuple[str, str, tuple[Ports, ...]], list[str]] = {}
    for flow in flows:
        for chain, ports in _ways_in(flow, host):
            wanted.setdefault((flow.name, chain, ports), []).extend(_sources(flow, host, site))
    return tuple(
        HostRule(source=source, ports=port, chain=chain, flow=name)
        for (name, chain, ports), ranges in wanted.items()
        for source in _collapsed(ranges)
        for port in (*joined(ports),) or (None,)
    )


def rule_dict(rule: HostRule) -> dict[str, Any]:
    """A rule as the module `ufw_ruleset` takes it: ports are text such as `tcp/22`, and None for all."""
    return {
        "chain": rule.chain,
        "action": rule.action,
        "source": rule.source,
        "ports": None if rule.ports is None else str(rule.ports),
        "destination": rule.destination,
        "interface": rule.interface,
        "flow": rule.flow,
    }


def _ways_in(flow: Flow, host: str) -> Iterator[tuple[str, tuple[Ports, ...]]]:
    """The chain that a flow's packets meet on `host`, and the ports at which they come in."""
    if flow.published:
        # Pods reach pods without a detour by a machine's port.
        if not isinstance(flow.source, Pods) and _has(flow.published.at, host):
            yield PUBLISHED, flow.published.ports
    elif isinstance(flow.destination, Hosts) and _has(flow.destination, host):
        yield INPUT, flow.ports


def _has(hosts: Hosts, name: str) -> bool:
    return any(entry.name == name for entry in hosts.hosts)


def _sources(flow: Flow, host: str, site: Site) -> Iterator[str]:
    """Ranges that a flow's packets come from, the host's own addresses left out."""
    source = flow.source
    if isinstance(source, Addresses):
        for block in source.blocks:
            yield from addresses.ranges(block)
        return
    if isinstance(source, Pods):
        yield from site.networks.get(PODS, ())
        # The source of a pod's packet to an address outside of the pod network is its machine, where pods are masked.
        hosts = list(site.cluster().hosts) if site.masquerade else []
    else:
        hosts = list(source.hosts)
    yield from (address for entry in hosts if entry.name != host for address in entry.addresses)


def _collapsed(found: Iterable[str]) -> tuple[str, ...]:
    """As few ranges as cover the same addresses, IPv4 first; one empty text for every address there is."""
    fewest = addresses.collapsed(found)
    return ("",) if fewest == addresses.EVERYWHERE else fewest
