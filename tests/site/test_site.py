"""The site comes up from nothing, and a second run finds nothing to do."""

from __future__ import annotations

import json

import pytest
from running import HOST, Site


def test_a_plan_for_empty_hosts_succeeds_and_changes_nothing(hosts: Site) -> None:
    if hosts.kubeconfig.exists():
        pytest.skip("the kept site has no empty host to plan for")
    played = hosts.playbook("site", options="--check --diff")
    assert played.succeeded, played.output[-5000:]
    assert "known after" in played.output
    assert hosts.on_host("sh", "-c", "ls /etc/kubernetes /usr/local/bin/kubeadm 2>/dev/null || echo none") == "none\n"


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
    plan = site.playbook("site", options="--check --diff --tags lab_namespaces")
    taken_back = site.playbook("site", options="--tags lab_namespaces")
    assert len(plan.changed_tasks()) == len(taken_back.changed_tasks()) == 1
    assert "pods: '7'" in plan.output and "pods: '100'" in plan.output
    assert site.playbook("site", options="--tags lab_namespaces").changed_tasks() == []
