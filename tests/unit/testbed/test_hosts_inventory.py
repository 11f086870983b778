"""The files that lead to the hosts: inventory, ssh configuration, known host keys."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from testbed.hosts import inventory
from testbed.hosts.registry import Host, Network

ALL_CAPABILITIES = 0x1FFFFFFFFFF
WITHOUT_SYS_RESOURCE = ALL_CAPABILITIES & ~(1 << 24)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Network:
    monkeypatch.setenv("AUTOLABS_STATE", str(tmp_path))
    monkeypatch.setenv("AUTOLABS_CACHE", str(tmp_path / "cache"))
    hosts = {name: Host(name, number, "0" * 32) for name, number in (("demo-k8s", 11), ("worker", 12))}
    return Network("demo", 5, None, True, hosts, {"k8s_control_plane": ("demo-k8s",)})


def read(place: Network, properties: dict[str, Any] | None = None) -> dict[str, Any]:
    tree: dict[str, Any] = yaml.safe_load(inventory.inventory(place, properties or {}))
    return tree["all"]


def test_every_host_has_its_address_and_the_key_that_opens_it(place: Network, tmp_path: Path) -> None:
    tree = read(place)
    assert tree["hosts"] == {"demo-k8s": {"ansible_host": "10.77.5.11"}, "worker": {"ansible_host": "10.77.5.12"}}
    assert tree["vars"]["ansible_user"] == "root"
    assert tree["vars"]["ansible_ssh_private_key_file"] == f"{tmp_path}/networks/demo/ssh/id_ed25519"


def test_host_keys_are_pinned(place: Network, tmp_path: Path) -> None:
    known = f"UserKnownHostsFile={tmp_path}/networks/demo/ssh/known_hosts"
    assert f"-o {known} -o StrictHostKeyChecking=yes" in read(place)["vars"]["ansible_ssh_common_args"]
    keys = {"demo-k8s": "ssh-ed25519 AAAA", "worker": "ssh-ed25519 BBBB"}
    assert inventory.known_hosts(place, keys).splitlines() == [
        "10.77.5.11,demo-k8s ssh-ed25519 AAAA",
        "10.77.5.12,worker ssh-ed25519 BBBB",
    ]


def test_a_group_of_the_cluster_brings_its_parent_and_its_siblings(place: Network) -> None:
    cluster = {"k8s_control_plane": {"hosts": {"demo-k8s": {}}}, "k8s_worker": {"hosts": {}}}
    assert read(place)["children"] == {"k8s": {"children": cluster}}


def test_other_groups_stand_alone() -> None:
    assert inventory.groups({"database": ("db",)}) == {"database": {"hosts": {"db": {}}}}
    assert inventory.groups({}) == {}


def test_cgroup_version_1_is_told_to_the_roles(place: Network) -> None:
    found = inventory.properties(place, 1, ALL_CAPABILITIES)
    assert found["container_runtime_systemd_cgroup"] is False
    assert found["kubeadm_kubelet_configuration"]["cgroupDriver"] == "cgroupfs"
    assert found["kubeadm_kubelet_configuration"]["failCgroupV1"] is False


def test_cgroup_version_2_needs_nothing(place: Network) -> None:
    found = inventory.properties(place, 2, ALL_CAPABILITIES)
    assert "container_runtime_systemd_cgroup" not in found
    assert not {"cgroupDriver", "failCgroupV1"} & set(found["kubeadm_kubelet_configuration"])


@pytest.mark.parametrize(("capabilities", "told"), [(ALL_CAPABILITIES, False), (WITHOUT_SYS_RESOURCE, True)])
def test_a_missing_capability_is_told_to_the_roles(place: Network, capabilities: int, told: bool) -> None:
    found = inventory.properties(place, 1, capabilities)
    assert found.get("container_runtime_restrict_oom_score_adj", False) is told


def test_the_mirror_is_on_the_bridge_and_only_where_there_is_one(place: Network, tmp_path: Path) -> None:
    found = inventory.properties(place, 1, ALL_CAPABILITIES)
    assert found["artifacts_file_mirror"] == "http://10.77.5.1:8080"
    assert found["artifacts_registry_mirror"] == "http://10.77.5.1:5000"
    assert found["artifacts_checksums_file"] == f"{tmp_path}/cache/files/SHA256SUMS"
    assert found["testbed_outside_address"] == "198.51.100.5"
    without = inventory.properties(Network("demo", 5, mirror=False), 1, ALL_CAPABILITIES)
    assert not any(name.startswith("artifacts_") for name in without)


def test_the_ssh_configuration_names_every_host(place: Network) -> None:
    text = inventory.ssh_config(place)
    assert "Host worker\n    HostName 10.77.5.12\n" in text
    assert "StrictHostKeyChecking yes" in text
