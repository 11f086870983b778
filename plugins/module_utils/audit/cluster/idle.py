"""Policies that never decide."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

from ansible_collections.autolabs.platform.plugins.module_utils.audit.cluster.stage import Stage
from ansible_collections.autolabs.platform.plugins.module_utils.audit.finding import CLUSTER, SHADOWED, Finding
from ansible_collections.autolabs.platform.plugins.module_utils.reach.matrix.difference import differences
from ansible_collections.autolabs.platform.plugins.module_utils.reach.matrix.matrix import reach_matrix

MOST = 50
"""Policies that are tried; each is a matrix of its own."""


def idle_policies(stage: Stage, namespaces: Collection[str]) -> Iterator[Finding]:
    """Policies in the catalogue's namespaces that are not of the catalogue, and whose removal would change nothing.

    Those of labs are left out: a class that is stopped has no pods, and keeps its policies.
    """
    ours = {(one["metadata"]["namespace"], one["metadata"]["name"]) for one in stage.rendered}
    others = [
        one
        for one in stage.live.policies
        if (key := (one["metadata"].get("namespace"), one["metadata"]["name"])) not in ours
        and key[0] in namespaces
        and key[0] not in stage.labs
    ]
    if not others:
        return
    whole = reach_matrix(stage.live, addresses=stage.addresses, nodes=True, calico=True)
    for policy in others[:MOST]:
        rest = replace(stage.live, policies=tuple(one for one in stage.live.policies if one is not policy))
        if not differences(whole, reach_matrix(rest, addresses=stage.addresses, nodes=True, calico=True)):
            name = f"NetworkPolicy {policy['metadata']['namespace']}/{policy['metadata']['name']}"
            yield Finding(
                SHADOWED,
                CLUSTER,
                f"namespace {policy['metadata']['namespace']}",
                f"{name} decides nothing: whatever it lets through passes by other policies, or no pod is meant",
                f"delete {name}, or write it into the catalogue",
                rule=name,
            )
