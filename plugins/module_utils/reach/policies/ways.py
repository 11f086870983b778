"""The ways that a packet may take to where it is sent: itself, or through a Service or node port to a pod behind it.

Services and node ports are kube-proxy's (kubernetes.io/docs/reference/networking/virtual-ips): it rewrites the
destination to a pod, and at node ports the source to an address of the machine, so that the answer comes back there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ansible_collections.autolabs.platform.plugins.module_utils.reach.cluster import (
    Cluster,
    ContainerPort,
    Pod,
    Service,
    ServicePort,
)
from ansible_collections.autolabs.platform.plugins.module_utils.reach.policies.parties import (
    Party,
    find,
    node_party,
    pod_party,
)
from ansible_collections.autolabs.platform.plugins.module_utils.reach.verdict import (
    ALLOWED,
    DENIED,
    UNDECIDED,
    Step,
)


@dataclass(frozen=True)
class Way:
    """One way from sender to receiver, as the rules of both see it."""

    sender: Party
    receiver: Party
    port: int
    """Of the receiver."""
    leaving_to: Party
    """The destination that the sender's rules see."""
    leaving_port: int
    arriving_from: Party
    """The source that the receiver's rules see."""
    direct: bool = False
    """Whether it was sent to the receiver itself."""
    service: Party | None = None
    """The Service's own addresses, to which it was sent before it was rewritten."""
    service_port: int = 0
    depends: str = ""
    """A sentence: why it may be this way and not another; empty for the only one."""


@dataclass
class Route:
    """All ways, and what was decided before there were any."""

    steps: list[Step] = field(default_factory=list)
    ways: list[Way] = field(default_factory=list)
    assumption: str = ""
    """What has to hold for a packet to come this far; empty where nothing has to."""


def direct_way(sender: Party, receiver: Party, port: int) -> Way:
    """Nothing is rewritten."""
    return Way(sender, receiver, port, receiver, port, sender, direct=True)


def to_service(cluster: Cluster, sender: Party, service: Service, port: int, protocol: str) -> Route:
    """To the cluster address of a Service: a pod or machine of the cluster keeps its own address."""
    found = Route()
    entry = next((one for one in service.ports if (one.number, one.protocol) == (port, protocol)), None)
    if entry is None:
        known = ", ".join(f"{one.protocol.lower()}/{one.number}" for one in service.ports) or "no port"
        found.steps.append(_lost(service, f"the Service has {known}, and drops packets to {protocol.lower()}/{port}"))
        return found
    behind = list(_behind(cluster, service, entry))
    if service.internal_local:
        behind = [(party, number) for party, number in behind if party.node == sender.node]
    where = f" on {sender.node or 'the machine of the client'}" if service.internal_local else ""
    if not _leads(found, f"Service {service.key}", service, behind, where):
        return found
    if not (sender.pod or sender.machine):
        found.assumption = (
            f"the cluster address of Service {service.key} leads somewhere only within the cluster, or where the site "
            "routes it to a machine of the cluster"
        )
    seen = Party(f"Service {service.key}", service.addresses)
    for party, number in behind:
        found.ways.append(Way(sender, party, number, party, number, sender, service=seen, service_port=port))
    return found


def to_node_port(
    cluster: Cluster,
    sender: Party,
    machine: Party,
    service: Service,
    entry: ServicePort,
    *,
    calico: bool,
    external: str = "",
) -> Route:
    """To a node port: where the machine forwards it, and with which source address.

    external: the address of the Service's own outside the cluster, where the packet went to that and not to the node
    port; kube-proxy treats both alike.

    `externalTrafficPolicy: Local` keeps the source and leads to pods of this machine only; clients on the machine
    itself are led to every pod all the same. `Cluster` leads to every pod, and gives packets the machine's address.
    """
    found = Route()
    inside = sender.node == machine.node
    asked = entry.number if external else entry.node_port
    behind = list(_behind(cluster, service, entry))
    where = ""
    if service.local and not inside:
        behind = [(party, number) for party, number in behind if party.node == machine.node]
        where = f" on {machine.node}, and externalTrafficPolicy is Local"
    title = f"node port {entry.node_port} of {machine.name} (Service {service.key})"
    if external:
        title = f"port {entry.number} of {external} (Service {service.key})"
    if not _leads(found, title, service, behind, where):
        return found
    for party, number in behind:
        rewritten_first = inside or sender.pod is None
        for source, depends in _sources(cluster, sender, machine, service, party, calico=calico):
            found.ways.append(
                Way(
                    sender,
                    party,
                    number,
                    leaving_to=party if rewritten_first else machine,
                    leaving_port=number if rewritten_first else asked,
                    arriving_from=source,
                    service=machine if rewritten_first else None,
                    service_port=asked,
                    depends=depends,
                )
            )
    return found


def to_external(
    cluster: Cluster, sender: Party, service: Service, entry: ServicePort, address: str, *, calico: bool
) -> Route:
    """To an address of a Service outside the cluster, which is no machine's own: by whichever machine gets the packet.

    A pod or machine of the cluster has it rewritten by its own machine.
    """
    nodes = [one for one in cluster.nodes if sender.node in ("", one.name)]
    found = Route()
    for node in nodes:
        one = to_node_port(cluster, sender, node_party(node), service, entry, calico=calico, external=address)
        found.steps = found.steps or one.steps
        found.ways += one.ways
        found.assumption = found.assumption or one.assumption
    return found if nodes else to_service(cluster, sender, service, entry.number, entry.protocol)


def to_host_port(cluster: Cluster, sender: Party, machine: Party, pod: Pod, entry: ContainerPort) -> Route:
    """To a port of a machine that leads to a pod on it (`hostPort`, the plugin portmap of CNI).

    The source is kept, but for a pod of another machine, whose packets may leave that with its address.
    """
    end = pod_party(cluster, pod)
    rewritten_first = sender.node == machine.node or sender.pod is None
    where = f"port {entry.host_port} of {machine.name} (hostPort)"
    found = Route([Step(where, ALLOWED, why=f"it leads to port {entry.number} of {end.name}")])
    if not pod.node:
        found.assumption = f"it depends on whether {pod.key} runs on {machine.name}"
    sources = [(sender, "")]
    home = cluster.node_by_name.get(sender.node)
    if sender.pod and home and home.name != machine.node:
        sources = [
            (sender, f"packets keep the address of {sender.name} until the rules of {end.name} have seen them"),
            (node_party(home), f"packets of {sender.name} leave {home.name} with its address"),
        ]
    for source, depends in sources:
        found.ways.append(
            Way(
                sender,
                end,
                entry.number,
                leaving_to=end if rewritten_first else machine,
                leaving_port=entry.number if rewritten_first else entry.host_port,
                arriving_from=source,
                service=machine if rewritten_first else None,
                service_port=entry.host_port,
                depends=depends,
            )
        )
    return found


@dataclass(frozen=True)
class Entrance:
    """What a port of a machine leads to: pods behind a Service, or one pod by its hostPort."""

    service: Service | None = None
    service_port: ServicePort | None = None
    external: str = ""
    """The address of the Service's own, where that is what the packet went to and not a node port."""
    pod: Pod | None = None
    host_port: ContainerPort | None = None

    def route(self, cluster: Cluster, sender: Party, machine: Party, *, calico: bool) -> Route:
        """The ways from there on."""
        if self.service and self.service_port:
            return to_node_port(
                cluster, sender, machine, self.service, self.service_port, calico=calico, external=self.external
            )
        if self.pod is None or self.host_port is None:
            raise ValueError("an entrance leads to a Service or to a pod")
        return to_host_port(cluster, sender, machine, self.pod, self.host_port)

    def pods(self, cluster: Cluster, machine: str = "") -> Iterator[tuple[Pod, int]]:
        """The pods behind it, each with its port; where the Service leads to pods of `machine` only, those."""
        if self.pod and self.host_port:
            yield self.pod, self.host_port.number
        elif self.service and self.service_port:
            for pod, number in backends(cluster, self.service, self.service_port):
                if not (machine and self.service.local) or pod.node == machine:
                    yield pod, number


def entrance(cluster: Cluster, machine: Party, port: int, protocol: str) -> Entrance | None:
    """What a port of a machine of the cluster leads to, in the order in which it is rewritten; None for its own."""
    if found := service_of_node_port(cluster, port, protocol):
        return Entrance(*found)
    for address in machine.addresses:
        if external := service_of_external(cluster, address, port, protocol):
            return Entrance(*external, address)
    ports = (
        Entrance(pod=pod, host_port=one)
        for pod in cluster.pods
        if pod.node in ("", machine.node)
        for one in pod.ports
        if (one.host_port, one.protocol) == (port, protocol) and one.host_address in ("", *machine.addresses)
    )
    # One whose machine is not known yet gives way to one that is there.
    return next(iter(sorted(ports, key=lambda one: not (one.pod and one.pod.node))), None)


def service_of_external(cluster: Cluster, address: str, port: int, protocol: str) -> tuple[Service, ServicePort] | None:
    """The Service that has a port at an address outside the cluster (`externalIPs`, or its load balancer)."""
    for service in cluster.services:
        for entry in service.ports if address in service.external else ():
            if (entry.number, entry.protocol) == (port, protocol):
                return service, entry
    return None


def backends(cluster: Cluster, service: Service, entry: ServicePort) -> Iterator[tuple[Pod, int]]:
    """The pods behind a port of a Service, each with the port of its own. Ready or not: that changes by itself."""
    for pod in cluster.pods if service.selector else ():
        if pod.namespace != service.namespace or not service.selector.items() <= pod.labels.items():
            continue
        if isinstance(entry.target, int):
            yield pod, entry.target
            continue
        for port in pod.ports:
            if (port.name, port.protocol) == (entry.target, entry.protocol):
                yield pod, port.number
                break


def endpoints(cluster: Cluster, service: Service, entry: ServicePort) -> Iterator[tuple[Party, int]]:
    """Where a port of a Service without a selector leads: machines, pods or other addresses, each with its port."""
    for one in service.endpoints or ():
        if (one.protocol, one.port) == (entry.protocol, entry.name):
            yield find(cluster, one.address), one.number


def service_of_node_port(cluster: Cluster, port: int, protocol: str) -> tuple[Service, ServicePort] | None:
    """The Service that holds a node port."""
    for service in cluster.services:
        for entry in service.ports:
            if entry.node_port == port and entry.protocol == protocol:
                return service, entry
    return None


def _behind(cluster: Cluster, service: Service, entry: ServicePort) -> Iterator[tuple[Party, int]]:
    for pod, number in backends(cluster, service, entry):
        yield pod_party(cluster, pod), number
    yield from endpoints(cluster, service, entry)


def _sources(
    cluster: Cluster, sender: Party, machine: Party, service: Service, end: Party, *, calico: bool
) -> Iterator[tuple[Party, str]]:
    """The source that the rules of a pod behind a node port may see, each with what that depends on.

    Calico's rules stand in the forward chain, before the source is rewritten on the way out: a pod of the machine
    itself sees the client's own address, a pod of another machine that of this one.
    """
    rewritten = not service.local and sender.name != machine.name
    on_the_machine, elsewhere = end.node == machine.node, bool(end.node) and end.node != machine.node
    if not (calico and rewritten and elsewhere):
        yield sender, f"packets keep the address of {sender.name} until the rules of {end.name} have seen them"
        home = cluster.node_by_name.get(sender.node)
        if sender.pod and home and home.name != machine.node:
            # A packet to a machine leaves the pod network, and may be masqueraded there.
            yield node_party(home), f"packets of {sender.name} leave {home.name} with its address"
    if rewritten and not (calico and on_the_machine):
        yield machine, f"packets have the address of {machine.name} before the rules of {end.name} see them"


def _leads(found: Route, where: str, service: Service, behind: list[tuple[Party, int]], limits: str) -> bool:
    if not (service.selector or service.endpoints is not None):
        found.assumption = (
            f"Service {service.key} has no selector, and where it leads is in its EndpointSlices, which were not given"
        )
        found.steps.append(Step(where, UNDECIDED, why=found.assumption))
        return False
    if not behind:
        found.steps.append(Step(where, DENIED, why=f"there is no pod behind it{limits}"))
        return False
    end, number = behind[0]
    more = f", or to another of {len(behind)} {'pods' if service.selector else 'endpoints'}" if len(behind) > 1 else ""
    found.steps.append(Step(where, ALLOWED, why=f"it leads to port {number} of {end.name}{more}"))
    return True


def _lost(service: Service, why: str) -> Step:
    return Step(f"Service {service.key}", DENIED, why=why)
