"""The site comes up from nothing, and a second run finds nothing to do."""

from __future__ import annotations

import json

import pytest
from proxmox_api import writes
from running import DATABASE, HOST, Site


def test_a_plan_for_an_empty_node_succeeds_and_changes_nothing(node: Site) -> None:
    if node.kubeconfig.exists():
        pytest.skip("the kept site has no empty node to plan for")
    writes(node)
    played = node.playbook("site", options="--check --diff")
    assert played.succeeded, played.output[-5000:]
    assert f"known after the VMs exist: what becomes of {DATABASE}, {HOST}" in " ".join(played.output.split())
    for planned in ("10240", "1024", "autolabs@pve!ansible", "keep-daily"):
        assert planned in played.output, planned
    assert writes(node) == []
    assert list(node.folder.glob("*.conf")) == []


def test_the_node_is_ready(site: Site) -> None:
    (node,) = json.loads(site.kubectl("get", "nodes", "-o", "json"))["items"]
    conditions = {entry["type"]: entry["status"] for entry in node["status"]["conditions"]}
    assert (node["metadata"]["name"], conditions["Ready"]) == (HOST, "True")


def test_a_second_run_changes_nothing(site: Site) -> None:
    played = site.playbook("site")
    assert played.succeeded, played.output[-5000:]
    assert played.changed_tasks() == []


def test_the_plan_of_a_converged_site_is_empty(site: Site) -> None:
    played = site.playbook("site", options="--check --diff")
    assert played.succeeded, played.output[-5000:]
    assert played.changed_tasks() == []


def test_a_change_by_hand_is_in_the_plan_and_the_next_run_takes_it_back(site: Site) -> None:
    site.kubectl("-n", "labs", "patch", "resourcequota", "labs-quota", "-p", '{"spec":{"hard":{"pods":"7"}}}')
    plan = site.playbook("cluster", options="--check --diff --tags lab_namespaces")
    taken_back = site.playbook("cluster", options="--tags lab_namespaces")
    assert len(plan.changed_tasks()) == len(taken_back.changed_tasks()) == 1
    assert "pods: '7'" in plan.output and "pods: '100'" in plan.output
    assert site.playbook("cluster", options="--tags lab_namespaces").changed_tasks() == []
