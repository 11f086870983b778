"""What classes that are being started at this moment will still take, so that none takes it twice.

The ConfigMap `lab-promises` of the namespace `labs` has an entry for every class that is being started. It is
changed only in the version in which it was read: of two runs that counted at the same moment, the second counts
again. An entry holds for 60 s by the server's clock, unless its run renews it, so a killed run is soon forgotten.
"""

from __future__ import annotations

import hashlib
import json
import random
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.kube.errors import ApiError
from ansible_collections.autolabs.platform.plugins.module_utils.kube.resources import Manifest
from ansible_collections.autolabs.platform.plugins.module_utils.kube.session import CONFLICT, NOT_FOUND, Session
from ansible_collections.autolabs.platform.plugins.module_utils.labs.admission.capacity import Item
from ansible_collections.autolabs.platform.plugins.module_utils.labs.admission.demand import (
    NO_DEFAULTS,
    Amounts,
    Defaults,
    Demand,
    parsed,
    pod_amounts,
)
from ansible_collections.autolabs.platform.plugins.module_utils.labs.admission.nodes import Need
from ansible_collections.autolabs.platform.plugins.module_utils.labs.labels import COMPONENT
from ansible_collections.autolabs.platform.plugins.module_utils.labs.settings import NAMESPACES

NAME = "lab-promises"
NAMESPACE = NAMESPACES["restricted"]
HOLDS_SECONDS = 60.0

ClassKey = tuple[str, str, str]
"""Namespace, lab and class."""


@dataclass(frozen=True)
class PromisedPods:
    """Pods that are alike, and that the class will have, those that it has already included."""

    count: int
    item: Item
    need: Need


@dataclass(frozen=True)
class Entry:
    """What a class will have when its run has done what was admitted."""

    key: ClassKey
    run: str
    """Tells the runs of one class apart."""
    until: float
    """Seconds since 1970, by the server's clock."""
    pods: Mapping[str, PromisedPods]
    """By what makes Pods alike."""
    objects: Demand
    """Everything but the Pods."""


@dataclass(frozen=True)
class Standing:
    """What there is of a class."""

    pods: Mapping[str, int] = field(default_factory=dict)
    """By what makes Pods alike."""
    objects: Demand = field(default_factory=Demand)


@dataclass(frozen=True)
class Promises:
    """The ConfigMap as it was read: the entries that hold, and the keys of what goes with the next change."""

    version: str
    entries: tuple[Entry, ...]
    stale: frozenset[str]


def read(session: Session) -> Promises:
    """The promises as they stand; makes the ConfigMap where it is missing. Raises ApiError."""
    found = session.get("ConfigMap", NAMESPACE, NAME) or _make(session)
    return understand(found, session.server_time())


def look(session: Session) -> Promises:
    """The same without making anything."""
    found = session.get("ConfigMap", NAMESPACE, NAME)
    return understand(found, session.server_time()) if found else Promises("", (), frozenset())


def understand(manifest: Manifest, now: float) -> Promises:
    """What a ConfigMap holds at a time of the server's clock. What cannot be read counts for nothing, and goes."""
    entries, stale = [], set()
    for key, text in (manifest.get("data") or {}).items():
        entry = _parse(text)
        if entry is None or entry.until <= now or data_key(entry.key) != key:
            stale.add(key)
        else:
            entries.append(entry)
    return Promises(manifest["metadata"]["resourceVersion"], tuple(entries), frozenset(stale))


def put(session: Session, promises: Promises, entry: Entry) -> bool:
    """Make or replace the entry of a class; False where somebody changed the promises since. Raises ApiError."""
    return _change(session, promises, {data_key(entry.key): _written(entry)})


def renew(session: Session, entry: Entry) -> None:
    """Let the entry hold for another 60 s, unless another run of the class has replaced it. Raises ApiError."""
    while True:
        promises = read(session)
        if any(found.key == entry.key and found.run != entry.run for found in promises.entries):
            return
        if put(session, promises, until(entry, session.server_time() + HOLDS_SECONDS)):
            return
        pause()


def withdraw(session: Session, entry: Entry) -> None:
    """Take the entry back, unless another run of the class has replaced it. Raises ApiError."""
    while True:
        promises = look(session)
        mine = any(found.key == entry.key and found.run == entry.run for found in promises.entries)
        if not mine or _change(session, promises, {data_key(entry.key): None}):
            return
        pause()


def until(entry: Entry, moment: float) -> Entry:
    """The same entry, holding until another time."""
    return Entry(entry.key, entry.run, moment, entry.pods, entry.objects)


def outstanding(entry: Entry, standing: Standing) -> tuple[list[tuple[int, PromisedPods]], Demand]:
    """What of a promise is not there yet: how many Pods of each kind, and everything else."""
    pods = [(max(0, pods.count - standing.pods.get(name, 0)), pods) for name, pods in sorted(entry.pods.items())]
    return pods, (entry.objects - standing.objects).at_least_nothing()


def others(promises: Promises, key: ClassKey) -> Iterable[Entry]:
    """The entries of all other classes."""
    return [entry for entry in promises.entries if entry.key != key]


def pause() -> None:
    """Let the others go first for a moment, after a change that came too late."""
    time.sleep(random.uniform(0.02, 0.1))


def alike(pod: Manifest, defaults: Defaults = NO_DEFAULTS) -> str:
    """Which Pods of a class count as one: those of a component that take the same, as members of groups differ."""
    requests, limits = pod_amounts(pod["spec"], defaults)
    takes = sorted((name, str(amount)) for amounts in (requests, limits) for name, amount in amounts.items())
    digest = hashlib.sha256(repr(takes).encode()).hexdigest()[:8]
    return f"{pod['metadata']['labels'].get(COMPONENT, '')}/{digest}"


def data_key(key: ClassKey) -> str:
    """Under which key of the ConfigMap a class has its entry. The parts are DNS labels, so a dot ends each."""
    return ".".join(key)


def _make(session: Session) -> Manifest:
    labels = {"app.kubernetes.io/part-of": "autolabs"}
    metadata = {"name": NAME, "namespace": NAMESPACE, "labels": labels}
    try:
        return session.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
    except ApiError as error:
        if error.status != CONFLICT:
            raise
    made_by_another_run = session.get("ConfigMap", NAMESPACE, NAME)
    return made_by_another_run or _make(session)


def _change(session: Session, promises: Promises, data: Mapping[str, str | None]) -> bool:
    metadata = {"name": NAME, "namespace": NAMESPACE, "resourceVersion": promises.version}
    content = {**dict.fromkeys(promises.stale), **data}
    try:
        session.merge({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": content})
    except ApiError as error:
        if error.status in (CONFLICT, NOT_FOUND):
            return False
        raise
    return True


def _written(entry: Entry) -> str:
    namespace, lab, lab_class = entry.key
    pods = {
        name: {
            "count": pods.count,
            "takes": _quantities(pods.item.takes.amounts),
            "scopes": sorted(pods.item.scopes or ()),
            "requests": _quantities(pods.need.requests),
            "nodeSelector": dict(pods.need.node_selector),
            "tolerations": list(pods.need.tolerations),
        }
        for name, pods in entry.pods.items()
    }
    return json.dumps(
        {
            "namespace": namespace,
            "lab": lab,
            "class": lab_class,
            "run": entry.run,
            "until": datetime.fromtimestamp(entry.until, UTC).isoformat(timespec="seconds"),
            "pods": pods,
            "objects": _quantities(entry.objects.amounts),
        }
    )


def _parse(text: str) -> Entry | None:
    try:
        found = json.loads(text)
        return Entry(
            (str(found["namespace"]), str(found["lab"]), str(found["class"])),
            str(found["run"]),
            datetime.fromisoformat(found["until"]).timestamp(),
            {str(name): _parse_pods(pods) for name, pods in found["pods"].items()},
            Demand(parsed(found["objects"])),
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _parse_pods(found: Mapping[str, Any]) -> PromisedPods:
    need = Need(parsed(found["requests"]), dict(found["nodeSelector"]), [dict(entry) for entry in found["tolerations"]])
    return PromisedPods(
        int(found["count"]), Item(Demand(parsed(found["takes"])), frozenset(map(str, found["scopes"]))), need
    )


def _quantities(amounts: Amounts) -> dict[str, str]:
    return {name: _quantity(amount) for name, amount in sorted(amounts.items())}


def _quantity(amount: Fraction) -> str:
    """Whole numbers as they are, parts in thousandths, rounded up: nothing in Kubernetes counts finer."""
    return str(amount) if amount.denominator == 1 else f"{-(-amount.numerator * 1000 // amount.denominator)}m"
