"""The flows of a lab as people read them, and that they are those of the policies."""

from __future__ import annotations

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.flows.policies.network_policy import (
    EGRESS_FLOWS_ANNOTATION,
    INGRESS_FLOWS_ANNOTATION,
)
from ansible_collections.autolabs.platform.plugins.module_utils.labs.classes import make_class
from ansible_collections.autolabs.platform.plugins.module_utils.labs.config.lab import parse_lab
from ansible_collections.autolabs.platform.plugins.module_utils.labs.model import LabClass, Student
from ansible_collections.autolabs.platform.plugins.module_utils.labs.preview.flow_rows import flow_rows, ports_words
from ansible_collections.autolabs.platform.plugins.module_utils.labs.preview.manifests import manifests
from ansible_collections.autolabs.platform.plugins.module_utils.net.ports import Ports

ONE = """
name: shop
services: {web: {image: registry.example/web:1}}
x-lab: {access: {type: http, port: 3000}}
"""
SEVERAL = """
name: shop
services: {web: {image: registry.example/web:1}, db: {image: registry.example/db:1}}
x-lab: {access: {type: http, component: web}}
"""
ONLINE = ONE.rstrip().removesuffix("}") + ", internet: true}\n"
GROUPS = "name: shop\nservices: {linux: {image: 'r.example/l:1'}}\nx-lab: {access: ssh, deployment_mode: per_group}\n"

DNS = ("cluster DNS", "UDP 53, TCP 53")
AMONG = ("every component", "components of the same instance", "every port")
CASES = [
    (ONE, [("students", "web", "TCP 3000"), ("web", *DNS)]),
    (ONLINE, [("students", "web", "TCP 3000"), ("web", *DNS), ("web", "internet", "TCP 80, 443")]),
    (SEVERAL, [("students", "web", "TCP 8080"), AMONG, ("every component", *DNS)]),
    (GROUPS, [("students", "linux", "TCP 2222-2253"), ("linux", *DNS)]),
]


def of(text: str) -> LabClass:
    return make_class(parse_lab(text), [Student("anna", group="7"), Student("bob", group="7")])


@pytest.mark.parametrize(("text", "rows"), CASES, ids=["one", "internet", "several", "groups"])
def test_who_reaches_whom_is_told_with_students_first(text: str, rows: list[tuple[str, ...]]) -> None:
    assert [(row.source, row.destination, row.ports) for row in flow_rows(of(text))] == rows


@pytest.mark.parametrize("text", [ONE, ONLINE, SEVERAL, GROUPS], ids=["one", "internet", "several", "groups"])
def test_the_rows_are_the_flows_of_the_policies_and_no_others(text: str) -> None:
    policies = [found for found in manifests(text, [{"id": "anna", "group": "7"}]) if found["kind"] == "NetworkPolicy"]
    annotated = set()
    for policy in policies:
        for annotation in (INGRESS_FLOWS_ANNOTATION, EGRESS_FLOWS_ANNOTATION):
            annotated |= set(policy["metadata"]["annotations"][annotation].split(","))
    rows = flow_rows(of(text))
    assert sorted(row.name for row in rows) == sorted(annotated - {""})
    assert all(row.why for row in rows)


def test_a_row_is_data_under_the_names_of_the_table() -> None:
    assert flow_rows(of(ONE))[0].as_result() == {
        "name": "lab-access",
        "from": "students",
        "to": "web",
        "ports": "TCP 3000",
        "why": "students reach their instance by its node port",
    }


@pytest.mark.parametrize(
    ("ports", "words"),
    [
        ([], "every port"),
        ([Ports(80)], "TCP 80"),
        ([Ports(80), Ports(443), Ports(53, "UDP")], "TCP 80, 443, UDP 53"),
        ([Ports(2222, last=2253), Ports(80)], "TCP 2222-2253, 80"),
    ],
)
def test_ports_in_words(ports: list[Ports], words: str) -> None:
    assert ports_words(ports) == words
