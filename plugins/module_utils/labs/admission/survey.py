"""Reads what is left of a cluster: a few lists, page by page, of which only sums are kept."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ansible_collections.autolabs.platform.plugins.module_utils.kube.resources import Manifest
from ansible_collections.autolabs.platform.plugins.module_utils.kube.session import Session
from ansible_collections.autolabs.platform.plugins.module_utils.labs.admission.capacity import Quota, Room
from ansible_collections.autolabs.platform.plugins.module_utils.labs.admission.demand import (
    Amounts,
    Defaults,
    Demand,
    canonical,
    demand_of,
    is_done,
    is_terminal,
    parsed,
    total,
)
from ansible_collections.autolabs.platform.plugins.module_utils.labs.admission.nodes import Need, Node, Terms
from ansible_collections.autolabs.platform.plugins.module_utils.labs.admission.promises import ClassKey, Standing, alike
from ansible_collections.autolabs.platform.plugins.module_utils.labs.settings import Settings

DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
OWN_ACCOUNT = ("count/services", "services.nodeports", "pods", "requests.", "limits.")
"""What of a quota's use can be counted from Pods and Services."""


@dataclass(frozen=True)
class Question:
    """What is asked about a cluster, besides what is free."""

    namespace: str
    pruned: frozenset[str]
    """Names of the class's Pods that go: their room is free."""
    replaced: frozenset[str]
    """Names of those that are replaced."""
    claims: frozenset[str] = frozenset()
    """Names of live volumes that new Pods use."""
    storage: bool = False
    """Whether volumes are to be made."""
    promised: bool = False
    """Whether another class of the namespace is being started, so that its other objects must be counted."""


@dataclass
class Survey:
    """What a cluster has left, and what classes have."""

    room: Room
    defaults: Defaults
    storage_classes: frozenset[str] = frozenset()
    pending: list[Need] = field(default_factory=list)
    """Pods that wait for a node."""
    standing: dict[ClassKey, Standing] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    """The node of each of the class's Pods, by name: those that stay, and those that are replaced."""
    taken: dict[str, Amounts] = field(default_factory=dict)
    """What Pods that are replaced have on their nodes."""
    volumes: dict[str, tuple[Terms, ...]] = field(default_factory=dict)
    """Where the volume of a claim can be mounted, by the claim's name."""
    steady: bool = True
    """Whether the quota's own count agrees with ours and no Pod of the namespace is ending: else a moment later
    more may be free."""


def survey(session: Session, question: Question, own: ClassKey, settings: Settings) -> Survey:
    """Read it all. Raises ApiError."""
    namespace = question.namespace
    classes = _list(session, "StorageClass", None) if question.storage else []
    defaults = Defaults.of(_list(session, "LimitRange", namespace), _default_class(classes))
    nodes = {node.name: node for node in map(Node.of, _list(session, "Node", None))}
    found = Survey(
        Room(nodes=list(nodes.values()), node_port_range=settings.node_ports),
        defaults,
        frozenset(entry["metadata"]["name"] for entry in classes),
    )
    counting = _Counting(found, question, own, nodes)
    for pods, _version in session.pages("Pod", None):
        counting.pods(pods)
    for services, _version in session.pages("Service", None):
        counting.services(services)
    # After the Pods: an object that came in between is counted twice, and never not at all.
    found.room.quotas, used = _quotas(session, namespace)
    if question.promised:
        for kind in ("ConfigMap", "Secret", "NetworkPolicy", "PersistentVolumeClaim"):
            if any(_limits(quota, kind) for quota in found.room.quotas):
                for objects, _version in session.pages(kind, namespace):
                    counting.others(objects)
    found.room.node_ports = settings.node_ports - len(counting.node_ports) * _ONE
    found.standing = counting.standing()
    found.steady = not counting.ending and counting.agrees_with(used)
    if question.claims and len(nodes) > 1:
        found.volumes = _volumes(session, question)
    return found


_ONE = Demand().cpu + 1


class _Counting:
    def __init__(self, found: Survey, question: Question, own: ClassKey, nodes: Mapping[str, Node]) -> None:
        self._found, self._question, self._own, self._nodes = found, question, own, nodes
        self._pods: defaultdict[ClassKey, Counter[str]] = defaultdict(Counter)
        self._objects: defaultdict[ClassKey, list[Demand]] = defaultdict(list)
        self._used = Demand()
        self.node_ports: set[int] = set()
        self.ending = False

    def pods(self, page: Sequence[Manifest]) -> None:
        here = [pod for pod in page if not is_terminal(pod)]
        own_namespace = [pod for pod in here if pod["metadata"]["namespace"] == self._question.namespace]
        self._used += total(map(demand_of, own_namespace))
        self.ending = self.ending or any("deletionTimestamp" in pod["metadata"] for pod in own_namespace)
        for pod in page:
            key = _class_of(pod)
            # A Pod that did its work and stays is all that there will be of it.
            if key and (not is_terminal(pod) or is_done(pod)):
                self._pods[key][alike(pod, self._found.defaults)] += 1
        for pod in here:
            self._place(pod)

    def _place(self, pod: Manifest) -> None:
        name, node = pod["metadata"]["name"], pod["spec"].get("nodeName", "")
        need = Need.of(pod["spec"])
        own = _class_of(pod) == self._own
        if own and name in self._question.pruned:
            return
        if node:
            if own:
                self._found.places[name] = node
            if own and name in self._question.replaced:
                self._found.taken[name] = need.requests
            if node in self._nodes:
                self._nodes[node].take(need.requests)
        elif not (own and name in self._question.replaced) and "deletionTimestamp" not in pod["metadata"]:
            self._found.pending.append(need)

    def services(self, page: Sequence[Manifest]) -> None:
        for service in page:
            spec = service["spec"]
            numbers = {port.get("nodePort", 0) for port in spec.get("ports") or ()} | {
                spec.get("healthCheckNodePort", 0)
            }
            self.node_ports |= numbers - {0}
        self._used += total(
            demand_of(entry) for entry in page if entry["metadata"]["namespace"] == self._question.namespace
        )
        self.others(page)

    def others(self, page: Sequence[Manifest]) -> None:
        for manifest in page:
            key = _class_of(manifest)
            if key:
                self._objects[key].append(demand_of(manifest, self._found.defaults))

    def standing(self) -> dict[ClassKey, Standing]:
        keys = self._pods.keys() | self._objects.keys()
        return {key: Standing(dict(self._pods[key]), total(self._objects[key])) for key in keys}

    def agrees_with(self, used: Iterable[Amounts]) -> bool:
        return all(
            amount == self._used[name]
            for amounts in used
            for name, amount in amounts.items()
            if name.startswith(OWN_ACCOUNT) and name != "requests.storage"
        )


def _list(session: Session, kind: str, namespace: str | None) -> list[Manifest]:
    return session.list(kind, namespace, {})[0]


def _quotas(session: Session, namespace: str) -> tuple[list[Quota], list[Amounts]]:
    """The quotas, and what those without scopes say is used."""
    quotas = _list(session, "ResourceQuota", namespace)
    read = [Quota.of(entry) for entry in quotas]
    used: list[Amounts] = [
        {canonical(name): amount for name, amount in parsed((entry.get("status") or {}).get("used")).items()}
        for entry, quota in zip(quotas, read, strict=True)
        if not quota.scopes
    ]
    return read, used


def _limits(quota: Quota, kind: str) -> bool:
    """Whether a quota limits anything that an object of a kind takes."""
    plain: Manifest = {"kind": kind, "spec": {"resources": {"requests": {"storage": "1"}}}}
    storage = kind == "PersistentVolumeClaim" and any(
        name.endswith(("requests.storage", "count")) for name in quota.free
    )
    return storage or not quota.free.keys().isdisjoint(demand_of(plain).amounts)


def _default_class(classes: Iterable[Manifest]) -> str:
    """The cluster's default storage class; of several, the newest counts (Kubernetes, "Storage Classes")."""
    marked = [entry for entry in classes if (entry["metadata"].get("annotations") or {}).get(DEFAULT_CLASS) == "true"]
    newest = max(marked, key=lambda entry: str(entry["metadata"].get("creationTimestamp", "")), default=None)
    return str(newest["metadata"]["name"]) if newest else ""


def _volumes(session: Session, question: Question) -> dict[str, tuple[Terms, ...]]:
    found: dict[str, tuple[Terms, ...]] = {}
    for page, _version in session.pages("PersistentVolume", None):
        for volume in page:
            claim = volume["spec"].get("claimRef") or {}
            required = (volume["spec"].get("nodeAffinity") or {}).get("required")
            if required and claim.get("namespace") == question.namespace and claim.get("name") in question.claims:
                found[claim["name"]] = (required["nodeSelectorTerms"],)
    return found


def _class_of(manifest: Manifest) -> ClassKey | None:
    metadata = manifest["metadata"]
    labels = metadata.get("labels") or {}
    if labels.get("app") != "lab" or not {"lab_id", "class_id"} <= labels.keys():
        return None
    return metadata["namespace"], labels["lab_id"], labels["class_id"]
