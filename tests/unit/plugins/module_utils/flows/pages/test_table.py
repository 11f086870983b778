"""The catalogue as Markdown tables: every flow once for each zone that it leads to, in words, and safe in Markdown."""

from __future__ import annotations

import re

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.flows.catalogue.model import Catalogue, EndpointEntry
from ansible_collections.autolabs.platform.plugins.module_utils.flows.catalogue.reading import (
    parse_catalogue,
    read_catalogue,
)
from ansible_collections.autolabs.platform.plugins.module_utils.flows.pages.table import (
    COLUMNS,
    endpoint_table,
    endpoint_text,
    escaped,
    flow_table,
    markdown_table,
    ports_text,
)
from ansible_collections.autolabs.platform.plugins.module_utils.flows.resolve import Absent
from ansible_collections.autolabs.platform.plugins.module_utils.net.addresses import Block
from ansible_collections.autolabs.platform.plugins.module_utils.net.ports import Ports

SMALL = """
zones:
  outside: {title: Outside}
  machines: {title: Machines, network: machines}
  cluster: {title: Cluster, network: pods}
  empty: {title: Nobody}
endpoints:
  everyone: {title: Everyone, zone: outside, everyone: true}
  admins: {title: Admins, zone: outside, network: admin}
  nodes: {title: Nodes, zone: machines, hosts: k8s}
  web: {title: Web, zone: cluster, pods: {namespace: ingress}}
flows:
  page:
    from: everyone
    to: web
    ports: [tcp/8443]
    published: {at: k8s, ports: [tcp/443]}
    why: Pages | of <the> site
    reference: [000 overview]
  tunnel: {from: nodes, to: nodes, ports: [udp/4789, vrrp], why: Packets, when: {feature: big, phase: [stage, prod]}}
  ssh: {from: admins, to: [nodes, web], ports: [tcp/22], why: Work, when: {phase: prod}}
"""


def small() -> Catalogue:
    """A catalogue that shows each column."""
    return parse_catalogue({"small.yml": SMALL})


def cells(table: str, flow: str) -> list[dict[str, str]]:
    """The lines of a flow, by column."""
    found = [line for line in table.splitlines() if line.startswith(f"| `{flow}` ")]
    split = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in found]
    assert all(len(line) == len(COLUMNS) for line in split)
    return [dict(zip(COLUMNS, line, strict=True)) for line in split]


def test_a_line_says_who_reaches_whom_by_which_ports_and_why() -> None:
    assert cells(flow_table(small()), "page") == [
        {
            "Flow": "`page`",
            "From": "Everyone",
            "To": "Web",
            "Ports": "TCP 8443",
            "Published": "TCP 443 of Nodes",
            "Why": r"Pages \| of \<the\> site",
            "Condition": "",
            "Reference": "000 overview",
        }
    ]


def test_a_condition_names_the_feature_and_the_phases() -> None:
    table = flow_table(small())
    assert cells(table, "tunnel")[0]["Condition"] == "feature big; phases stage, prod"
    assert cells(table, "ssh")[0]["Condition"] == "phase prod"


def test_a_flow_to_two_zones_stands_in_both_with_its_destinations_there() -> None:
    assert [line["To"] for line in cells(flow_table(small()), "ssh")] == ["Nodes", "Web"]


def test_zones_come_in_the_order_of_the_catalogue_without_those_where_nothing_leads() -> None:
    assert re.findall("### (.*)", flow_table(small())) == ["To: Machines", "To: Cluster"]


def test_what_a_site_has_not_is_told_with_the_reason_once() -> None:
    why = "no machine is in the group k8s"
    table = flow_table(small(), [Absent("ssh", why), Absent("ssh", why), Absent("page", why)])
    assert cells(table, "ssh")[0]["Condition"] == f"phase prod; not here: {why}"
    assert cells(table, "tunnel")[0]["Condition"] == "feature big; phases stage, prod"


def test_the_same_catalogue_gives_the_same_text() -> None:
    assert flow_table(small()) == flow_table(small())
    assert flow_table(read_catalogue()) == flow_table(read_catalogue())


def test_the_built_in_catalogue_has_each_flow_and_each_endpoint_in_its_tables() -> None:
    catalogue = read_catalogue()
    flows, endpoints = flow_table(catalogue), endpoint_table(catalogue)
    assert [name for name in catalogue.flows if not cells(flows, name)] == []
    assert [name for name in catalogue.endpoints if f" | `{name}` | " not in endpoints] == []


@pytest.mark.parametrize(
    ("ports", "text"),
    [
        (["tcp/443"], "TCP 443"),
        (["tcp/80", "tcp/443"], "TCP 80, 443"),
        (["tcp/30000-32767"], "TCP 30000-32767"),
        (["udp/53", "tcp/53"], "UDP 53; TCP 53"),
        (["tcp/1-65535"], "every TCP port"),
        (["udp/500", "udp/4500", "esp"], "UDP 500, 4500; ESP"),
        (["vrrp"], "VRRP"),
    ],
)
def test_ports_are_told_by_protocol(ports: list[str], text: str) -> None:
    assert ports_text(Ports.parse(port) for port in ports) == text


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        ({"kind": "hosts", "group": "database"}, "The machines of the inventory group `database`"),
        ({"kind": "network", "network": "admin"}, "Addresses that the site names: `flows_networks.admin`"),
        ({"kind": "internet"}, "Public addresses that are not the site's own"),
        ({"kind": "everyone"}, "Every address"),
        (
            {"kind": "addresses", "blocks": (Block("10.0.0.0/8", ("10.1.0.0/16",)), Block("fd00::/8"))},
            "The addresses `10.0.0.0/8` but `10.1.0.0/16`, `fd00::/8`",
        ),
        (
            {"kind": "pods", "namespaces": ("platform",), "labels": (("app", "web"),)},
            "Programs in the cluster: Pods of the namespace `platform`, labelled `app=web`",
        ),
        (
            {"kind": "pods", "namespaces": ("labs", "labs-baseline"), "per_lab": True},
            "Programs in the cluster: Pods of the namespaces `labs`, `labs-baseline`, with rules that are made with "
            "each class",
        ),
        (
            {"kind": "pods", "namespaces": ("edge",), "host_network": True, "group": "k8s"},
            "Programs in the cluster: Pods of the namespace `edge`, with the addresses of the machines of group `k8s`",
        ),
        (
            {"kind": "pods", "namespaces": ("kube-system",), "unguarded": True},
            "Programs in the cluster: Pods of the namespace `kube-system`, which are not closed by the platform",
        ),
    ],
)
def test_an_endpoint_is_told_in_words(entry: dict[str, object], text: str) -> None:
    assert endpoint_text(EndpointEntry("name", "Title", "zone", **entry)) == text  # type: ignore[arg-type]


def test_text_is_shown_as_it_is_written() -> None:
    assert escaped("a*b_c|d\n  [e](f) `g` <b>") == r"a\*b\_c\|d \[e\](f) \`g\` \<b\>"


def test_an_empty_cell_is_still_a_cell() -> None:
    assert markdown_table(["A", "B"], [["1", ""]]) == "| A | B |\n| --- | --- |\n| 1 |   |\n"
