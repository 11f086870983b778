"""What the user's tools need to reach the hosts: an Ansible inventory, an ssh configuration, known host keys."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from testbed import paths
from testbed.hosts import cgroups
from testbed.hosts.registry import Network

FILE_SERVER_PORT = 8080
REGISTRY_PORT = 5000
CAP_SYS_RESOURCE = 24  # capability.h
PARENTS = {"k8s": ("k8s_control_plane", "k8s_worker")}
PREFLIGHT = ("SystemVerification", "FileContent--proc-sys-net-bridge-bridge-nf-call-iptables", "Swap", "Mem", "NumCPU")


def known_hosts(place: Network, keys: Mapping[str, str]) -> str:
    """One line a host: its address, its name and its public host key."""
    rows = (f"{place.plan.host(host.number)},{host.name} {keys[host.name]}\n" for host in place.hosts.values())
    return "".join(rows)


def ssh_config(place: Network) -> str:
    """For `ssh -F FILE HOST`."""
    common = (
        "Host *\n"
        "    User root\n"
        f"    IdentityFile {place.folder}/ssh/id_ed25519\n"
        "    IdentitiesOnly yes\n"
        f"    UserKnownHostsFile {place.folder}/ssh/known_hosts\n"
        "    GlobalKnownHostsFile /dev/null\n"
        "    StrictHostKeyChecking yes\n"
        "    BatchMode yes\n"
        "    LogLevel ERROR\n"
    )
    hosts = (f"Host {host.name}\n    HostName {place.plan.host(host.number)}\n" for host in place.hosts.values())
    return "".join([*hosts, common])


def inventory(place: Network, properties: Mapping[str, Any]) -> str:
    """The inventory as YAML: every host, its groups, and the given properties of the test hosts as variables."""
    tree: dict[str, Any] = {
        "hosts": {name: {"ansible_host": str(place.plan.host(host.number))} for name, host in place.hosts.items()},
        "vars": {**_connection(place), **properties},
        "children": groups(place.groups),
    }
    return "# Written by the test hosts; overwritten with every change of them.\n" + yaml.safe_dump(
        {"all": tree}, sort_keys=False, width=200
    )


def groups(members: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    """The groups with their hosts; a parent comes with all its children as soon as one of them is named."""
    tree: dict[str, Any] = {group: {"hosts": {host: {} for host in hosts}} for group, hosts in members.items()}
    for parent, children in PARENTS.items():
        if any(child in tree for child in children):
            tree[parent] = {"children": {child: tree.pop(child, {"hosts": {}}) for child in children}}
    return tree


def properties(place: Network, cgroup_version: int, capabilities: int) -> dict[str, Any]:
    """What is particular to test hosts, as variables of our roles.

    `capabilities` is the bit set of CapEff: no process may lower its oom_score_adj without CAP_SYS_RESOURCE.
    """
    kubelet: dict[str, Any] = {
        "failSwapOn": False,
        # The disk is shared with all else on the machine: thresholds in percent would evict pods and delete images.
        "evictionHard": {"nodefs.available": "500Mi", "imagefs.available": "500Mi", "memory.available": "100Mi"},
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
    }
    found: dict[str, Any] = {}
    if cgroup_version == 1:
        found["container_runtime_systemd_cgroup"] = False
        kubelet |= {"cgroupDriver": "cgroupfs", "failCgroupV1": False}
    if not capabilities >> CAP_SYS_RESOURCE & 1:
        found["container_runtime_restrict_oom_score_adj"] = True
    if not Path("/proc/modules").exists():
        found["container_runtime_kernel_modules"] = []
    if not Path("/proc/sys/net/bridge").exists():
        found["container_runtime_sysctls"] = {"net.ipv4.ip_forward": 1}
    found |= {
        "kubeadm_ignore_preflight_errors": list(PREFLIGHT),
        "kubeadm_kubelet_configuration": kubelet,
        "kubeadm_kube_proxy_configuration": {"oomScoreAdj": 0, "conntrack": {"maxPerCore": 0, "min": 0}},
        "testbed_bridge_address": str(place.plan.bridge),
        "testbed_namespace": place.namespace,
        "testbed_outside_address": str(place.plan.outside),
        "testbed_outside_namespace": place.outside_namespace,
    }
    if place.mirror:
        found |= {
            "artifacts_file_mirror": f"http://{place.plan.bridge}:{FILE_SERVER_PORT}",
            "artifacts_registry_mirror": f"http://{place.plan.bridge}:{REGISTRY_PORT}",
            "artifacts_checksums_file": str(paths.cache() / "files" / "SHA256SUMS"),
        }
    return found


def own_capabilities() -> int:
    """CapEff of this process."""
    status = Path("/proc/self/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("CapEff:")), 16)


def write(place: Network, keys: Mapping[str, str]) -> None:
    """Write all three into the network's folder."""
    place.runtime.mkdir(exist_ok=True, mode=0o700)
    (place.folder / "ssh/known_hosts").write_text(known_hosts(place, keys))
    (place.folder / "ssh_config").write_text(ssh_config(place))
    described = properties(place, cgroups.detect().version, own_capabilities())
    (place.folder / "inventory.yml").write_text(inventory(place, described))


def _connection(place: Network) -> dict[str, str]:
    return {
        "ansible_user": "root",
        "ansible_ssh_private_key_file": f"{place.folder}/ssh/id_ed25519",
        "ansible_ssh_common_args": (
            f"-o UserKnownHostsFile={place.folder}/ssh/known_hosts -o StrictHostKeyChecking=yes -o IdentitiesOnly=yes"
        ),
        # Removed with the network: a kept connection would outlive its host, whose address the next one gets.
        "ansible_control_path_dir": str(place.runtime),
        "ansible_python_interpreter": "/usr/bin/python3",
    }
