"""What people call those who send and receive packets, and which endpoints of the catalogue they belong to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ansible_collections.autolabs.platform.plugins.module_utils.audit.cluster.stage import ANY, STRANGER
from ansible_collections.autolabs.platform.plugins.module_utils.audit.hosts.ranges import (
    Span,
    merged,
    pieces,
    span,
    words,
)
from ansible_collections.autolabs.platform.plugins.module_utils.audit.matrix.endpoints import Endpoint
from ansible_collections.autolabs.platform.plugins.module_utils.flows.flow import Endpoint as End
from ansible_collections.autolabs.platform.plugins.module_utils.flows.flow import Hosts, Pods
from ansible_collections.autolabs.platform.plugins.module_utils.flows.site import Site
from ansible_collections.autolabs.platform.plugins.module_utils.net.addresses import EVERYWHERE
from ansible_collections.autolabs.platform.plugins.module_utils.reach.cluster import Pod

MOST_SHOWN = 3


class Names:
    """The endpoints of a site, asked by pod, machine or address."""

    def __init__(self, endpoints: Sequence[Endpoint], site: Site) -> None:
        self._endpoints = endpoints
        self._senders = {one.name: merged(one.senders(site)) for one in endpoints}
        large = {span(cidr) for cidr in EVERYWHERE}
        # What is the site's own: its machines, its networks, those of the cluster; not the internet.
        self._own = [
            one for each in endpoints if each.hosts or each.pods for one in self._senders[each.name] if one not in large
        ]
        self._own += [span(text) for ranges in site.networks.values() for text in ranges]
        self._machines = {
            span(address): host.name for one in endpoints for host in one.hosts for address in host.addresses
        }

    def of_pod(self, pod: Pod) -> str:
        """`Platform`, or `the pod platform/shell` for one that the catalogue does not know."""
        known = [one for one in self._endpoints if one.has_pod(pod.namespace, pod.labels)]
        if pod.name.startswith(ANY) and not any(one.pods[0].labels for one in known):
            labels = ", ".join(f"{key}={value}" for key, value in pod.labels.items())
            where = "other namespaces" if pod.namespace == STRANGER else f"namespace {pod.namespace}"
            return f"pods with {labels} in {where}" if labels else f"other pods of {where}"
        if not known:
            return f"the pod {pod.key}"
        return max(known, key=lambda one: len(one.pods[0].labels)).title

    def endpoints_of_pod(self, pod: Pod) -> list[str]:
        """The names of the endpoints that a pod belongs to."""
        return [one.name for one in self._endpoints if one.has_pod(pod.namespace, pod.labels)]

    def endpoints_of_host(self, host: str) -> list[str]:
        """The names of the endpoints that a machine belongs to."""
        return [one.name for one in self._endpoints if any(host == each.name for each in one.hosts)]

    def closed_pods(self) -> set[str]:
        """The endpoints that are pods closed by policies: an address alone lets them reach nothing."""
        return {one.name for one in self._endpoints if one.guarded or one.per_lab}

    def of_end(self, end: End) -> list[str]:
        """The names of the endpoints that a flow's end is."""
        if isinstance(end, Pods):
            return [one.name for one in self._endpoints if end in one.pods]
        if isinstance(end, Hosts):
            return [one.name for one in self._endpoints if one.hosts == end.hosts]
        return []

    def of_addresses(self, found: Iterable[Span]) -> str:
        """`Administrators (10.9.0.0/24)`, `k8s-1 (192.168.100.31)`, or the ranges."""
        left = merged(found)
        machines = [self._machines.get(one) for one in left]
        if all(machines):
            return shown([f"{name} ({words([one])})" for name, one in zip(machines, left, strict=True)])
        if rest := self._everyone(left):
            return rest
        exact = next((one.title for one in self._endpoints if one.spans and self._senders[one.name] == left), "")
        if any(one.pods and self._senders[one.name] == left for one in self._endpoints):
            exact = "pods"
        return f"{exact} ({words(left)})" if exact else words(left)

    def _everyone(self, found: Sequence[Span]) -> str:
        """`everyone else` where only addresses of the site are left out, empty where others are."""
        every = []
        for whole in (span(cidr) for cidr in EVERYWHERE):
            own = [one for one in found if one.version == whole.version]
            held = [*own, *self._own]
            if own and not all(any(piece.within(one) for one in held) for piece in pieces(held, [whole])):
                return ""
            every += [own == [whole]] if own else []
        versions = {one.version for one in found}
        who = "everyone" if all(every) else "everyone else"
        return who if len(versions) > 1 else f"{who} over IPv{versions.pop()}"

    def concerned(self, found: Iterable[Span]) -> list[str]:
        """The endpoints whose packets come from these addresses: those that lie within them, and the smallest one
        that holds them all."""
        left = merged(found)
        inside = [one.name for one in self._endpoints if _within(self._senders[one.name], left)]
        around = [one.name for one in self._endpoints if _within(left, self._senders[one.name])]
        smallest = sorted(around, key=lambda name: sum(one.last - one.first for one in self._senders[name]))[:1]
        return list(dict.fromkeys([*inside, *smallest]))


def shown(texts: Iterable[str]) -> str:
    """Few of them, and how many more there are."""
    every = list(dict.fromkeys(texts))
    hidden = len(every) - MOST_SHOWN
    return ", ".join(every[:MOST_SHOWN]) + (f" and {hidden} more" if hidden > 0 else "")


def _within(inner: Sequence[Span], outer: Sequence[Span]) -> bool:
    return bool(inner) and all(any(one.within(other) for other in outer) for one in inner)
