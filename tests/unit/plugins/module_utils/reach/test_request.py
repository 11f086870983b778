"""What the faces of the prover share."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput
from ansible_collections.autolabs.platform.plugins.module_utils.reach import request
from ansible_collections.autolabs.platform.plugins.module_utils.reach.path.ends import Filters
from unit.support import firewalls
from unit.support.firewalls import BACKEND, STUDENT

QUESTION = {"from": "internet", "to": STUDENT, "port": 2222}


def site(**changed: Any) -> Filters:
    given = {"manifests": firewalls.manifests(), "ufw_texts": firewalls.ufw(), "proxmox_data": firewalls.proxmox()}
    return request.filters(**{**given, "addresses": firewalls.ADDRESSES, **changed})


def test_an_answer_is_plain_data() -> None:
    found = request.ask(site(), request.question(QUESTION))
    assert found["answer"] == "allowed"
    assert found["steps"][0].keys() == {"where", "answer", "rule", "flow", "why"}
    assert len(found["explanation"]) == 1 + len(found["steps"])


def test_texts_of_each_kind_are_told_apart() -> None:
    files = {"ipv4": "*filter\n:ufw-user-input - [0:0]\nCOMMIT\n", "default": "deny"}
    found = site(ufw_texts={**firewalls.ufw(), "gitlab": files})
    assert found.hosts is not None
    programs = {name: (one.program, one.default) for name, one in found.hosts.items()}
    assert programs["gitlab"] == programs["database-vm"] == ("ufw", "deny")
    assert programs["k8s-1"] == ("iptables", "deny")


@pytest.mark.parametrize(
    ("given", "fields"),
    [
        ({}, ["from", "to", "port"]),
        ({**QUESTION, "port": 70000}, ["port"]),
        ({**QUESTION, "port": "ssh"}, ["port"]),
        ({**QUESTION, "protocol": "ipx"}, ["port"]),
    ],
)
def test_every_mistake_in_a_question_is_told(given: dict[str, Any], fields: list[str]) -> None:
    with pytest.raises(InvalidInput) as caught:
        request.question(given)
    assert [problem.field for problem in caught.value.problems] == fields


def test_every_mistake_in_every_layer_is_told_at_once() -> None:
    broken = [{**firewalls.manifests()[-1], "spec": {"podSelector": {}, "ingress": [{"ports": [{"port": 0}]}]}}]
    with pytest.raises(InvalidInput) as caught:
        site(manifests=broken, ufw_texts={"k8s-1": "what?", "k8s-2": "Status: perhaps"}, proxmox_data={"vms": []})
    assert {problem.file.split(" of ")[0].split("/")[0] for problem in caught.value.problems} == {
        "NetworkPolicy labs",
        "iptables",
        "ufw status",
        "proxmox",
    }


def test_an_unknown_end_is_a_mistake_of_the_question() -> None:
    with pytest.raises(InvalidInput, match="question: 'nobody' is no pod"):
        request.ask(site(), request.question({**QUESTION, "from": "nobody"}))


def test_the_matrix_holds_pods_and_machines() -> None:
    found = request.matrix(site(), ["203.0.113.0/24"])
    assert "allowed: 203.0.113.0/24" in "\n".join(found["table"])
    postgresql = {
        "from": ["192.168.100.0/24"],
        "to": ["ufw on database-vm"],
        "ports": ["tcp/5432"],
        "answer": "allowed",
    }
    assert postgresql in found["rows"]
    published = [row for row in found["rows"] if row["to"] == ["iptables on k8s-2 (published ports)"]]
    assert [(row["answer"], row["from"], row["ports"]) for row in published] == [
        ("undecided", ["::/0"], []),  # its rules for IPv6 were not given
        ("allowed", ["0.0.0.0/0"], ["tcp/30000-32767"]),
    ]
    assert found["counts"]["denied"] > 0
    assert found["shadowed"] == []


def test_rules_that_never_decide_are_told() -> None:
    rules = "5432/tcp                   ALLOW IN    192.168.100.0/24\n" * 2
    texts = {**firewalls.ufw(), "database-vm": firewalls.STATUS.format(rules=firewalls.HEADING + rules)}
    [told] = request.matrix(site(ufw_texts=texts))["shadowed"]
    assert told.startswith("ufw on database-vm: allow tcp/5432 from 192.168.100.0/24 never decides")


def test_two_sets_are_compared_in_every_layer() -> None:
    texts = {**firewalls.ufw(), "database-vm": firewalls.STATUS.format(rules="")}
    policies = [one for one in firewalls.manifests() if one["kind"] != "NetworkPolicy"]
    changes = request.compare(site(), site(ufw_texts=texts, manifests=policies))["changes"]
    assert {
        "kind": "closes",
        "from": ["192.168.100.0/24"],
        "to": ["ufw on database-vm"],
        "ports": ["tcp/5432"],
    } in changes
    assert any(change["kind"] == "opens" and change["from"] == [BACKEND] for change in changes)
    assert request.compare(site(), site()) == {"changes": [], "table": []}


def test_long_lists_are_cut_in_lines_for_people() -> None:
    assert request.few(["a", "b", "c", "d", "e", "f"]) == "a, b, c, d and 2 more"
