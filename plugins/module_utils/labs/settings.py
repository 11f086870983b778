"""What a site decides for all of its labs."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.autolabs.platform.plugins.module_utils.flows.labs import LAB_NAMESPACES

NAMESPACES = LAB_NAMESPACES
"""Where the instances of each security level run."""

PRIVILEGED_NODES = "autolabs.io/privileged-labs"
"""Label and taint of the nodes that take privileged labs."""


@dataclass(frozen=True)
class Settings:
    """The site's own values, given to every builder."""

    pod_networks: tuple[str, ...] = ("10.244.0.0/16",)
    cluster_networks: tuple[str, ...] = ("10.244.0.0/16", "10.96.0.0/12")
    """Pod, service and node ranges."""
    access_host: str = ""
    """What students connect to; empty for the address of the node where the instance runs."""
    image_pull_secret: str = ""
    storage_class: str = ""
    """Empty for the cluster's default."""
    cluster_domain: str = "cluster.local"
    """What the names of Services end in."""
    node_ports: int = 2768
    """How many node ports the API server hands out: those from 30000 to 32767, unless it was told otherwise."""
