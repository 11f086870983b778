"""Who comes in, as the firewall of Proxmox VE knows them: an ipset, or everyone."""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.flows.flow import Flow, Hosts, Pods
from ansible_collections.autolabs.platform.plugins.module_utils.flows.proxmox.names import (
    DIGEST_LENGTH,
    IPSET_LENGTH,
    short_name,
)
from ansible_collections.autolabs.platform.plugins.module_utils.flows.site import PODS, Site
from ansible_collections.autolabs.platform.plugins.module_utils.net.addresses import (
    EVERYWHERE,
    Block,
    Network,
    internet,
    network,
)


@dataclass(frozen=True)
class Source:
    """Some addresses under a name that an ipset can have; no addresses at all are everyone."""

    name: str
    title: str
    blocks: tuple[Block, ...]

    @classmethod
    def of_hosts(cls, hosts: Hosts) -> Source:
        """The addresses of all machines of a group."""
        addresses = tuple(Block(address) for host in hosts.hosts for address in host.addresses)
        return cls(short_name(f"hosts-{hosts.group}", IPSET_LENGTH), f"machines of {hosts.group}", addresses)

    @classmethod
    def of_network(cls, name: str, cidrs: Iterable[str]) -> Source:
        """A network that the site names."""
        blocks = tuple(Block(cidr) for cidr in cidrs)
        return cls(short_name(f"network-{name}", IPSET_LENGTH), f"network {name}", blocks)

    @property
    def reference(self) -> str:
        """`source` of a rule; empty for everyone."""
        everyone = {block.cidr for block in self.blocks if not block.excepts} >= set(EVERYWHERE)
        return "" if everyone else f"+dc/{self.name}"

    def ipset(self) -> dict[str, Any]:
        """The ipset: `name` and `comment` as POST /cluster/firewall/ipset takes them, `cidrs` as POST .../{name}."""
        cidrs = _members(block.cidr for block in self.blocks)
        excepts = _members(entry for block in self.blocks for entry in block.excepts)
        return {
            "name": self.name,
            "comment": f"autolabs: {self.title}",
            "cidrs": [{"cidr": cidr} for cidr in cidrs] + [{"cidr": cidr, "nomatch": 1} for cidr in excepts],
        }


def sources(flow: Flow, site: Site) -> Iterator[Source]:
    """Who sends the flow's packets, as the hypervisor sees it; nothing where nobody has an address."""
    if isinstance(flow.source, Hosts):
        found = [Source.of_hosts(flow.source)]
    elif isinstance(flow.source, Pods):
        # Masqueraded, a pod comes from its machine; which one that is changes with every start of the pod.
        if site.masquerade:
            found = [Source.of_hosts(site.cluster())]
        else:
            found = [Source.of_network(PODS, site.networks.get(PODS, ()))]
    else:
        found = [_addresses(flow.name, flow.source.blocks, site)]
    yield from (source for source in found if source.blocks)


def _addresses(flow: str, blocks: tuple[Block, ...], site: Site) -> Source:
    if not any(block.excepts for block in blocks):
        wanted = {block.cidr for block in blocks}
        for name in sorted(site.networks):
            if set(site.networks[name]) == wanted:
                return Source.of_network(name, site.networks[name])
    if _public(blocks):
        return Source("internet", "the internet", blocks)
    # Nobody named these addresses but the catalogue, and sources of one flow may be several.
    digest = hashlib.sha256(repr(blocks).encode()).hexdigest()[:DIGEST_LENGTH]
    return Source(short_name(f"from-{flow}-{digest}", IPSET_LENGTH), f"sources of {flow}", blocks)


def _public(blocks: tuple[Block, ...]) -> bool:
    """Whether these are the public addresses of both families, as `internet` gives them for every site."""
    excepts = tuple(entry for block in blocks for entry in block.excepts)
    return blocks == internet(excepts)


def _members(cidrs: Iterable[str]) -> list[str]:
    """As few ranges as possible, IPv4 first, written as PVE keeps them: an address alone has no prefix length."""
    networks = [network(cidr) for cidr in cidrs]
    members: list[Network] = []
    for version in (4, 6):
        family = ipaddress.collapse_addresses(entry for entry in networks if entry.version == version)  # type: ignore[type-var]
        for entry in sorted(family, key=lambda found: int(found.network_address)):
            # The kernel's sets know no range of prefix length 0.
            members.extend(entry.subnets() if entry.prefixlen == 0 else [entry])
    return [str(m.network_address) if m.prefixlen == m.max_prefixlen else str(m) for m in members]
