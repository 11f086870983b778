"""Makes zones, endpoints and flows of what the files say, and finds what is missing or contradicts itself.

What cannot be made is None, and its mistake is taken down.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.documents.shapes import Place as Line
from ansible_collections.autolabs.platform.plugins.module_utils.documents.shapes import Record, Values, did_you_mean
from ansible_collections.autolabs.platform.plugins.module_utils.flows.catalogue import fields
from ansible_collections.autolabs.platform.plugins.module_utils.flows.catalogue.layers import (
    Entry,
    Given,
    Layers,
    Mistakes,
)
from ansible_collections.autolabs.platform.plugins.module_utils.flows.catalogue.model import (
    ADDRESSES,
    HOSTS,
    KINDS,
    NETWORK,
    PODS,
    EndpointEntry,
    FlowEntry,
    Zone,
)
from ansible_collections.autolabs.platform.plugins.module_utils.net.addresses import (
    EVERYWHERE,
    Block,
    collapsed,
    within,
)
from ansible_collections.autolabs.platform.plugins.module_utils.net.addresses import ranges as left

NOTHING = Values(Line(0), {})
WORDS = {fields.ZONES: "zone", fields.ENDPOINTS: "endpoint", fields.FLOWS: "flow"}


def zone(entry: Entry, mistakes: Mistakes) -> Zone | None:
    """A zone."""
    complete = _complete(entry, fields.ZONE, ("title",), mistakes)
    if NETWORK in entry and ADDRESSES in entry:
        mistakes.add(entry.spot, "has a network and addresses; keep one of them")
    if ADDRESSES in entry.fields:
        _check_list(entry.fields[ADDRESSES], mistakes)
    for given in entry.several(ADDRESSES):
        if given.value in EVERYWHERE:
            mistakes.add(given.spot, "is every address there is; a zone for all the rest has no addresses")
    if not complete:
        return None
    ranges = _values(entry.several(ADDRESSES))
    return Zone(entry.name, entry.value("title"), entry.value(NETWORK), ranges, entry.spot.place())


def endpoint(entry: Entry, layers: Layers) -> EndpointEntry | None:
    """An endpoint."""
    mistakes = layers.mistakes
    complete = _complete(entry, fields.ENDPOINT, ("title", "zone"), mistakes)
    _check_names(entry.several("zone"), fields.ZONES, layers)
    kinds = [kind for kind in KINDS if kind in entry]
    if not kinds:
        mistakes.add(entry.spot, f"does not say what it is; give it one of {', '.join(KINDS)}", "hosts: database")
    elif len(kinds) > 1:
        mistakes.add(entry.spot, f"is {' and '.join(kinds)} at once; keep one of them")
    if "except" in entry and ADDRESSES not in entry:
        mistakes.add(entry.spot_of("except"), "is for addresses, and the endpoint has none")
    blocks = _blocks(entry, mistakes)
    sound = _check_pods(entry.fields[PODS], mistakes) if PODS in entry.fields else True
    if not (complete and sound) or len(kinds) != 1 or kinds[0] in entry.broken:
        return None
    pods: Values = entry.value(PODS, NOTHING)
    return EndpointEntry(
        name=entry.name,
        title=entry.value("title"),
        zone=entry.value("zone"),
        kind=kinds[0],
        group=entry.value(HOSTS) or pods.get("on", ""),
        namespaces=_namespaces(pods),
        labels=tuple(sorted((key, label.value) for key, label in pods.get("labels", NOTHING).entries.items())),
        host_network=pods.get("host_network", False),
        per_lab=pods.get("per_lab", False),
        unguarded=pods.get("unguarded", False),
        network=entry.value(NETWORK),
        blocks=blocks,
        place=entry.spot.place(),
    )


def flow(entry: Entry, layers: Layers) -> FlowEntry | None:
    """A flow."""
    mistakes = layers.mistakes
    complete = _complete(entry, fields.FLOW, ("from", "to", "ports", "why"), mistakes)
    for key in ("from", "to", "ports"):
        if key in entry.fields:
            _check_list(entry.fields[key], mistakes)
    _check_names([*entry.several("from"), *entry.several("to")], fields.ENDPOINTS, layers)
    if "published" in entry.fields:
        _check_published(entry.fields["published"], mistakes)
    if not complete:
        return None
    when: Values = entry.value("when", NOTHING)
    published: Values = entry.value("published", NOTHING)
    return FlowEntry(
        name=entry.name,
        sources=_values(entry.several("from")),
        destinations=_values(entry.several("to")),
        ports=_values(entry.several("ports")),
        why=entry.value("why"),
        reference=_values(entry.several("reference")),
        feature=when.get("feature", ""),
        phases=_items(when.get("phase", ())),
        published_at=published.get("at", ""),
        published_ports=_items(published.get("ports", ())),
        place=entry.spot.place(),
    )


def _complete(entry: Entry, record: Record, required: Sequence[str], mistakes: Mistakes) -> bool:
    """Whether nothing is missing or broken that the entry cannot do without."""
    for key in required:
        if key not in entry:
            mistakes.add(entry.spot, f"`{key}` is missing", f"{key}: {record.fields[key].example}")
    return all(key in entry.fields for key in required)


def _check_list(given: Given, mistakes: Mistakes) -> None:
    found: set[Any] = set()
    items = given.several()
    for item in items:
        if item.value in found:
            mistakes.add(item.spot, f"{item.value} is there twice; keep one of them")
        found.add(item.value)
    if not items and not mistakes.inside(given.spot):
        mistakes.add(given.spot, "is an empty list; name at least one")


def _check_names(names: Sequence[Given], kind: str, layers: Layers) -> None:
    known = layers.maps[kind]
    for given in names:
        # One that a site's file removed is told where that is done.
        if given.value not in known and given.value not in layers.removed[kind]:
            hint = did_you_mean(given.value, known)
            layers.mistakes.add(given.spot, f"there is no {WORDS[kind]} {given.value}{hint}")


def _check_pods(given: Given, mistakes: Mistakes) -> bool:
    pods: Values = given.value
    single, several, on = (given.get(key) for key in ("namespace", "namespaces", "on"))
    broken = pods.broken & {"namespace", "namespaces"}
    if several:
        _check_list(several, mistakes)
    if single and several:
        mistakes.add(given.spot, "has namespace and namespaces; keep one of them")
    elif not (single or several or broken):
        mistakes.add(given.spot, "`namespace` is missing", "{namespace: platform, labels: {app: frontend}}")
    if pods.get("host_network") and not on and "on" not in pods.broken:
        message = "pods on the host network need `on`, the inventory group of the machines that they run on"
        mistakes.add(given.spot, message, "{namespace: monitoring, host_network: true, on: k8s}")
    if on and not pods.get("host_network") and "host_network" not in pods.broken:
        mistakes.add(on.spot, "is for pods with `host_network: true`; other pods have addresses of their own")
    return bool(single or several) and not broken


def _check_published(given: Given, mistakes: Mistakes) -> None:
    for key in ("at", "ports"):
        if not given.get(key) and key not in given.value.broken:
            mistakes.add(given.spot, f"`{key}` is missing", f"{key}: {fields.PUBLISHED.fields[key].example}")
    ports = given.get("ports")
    if ports:
        _check_list(ports, mistakes)


def _namespaces(pods: Values) -> tuple[str, ...]:
    single: str = pods.get("namespace", "")
    return (single,) if single else _items(pods.get("namespaces", ()))


def _blocks(entry: Entry, mistakes: Mistakes) -> tuple[Block, ...]:
    ranges, excepts = entry.several(ADDRESSES), entry.several("except")
    for key in (ADDRESSES, "except"):
        if key in entry.fields:
            _check_list(entry.fields[key], mistakes)
    for given in excepts:
        # NetworkPolicy takes only strict parts, and nobody means an endpoint without addresses.
        if ranges and not any(_inside(given.value, outer.value) for outer in ranges):
            known = ", ".join(str(outer.value) for outer in ranges)
            mistakes.add(given.spot, f"{given.value} is no part of the endpoint's addresses {known}")
    blocks = tuple(
        Block(outer.value, collapsed(given.value for given in excepts if _inside(given.value, outer.value)))
        for outer in ranges
    )
    for block in blocks:
        if block.excepts and not left(block):
            mistakes.add(entry.spot_of("except"), f"leaves no address of {block.cidr}; take out the one or the other")
    return blocks


def _inside(part: str, whole: str) -> bool:
    return part != whole and within(part, whole)


def _values(items: Sequence[Given]) -> tuple[Any, ...]:
    return tuple(item.value for item in items)


def _items(written: Any) -> tuple[Any, ...]:
    """The values of a list that was read, or of a single value."""
    return tuple(item.value for item in written) if isinstance(written, tuple) else (written,)
