"""The checklists, answered from what was gathered."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.autolabs.platform.plugins.filter.audit import diagnosis_problems
from ansible_collections.autolabs.platform.plugins.module_utils.audit.diagnosis import Diagnosis, Row, node_ports
from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput
from ansible_collections.autolabs.platform.plugins.module_utils.flows.catalogue.reading import read_catalogue
from ansible_collections.autolabs.platform.plugins.module_utils.flows.site import Site
from unit.plugins.module_utils.audit.small_site import SITE, converged, rule

LABELS = {"app": "lab", "lab_id": "7", "class_id": "1", "student_id": "anna"}
READY = [{"type": "Ready", "status": "True"}]
LISTENING = "State Recv-Q\nLISTEN 0 244 0.0.0.0:5432 0.0.0.0:*\nLISTEN 0 244 [::]:22 [::]:*\n"


def well() -> dict[str, Any]:
    """Everything gathered on a site where all is well, and anna's instance runs."""
    live = converged()
    live["nodes"] = [
        {
            "metadata": {"name": "k8s-1"},
            "spec": {},
            "status": {"conditions": READY, "addresses": [{"type": "InternalIP", "address": "192.168.100.31"}]},
        }
    ]
    live["pods"] = [
        {
            "metadata": {"namespace": namespace, "name": name, "labels": labels},
            "spec": {"nodeName": "k8s-1"},
            "status": {"phase": "Running", "conditions": READY, "podIP": address, "hostIP": "192.168.100.31"},
        }
        for namespace, name, labels, address in (
            ("kube-system", "coredns-1", {"k8s-app": "kube-dns"}, "10.244.0.2"),
            ("labs", "lab-7-student-anna", LABELS, "10.244.0.9"),
        )
    ]
    ports = [{"port": 22, "targetPort": 2222, "protocol": "TCP", "nodePort": 31000}]
    name = "lab-7-student-anna"
    live["services"] = [
        {
            "metadata": {"namespace": "labs", "name": name, "labels": LABELS},
            "spec": {"type": "NodePort", "externalTrafficPolicy": "Local", "selector": LABELS, "ports": ports},
        }
    ]
    live["policies"].append(
        rule(
            "labs",
            "lab-7",
            {"lab_id": "7"},
            ingress=[
                {
                    "from": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.244.0.0/16"]}}],
                    "ports": [{"protocol": "TCP", "port": 2222}],
                }
            ],
        )
    )
    slices = {"metadata": {"namespace": "labs", "labels": {"kubernetes.io/service-name": name}}}
    return live | {
        "endpoints": [slices | {"endpoints": [{"conditions": {"ready": True}}]}],
        "dns": {"good": True, "said": "10.96.0.1"},
        "certificates": [{"name": "apiserver", "good": True, "said": "good until 2027"}],
        "listening": LISTENING,
        "log": "LOG: ready to accept connections\n",
        "open": {"31000": True},
    }


def rows(gathered: dict[str, Any], site: dict[str, Any] = SITE, **instance: str) -> dict[str, Row]:
    """The answers, by check."""
    one = Site.from_dict(site)
    found = Diagnosis(read_catalogue([], one.networks), one, gathered).rows(**instance)
    return {row.check: row for row in found}


def test_where_all_is_well_every_check_is_good_or_was_not_asked() -> None:
    found = rows(well(), lab="7", owner="anna")
    assert {row.state for row in found.values()} == {"good", "unknown"}
    assert [row.check for row in found.values() if row.state == "unknown"] == ["firewall of k8s-1 at 31000"]
    assert {row.do for row in found.values() if row.state == "good"} == {""}
    assert "NetworkPolicy labs/lab-7, ingress rule 1" in found["policies let 203.0.113.7 in"].found


@pytest.mark.parametrize(
    ("change", "check"),
    [
        (lambda live: live["nodes"][0]["status"].update(conditions=[]), "nodes ready"),
        (lambda live: live["dns"].update(good=False), "CoreDNS answers"),
        (lambda live: live["certificates"][0].update(good=False), "certificate apiserver"),
        (lambda live: live["pods"][1]["status"].update(phase="Pending"), "Pod lab-7-student-anna"),
        (lambda live: live["services"].clear(), "Service"),
        (lambda live: live["endpoints"].clear(), "Service lab-7-student-anna"),
        (lambda live: live["open"].update({"31000": False}), "node port 31000 from the controller"),
        (lambda live: live["policies"].pop(), "policies let 203.0.113.7 in"),
        (lambda live: live.update(listening="LISTEN 0 1 127.0.0.1:15432 0.0.0.0:*\n"), "PostgreSQL listens"),
        (lambda live: live.update(log="FATAL: too many clients\n"), "log of PostgreSQL"),
        (
            lambda live: live["ufw"].update(
                {"database-vm": "Status: active\nDefault: deny (incoming), allow (outgoing)\n"}
            ),
            "platform to PostgreSQL: ufw on database-vm",
        ),
    ],
)
def test_what_is_wrong_is_bad_and_says_what_to_do(change: Any, check: str) -> None:
    gathered = well()
    change(gathered)
    found = rows(gathered, lab="7", owner="anna")
    assert found[check].state == "bad" and found[check].do


def test_what_the_site_has_not_is_absent() -> None:
    found = rows({}, SITE | {"groups": {}})
    assert {row.state for row in found.values()} == {"not on this site"}


def test_an_instance_that_is_not_there_is_told_by_its_ids() -> None:
    found = rows(well(), lab="7", owner="bob")
    assert found["the instance runs"].found == "there is no Pod of lab 7, class 1, bob"


def test_where_nothing_runs_no_machine_is_asked_about_the_node_port() -> None:
    gathered = well()
    gathered["pods"].pop()
    gathered["endpoints"].clear()
    gathered["open"] = {}
    found = rows(gathered, lab="7", owner="anna")
    assert found["the instance runs"].state == found["Service lab-7-student-anna"].state == "bad"
    assert not [check for check in found if "31000" in check or check.startswith(("policies let", "network policies"))]


@pytest.mark.parametrize("address", ["abc", "10.0.0.1/24", "$(id)", "", "fe80::1%eth0;id"])
def test_an_address_that_is_none_is_named_by_its_variable(address: str) -> None:
    with pytest.raises(InvalidInput, match=r"diagnose_address: .* is not one address, such as 203\.0\.113\.7"):
        rows(well(), lab="7", owner="anna", address=address)


def test_the_playbook_asks_no_name_server_but_an_address() -> None:
    root = Path(__file__).parents[5]
    wrong = {"diagnose_dns": "$(id)", "diagnose_address": "203.0.113.7"}
    assert [text.partition(":")[0] for text in diagnosis_problems(wrong)] == ["diagnose_dns"]
    command = [sys.executable, str(root / "playbooks/files/dns_query.py"), "$(id)", "kubernetes.default"]
    asked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert asked.returncode == 1 and "'$(id)' is not the address of a server; set diagnose_dns" in asked.stderr
    plays = yaml.safe_load((root / "playbooks/diagnose.yml").read_text(encoding="utf-8"))
    (script,) = (task["ansible.builtin.script"] for play in plays for task in play["tasks"] if "script" in str([*task]))
    assert "| quote }}" in script["cmd"]


def test_what_depends_on_something_is_unknown_and_not_bad() -> None:
    gathered = well()
    gathered["ufw"]["database-vm"] = "Status: active\n"
    gathered["ufw"]["k8s-1"] = "Status: active\n"
    found = rows(gathered, lab="7", owner="anna")
    for check in ("platform to PostgreSQL: ufw on database-vm", "firewall of k8s-1 at 31000"):
        assert found[check].state == "unknown" and "undecided" in found[check].found


def test_node_ports_are_tried_on_the_machine_of_the_instance() -> None:
    assert node_ports(well(), "7", "1", "anna") == [{"host": "192.168.100.31", "port": 31000}]
    assert node_ports({}, "7", "1", "anna") == []
