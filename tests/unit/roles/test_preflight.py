"""Before anything is changed, every host and inventory that cannot work is refused, with what to do about it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

pytestmark = pytest.mark.slow

CHECKOUT = Path(__file__).resolve().parents[3]

# What Ansible would find on a host that can be a control plane.
FACTS: dict[str, Any] = {
    "distribution": "Debian",
    "distribution_version": "12.11",
    "architecture": "x86_64",
    "service_mgr": "systemd",
    "kernel": "6.1.0-37-amd64",
    "memtotal_mb": 8000,
    "processor_vcpus": 4,
    "swaptotal_mb": 0,
    "default_ipv4": {"address": "192.0.2.10", "network": "192.0.2.0", "prefix": "24"},
}

# Host, its variables, what differs in its facts, what the message says; a host that can work has no message.
CASES: list[tuple[str, dict[str, Any], dict[str, Any], tuple[str, ...]]] = [
    ("good", {}, {}, ()),
    ("ubuntu", {}, {"distribution": "Ubuntu", "distribution_version": "24.04"}, ()),
    ("arm", {}, {"architecture": "aarch64"}, ()),
    ("worker-small", {}, {"memtotal_mb": 900, "processor_vcpus": 1}, ()),
    ("fedora", {}, {"distribution": "Fedora"}, ("Fedora 12.11 is not one of Debian, Ubuntu", "Install one of them")),
    ("fedora-known", {"container_runtime_distributions": ["Fedora"]}, {"distribution": "Fedora"}, ()),
    ("mips", {}, {"architecture": "mips"}, ("architecture mips is not supported", "take an x86_64 or aarch64 host")),
    ("openrc", {}, {"service_mgr": "openrc"}, ("run by openrc", "need systemd")),
    ("old-kernel", {}, {"kernel": "4.19.0-1"}, ("kernel is 4.19.0-1", "Upgrade the host's kernel")),
    ("runtime-one", {"container_runtime_containerd_version": "1.7.2"}, {}, ("1.7.2", "containerd 2.0 or newer")),
    ("registry-name", {"container_runtime_registry_mirror": "registry:5000"}, {}, ("registry:5000 is no URL",)),
    ("two-planes", {"kubeadm_control_plane_group": "pair"}, {}, ("pair has 2 hosts", "put one host there, or three")),
    ("no-plane", {"kubeadm_control_plane_group": "empty"}, {}, ("empty has 0 hosts",)),
    ("Upper_Case", {}, {}, ("Upper_Case cannot be a node's", "use 1 to 63 of a-z")),
    ("x" * 64, {}, {}, ("cannot be a node's",)),
    ("both", {}, {}, ("both is in k8s_control_plane and in k8s_worker", "kubeadm_control_plane_schedulable")),
    ("with-v", {"kubeadm_version": "v1.36.3"}, {}, ("kubeadm_version is v1.36.3", "without v")),
    ("endpoint-url", {"kubeadm_control_plane_endpoint": "https://192.0.2.10"}, {}, ("address and port",)),
    ("pods-on-nodes", {"kubeadm_pod_subnet": "192.0.0.0/16"}, {}, ("kubeadm_pod_subnet 192.0.0.0/16", "overlap")),
    ("pods-on-services", {"kubeadm_pod_subnet": "10.100.0.0/16"}, {}, ("10.96.0.0/12 overlap", "ranges of their own")),
    ("pods-nowhere", {"kubeadm_pod_subnet": "192.168.300.0/24"}, {}, ("'192.168.300.0/24' is not an address range",)),
    ("pods-host-bits", {"kubeadm_pod_subnet": "10.244.0.1/16"}, {}, ("the network is 10.244.0.0/16",)),
    ("plane-small", {}, {"memtotal_mb": 900}, ("900 MiB", "1700", "lower kubeadm_minimum_memory_mb")),
    ("plane-small-known", {"kubeadm_ignore_preflight_errors": ["Mem"]}, {"memtotal_mb": 900}, ()),
    ("plane-single", {}, {"processor_vcpus": 1}, ("1 processors", "lower kubeadm_minimum_cpus")),
    ("swap", {}, {"swaptotal_mb": 1024}, ("uses swap", "swapoff -a", "failSwapOn: false")),
    ("swap-known", {"kubeadm_kubelet_configuration": {"failSwapOn": False}}, {"swaptotal_mb": 1024}, ()),
    (
        "other-version",
        {"__kubeadm_running_version": "1.35.2"},
        {},
        ("a node of Kubernetes 1.35.2", "set kubeadm_version"),
    ),
    ("port-taken", {"__kubeadm_listener": 'users:(("nginx",pid=1))'}, {}, ("6443", "nginx", "stop that program")),
    ("foreign", {"__kubeadm_other_cluster": "192.0.2.99:6443"}, {}, ("192.0.2.99:6443", "kubeadm reset")),
    (
        "no-checksums",
        {"artifacts_checksums_file": "/dev/null"},
        {},
        ("linux-amd64.tar.gz", "nothing is installed unverified"),
    ),
    ("no-checksum", {"kubeadm_version": "1.36.99"}, {}, ("dl.k8s.io/release/v1.36.99/bin/linux/amd64/kubelet",)),
    (
        "three-mistakes",
        {"kubeadm_version": "latest"},
        {"memtotal_mb": 1, "swaptotal_mb": 1},
        ("kubeadm_version is latest", "1 MiB", "uses swap"),
    ),
]
VERSIONS = {
    name: value
    for role in ("container_runtime", "kubeadm")
    for name, value in yaml.safe_load((CHECKOUT / "roles" / role / "defaults/main.yml").read_text()).items()
    if name.endswith("_version")
}
CHECKSUMS = """
github.com/containerd/containerd/releases/download/v{runtime}/containerd-{runtime}-linux-{architecture}.tar.gz
github.com/containernetworking/plugins/releases/download/v{cni}/cni-plugins-linux-{architecture}-v{cni}.tgz
dl.k8s.io/release/v{kubernetes}/bin/linux/{architecture}/kubeadm
dl.k8s.io/release/v{kubernetes}/bin/linux/{architecture}/kubelet
dl.k8s.io/release/v{kubernetes}/bin/linux/{architecture}/kubectl
"""
WORKERS = ("both", "worker-small")
PLAYBOOK = """
- hosts: all
  gather_facts: false
  tasks:
    - found: {facts: "{{ found }}"}
    - ansible.builtin.include_role:
        name: autolabs.platform.container_runtime
        tasks_from: preflight
    - ansible.builtin.include_role:
        name: autolabs.platform.kubeadm
        tasks_from: checks
"""
# Stands in for ansible.builtin.setup.
FOUND = """
from ansible.plugins.action import ActionBase

class ActionModule(ActionBase):
    def run(self, tmp=None, task_vars=None):
        return {"ansible_facts": {f"ansible_{name}": fact for name, fact in self._task.args["facts"].items()}}
"""


def inventory() -> dict[str, Any]:
    """Every case as a host; all of them stand beside one control plane."""
    planes = {name: {} for name, *_ in CASES if name not in WORKERS} | {"both": {}}
    if len(planes) % 2 == 0:
        planes["one-more"] = {}
    groups = {
        "k8s_control_plane": planes,
        "k8s_worker": {name: {} for name in WORKERS},
        "pair": {"good": {}, "arm": {}},
    }
    found = {name: {"found": FACTS | differing} for name, _, differing, _ in CASES}
    return {
        "all": {
            "hosts": {name: {**variables, **found[name]} for name, variables, *_ in CASES},
            "vars": {
                "ansible_connection": "local",
                "artifacts_checksums_file": "{{ playbook_dir }}/SHA256SUMS",
                "kubeadm_control_plane_endpoint": "192.0.2.10:6443",
            },
            "children": {group: {"hosts": hosts} for group, hosts in groups.items()},
        }
    }


def checksums() -> str:
    """The sums of all files that a host needs, as a mirror has them."""
    named = {
        "runtime": VERSIONS["container_runtime_containerd_version"],
        "cni": VERSIONS["container_runtime_cni_plugins_version"],
        "kubernetes": VERSIONS["kubeadm_version"],
    }
    names = [CHECKSUMS.format(architecture=architecture, **named).split() for architecture in ("amd64", "arm64")]
    return "".join(f"{'0' * 64}  {name}\n" for name in [*names[0], *names[1]])


@pytest.fixture(scope="module")
def messages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Host to what it was refused with, all in one run; hosts that were not refused are not there."""
    folder = tmp_path_factory.mktemp("preflight")
    (folder / "action_plugins").mkdir()
    (folder / "action_plugins/found.py").write_text(FOUND)
    (folder / "hosts.yml").write_text(yaml.safe_dump(inventory()))
    (folder / "SHA256SUMS").write_text(checksums())
    (folder / "play.yml").write_text(PLAYBOOK)
    variables = {
        "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"),
        "ANSIBLE_HOME": str(folder / "home"),
        "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
        "ANSIBLE_FORKS": "2",
    }
    done = subprocess.run(
        [Path(sys.executable).parent / "ansible-playbook", "-i", folder / "hosts.yml", folder / "play.yml"],
        env={**os.environ, **variables},
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.stdout.startswith("{"), done.stdout + done.stderr
    tasks = [task for play in json.loads(done.stdout)["plays"] for task in play["tasks"]]
    failed = [(host, result) for task in tasks for host, result in task["hosts"].items() if result.get("failed")]
    return {host: " ".join(result["msg"].split()) for host, result in failed}


@pytest.mark.parametrize(("name", "expected"), [(name, expected) for name, _, _, expected in CASES])
def test_a_host_is_refused_with_what_to_do(messages: dict[str, str], name: str, expected: tuple[str, ...]) -> None:
    if not expected:
        assert name not in messages
    else:
        message = messages[name]
        assert [part for part in expected if part not in message] == [], message
