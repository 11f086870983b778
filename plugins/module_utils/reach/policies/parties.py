"""The two ends of a connection as rules see them: a pod, a machine, or an address."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from ansible_collections.autolabs.platform.plugins.module_utils.net.addresses import AddressError
from ansible_collections.autolabs.platform.plugins.module_utils.reach.cluster import Cluster, Node, Pod
from ansible_collections.autolabs.platform.plugins.module_utils.reach.policies.lines import span
from ansible_collections.autolabs.platform.plugins.module_utils.reach.policies.policy import INGRESS


class UnknownEndpoint(ValueError):
    """A question names what is not there; the message says what is near."""


@dataclass(frozen=True)
class Party:
    """One end of a connection."""

    name: str
    """As questions name it: `labs/lab-1-student-anna`, `worker-1`, `203.0.113.7`."""
    addresses: tuple[str, ...]
    """Those that it is reached at, and sends from; none where they are not known yet."""
    pod: Pod | None = None
    """The pod that policies and selectors mean; None for all else, also for a pod on the host network: "NetworkPolicies
    apply to a connection with a pod on one or both ends", and such a pod is its node."""
    node: str = ""
    """The machine that it is, or that it runs on."""
    tunnels: tuple[str, ...] = ()
    """Further addresses that it may send from: a machine's tunnel devices."""

    @property
    def machine(self) -> bool:
        """Whether it is a machine of the cluster, or a pod on its network."""
        return self.pod is None and bool(self.node)

    def seen_by(self, direction: str) -> tuple[str, ...]:
        """The addresses that rules may see: of a source for `ingress`, of a destination for `egress`."""
        return (*self.addresses, *self.tunnels) if direction == INGRESS else self.addresses


def pod_party(cluster: Cluster, pod: Pod) -> Party:
    """A pod; one on the host network has the addresses of its machine."""
    if not pod.host_network:
        return Party(pod.key, pod.addresses, pod, pod.node)
    node = cluster.node_by_name.get(pod.node)
    addresses, tunnels = (node.addresses, node.tunnel_addresses) if node else (pod.addresses, ())
    return Party(pod.key, addresses, None, pod.node or pod.key, tunnels)


def node_party(node: Node) -> Party:
    """A machine of the cluster."""
    return Party(node.name, node.addresses, None, node.name, node.tunnel_addresses)


def address_party(text: str) -> Party:
    """An address, or a range, which stands for each of its addresses. Raises UnknownEndpoint when it is neither."""
    try:
        span(text)
    except AddressError as error:
        raise UnknownEndpoint(str(error)) from error
    return Party(text, (text,))


def owner(cluster: Cluster, address: str) -> Party | None:
    """The pod that has an address, or the machine by this one of its addresses; None for an address outside.

    A pod on the host network has no address of its own.
    """
    for node in cluster.nodes:
        if address in (*node.addresses, *node.tunnel_addresses):
            return Party(node.name, (address,), None, node.name)
    for pod in cluster.pods:
        if address in pod.addresses:
            return pod_party(cluster, pod)
    return None


def find(cluster: Cluster, text: str) -> Party:
    """What a question means by `namespace/name` (a pod), a machine's name, or an address.

    An address of a pod means the pod, one of a machine this machine by this address. Raises UnknownEndpoint.
    """
    if pod := cluster.pod_by_key.get(text):
        return pod_party(cluster, pod)
    if node := cluster.node_by_name.get(text):
        return node_party(node)
    try:
        first, last = span(text)
    except AddressError:
        raise UnknownEndpoint(_unknown(text, (*cluster.pod_by_key, *cluster.node_by_name))) from None
    if first != last:
        return Party(text, (text,))
    return owner(cluster, text) or Party(text, (text,))


def _unknown(text: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(text, known, n=3)
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    return f"{text!r} is no pod (namespace/name), machine or address of this cluster{hint}"
