"""What an audit finds: nothing on a site that is as its catalogue says, and each planted difference by name."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.audit.finding import Finding
from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput
from unit.plugins.module_utils.audit.small_site import (
    audited,
    cell,
    converged,
    policy,
    proxmox,
    rule,
)


def only(live: dict[str, Any], kind: str) -> Finding:
    """The one finding, which is of this kind."""
    (found,) = audited(live).findings
    assert found.kind == kind, found
    return found


def lab(student: str, **labels: str) -> dict[str, Any]:
    """A Pod of an instance of a lab."""
    name = f"lab-7-student-{student}" + "".join(f"-{value}" for value in labels.values())
    own = {"app": "lab", "lab_id": "7", "class_id": "1", "student_id": student, **labels}
    return {"metadata": {"namespace": "labs", "name": name, "labels": own}, "spec": {}, "status": {"phase": "Running"}}


def test_a_site_that_is_as_its_catalogue_says_has_no_finding() -> None:
    found = audited(converged())
    assert (found.findings, found.objects, found.grave) == ((), (), 0)
    assert {one.answer for one in found.cells} == {"allowed", "denied", "open"}
    assert [one.name for one in found.unasked] == ["firewall of k8s-1", "firewall of k8s-2"]


def test_a_rule_that_the_catalogue_does_not_have_is_extra() -> None:
    live = converged()
    live["policies"].append(
        rule("platform", "debug", {"app": "frontend"}, egress=[{"to": [{"ipBlock": {"cidr": "192.168.100.20/32"}}]}])
    )
    found = only(live, "extra")
    assert (found.where, found.rule) == ("namespace platform", "NetworkPolicy platform/debug, egress rule 1")
    assert (found.source, found.ports) == ("Frontend", ())
    assert "database-vm" in found.destination and "delete NetworkPolicy platform/debug" in found.do
    assert cell(audited(live), "frontend", "database").answer == "differs"


def test_a_flow_that_is_closed_is_missing_and_the_object_is_named() -> None:
    live = converged()
    egress = policy(live, "platform", "backend-platform")["spec"]["egress"]
    egress[:] = [one for one in egress if {"protocol": "TCP", "port": 5432} not in one["ports"]]
    found = audited(live)
    (finding,) = found.findings
    assert (finding.kind, finding.flow, finding.where) == ("missing", "platform-postgresql", "namespace platform")
    assert finding.ports == ("tcp/5432", "tcp/6432") and finding.do == "run playbooks/site.yml --tags network_policies"
    assert [(one.name, one.state) for one in found.objects] == [("NetworkPolicy platform/backend-platform", "changed")]
    assert cell(found, "backend-platform", "database").answer == "differs"


def test_other_words_for_the_same_are_no_finding_but_a_changed_object() -> None:
    live = converged()
    for each in policy(live, "messaging", "rabbitmq")["spec"]["ingress"]:
        each["ports"] = [{**port, "endPort": port["port"]} for port in each["ports"]]
    found = audited(live)
    assert found.findings == () and [one.state for one in found.objects] == ["changed"]


def test_a_namespace_without_its_default_deny_is_open() -> None:
    live = converged()
    live["policies"].remove(policy(live, "labs", "default-deny"))
    found = audited(live)
    assert {one.kind for one in found.findings} == {"extra"} and {one.where for one in found.findings} == {
        "namespace labs"
    }
    assert [(one.name, one.state) for one in found.objects] == [("NetworkPolicy labs/default-deny", "missing")]


def test_a_rule_for_pods_that_do_not_run_now_counts_too() -> None:
    live = converged()
    live["policies"].append(rule("platform", "old", {"app": "old"}, ingress=[{}]))
    found = only(live, "extra")
    assert "pods with app=old in namespace platform" in found.destination


def test_a_policy_that_changes_nothing_is_shadowed() -> None:
    live = converged()
    live["policies"].append(rule("platform", "closed-twice", {}, ingress=[]))
    found = only(live, "shadowed")
    assert found.rule == "NetworkPolicy platform/closed-twice"
    assert audited(live).grave == 0


def test_a_lab_may_ask_for_less_than_the_catalogue_allows_and_not_for_more() -> None:
    live = converged()
    live["pods"] = [lab("anna"), lab("bob")]
    own = {"lab_id": "7"}
    live["policies"].append(
        rule("labs", "lab-7", own, ingress=[{"from": [{"ipBlock": {"cidr": "198.51.100.0/24"}}]}], egress=[])
    )
    # No port is named, and the catalogue names TCP only.
    assert {port for one in audited(live).findings for port in one.ports} == {"udp/1-65535", "sctp/1-65535"}
    policy(live, "labs", "lab-7")["spec"]["ingress"][0]["ports"] = [{"protocol": "TCP", "port": 2222}]
    assert audited(live).findings == ()
    live["policies"].append(rule("labs", "friends", own, egress=[{"to": [{"podSelector": {}}]}]))
    live["policies"].append(rule("labs", "guests", own, ingress=[{"from": [{"podSelector": {}}]}]))
    assert {one.kind for one in audited(live).findings} == {"extra"}


def test_components_of_one_instance_may_reach_each_other() -> None:
    live = converged()
    live["pods"] = [lab("anna", component="web"), lab("anna", component="db"), lab("bob", component="web")]
    own = {"app": "lab", "lab_id": "7", "class_id": "1", "student_id": "anna"}
    peers = [{"podSelector": {"matchLabels": own}}]
    live["policies"].append(rule("labs", "anna", own, ingress=[{"from": peers}], egress=[{"to": peers}]))
    assert audited(live).findings == ()


def test_a_rule_of_ufw_that_the_catalogue_does_not_have_is_extra() -> None:
    live = converged()
    live["ufw"]["database-vm"] += "3306/tcp ALLOW IN Anywhere\n"
    found = only(live, "extra")
    assert (found.where, found.destination, found.ports) == ("firewall of database-vm", "database-vm", ("tcp/3306",))
    assert found.source == "everyone over IPv4" and "3306/tcp ALLOW IN Anywhere" in found.rule
    assert "run playbooks/site.yml --tags firewall -l database-vm" in found.do
    assert cell(audited(live), "everyone", "database").answer == "differs"


def test_a_rule_of_ufw_that_is_gone_is_missing() -> None:
    live = converged()
    live["ufw"]["database-vm"] = "".join(
        line for line in live["ufw"]["database-vm"].splitlines(keepends=True) if "admin-ssh" not in line
    )
    found = only(live, "missing")
    assert (found.flow, found.source, found.ports) == ("admin-ssh", "Administrators (10.9.0.0/24)", ("tcp/22",))
    assert found.cells == (("admins", "database"),)


def test_a_rule_of_ufw_behind_one_that_decides_is_shadowed() -> None:
    live = converged()
    live["ufw"]["database-vm"] += "22/tcp DENY IN 10.9.0.7\n"
    found = only(live, "shadowed")
    assert "22/tcp DENY IN 10.9.0.7" in found.rule


def test_a_firewall_whose_default_is_not_told_is_undecided() -> None:
    live = converged()
    live["ufw"]["database-vm"] = "".join(
        line for line in live["ufw"]["database-vm"].splitlines(keepends=True) if not line.startswith("Default")
    )
    assert {one.kind for one in audited(live).findings} == {"undecided"}
    assert all(one.assumption for one in audited(live).findings)


def test_a_firewall_that_is_off_lets_everybody_in() -> None:
    live = converged()
    live["ufw"]["database-vm"] = "Status: inactive\n"
    assert {one.kind for one in audited(live).findings} == {"extra"}


def test_the_proxmox_firewall_is_held_against_the_catalogue_too() -> None:
    live = converged()
    live["proxmox"] = proxmox()
    assert audited(live).findings == ()
    (group,) = (one for one in live["proxmox"]["groups"] if one["group"] == "database")
    group["rules"].insert(0, {"type": "in", "action": "ACCEPT", "enable": 1, "proto": "tcp", "dport": "3306"})
    found = audited(live)
    (finding,) = found.findings
    assert (finding.kind, finding.layer, finding.where) == ("extra", "proxmox", "Proxmox, VM 120")
    assert [(one.name, one.state) for one in found.objects] == [("Proxmox security group database", "changed")]


def test_what_to_do_about_proxmox_is_said_in_the_words_of_its_api() -> None:
    live = converged()
    live["proxmox"] = proxmox()
    (group,) = (one for one in live["proxmox"]["groups"] if one["group"] == "database")
    group["rules"].insert(0, {"type": "in", "action": "ACCEPT", "enable": 1, "proto": "tcp", "dport": "3306"})
    found = only(live, "extra")
    assert "set by hand in Proxmox: DELETE /cluster/firewall/groups/database/0" in found.do
    group["rules"][:] = [one for one in proxmox_rules("database") if "admin-ssh" not in one["comment"]]
    found = only(live, "missing")
    assert "POST /cluster/firewall/groups/database type=in action=ACCEPT enable=1" in found.do
    assert "proto=tcp dport=22 comment=admin-ssh" in found.do and "DELETE" not in found.do
    live["proxmox"] = proxmox()
    live["proxmox"]["vms"]["database-vm"]["options"]["enable"] = 0
    assert "PUT /nodes/pve/qemu/120/firewall/options enable=1" in audited(live).findings[0].do


def proxmox_rules(group: str) -> list[dict[str, Any]]:
    """The rules of a security group, as the playbooks make them."""
    return next(one["rules"] for one in proxmox()["groups"] if one["group"] == group)


def pod(namespace: str, name: str, *, host_network: bool = False, **labels: str) -> dict[str, Any]:
    """A Pod that runs."""
    metadata = {"namespace": namespace, "name": name, "labels": labels}
    return {"metadata": metadata, "spec": {"hostNetwork": host_network, "nodeName": "k8s-1"}, "status": {}}


def test_a_namespace_that_the_catalogue_has_not_is_open_until_policies_close_its_pods() -> None:
    live = converged()
    live["namespaces"].append({"metadata": {"name": "debug", "labels": {}}})
    assert audited(live).findings == ()
    live["pods"] = [pod("debug", "shell", app="shell")]
    found = only(live, "extra")
    assert (found.layer, found.where, found.source) == ("cluster", "namespace debug", "shell")
    assert "can be reached by everyone and can reach everything" in found.what and "flows_files" in found.do
    live["policies"].append(rule("debug", "in", {}, ingress=[]))
    found = only(live, "extra")
    assert "shell) can reach everything" in found.what and found.destination == ""
    live["policies"].append(rule("debug", "out", {"app": "shell"}, egress=[{}]))
    assert only(live, "extra").source == "shell"
    live["policies"][-1]["spec"]["egress"] = [{"to": [{"podSelector": {}}]}]
    assert audited(live).findings == ()


def test_pods_in_the_default_namespace_are_open_and_those_of_kubernetes_are_its_own() -> None:
    live = converged()
    live["pods"] = [pod("kube-system", "coredns"), pod("local-path-storage", "provisioner")]
    live["pods"].append(pod("kube-system", "calico-node", host_network=True))
    assert audited(live).findings == ()
    live["pods"].append(pod("default", "shell"))
    assert only(live, "extra").where == "namespace default"


@pytest.mark.parametrize("namespace", ["platform", "debug"])
def test_a_pod_on_the_network_of_its_machine_is_what_no_policy_holds_for(namespace: str) -> None:
    live = converged()
    live["pods"] = [pod(namespace, "sniffer", host_network=True, app="frontend")]
    found = only(live, "extra")
    assert f"the pod {namespace}/sniffer has the network of its machine" in found.what and "k8s-1" in found.what


@pytest.mark.parametrize(
    ("part", "name", "namespace"),
    [
        ("calico_policies", "NetworkPolicy platform/odd (crd.projectcalico.org)", "platform"),
        ("calico_global_policies", "GlobalNetworkPolicy odd (crd.projectcalico.org)", ""),
        ("admin_policies", "AdminNetworkPolicy odd (policy.networking.k8s.io)", ""),
        ("baseline_admin_policies", "BaselineAdminNetworkPolicy odd (policy.networking.k8s.io)", ""),
    ],
)
def test_policies_of_other_apis_are_not_read_and_not_passed_over(part: str, name: str, namespace: str) -> None:
    live = converged()
    assert audited(live | {part: []}).findings == ()
    metadata = {"name": "odd"} | ({"namespace": namespace} if namespace else {})
    found = only(live | {part: [{"metadata": metadata}]}, "undecided")
    assert (found.rule, found.layer) == (name, "cluster") and name in found.assumption


def test_what_keeps_in_the_flows_of_a_machine_leaves_them_undecided() -> None:
    live = converged()
    status = live["ufw"]["database-vm"]
    live["ufw"]["database-vm"] = status + "8.8.8.8 53/udp REJECT OUT Anywhere\n"
    found = audited(live)
    assert found.findings and {one.kind for one in found.findings} == {"undecided"}
    assert all("8.8.8.8 53/udp REJECT OUT Anywhere" in one.rule and one.flow for one in found.findings)
    assert all(
        line.catalogue == "allowed"
        for one in found.findings
        for pair in one.cells
        for line in cell(found, *pair).lines
        if one.flow in line.flows
    )
    live["ufw"]["database-vm"] = status.replace("allow (outgoing)", "deny (outgoing)")
    assert {one.kind for one in audited(live).findings} == {"undecided"}


def test_a_rule_for_what_a_machine_forwards_is_undecided() -> None:
    live = converged()
    live["ufw"]["database-vm"] += "10.0.0.0/8 22/tcp ALLOW FWD Anywhere\n"
    found = only(live, "undecided")
    assert "ALLOW FWD" in found.rule and found.where == "firewall of database-vm"


def test_what_was_not_asked_is_said_and_judged_by_nothing() -> None:
    found = audited({"silent": {"cluster": "no API server answers"}})
    assert found.findings == () and not any(source.asked for source in found.sources)
    assert found.sentence() == "Nothing could be asked, so nothing is known"
    (line,) = (one for one in cell(found, "backend-platform", "rabbitmq").lines if one.catalogue == "allowed")
    assert (line.live, line.flows) == ("", ("platform-rabbitmq",))


def test_a_namespace_that_is_not_there_is_not_open() -> None:
    live = converged()
    live["namespaces"] = [one for one in live["namespaces"] if one["metadata"]["name"] != "auth"]
    live["policies"] = [one for one in live["policies"] if one["metadata"]["namespace"] != "auth"]
    found = audited(live)
    assert found.findings == () and found.objects == ()
    assert ("namespace auth", "the cluster has no such namespace, so there is nothing to close") in found.absent


def test_a_cell_tells_each_firewall_on_the_way() -> None:
    (line, rest) = cell(audited(converged()), "backend-platform", "database").lines[0], None
    assert line.flows == ("platform-postgresql",) and line.live == "allowed" and rest is None
    assert [step.where.split("/")[0] for step in line.steps] == ["egress of platform", "ufw on database-vm"]
    assert {step.flow for step in line.steps} == {"platform-postgresql"}


def test_pods_of_one_endpoint_do_not_reach_each_other() -> None:
    assert cell(audited(converged()), "lab-instances", "lab-instances").answer == "denied"


@pytest.mark.parametrize(
    ("live", "message"),
    [
        ({"polices": []}, "live.polices: unknown field"),
        ({"policies": {"kind": "List"}}, "live.policies: must be a list of objects"),
        ({"ufw": {"database-vm": "Status: perhaps\n"}}, "ufw status of database-vm"),
    ],
)
def test_what_cannot_be_read_is_said(live: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        audited(live)
