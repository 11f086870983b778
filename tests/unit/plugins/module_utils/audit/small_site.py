"""A made-up site, live exactly as its catalogue says, for tests to plant differences in."""

from __future__ import annotations

import copy
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.audit.audit import audit
from ansible_collections.autolabs.platform.plugins.module_utils.audit.result import Audit, Cell
from ansible_collections.autolabs.platform.plugins.module_utils.flows.catalogue.reading import read_catalogue
from ansible_collections.autolabs.platform.plugins.module_utils.flows.policies.namespaces import network_policies
from ansible_collections.autolabs.platform.plugins.module_utils.flows.proxmox.rules import proxmox_firewall
from ansible_collections.autolabs.platform.plugins.module_utils.flows.resolve import resolve
from ansible_collections.autolabs.platform.plugins.module_utils.flows.site import Site
from ansible_collections.autolabs.platform.plugins.module_utils.flows.ufw.rules import ufw_rules
from ansible_collections.autolabs.platform.plugins.module_utils.net.rules import INPUT

SITE: dict[str, Any] = {
    "files": [],
    "groups": {
        "database": {"database-vm": ["192.168.100.20"]},
        "k8s": {"k8s-1": ["192.168.100.31"], "k8s-2": ["192.168.100.32"]},
        "k8s_control_plane": {"k8s-1": ["192.168.100.31"]},
    },
    "networks": {
        "admin": ["10.9.0.0/24"],
        "pods": ["10.244.0.0/16"],
        "services": ["10.96.0.0/12"],
        "infrastructure": ["192.168.100.0/24"],
    },
    "phase": "dev",
    "features": [],
    "masquerade": True,
}
STATUS = """Status: active
Default: deny (incoming), allow (outgoing), disabled (routed)

To                         Action      From
--                         ------      ----
"""
MACHINES = {
    "database-vm": {"node": "pve", "vmid": 120},
    "k8s-1": {"node": "pve", "vmid": 131},
    "k8s-2": {"node": "pve", "vmid": 132},
}


def site() -> Site:
    """The site."""
    return Site.from_dict(SITE)


def converged() -> dict[str, Any]:
    """The live state of the site right after its playbooks ran; the firewalls of k8s-1 and k8s-2 are not asked."""
    one = site()
    resolved = resolve(read_catalogue([], one.networks), one)
    policies = network_policies(resolved.flows, one, resolved.namespaces)
    namespaces = [*resolved.namespaces, "kube-system", "default"]
    status = STATUS + "".join(
        f"{number}/{rule.ports.protocol.lower()} ALLOW IN {rule.source or 'Anywhere'} # {rule.flow}\n"
        for rule in ufw_rules(resolved.flows, "database-vm", one)
        if rule.chain == INPUT and rule.ports
        for number in range(rule.ports.first, rule.ports.end + 1)
    )
    return {
        "policies": copy.deepcopy(policies),
        "pods": [],
        "namespaces": [{"metadata": {"name": name, "labels": {}}} for name in namespaces],
        "services": [],
        "nodes": [],
        "ufw": {"database-vm": status},
        "silent": {"k8s-1": "no way in", "k8s-2": "no way in"},
    }


def proxmox() -> dict[str, Any]:
    """The Proxmox firewall of the site, as the playbooks make it."""
    one = site()
    return proxmox_firewall(resolve(read_catalogue([], one.networks), one).flows, one, MACHINES)


def audited(live: dict[str, Any]) -> Audit:
    """An audit of the site."""
    return audit(read_catalogue([], site().networks), site(), live, time=1_700_000_000, title="test")


def policy(live: dict[str, Any], namespace: str, name: str) -> dict[str, Any]:
    """A live policy."""
    return next(
        one for one in live["policies"] if (one["metadata"]["namespace"], one["metadata"]["name"]) == (namespace, name)
    )


def rule(namespace: str, name: str, pods: dict[str, str], **spec: Any) -> dict[str, Any]:
    """A policy that somebody wrote by hand."""
    return {
        "metadata": {"namespace": namespace, "name": name},
        "spec": {"podSelector": {"matchLabels": pods}, "policyTypes": [key.capitalize() for key in spec], **spec},
    }


def cell(found: Audit, source: str, destination: str) -> Cell:
    """A cell of the matrix."""
    return next(one for one in found.cells if (one.source, one.destination) == (source, destination))
