"""Whether a live object is as we want it: every field that we set, and no other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.kube.quantity import same_quantity
from ansible_collections.autolabs.platform.plugins.module_utils.kube.resources import Manifest

QUANTITY_PARENTS = {"requests", "limits"}
QUANTITY_FIELDS = {"sizeLimit"}
LIST_KEYS = ("mountPath", "containerPort", "port", "key", "name")
WHOLE_LISTS = ("NetworkPolicy",)
"""Kinds whose lists have one owner, so that an item that somebody added is a change, and applying undoes it."""


@dataclass(frozen=True)
class Difference:
    """One field that is not as we want it."""

    path: str
    wanted: Any
    found: Any


def differences(wanted: Manifest, found: Manifest) -> list[Difference]:
    """The fields of `wanted` whose values in `found` are others.

    Fields that only `found` has are the server's and other managers' business, but in the spec of a policy. An empty
    list or map equals an absent one, as the API server drops it. Quantities are compared by value: `500m` is `0.5`.
    """
    return _compare("", wanted, found, wanted.get("kind") in WHOLE_LISTS)


def _compare(path: str, wanted: Any, found: Any, whole: bool) -> list[Difference]:
    if isinstance(wanted, dict):
        return _compare_maps(path, wanted, found if isinstance(found, dict) else {}, whole)
    if isinstance(wanted, list):
        return _compare_lists(path, wanted, found if isinstance(found, list) else [], whole)
    return [] if _same_value(path, wanted, found) else [Difference(path, wanted, found)]


def _compare_maps(path: str, wanted: dict[str, Any], found: dict[str, Any], whole: bool) -> list[Difference]:
    different: list[Difference] = []
    for key, value in wanted.items():
        theirs = found.get(key)
        # Most is as we want it: equal parts are compared at once, without a walk through them.
        if value != theirs:
            different += _compare(f"{path}.{key}" if path else key, value, theirs, whole)
    # What somebody added to a rule or a selector opens it as much as what somebody changed.
    added = sorted(found.keys() - wanted.keys()) if whole and path.startswith("spec") else ()
    return different + [Difference(f"{path}.{key}", None, found[key]) for key in added]


def _compare_lists(path: str, wanted: list[Any], found: list[Any], whole: bool) -> list[Difference]:
    key = _list_key(wanted)
    if whole and len(wanted) != len(found):
        return [Difference(path, wanted, found)]
    if key:
        by_key = {item.get(key): item for item in found if isinstance(item, dict)}
        pairs = [(f"{path}[{item[key]}]", item, by_key.get(item[key])) for item in wanted]
    elif len(wanted) == len(found):
        pairs = [(f"{path}[{index}]", *pair) for index, pair in enumerate(zip(wanted, found, strict=True))]
    else:
        return [Difference(path, wanted, found)]
    return [
        difference
        for place, ours, theirs in pairs
        if ours != theirs
        # An item that is not there is one difference, not one for each of its fields.
        for difference in ([Difference(place, ours, None)] if theirs is None else _compare(place, ours, theirs, whole))
    ]


def _list_key(items: list[Any]) -> str | None:
    """The field that tells the items of such a list apart, where one does."""
    if not items or not all(isinstance(item, dict) for item in items):
        return None
    return next(
        (key for key in LIST_KEYS if len({str(item.get(key, "")) for item in items} - {""}) == len(items)), None
    )


def _same_value(path: str, wanted: Any, found: Any) -> bool:
    if wanted == found and type(wanted) is type(found):
        return True
    *_above, parent, field = ("", "", *path.split("."))
    if found is not None and (parent in QUANTITY_PARENTS or field in QUANTITY_FIELDS):
        return same_quantity(str(wanted), str(found))
    return bool(wanted == found)
