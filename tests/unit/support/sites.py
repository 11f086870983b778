"""A site with every kind of machine, for tests that hold renderers and prover against each other."""

from __future__ import annotations

from ansible_collections.autolabs.platform.plugins.module_utils.flows.site import Site

GROUPS = {
    "proxmox": {"pve": ["192.168.100.1"]},
    "gitlab": {"gitlab-vm": ["192.168.100.10"]},
    "database": {"database-vm": ["192.168.100.20", "fd00:64::20"]},
    "k8s": {"k8s-1": ["192.168.100.31"], "k8s-2": ["192.168.100.41"]},
    "k8s_control_plane": {"k8s-1": ["192.168.100.31"]},
    "k8s_worker": {"k8s-2": ["192.168.100.41"]},
}
NETWORKS = {
    "admin": ["203.0.113.0/28"],
    "pods": ["10.244.0.0/16"],
    "services": ["10.96.0.0/12"],
    "infrastructure": ["192.168.100.0/24"],
}
SITE = Site.from_dict(
    {
        "groups": GROUPS,
        "networks": NETWORKS,
        "phase": "prod",
        "features": ["monitoring"],
        "masquerade": True,
        "files": [],
    }
)
MACHINES = {
    "gitlab-vm": {"node": "pve", "vmid": 110},
    "database-vm": {"node": "pve", "vmid": 120},
    "k8s-1": {"node": "pve", "vmid": 131},
    "k8s-2": {"node": "pve", "vmid": 141},
}
