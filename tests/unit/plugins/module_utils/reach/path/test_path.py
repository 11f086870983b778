"""One question through Proxmox, the machines' own firewalls, node ports and NetworkPolicies."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.net.ports import Ports
from ansible_collections.autolabs.platform.plugins.module_utils.reach.path.ends import Filters, somebody
from ansible_collections.autolabs.platform.plugins.module_utils.reach.path.path import Network, Question, path_verdict
from ansible_collections.autolabs.platform.plugins.module_utils.reach.path.text import lines
from ansible_collections.autolabs.platform.plugins.module_utils.reach.policies.parties import UnknownEndpoint
from ansible_collections.autolabs.platform.plugins.module_utils.reach.request import filters
from ansible_collections.autolabs.platform.plugins.module_utils.reach.verdict import Verdict
from unit.support import firewalls
from unit.support.firewalls import BACKEND, STUDENT


def site(**changed: Any) -> Filters:
    given = {"manifests": firewalls.manifests(), "ufw_texts": firewalls.ufw(), "proxmox_data": firewalls.proxmox()}
    return filters(**{**given, "addresses": firewalls.ADDRESSES, **changed})


def ask(source: str, destination: str, port: str, known: Filters | None = None, **network: Any) -> Verdict:
    return path_verdict(Question(source, destination, Ports.parse(port)), known or site(), Network(**network))


@pytest.mark.parametrize(
    ("source", "destination", "port", "answer", "last"),
    [
        ("internet", STUDENT, "tcp/2222", "allowed", f"ingress to {STUDENT}"),
        ("8.8.8.8", STUDENT, "tcp/30022", "allowed", f"ingress to {STUDENT}"),
        ("8.8.8.8", "k8s-2", "tcp/30022", "allowed", f"ingress to {STUDENT}"),
        ("8.8.8.8", "192.168.100.41", "tcp/30022", "allowed", f"ingress to {STUDENT}"),
        ("8.8.8.8", "k8s-1", "tcp/30022", "denied", "node port 30022 of k8s-1 (Service labs/lab-1-student-anna)"),
        ("8.8.8.8", STUDENT, "tcp/80", "denied", f"way to {STUDENT}"),
        ("internet", "k8s-2", "tcp/22", "denied", "Proxmox, VM 141"),
        ("internet", "k8s-1", "tcp/22", "denied", "iptables on k8s-1"),
        ("database-vm", STUDENT, "tcp/2222", "allowed", f"ingress to {STUDENT}"),
        (STUDENT, "database-vm", "tcp/5432", "allowed", "ufw on database-vm"),
        (STUDENT, "192.168.100.20", "tcp/22", "denied", "Proxmox, VM 120"),
        (STUDENT, "database-vm", "tcp/6432", "denied", f"egress of {STUDENT}"),
        (BACKEND, "database-vm", "tcp/5432", "denied", "Proxmox, VM 120"),
        (BACKEND, "8.8.8.8", "tcp/443", "allowed", "way to 8.8.8.8"),
        (BACKEND, STUDENT, "tcp/2222", "denied", f"ingress to {STUDENT}"),
        (BACKEND, "k8s-1", "tcp/6443", "allowed", "iptables on k8s-1"),
        ("k8s-1", "k8s-2", "udp/4789", "allowed", "iptables on k8s-2"),
        ("k8s-1", "k8s-2", "udp/4790", "denied", "Proxmox, VM 141"),
        ("k8s-2", "database-vm", "tcp/5432", "allowed", "ufw on database-vm"),
        ("database-vm", "database-vm", "tcp/1", "allowed", "database-vm"),
        ("database-vm", "8.8.8.8", "tcp/443", "allowed", "way to 8.8.8.8"),
    ],
)
def test_a_question_ends_where_it_is_decided(source: str, destination: str, port: str, answer: str, last: str) -> None:
    found = ask(source, destination, port)
    assert (found.answer, found.steps[-1].where) == (answer, last)
    assert found.assumptions == ()


def test_the_way_to_a_student_passes_every_firewall_in_order() -> None:
    found = ask("internet", STUDENT, "tcp/2222")
    assert [(step.where, step.flow) for step in found.steps] == [
        ("Proxmox, VM 141", "lab-access"),
        ("iptables on k8s-2", "lab-access"),
        ("node port 30022 of k8s-2 (Service labs/lab-1-student-anna)", ""),
        (f"ingress to {STUDENT}", ""),
    ]


def test_a_port_that_proxmox_closes_is_closed_though_all_else_is_open() -> None:
    proxmox = firewalls.proxmox()
    proxmox["vms"]["k8s-2"]["rules"] = proxmox["vms"]["k8s-2"]["rules"][1:]
    found = ask("internet", STUDENT, "tcp/2222", site(proxmox_data=proxmox))
    assert (found.answer, [step.where for step in found.steps]) == ("denied", ["Proxmox, VM 141"])


def test_pods_of_two_machines_need_the_tunnel_between_them() -> None:
    known = site(manifests=[one for one in firewalls.manifests() if one["kind"] != "NetworkPolicy"])
    found = ask(BACKEND, STUDENT, "tcp/2222", known)
    assert found.answer == "allowed"
    assert [step.flow for step in found.steps[-2:]] == ["node-vxlan", "node-vxlan"]
    back = ask(STUDENT, BACKEND, "tcp/1", known)
    assert (back.answer, back.steps[-1].where) == ("allowed", "iptables on k8s-1, for the tunnel (udp/4789) from k8s-2")
    texts = {**firewalls.ufw(), "k8s-2": firewalls.PUBLISHED.format(other="192.0.2.1/32")}
    closed = ask(BACKEND, STUDENT, "tcp/2222", replace(known, hosts=site(ufw_texts=texts).hosts))
    assert (closed.answer, closed.steps[-1].where[:17]) == ("denied", "iptables on k8s-2")
    assert ask(BACKEND, STUDENT, "tcp/2222", replace(known, hosts=site(ufw_texts=texts).hosts), tunnel=None).answer == (
        "allowed"
    )


def test_masquerading_decides_whom_a_machine_sees() -> None:
    assert ask(STUDENT, "database-vm", "tcp/5432").answer == "allowed"
    assert ask(STUDENT, "database-vm", "tcp/5432", masquerade=False).answer == "denied"


def test_a_machine_whose_firewall_nobody_told_leaves_undecided() -> None:
    texts = {name: text for name, text in firewalls.ufw().items() if name != "k8s-2"}
    found = ask("internet", STUDENT, "tcp/2222", site(ufw_texts=texts))
    assert found.answer == "undecided"
    assert any("nothing is known of the packet filter of k8s-2" in sentence for sentence in found.assumptions)


def test_the_way_to_the_api_server_by_its_service_ends_at_the_firewall_of_the_machine() -> None:
    api = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "kubernetes"},
        "spec": {"clusterIP": "10.96.0.1", "ports": [{"name": "https", "port": 443, "targetPort": 6443}]},
    }
    slices = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": "kubernetes", "labels": {"kubernetes.io/service-name": "kubernetes"}},
        "ports": [{"name": "https", "port": 6443}],
        "endpoints": [{"addresses": ["192.168.100.31"]}],
    }
    objects = [*firewalls.manifests(), api, slices]
    found = ask(BACKEND, "10.96.0.1", "tcp/443", site(manifests=objects))
    assert (found.answer, found.steps[-1].where) == ("allowed", "iptables on k8s-1")
    assert ask(STUDENT, "10.96.0.1", "tcp/443", site(manifests=objects)).steps[-1].where == f"egress of {STUDENT}"
    slices["endpoints"] = [{"addresses": ["192.168.100.41"]}]
    closed = ask(BACKEND, "service/default/kubernetes", "tcp/443", site(manifests=objects))
    assert (closed.answer, closed.steps[-1].where) == ("denied", "Proxmox, VM 141")
    assert ask("k8s-1", "10.96.0.1", "tcp/443", site(manifests=[*objects[:-1]])).answer == "undecided"


def test_a_node_port_of_the_machine_itself_is_asked_of_policies_alone() -> None:
    objects = firewalls.manifests(traffic="Cluster")
    assert ask("k8s-2", "k8s-2", "tcp/30022", site(manifests=objects)).steps[-1].where == f"ingress to {STUDENT}"
    closed = {**objects[-1], "spec": {"podSelector": {}, "policyTypes": ["Ingress"]}}
    found = ask("k8s-1", "k8s-1", "tcp/30022", site(manifests=[*objects[:-1], closed]))
    assert (found.answer, found.steps[-1].where) == ("denied", f"ingress to {STUDENT}")


def test_layers_that_were_not_given_are_no_part_of_the_answer() -> None:
    known = site(ufw_texts=None, proxmox_data=None)
    found = ask("internet", STUDENT, "tcp/2222", known)
    assert found.answer == "allowed"
    told = lines(Question("internet", STUDENT, Ports(2222)), found, known)
    assert told[-1] == "Not asked, as nothing of it was given: the machines' own firewalls, Proxmox"


def test_a_firewall_read_without_its_published_chain_leaves_undecided() -> None:
    texts = {**firewalls.ufw(), "k8s-2": firewalls.STATUS.format(rules="")}
    found = ask("internet", STUDENT, "tcp/2222", site(ufw_texts=texts))
    assert (found.answer, "iptables-save" in found.assumptions[0]) == ("undecided", True)


def test_rules_for_what_goes_out_leave_undecided() -> None:
    texts = {**firewalls.ufw(), "k8s-1": f"{firewalls.ufw()['k8s-1']}*filter\n-A OUTPUT -p udp -j DROP\nCOMMIT\n"}
    found = ask("k8s-1", "k8s-2", "udp/4789", site(ufw_texts=texts))
    assert (found.answer, found.steps[0].where) == ("undecided", "iptables on k8s-1, outgoing")


def test_pods_that_are_nowhere_yet_are_asked_of_on_every_machine() -> None:
    known = site(manifests=firewalls.manifests(placed=False))
    assert ask("internet", STUDENT, "tcp/2222", known).answer == "allowed"
    proxmox = firewalls.proxmox()
    proxmox["vms"]["k8s-2"]["rules"] = []
    assert ask("internet", STUDENT, "tcp/2222", replace(known, proxmox=site(proxmox_data=proxmox).proxmox)).answer == (
        "undecided"
    )
    found = ask(STUDENT, "database-vm", "tcp/5432", known)
    assert (found.answer, "which machine the pod runs on" in found.assumptions[0]) == ("undecided", True)


def test_a_protocol_without_ports_is_up_to_the_plugin() -> None:
    assert ask(STUDENT, "8.8.8.8", "icmp").answer == "undecided"
    assert ask("8.8.8.8", "database-vm", "icmp").answer == "denied"


def test_lines_for_people_tell_every_step() -> None:
    question = Question("internet", "k8s-2", Ports(22))
    assert lines(question, path_verdict(question, site())) == [
        "internet to k8s-2 on tcp/22 is denied",
        "  1. Proxmox, VM 141: denied: no rule fits; by default everything is kept out",
    ]


@pytest.mark.parametrize(
    ("source", "destination", "told"),
    [
        ("internet", "labs/lab-1-student-ana", "did you mean labs/lab-1-student-anna"),
        ("nobody", "k8s-1", "'nobody' is no pod"),
        ("8.8.8.8", "9.9.9.9", "neither 8.8.8.8 nor 9.9.9.9"),
    ],
)
def test_what_is_not_there_is_told(source: str, destination: str, told: str) -> None:
    with pytest.raises(UnknownEndpoint, match=told):
        ask(source, destination, "tcp/22")


def test_somebody_of_the_internet_is_nobody_in_particular() -> None:
    assert somebody(site()) == "203.0.113.7"
    rules = "22/tcp                     ALLOW IN    203.0.113.0/24\n"
    texts = {**firewalls.ufw(), "database-vm": firewalls.STATUS.format(rules=firewalls.HEADING + rules)}
    assert somebody(site(ufw_texts=texts)) == "198.51.100.7"


def test_a_published_port_without_a_service_depends_on_what_is_behind_it() -> None:
    web = "-A autolabs-published -p tcp --dport 443 -m comment --comment web -j RETURN\n"
    texts = {
        **firewalls.ufw(),
        "k8s-1": firewalls.ufw()["k8s-1"].replace("-A autolabs-published -j", f"{web}-A autolabs-published -j"),
    }
    found = ask("internet", "k8s-1", "tcp/443", site(ufw_texts=texts))
    assert (found.answer, found.steps[0].flow) == ("undecided", "web")
    assert "allowed for a container, denied for the machine" in found.assumptions[0]
