"""One question through every firewall on the way: Proxmox, the machine's own, node port and Service, NetworkPolicies.

What holds on the way (Kubernetes with Calico and VXLAN, machines as VMs of Proxmox):
- Proxmox sees packets to a machine as they come in. A machine then asks its rules for published ports where the port
  leads to a pod, and those for input where it is the machine's own. After that the cluster's policies decide.
- A pod's packet to another machine has its own machine's address where the cluster masquerades. To its own machine it
  has the pod's address, and never leaves the machine.
- A pod's packet to a pod of another machine travels within VXLAN, so the second machine must let in the first's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from ansible_collections.autolabs.platform.plugins.module_utils.net.ports import PROTOCOLS, Ports
from ansible_collections.autolabs.platform.plugins.module_utils.net.rules import ALLOW, INPUT, PUBLISHED, HostRule
from ansible_collections.autolabs.platform.plugins.module_utils.reach.cluster import Pod
from ansible_collections.autolabs.platform.plugins.module_utils.reach.hosts import firewall as host_rules
from ansible_collections.autolabs.platform.plugins.module_utils.reach.hosts.firewall import HostFirewall
from ansible_collections.autolabs.platform.plugins.module_utils.reach.path.ends import Filters, Machine, find, machines
from ansible_collections.autolabs.platform.plugins.module_utils.reach.policies import explain
from ansible_collections.autolabs.platform.plugins.module_utils.reach.policies.parties import (
    UnknownEndpoint,
    node_party,
)
from ansible_collections.autolabs.platform.plugins.module_utils.reach.policies.ways import (
    Entrance,
    backends,
    endpoints,
    entrance,
    service_of_external,
)
from ansible_collections.autolabs.platform.plugins.module_utils.reach.verdict import (
    ALLOWED,
    DENIED,
    UNDECIDED,
    Step,
    Verdict,
)

VXLAN = Ports(4789, "UDP")
"""RFC 7348, section 5; Calico's default too."""
OF_PODS = "cali+"
"""The interfaces by which packets of a machine's own pods come to it."""


@dataclass(frozen=True)
class Question:
    """May one reach the other on this port: `Question("internet", "labs/lab-1-student-anna", Ports(2222))`."""

    source: str
    destination: str
    ports: Ports
    """One port; from outside to a pod, that of the pod or the node port that leads to it."""


@dataclass(frozen=True)
class Network:
    """How the cluster carries packets."""

    calico: bool = True
    """Whether what the documentation leaves to the network plugin is as with Calico."""
    masquerade: bool = True
    """Whether a pod's packets leave the cluster with the address of its machine."""
    tunnel: Ports | None = VXLAN
    """What carries packets between pods of different machines; None where nothing needs to."""


def path_verdict(question: Question, filters: Filters, network: Network | None = None) -> Verdict:
    """What becomes of the first packet of a connection, step by step; replies pass everywhere.

    A machine whose firewall is not in `filters.hosts`, though others are, leaves the answer undecided.
    Raises UnknownEndpoint for what is not there, ValueError for what is no single port.
    """
    if question.ports.end != question.ports.first:
        raise ValueError(f"{question.ports} is more than one port; ask about one")
    way = _Way(question, filters, network or Network())
    return way.verdict()


class _Way:
    def __init__(self, question: Question, filters: Filters, network: Network) -> None:
        self.filters, self.network, self.ports = filters, network, question.ports
        self.source, self.goal = find(filters, question.source), find(filters, question.destination)
        self.known = machines(filters)
        if self.source.outside and self.goal.outside:
            raise UnknownEndpoint(
                f"neither {question.source} nor {question.destination} is a pod or machine of the site"
            )

    def verdict(self) -> Verdict:
        if self.goal.machine and self.source.machine != self.goal.machine:
            return self._to_machine(self.goal.machine, self.ports)
        if self.goal.machine:
            if behind := self._entrance(self.goal.machine, self.ports):
                # Rewritten where it is sent, so that no rule for what comes in sees it.
                found = self._policies(self.goal.text, self.ports)
                pods = [pod for pod, _number in behind.pods(self.filters.cluster)]
                return _together(found, (), after=self._tunnel(pods, self.goal.machine))
            why = "a machine reaches itself by loopback, which is open"
            return Verdict(ALLOWED, (Step(self.goal.machine.name, ALLOWED, why=why),))
        if self.goal.pod and (self.source.outside or (self.source.machine and not self.source.machine.node)):
            return self._by_node_port(self.goal.pod)
        found = self._policies(self.goal.text, self.ports)
        if self.goal.service:
            return _together(found, self._external(), after=self._behind_service())
        if self.goal.pod:
            return _together(found, (), after=self._tunnel([self.goal.pod]))
        if self.goal.outside and not self.source.outside:
            beyond = Step(f"way to {self.goal.text}", ALLOWED, why="no firewall of the site stands before it")
            return _together(found, (), after=[*self._leaving(), beyond])
        return found

    def _behind_service(self) -> list[Step]:
        """What machines say to packets that a Service leads to them, or to pods on them."""
        service = explain.service_named(self.filters.cluster, self.goal.text)
        asked = (self.ports.first, self.ports.protocol)
        entry = next((one for one in service.ports if (one.number, one.protocol) == asked), None) if service else None
        if external := service_of_external(self.filters.cluster, self.goal.text, *asked):
            service, entry = external
        if service is None or entry is None:
            return []
        every = []
        for party, number in endpoints(self.filters.cluster, service, entry):
            machine = self.known.get(party.node) if party.machine else None
            if machine is not None and machine != self.source.machine:
                every.append(self._entering(machine, Ports(number, entry.protocol), INPUT))
        pods = [pod for pod, _number in backends(self.filters.cluster, service, entry)]
        return [*_agreed(every), *self._tunnel(pods)]

    def _external(self) -> list[Step]:
        """What stands before an address of a Service outside the cluster, which no machine has as its own."""
        if explain.service_named(self.filters.cluster, self.goal.text):
            return []
        if not service_of_external(self.filters.cluster, self.goal.text, self.ports.first, self.ports.protocol):
            why = f"Services have this address, and none of them has {self.ports} there"
            return [Step(f"way to {self.goal.text}", UNDECIDED, why=why)]
        if not self._any() or self.source.pod or (self.source.machine and self.source.machine.node):
            return []
        why = f"it depends on which machine {self.goal.text} is routed to, and on what its firewalls say"
        return [Step(f"way to {self.goal.text}", UNDECIDED, why=why)]

    def _entrance(self, machine: Machine, ports: Ports) -> Entrance | None:
        if machine.node is None:
            return None
        return entrance(self.filters.cluster, node_party(machine.node), ports.first, ports.protocol)

    def _to_machine(self, machine: Machine, ports: Ports) -> Verdict:
        """To a machine's own port, or to a node port or hostPort and the pods behind it."""
        behind = self._entrance(machine, ports)
        met = self._entering(machine, ports, PUBLISHED if behind else INPUT)
        if behind and behind.pod and not behind.pod.node:
            # Where the pod is not, the port is the machine's own.
            met = _agreed([met, self._entering(machine, ports, INPUT)])
        firewalls = [*self._leaving(), *met]
        if not (self.source.pod or behind):
            return _together(Verdict(ALLOWED, ()), firewalls)
        found = self._policies(machine.name if machine.node else self.goal.text, ports)
        end = len(found.steps)
        leads = (number for number, step in enumerate(found.steps) if step.where.startswith(("node port", "port")))
        at = next(leads, end)
        pods = [pod for pod, _number in behind.pods(self.filters.cluster, machine.name)] if behind else []
        return _together(found, firewalls, at, self._tunnel(pods, machine))

    def _by_node_port(self, pod: Pod) -> Verdict:
        """From outside to a pod: by a node port or hostPort that leads to this port of it."""
        entrances = [*self._node_ports(pod), *self._host_ports(pod)]
        if not entrances:
            what = f"no node port or hostPort leads to {self.ports} of {pod.key}"
            what += ", and its own address is known in the cluster alone"
            return Verdict(DENIED, (Step(f"way to {pod.key}", DENIED, why=what),))
        word, number, pods_own = entrances[0]
        own = self.known.get(pod.node)
        if own is not None and own.node:
            return self._to_machine(own, number)
        # Which machine it will be on is not known: the policies are the same on each.
        every = [self._entering(one, number, PUBLISHED) for one in self.known.values() if one.node]
        where = f"{word} {number.first} of its machine"
        leads = Step(where, ALLOWED, why=f"it leads to {pod.key}, on whichever machine that runs")
        found = self._policies(pod.key, pods_own)
        return _together(found, [*self._leaving(), *_agreed(every), leads])

    def _node_ports(self, pod: Pod) -> Iterator[tuple[str, Ports, Ports]]:
        """The ports of machines that lead to a port of the pod, and that."""
        for service in self.filters.cluster.services:
            for entry in service.ports:
                wanted = [number for one, number in backends(self.filters.cluster, service, entry) if one is pod]
                known = self.ports.first in (entry.node_port, *wanted) and entry.protocol == self.ports.protocol
                if entry.node_port and wanted and known:
                    yield "node port", Ports(entry.node_port, entry.protocol), Ports(wanted[0], entry.protocol)

    def _host_ports(self, pod: Pod) -> Iterator[tuple[str, Ports, Ports]]:
        for one in pod.ports:
            known = self.ports.first in (one.host_port, one.number) and one.protocol == self.ports.protocol
            if one.host_port and known:
                yield "hostPort", Ports(one.host_port, one.protocol), Ports(one.number, one.protocol)

    def _policies(self, goal: str, ports: Ports) -> Verdict:
        if not (self.source.pod or self.goal.pod or self.goal.service or self.goal.machine):
            return Verdict(ALLOWED, ())
        if ports.protocol not in PROTOCOLS:
            why = f"NetworkPolicies know TCP, UDP and SCTP; {ports.protocol} is up to the network plugin"
            return Verdict(UNDECIDED, (Step("NetworkPolicies", UNDECIDED, why=why),), (why,))
        source = self.source.text
        return explain.verdict(
            self.filters.cluster, source, goal, ports.first, ports.protocol, calico=self.network.calico
        )

    def _leaving(self) -> list[Step]:
        """What the machine of the source keeps in. Its own rules for output are not for what it forwards for pods."""
        machine = self.source.machine or (self.known.get(self.source.pod.node) if self.source.pod else None)
        found = []
        for firewall in reversed(self._firewalls(machine)) if machine else ():
            forwarded = self.source.pod is not None and firewall.program != host_rules.PROXMOX
            if firewall.enabled and firewall.outgoing and not forwarded:
                why = f"it depends on its rules for what goes out, which are not read: {'; '.join(firewall.outgoing)}"
                found.append(Step(f"{firewall.where}, outgoing", UNDECIDED, why=why))
        return found

    def _entering(self, machine: Machine, ports: Ports, chain: str) -> list[Step]:
        """What Proxmox and the machine itself say to the packet."""
        every = [self._asked(machine, ports, chain, seen) for seen in self._seen_as(machine)]
        return _agreed(every)

    def _asked(self, machine: Machine, ports: Ports, chain: str, seen: _Seen) -> list[Step]:
        if not seen.address:
            unknown = f"the address of {self.source.text} is not known, as it does not run"
            return [Step(f"firewalls of {machine.name}", UNDECIDED, why=unknown)] if self._any() else []
        goal = machine.address_like(seen.address)
        if not goal and machine.addresses:
            why = f"{machine.name} has no address of the family of {seen.address}"
            return [Step(f"way to {machine.name}", DENIED, why=why)]
        found = []
        for firewall in self._firewalls(machine):
            outside = firewall.program == host_rules.PROXMOX
            if outside and seen.interface:
                continue  # It never leaves the machine.
            interface = "" if outside else seen.interface
            asked = INPUT if outside else chain
            step = host_rules.verdict(firewall, seen.address, ports, asked, goal, interface)
            if not outside and asked == INPUT and any(_publishes(rule, ports) for rule in firewall.rules):
                other = host_rules.verdict(firewall, seen.address, ports, PUBLISHED, goal, interface)
                step = step if step.answer == other.answer else _either(step, other, machine, ports)
            found.append(step)
        if self.filters.hosts is not None and self._own(machine) is None:
            why = f"nothing is known of the packet filter of {machine.name}; give the output of iptables-save on it"
            found.append(Step(f"firewall of {machine.name}", UNDECIDED, why=why))
        return found

    def _seen_as(self, machine: Machine) -> list[_Seen]:
        """The source that a machine sees, or may see."""
        if not self.source.pod:
            wanted = machine.addresses[:1] or self.source.addresses[:1]
            like = self.source.machine.address_like(wanted[0]) if self.source.machine and wanted else ""
            return [_Seen(like or next(iter(self.source.addresses), ""))]
        pod = self.source.pod
        own = next((one for one in pod.addresses), "")
        if pod.node and machine.node and pod.node == machine.node.name:
            return [_Seen(own, OF_PODS)]
        if not self.network.masquerade:
            return [_Seen(own)]
        nodes = [self.known[pod.node]] if pod.node in self.known else [one for one in self.known.values() if one.node]
        like = machine.addresses[0] if machine.addresses else "0.0.0.0"
        return [_Seen(node.address_like(like)) for node in nodes if node != machine] or [_Seen("")]

    def _tunnel(self, pods: Iterable[Pod], entrance: Machine | None = None) -> list[Step]:
        """What machines say to each other's packets that carry those of pods."""
        if self.network.tunnel is None or not self._any():
            return []
        start = self.source.pod.node if self.source.pod else self.source.machine.name if self.source.machine else ""
        first = entrance or self.known.get(start)
        if first is None or not first.node:
            return []
        every = []
        for pod in pods:
            machine = self.known.get(pod.node)
            if machine is None or machine == first or not first.addresses:
                continue
            seen = _Seen(first.address_like(machine.addresses[0]) if machine.addresses else first.addresses[0])
            every.append(self._asked(machine, self.network.tunnel, INPUT, seen))
        words = f", for the tunnel ({self.network.tunnel}) from {first.name}"
        return [Step(f"{one.where}{words}", one.answer, one.rule, one.flow, one.why) for one in _agreed(every)]

    def _firewalls(self, machine: Machine) -> list[HostFirewall]:
        """In the order in which a packet to the machine meets them."""
        before = _of(self.filters.proxmox, machine)
        return [firewall for firewall in (before, self._own(machine)) if firewall is not None]

    def _own(self, machine: Machine) -> HostFirewall | None:
        return _of(self.filters.hosts, machine)

    def _any(self) -> bool:
        return self.filters.hosts is not None or self.filters.proxmox is not None


@dataclass(frozen=True)
class _Seen:
    address: str
    interface: str = ""


def _of(firewalls: Mapping[str, HostFirewall] | None, machine: Machine) -> HostFirewall | None:
    if firewalls is None:
        return None
    named = firewalls.get(machine.name)
    return named or next((one for one in firewalls.values() if set(one.addresses) & set(machine.addresses)), None)


def _publishes(rule: HostRule, ports: Ports) -> bool:
    return rule.chain == PUBLISHED and rule.action == ALLOW and host_rules.covers(rule.ports, ports)


def _either(own: Step, published: Step, machine: Machine, ports: Ports) -> Step:
    """A port for which there are rules of both kinds: a container's (hostPort, Docker), or the machine's own."""
    why = (
        f"it depends on whether {ports} of {machine.name} leads to a container (hostPort, Docker) or to a program of "
        f"the machine itself: {published.answer} for a container, {own.answer} for the machine"
    )
    return Step(own.where, UNDECIDED, published.rule or own.rule, published.flow or own.flow, why)


def _agreed(every: list[list[Step]]) -> list[Step]:
    """The steps of ways that may each be taken: those of the first, or where they differ, of one that says no."""
    if not every:
        return []
    answers = {_worst(steps) for steps in every}
    if len(answers) == 1:
        return every[0]
    worst = next(steps for steps in every if _worst(steps) == max(answers, key=RANK.index))
    step = next(one for one in worst if one.answer == _worst(worst))
    why = f"it depends on which machine the pod runs on; from one of them it is {step.answer}: {step.why or step.rule}"
    return [Step(step.where, UNDECIDED, step.rule, step.flow, why)]


RANK = (ALLOWED, UNDECIDED, DENIED)


def _worst(steps: Iterable[Step]) -> str:
    return max((step.answer for step in steps), key=RANK.index, default=ALLOWED)


def _together(policies: Verdict, firewalls: Iterable[Step], at: int = 0, after: Iterable[Step] = ()) -> Verdict:
    """One verdict of what policies say and of the firewalls, which are met before step `at` of it, and after it all.

    A step of undecided policies may deny: it is the one way of several that does.
    """
    filters, last = list(firewalls), list(after)
    every = [*policies.steps[:at], *filters, *policies.steps[at:], *last]
    final = every if policies.answer == DENIED else [*filters, *last]
    denying = next((step for step in every if step.answer == DENIED and any(step is one for one in final)), None)
    if denying is not None:
        return Verdict(DENIED, tuple(every[: next(number for number, one in enumerate(every) if one is denying) + 1]))
    answer = max(policies.answer, _worst([*filters, *last]), key=RANK.index)
    if answer != UNDECIDED:
        return Verdict(answer, tuple(every))
    unsure = (f"{step.where}: {step.why}" for step in (*filters, *last) if step.answer == UNDECIDED)
    return Verdict(UNDECIDED, tuple(every), tuple(dict.fromkeys((*policies.assumptions, *unsure))))
