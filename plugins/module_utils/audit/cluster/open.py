"""What of the cluster no policy of ours closes: namespaces that the catalogue has not, pods on the network of their
machine, and rules of other APIs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.audit.cluster.stage import Stage
from ansible_collections.autolabs.platform.plugins.module_utils.audit.finding import (
    CLUSTER,
    EXTRA,
    UNDECIDED,
    Finding,
)
from ansible_collections.autolabs.platform.plugins.module_utils.audit.matrix.names import shown
from ansible_collections.autolabs.platform.plugins.module_utils.flows.catalogue.model import Catalogue
from ansible_collections.autolabs.platform.plugins.module_utils.reach.cluster import Cluster, Pod
from ansible_collections.autolabs.platform.plugins.module_utils.reach.policies.policy import DIRECTIONS, EGRESS, INGRESS

KUBERNETES_OWN = ("kube-system", "kube-public", "kube-node-lease", "local-path-storage")
"""Namespaces of Kubernetes itself, where Calico is, too; and the one that role storage makes."""
INTO_CATALOGUE = "write its pods into a file of flows_files"
WORDS = {INGRESS: "can be reached by everyone", EGRESS: "can reach everything"}


def open_namespaces(stage: Stage, catalogue: Catalogue) -> Iterator[Finding]:
    """Namespaces that the catalogue has not, with pods that no policy closes in one direction or in both."""
    known = {name for entry in catalogue.endpoints.values() for name in entry.namespaces} | set(KUBERNETES_OWN)
    namespaces: dict[str, list[Pod]] = {}
    for pod in stage.running:
        if pod.namespace not in known and not pod.host_network:
            namespaces.setdefault(pod.namespace, []).append(pod)
    for namespace, pods in sorted(namespaces.items()):
        opened = {
            direction: [pod.name for pod in pods if _open(stage.live, pod, direction)] for direction in DIRECTIONS
        }
        if names := sorted({name for found in opened.values() for name in found}):
            what = " and ".join(WORDS[direction] for direction, found in opened.items() if found)
            yield Finding(
                EXTRA,
                CLUSTER,
                f"namespace {namespace}",
                f"pods of namespace {namespace} ({shown(names)}) {what}; the catalogue has no such namespace, and no "
                "policy there closes it",
                f"{INTO_CATALOGUE}, which closes the namespace, or with `unguarded: true` where it is to stay open; or "
                "remove them",
                source=shown(names) if opened[EGRESS] else "",
                destination=shown(names) if opened[INGRESS] else "",
            )


def pods_on_machines(stage: Stage, catalogue: Catalogue, closed: Collection[str]) -> Iterator[Finding]:
    """Pods that no policy holds for, since they have the network of their machine; those of the catalogue aside.

    closed: the namespaces that the catalogue closes.
    """
    entries = [entry for entry in catalogue.endpoints.values() if entry.host_network]
    named = {name for entry in catalogue.endpoints.values() for name in entry.namespaces}
    open_ones = (named - set(closed)) | set(KUBERNETES_OWN)
    for pod in (pod for pod in stage.running if pod.host_network and pod.namespace not in open_ones):
        if any(
            pod.namespace in entry.namespaces and all(pod.labels.get(key) == value for key, value in entry.labels)
            for entry in entries
        ):
            continue
        yield Finding(
            EXTRA,
            CLUSTER,
            f"namespace {pod.namespace}",
            f"the pod {pod.key} has the network of its machine (hostNetwork), where no policy holds: to others it is "
            f"{pod.node or 'the machine'} itself",
            f"take hostNetwork out of it, or {INTO_CATALOGUE} with `host_network: true`",
            source=pod.key,
            destination=pod.key,
        )


def other_policies(objects: Iterable[Mapping[str, Any]]) -> Iterator[Finding]:
    """Policies of Calico's own API and of the one for administrators, which may be asked before NetworkPolicies."""
    for one in objects:
        group = str(one["apiVersion"]).partition("/")[0]
        namespace = one["metadata"].get("namespace", "")
        name = f"{one['kind']} {f'{namespace}/' if namespace else ''}{one['metadata']['name']} ({group})"
        yield Finding(
            UNDECIDED,
            CLUSTER,
            f"namespace {namespace}" if namespace else "the whole cluster",
            f"{name} may open or close what NetworkPolicies do not; nobody can tell here what it does",
            "delete it, and write what it is for into a file of flows_files",
            rule=name,
            assumption=f"what {name} says, which is not read here",
        )


def _open(live: Cluster, pod: Pod, direction: str) -> bool:
    """Whether no policy closes a direction of a pod, or one opens all of it again."""
    closing = [
        rules
        for policy in live.rules_by_namespace.get(pod.namespace, ())
        if (rules := policy.rules(direction)) is not None and policy.selector.matches(pod.labels)
    ]
    return not closing or any(rule.peers is None and rule.ports is None for rules in closing for rule in rules)
