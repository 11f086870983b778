"""What endpoints that are pods say together of their namespaces, and cannot mean."""

from __future__ import annotations

import itertools

from ansible_collections.autolabs.platform.plugins.module_utils.flows.catalogue import fields
from ansible_collections.autolabs.platform.plugins.module_utils.flows.catalogue.layers import Layers, Spot
from ansible_collections.autolabs.platform.plugins.module_utils.flows.catalogue.model import (
    PODS,
    Catalogue,
    EndpointEntry,
)
from ansible_collections.autolabs.platform.plugins.module_utils.flows.labs import LAB_NAMESPACES


def namespaces_agree(catalogue: Catalogue, layers: Layers) -> None:
    """Namespaces that one endpoint leaves open and another one closes."""
    seen: dict[str, EndpointEntry] = {}
    for endpoint in catalogue.endpoints.values():
        for namespace in endpoint.namespaces:
            first = seen.setdefault(namespace, endpoint)
            if first.unguarded != endpoint.unguarded:
                one, other = (first, endpoint) if first.unguarded else (endpoint, first)
                message = (
                    f"the namespace {namespace} is unguarded for {one.name} and guarded for {other.name}; "
                    "it can be one of them only"
                )
                layers.mistakes.add(_spot(endpoint, layers), message)


def labs_stay_closed(catalogue: Catalogue, layers: Layers) -> None:
    """Endpoints by which the site itself would open the namespaces of labs, all of the labs there at once."""
    for endpoint in catalogue.endpoints.values():
        labs = [namespace for namespace in endpoint.namespaces if namespace in LAB_NAMESPACES.values()]
        if labs and not endpoint.per_lab:
            message = (
                f"only labs run in {', '.join(labs)}, and a policy made of this would open all of them to each of its "
                "flows; give it `per_lab: true`, so that each class has its own policies"
            )
            layers.mistakes.add(_spot(endpoint, layers), message)
        elif labs and endpoint.unguarded:
            message = f"only labs run in {', '.join(labs)}, which are never open; take out `unguarded`"
            layers.mistakes.add(_spot(endpoint, layers), message)


def labs_are_labs(catalogue: Catalogue, layers: Layers) -> None:
    """Endpoints that hold the same pods as one of labs, so that their policies would open each of these labs."""
    pods = [entry for entry in catalogue.endpoints.values() if entry.kind == PODS and not entry.host_network]
    labs = [entry for entry in pods if entry.per_lab]
    others = [entry for entry in pods if not entry.per_lab]
    for endpoint, lab in itertools.product(others, labs):
        shared = {*endpoint.namespaces} & {*lab.namespaces}
        # Those of LAB_NAMESPACES are told by labs_stay_closed.
        if shared - {*LAB_NAMESPACES.values()} and {*endpoint.labels} <= {*lab.labels}:
            message = (
                f"{endpoint.name} is also the pods of {lab.name} in {', '.join(sorted(shared))}, whose policies come "
                "with each class (per_lab); give one of the two labels of its own, or both per_lab"
            )
            layers.mistakes.add(_spot(endpoint, layers), message)


def _spot(endpoint: EndpointEntry, layers: Layers) -> Spot:
    return layers.maps[fields.ENDPOINTS][endpoint.name].spot_of(PODS)
