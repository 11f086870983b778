"""Holds objects against the limits of a namespace, as the API server does. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.kube.resources import Manifest
from ansible_collections.autolabs.platform.plugins.module_utils.labs.admission.demand import (
    Amounts,
    Defaults,
    parsed,
    pod_amounts,
)
from ansible_collections.autolabs.platform.plugins.module_utils.labs.admission.shortage import (
    amount_words,
    resource_words,
)


def breaches(
    manifests: Iterable[Manifest], limits: Sequence[Mapping[str, Any]], defaults: Defaults
) -> Iterator[tuple[str, str]]:
    """What the namespace would refuse: the component that is meant (empty for the volume), and why.

    limits: the list of a LimitRange, which may be trusted to be one; defaults: what it gives (`defaults_of`).
    """
    for manifest in manifests:
        for entry in limits:
            least, most = parsed(entry.get("min")), parsed(entry.get("max"))
            for component, requests, upper, where in _measured(manifest, entry["type"], defaults):
                for message in _outside(requests, upper, least, most):
                    yield component, message + where


def _measured(manifest: Manifest, kind: str, defaults: Defaults) -> Iterator[tuple[str, Amounts, Amounts, str]]:
    spec = manifest.get("spec", {})
    if manifest["kind"] == kind == "PersistentVolumeClaim":
        size = parsed(spec["resources"]["requests"])
        yield "", size, size, ""
    elif manifest["kind"] == "Pod":
        component = manifest["metadata"]["labels"]["component"]
        if kind == "Pod":
            yield component, *pod_amounts(spec, defaults), " for a pod"
        elif kind == "Container":
            for container in spec["containers"]:
                yield component, *pod_amounts({"containers": [container]}, defaults), ""


def _outside(requests: Amounts, upper: Amounts, least: Amounts, most: Amounts) -> Iterator[str]:
    for name, bound in least.items():
        if name in requests and requests[name] < bound:
            words = f"{amount_words(f'requests.{name}', requests[name])} of {resource_words(f'requests.{name}')}"
            yield f"{words} is too little: the site's least is {amount_words(f'requests.{name}', bound)}"
    for name, bound in most.items():
        wanted = max(upper.get(name, bound), requests.get(name, bound))
        if wanted > bound:
            words = f"{amount_words(f'requests.{name}', wanted)} of {resource_words(f'requests.{name}')}"
            yield f"{words} is too much: the site's most is {amount_words(f'requests.{name}', bound)}"
