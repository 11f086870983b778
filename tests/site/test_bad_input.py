"""Bad lab configs, rosters and inventories: each has its message, and nothing is created or changed by any.

The unit tests hold every message against its file, line and field; here it is the whole way through Ansible, with a
cluster at hand that could have been changed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from running import HOST, Site
from testbed.paths import REPOSITORY

DATA = REPOSITORY / "tests/data"
KINDS = "pods,services,secrets,configmaps,persistentvolumeclaims,networkpolicies"

# Variables of an inventory, and what the run must say of them.
INVENTORIES: list[tuple[dict[str, Any], str]] = [
    ({"kubeadm_pod_subnet": "192.168.300.0/24"}, "192.168.300.0/24"),
    ({"kubeadm_pod_subnet": "10.244.0.7/16"}, "10.244.0.0/16"),
    ({"kubeadm_pod_subnet": "10.77.0.0/16"}, "10.77.0.0/16 (network pods) overlaps"),
    ({"kubeadm_service_subnet": "10.244.128.0/20"}, "need ranges of their own"),
    ({"kubeadm_version": "v1.36.3"}, "without v"),
    ({"kubeadm_version": "1.35.0"}, "does not upgrade"),
    ({"kubeadm_control_plane_endpoint": "https://10.0.0.1"}, "give address and port"),
    ({"kubeadm_control_plane_group": "nobody"}, "needs an odd number"),
    ({"kubeadm_worker_group": "k8s_control_plane"}, "kubeadm_control_plane_schedulable"),
    ({"kubeadm_ignore_preflight_errors": [], "kubeadm_minimum_memory_mb": 9999999}, "MiB of memory"),
    ({"kubeadm_ignore_preflight_errors": [], "kubeadm_minimum_cpus": 4096}, "processors"),
    ({"container_runtime_minimum_kernel": "99.0"}, "Upgrade the host's kernel"),
    ({"container_runtime_distributions": ["Plan9"]}, "is not one of Plan9"),
    ({"container_runtime_containerd_version": "1.7.0"}, "containerd 2.0 or newer"),
    ({"container_runtime_registry_mirror": "mirror:5000"}, "is no URL"),
    ({"artifacts_file_mirror": "mirror.example"}, "give a URL"),
    ({"artifacts_checksums_file": "/nowhere/SHA256SUMS"}, "cannot be read"),
]


def test_no_bad_lab_and_no_bad_roster_creates_anything(site: Site) -> None:
    labs = sorted(str(path) for path in (DATA / "labs/bad").glob("*.yml"))
    rosters = sorted(str(path) for path in (DATA / "rosters/bad").iterdir() if path.suffix in (".csv", ".json"))
    assert len(labs) + len(rosters) >= 40
    before = live(site)
    variables = {"labs": labs, "rosters": rosters, "lab": str(REPOSITORY / "docs/labs/linux-basics.yml")}
    played = site.playbook(str(Path(__file__).parent / "playbooks/bad_input.yml"), variables)
    assert not [event for event in played.events if event["event"] == "runner_item_on_ok"]
    failed = [event for event in played.events if event["event"] == "runner_item_on_failed"]
    results = [event["event_data"]["res"] for event in failed]
    assert len(results) == len(labs) + len(rosters)
    for result in results:
        assert "nothing was changed" in result["msg"], result
        assert all(problem.startswith(f"{result['item']}:") for problem in result["problems"]), result
        assert "Traceback" not in json.dumps(result)
    assert live(site) == before


@pytest.mark.parametrize(("variables", "message"), INVENTORIES, ids=[text for _variables, text in INVENTORIES])
def test_a_bad_inventory_is_refused_before_any_change(site: Site, variables: dict[str, Any], message: str) -> None:
    played = site.playbook("site", variables)
    assert not played.succeeded
    assert message in " ".join(played.output.split()), played.output[-3000:]
    assert played.changed_tasks() == []
    assert "Traceback" not in played.output


def live(site: Site) -> set[str]:
    """The names of all objects that a class could have made."""
    words = ["get", KINDS, "-A", "-l", "app=lab", "-o", "name"]
    return set(site.kubectl(*words).split())


def test_the_host_of_these_tests_would_have_passed(site: Site) -> None:
    played = site.playbook("site", options="--tags always")
    assert played.succeeded, played.output[-3000:]
    assert HOST in played.output
