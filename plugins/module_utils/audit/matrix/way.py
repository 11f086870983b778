"""One question through every firewall of the site that stands on the way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ansible_collections.autolabs.platform.plugins.module_utils.audit.cluster.stage import Stage
from ansible_collections.autolabs.platform.plugins.module_utils.audit.hosts.ranges import SOMEBODY, span
from ansible_collections.autolabs.platform.plugins.module_utils.audit.matrix.endpoints import CLUSTER_MACHINES, Endpoint
from ansible_collections.autolabs.platform.plugins.module_utils.flows.flow import Host, Published
from ansible_collections.autolabs.platform.plugins.module_utils.flows.site import Site
from ansible_collections.autolabs.platform.plugins.module_utils.net.ports import PROTOCOLS, Ports
from ansible_collections.autolabs.platform.plugins.module_utils.net.rules import INPUT, PUBLISHED
from ansible_collections.autolabs.platform.plugins.module_utils.reach.hosts import firewall as host_rules
from ansible_collections.autolabs.platform.plugins.module_utils.reach.hosts.firewall import HostFirewall
from ansible_collections.autolabs.platform.plugins.module_utils.reach.policies import explain
from ansible_collections.autolabs.platform.plugins.module_utils.reach.verdict import ALLOWED, DENIED, UNDECIDED, Step

NOT_ASKED = ""


@dataclass(frozen=True)
class Answer:
    """What becomes of a packet; the answer is empty where a firewall that could deny it was not asked."""

    answer: str
    steps: tuple[Step, ...] = ()
    assumptions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ways:
    """All firewalls of a site, as they are now."""

    site: Site
    stage: Stage
    cluster_asked: bool
    firewalls: Mapping[str, Sequence[HostFirewall]] = field(default_factory=dict)
    """By machine, in the order in which a packet to it meets them: the one of Proxmox, then its own."""

    def ask(
        self,
        source: Endpoint,
        destination: Endpoint,
        port: Ports,
        host: Host | None = None,
        sender: Host | None = None,
        published: Published | None = None,
    ) -> Answer:
        """A packet from `source` to `destination`, to the first of `port`.

        host: the machine of `destination` that is meant; sender: that of `source`. published: where it comes in.
        """
        asked = Ports(port.first, port.protocol)
        sender, host = _apart(source, destination, sender, host)
        steps: list[Step] = []
        if published is not None and not source.pods:
            entrance = published.ports[0]
            steps += self._machine(source, sender, published.at.hosts[0], PUBLISHED, entrance)
        assumptions: tuple[str, ...] = ()
        if source.pods or destination.pods:
            found, assumptions = self._policies(source, destination, asked, host, sender)
            steps += found
        if destination.hosts:
            steps += self._machine(source, sender, host or destination.hosts[0], INPUT, asked)
        return _together(steps, assumptions)

    def _policies(
        self, source: Endpoint, destination: Endpoint, asked: Ports, host: Host | None, sender: Host | None
    ) -> tuple[list[Step], tuple[str, ...]]:
        if not self.cluster_asked:
            return [Step("NetworkPolicies", NOT_ASKED, why="the cluster was not asked")], ()
        if asked.protocol not in PROTOCOLS:
            return [], ()
        sides = (self._key(source, sender, 0), self._key(destination, host, 1 if source == destination else 0))
        found = explain.verdict(self.stage.live, *sides, asked.first, asked.protocol, calico=True)
        return list(found.steps), found.assumptions

    def _key(self, endpoint: Endpoint, host: Host | None, number: int) -> str:
        if endpoint.pods:
            return endpoint.stand_ins[number * len(endpoint.pods)].key
        if endpoint.hosts:
            one = host or endpoint.hosts[0]
            return one.name if one.name in self.stage.live.node_by_name else one.addresses[0]
        return example(endpoint)

    def _machine(self, source: Endpoint, sender: Host | None, host: Host, chain: str, port: Ports) -> Iterator[Step]:
        """What the firewalls of a machine say; packets within it meet none."""
        if sender is not None and sender.name == host.name:
            return
        if host.name not in self.firewalls:
            yield Step(f"ufw on {host.name}", NOT_ASKED, why="the machine was not asked")
        for firewall in self.firewalls.get(host.name, ()):
            # A hypervisor sees packets before ports are rewritten: to it all are for the machine.
            before = firewall.program == host_rules.PROXMOX
            address = self._address(source, sender, host, before=before)
            if address:
                seen = INPUT if before else chain
                yield host_rules.verdict(firewall, address, Ports(port.first, port.protocol), seen)

    def _address(self, source: Endpoint, sender: Host | None, host: Host, *, before: bool) -> str:
        """Where a packet comes from as a firewall sees it; empty where it never gets there.

        before: whether the hypervisor asks. What a pod sends to a machine has the address of its own one by then, and
        what it sends to its own machine meets no hypervisor.
        """
        if source.hosts:
            return (sender or source.hosts[0]).addresses[0]
        if not source.pods:
            return example(source)
        others = [one for one in self.site.groups.get(CLUSTER_MACHINES, ()) if one.name != host.name and one.addresses]
        in_cluster = CLUSTER_MACHINES in _groups(self.site, host)
        if before and in_cluster and not others:
            return ""
        if self.site.masquerade and others and (before or not in_cluster):
            return others[0].addresses[0]
        stand_in = self.stage.live.pod_by_key[source.stand_ins[0].key]
        return stand_in.addresses[0] if stand_in.addresses else SOMEBODY[0]


def example(endpoint: Endpoint) -> str:
    """An address that stands for an endpoint of addresses."""
    for address in SOMEBODY:
        if any(span(address).within(one) for one in endpoint.spans):
            return address
    return endpoint.spans[0].example


def _apart(
    source: Endpoint, destination: Endpoint, sender: Host | None, host: Host | None
) -> tuple[Host | None, Host | None]:
    """Two machines that are not one, where there are: what a machine asks of itself meets no firewall."""
    for one in (sender,) if sender else source.hosts:
        for other in (host,) if host else destination.hosts:
            if one != other:
                return one, other
    return sender or next(iter(source.hosts), None), host or next(iter(destination.hosts), None)


def _groups(site: Site, host: Host) -> list[str]:
    return [group for group, hosts in site.groups.items() if host in hosts]


def _together(steps: Sequence[Step], assumptions: tuple[str, ...]) -> Answer:
    """The first that denies ends the way; else what is not known leaves it open."""
    answers = [step.answer for step in steps]
    if DENIED in answers:
        return Answer(DENIED, tuple(steps[: answers.index(DENIED) + 1]))
    if UNDECIDED in answers:
        return Answer(UNDECIDED, tuple(steps), assumptions)
    return Answer(NOT_ASKED if NOT_ASKED in answers else ALLOWED, tuple(steps), assumptions)
