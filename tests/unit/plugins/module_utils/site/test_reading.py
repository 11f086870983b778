"""A site is read into what others use, or refused with every mistake, whatever is given.

What each mistake says is in tests/unit/inventories.
"""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput
from ansible_collections.autolabs.platform.plugins.module_utils.site.model import SiteData
from ansible_collections.autolabs.platform.plugins.module_utils.site.reading import field_of, read_site
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.support.inventories import Loaded, owned, written


@pytest.fixture(scope="module")
def prod(tmp_path_factory: pytest.TempPathFactory) -> SiteData:
    folder: Path = tmp_path_factory.mktemp("prod")
    return read_site(plain(Loaded(written(folder, "prod", owned("prod"))).described()))


def plain(value: Any) -> Any:
    """As the filters give it to the engine."""
    if isinstance(value, dict):
        return {str(key): plain(entry) for key, entry in value.items()}
    return [plain(entry) for entry in value] if isinstance(value, list) else value


def test_a_site_has_its_nodes_machines_and_networks(prod: SiteData) -> None:
    assert (prod.name, prod.phase, prod.domain) == ("prod", "prod", "autolabs.internal")
    assert [node.name for node in prod.nodes] == ["pve-1", "pve-2", "pve-3"]
    assert {network.name: (str(network.range), network.vlan) for network in prod.networks} == {
        "management": ("192.168.10.0/24", 10),
        "infrastructure": ("192.168.100.0/24", 100),
    }
    worker = next(machine for machine in prod.machines if machine.name == "k8s-worker-2")
    assert worker.address == ipaddress.ip_address("192.168.100.42")
    assert worker.vm is not None and (worker.vm.vmid, worker.vm.node, worker.vm.cores) == (142, "pve-2", 16)
    assert prod.on_proxmox and prod.shared_storage == {"ceph": 2400}


def test_a_site_has_its_cluster(prod: SiteData) -> None:
    cluster = prod.cluster
    assert [len(cluster.control_planes), len(cluster.workers)] == [3, 3]
    assert cluster.endpoint == "192.168.100.40:6443"
    assert list(map(str, (*cluster.pods, *cluster.services))) == ["10.244.0.0/16", "10.96.0.0/12"]


def test_credentials_are_known_by_their_kind_only(prod: SiteData) -> None:
    assert prod.api_credentials == ("password",)


@pytest.mark.parametrize("value", [None, [], "prod", 7])
def test_what_is_no_map_is_no_site(value: Any) -> None:
    with pytest.raises(InvalidInput, match="must be a map"):
        read_site(value)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=5,
)
KEYS = (
    "autolabs_site flows_networks site_networks kubeadm_pod_subnet kubeadm_control_plane_endpoint site_minimums hosts "
    "proxmox_vms_defaults proxmox_vms_template proxmox_api_credentials site_shared_storage"
).split()
host = st.fixed_dictionaries(
    {"groups": st.just(["proxmox"]) | st.just(["database"]) | anything},
    optional={"proxmox_vm": anything, "ansible_host": anything, "proxmox_node_capacity": anything},
)


@settings(max_examples=60)
@given(st.dictionaries(st.sampled_from(KEYS), anything), st.dictionaries(st.text(max_size=4), host, max_size=3))
def test_nothing_that_can_be_written_is_more_than_a_mistake(value: dict[str, Any], hosts: dict[str, Any]) -> None:
    for described in (value, {**value, "hosts": hosts}):
        with pytest.raises(InvalidInput):
            read_site(described)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("cores", "hosts.db.proxmox_vm.cores"),
        ("storage", "proxmox_vms_defaults.storage"),
        ("disks.scsi0.size", "hosts.db.proxmox_vm.disks.scsi0.size"),
        ("disks.scsi0.ssd", "proxmox_vms_defaults.disks.scsi0.ssd"),
        ("networks[0].model", "proxmox_vms_defaults.networks[0].model"),
        ("networks[1].ip", ""),
        ("name", ""),
        ("", "hosts.db.proxmox_vm"),
    ],
)
def test_a_field_is_named_where_it_is_written(path: str, expected: str) -> None:
    described = {
        "hosts": {"db": {"proxmox_vm": {"cores": 1, "disks": {"scsi0": {"size": "1G"}}}}},
        "proxmox_vms_defaults": {"storage": "a", "disks": {"scsi0": {"ssd": True}}, "networks": [{"model": "virtio"}]},
    }
    assert field_of(described, "db", path) == expected
