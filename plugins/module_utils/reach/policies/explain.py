"""One question: may this endpoint reach that one, on this port; step by step, with the rules that decide."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.autolabs.platform.plugins.module_utils.net.ports import Ports
from ansible_collections.autolabs.platform.plugins.module_utils.reach.cluster import Cluster, Service
from ansible_collections.autolabs.platform.plugins.module_utils.reach.policies.lines import block_spans, overlaps, span
from ansible_collections.autolabs.platform.plugins.module_utils.reach.policies.parties import UnknownEndpoint, find
from ansible_collections.autolabs.platform.plugins.module_utils.reach.policies.policy import EGRESS, INGRESS, Rule
from ansible_collections.autolabs.platform.plugins.module_utils.reach.policies.ruling import (
    Ruling,
    ports_fit,
    ruling,
    selecting,
)
from ansible_collections.autolabs.platform.plugins.module_utils.reach.policies.ways import (
    Route,
    Way,
    direct_way,
    entrance,
    service_of_external,
    to_external,
    to_service,
)
from ansible_collections.autolabs.platform.plugins.module_utils.reach.verdict import (
    ALLOWED,
    DENIED,
    UNDECIDED,
    Step,
    Verdict,
)

SERVICE = "service/"


def verdict(
    cluster: Cluster, source: str, destination: str, port: int, protocol: str = "TCP", *, calico: bool = False
) -> Verdict:
    """What NetworkPolicies say about a new connection; its replies always pass ("reply traffic is allowed").

    source, destination: `namespace/name` of a pod, the name of a machine, or an address, which means the pod, machine
        or Service that has it. A destination may also be `service/namespace/name`. A machine together with a port
        that is a node port, a hostPort or one of a Service's external address means what is behind that.
    calico: decide as Calico does what the documentation leaves to the network plugin.

    Raises UnknownEndpoint for what is not there, ValueError for a port or protocol that does not exist.
    """
    if Ports(port, protocol).first == 0:
        raise ValueError(f"NetworkPolicies know TCP, UDP and SCTP, not {protocol}")
    sender = find(cluster, source)
    if (service := service_named(cluster, destination)) is not None:
        return route_verdict(cluster, to_service(cluster, sender, service, port, protocol), protocol, calico=calico)
    receiver = find(cluster, destination)
    if receiver.machine and (found := entrance(cluster, receiver, port, protocol)):
        route = found.route(cluster, sender, receiver, calico=calico)
        one = route_verdict(cluster, route, protocol, calico=calico)
        if one.answer == DENIED and found.pod and route.assumption:
            # Where the pod is not, the port is the machine's own.
            return Verdict(UNDECIDED, one.steps, (route.assumption,))
        return one
    if external := service_of_external(cluster, destination, port, protocol):
        route = to_external(cluster, sender, *external, destination, calico=calico)
        return route_verdict(cluster, route, protocol, calico=calico)
    return way_verdict(cluster, direct_way(sender, receiver, port), protocol, calico=calico)


def route_verdict(cluster: Cluster, route: Route, protocol: str, *, calico: bool) -> Verdict:
    """The verdict of all ways together: decided where all agree."""
    if not route.ways:
        if route.assumption:
            return Verdict(UNDECIDED, tuple(route.steps), (route.assumption,))
        return Verdict(DENIED, tuple(route.steps))
    found = [way_verdict(cluster, way, protocol, calico=calico) for way in route.ways]
    answers = {one.answer for one in found}
    shown = next((one for one in found if one.answer != ALLOWED), found[0])
    steps = (*route.steps, *shown.steps)
    if answers == {DENIED}:
        return Verdict(DENIED, steps)
    assumptions = [sentence for one in found for sentence in one.assumptions]
    if len(answers) > 1:
        assumptions += _differences(route.ways, found)
    if route.assumption:
        assumptions.append(route.assumption)
    if answers == {ALLOWED} and not route.assumption:
        return Verdict(ALLOWED, steps)
    return Verdict(UNDECIDED, steps, tuple(dict.fromkeys(assumptions)))


def way_verdict(cluster: Cluster, way: Way, protocol: str, *, calico: bool) -> Verdict:
    """The verdict of one way: both sides must allow it."""
    itself = way.sender.name == way.receiver.name
    if itself and way.direct and (calico or not way.sender.pod):
        why = "packets to the endpoint itself never leave it" + (", with Calico" if way.sender.pod else "")
        return Verdict(ALLOWED, (Step(f"loopback of {way.sender.name}", ALLOWED, why=why),))
    found = [
        *([_leaving(cluster, way, protocol, calico=calico)] if way.sender.pod else []),
        *([_arriving(cluster, way, protocol, calico=calico)] if way.receiver.pod else []),
    ]
    if not found:
        why = "neither end is a pod with an address of its own, so no NetworkPolicy applies"
        return Verdict(ALLOWED, (Step("NetworkPolicies", ALLOWED, why=why),))
    answers = [one.step.answer for one in found]
    if itself and not calico and {*answers} != {ALLOWED}:
        sentence = (
            f"{way.sender.name} reaches itself: the documentation says that a pod cannot block access to itself, and "
            "whether that holds, also through a Service, is up to the network plugin"
        )
        return Verdict(UNDECIDED, tuple(one.step for one in found), (sentence,))
    if DENIED in answers:
        return Verdict(DENIED, tuple(one.step for one in found[: answers.index(DENIED) + 1]))
    answer = UNDECIDED if UNDECIDED in answers else ALLOWED
    return Verdict(
        answer,
        tuple(one.step for one in found),
        tuple(dict.fromkeys(sentence for one in found for sentence in one.assumptions)),
    )


def _leaving(cluster: Cluster, way: Way, protocol: str, *, calico: bool) -> Ruling:
    pod, to = way.sender.pod, way.leaving_to
    if pod is None:
        raise ValueError(f"{way.sender.name} is no pod with policies of its own")
    found = ruling(cluster, EGRESS, pod, to, to.pod, way.leaving_port, protocol, calico=calico)
    if found.step.answer == ALLOWED:
        return found
    if not calico and to.machine and to.node == way.sender.node:
        sentence = (
            f"{pod.key} runs on {to.node}: the documentation says that a pod always reaches its own machine, but "
            "several network plugins, Calico among them, apply egress rules to that, too"
        )
        step = Step(found.step.where, UNDECIDED, found.step.rule, found.step.flow, "the machine is the pod's own")
        return Ruling(step, (*found.assumptions, sentence))
    if found.step.answer == DENIED and (rule := _names_service(cluster, way, protocol)):
        return _rewritten(found, rule, way, calico=calico)
    return found


def _arriving(cluster: Cluster, way: Way, protocol: str, *, calico: bool) -> Ruling:
    pod, source = way.receiver.pod, way.arriving_from
    if pod is None:
        raise ValueError(f"{way.receiver.name} is no pod with policies of its own")
    if source.machine and source.node == pod.node:
        # NetworkPolicySpec.ingress: "OR if the traffic source is the pod's local node".
        why = f"{source.node} is the machine of the pod, which it always reaches"
        return Ruling(Step(f"ingress to {pod.key}", ALLOWED, why=why))
    return ruling(cluster, INGRESS, pod, source, pod, way.port, protocol, calico=calico)


def _names_service(cluster: Cluster, way: Way, protocol: str) -> Rule | None:
    """The egress rule with an ipBlock that holds the address which is rewritten before rules are asked."""
    if way.service is None or way.sender.pod is None:
        return None
    for policy in selecting(cluster, EGRESS, way.sender.pod):
        for rule in policy.egress or ():
            spans = [one for peer in rule.peers or () if peer.block for one in block_spans(peer.block)]
            if not ports_fit(rule.ports, None, way.service_port, protocol):
                continue
            if any(overlaps(span(address), spans) for address in way.service.addresses):
                return rule
    return None


def _rewritten(found: Ruling, rule: Rule, way: Way, *, calico: bool) -> Ruling:
    """The documentation: "it is not defined whether this happens before or after NetworkPolicy processing"."""
    name = way.service.name if way.service else ""
    if calico:
        why = f"{found.step.why}; the ipBlock of {rule.title}, never matches {name}, which is rewritten before"
        return Ruling(Step(found.step.where, DENIED, why=why))
    sentence = (
        f"the ipBlock of {rule.title}, holds the address of {name}; it is not defined whether rules see that address "
        "or the one of the pod behind it (with Calico and kube-proxy the latter, so that the rule never matches)"
    )
    why = f"the address of {name} is rewritten on the way"
    return Ruling(Step(found.step.where, UNDECIDED, rule.title, rule.flow, why), (sentence,))


def _differences(ways: Sequence[Way], found: Sequence[Verdict]) -> list[str]:
    """What the answer depends on where ways differ: the source that is seen, or the pod that the Service picks."""
    sentences = []
    pods: dict[str, set[str]] = {}
    for way, one in zip(ways, found, strict=True):
        pods.setdefault(way.receiver.name, set()).add(one.answer)
    for way, one in zip(ways, found, strict=True):
        if len(pods[way.receiver.name]) > 1 and way.depends:
            sentences.append(f"{one.answer} if {way.depends}")
    whole = {name: next(iter(answers)) for name, answers in pods.items() if len(answers) == 1}
    if len({*whole.values()}) > 1:
        shown = [
            next(name for name, answer in whole.items() if answer == wanted) for wanted in sorted({*whole.values()})
        ]
        picked = ", ".join(f"{whole[name]} to {name}" for name in shown)
        sentences.append(f"it depends on which pod the Service picks: {picked}")
    return sentences


def service_named(cluster: Cluster, text: str) -> Service | None:
    """The Service that a question means, by `service/namespace/name` or one of its addresses; None for other ends.

    Raises UnknownEndpoint for one that is not there.
    """
    for service in cluster.services:
        if text == f"{SERVICE}{service.key}" or text in service.addresses:
            return service
    if text.startswith(SERVICE):
        known = ", ".join(service.key for service in cluster.services[:5]) or "none"
        raise UnknownEndpoint(f"{text!r} names no Service that is known; there are {known}")
    return None
