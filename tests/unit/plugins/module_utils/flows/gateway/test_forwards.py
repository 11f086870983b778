"""Only the catalogue opens: which forwards there are by themselves, and which are refused, with every mistake."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput
from ansible_collections.autolabs.platform.plugins.module_utils.flows.catalogue.reading import read_catalogue
from ansible_collections.autolabs.platform.plugins.module_utils.flows.flow import Flow
from ansible_collections.autolabs.platform.plugins.module_utils.flows.gateway.forwards import (
    Forward,
    derived,
    read_forwards,
    refusals,
    unserved,
)
from ansible_collections.autolabs.platform.plugins.module_utils.flows.resolve import resolve
from ansible_collections.autolabs.platform.plugins.module_utils.flows.site import Site
from ansible_collections.autolabs.platform.plugins.module_utils.net.ports import Ports

EVERYONE = ("0.0.0.0/0", "::/0")
GROUPS = {
    "proxmox": {"pve": ["192.168.100.1"]},
    "gitlab": {"gitlab-vm": ["192.168.100.10"]},
    "database": {"database-vm": ["192.168.100.20", "fd00:64::20"]},
    "k8s": {"k8s-vm": ["192.168.100.30"]},
    "k8s_control_plane": {"k8s-vm": ["192.168.100.30"]},
}
NETWORKS = {
    "admin": ["203.0.113.0/28"],
    "developers": ["198.51.100.0/24"],
    "infrastructure": ["192.168.100.0/24"],
    "pods": ["10.244.0.0/16"],
    "services": ["10.96.0.0/12"],
}


def site(**changed: Any) -> Site:
    return Site.from_dict({"groups": GROUPS, "networks": NETWORKS, "phase": "prod", **changed})


SITE = site()


def flows_of(chosen: Site, *files: Path) -> tuple[Flow, ...]:
    return resolve(read_catalogue(list(files), chosen.networks), chosen).flows


FLOWS = flows_of(SITE)


def told(value: Any, chosen: Site = SITE) -> str:
    """What is wrong with forwards, read or held against the catalogue; empty where nothing is."""
    try:
        problems = refusals(read_forwards(value, chosen), flows_of(chosen), "pve")
    except InvalidInput as error:
        problems = error.problems
    return "\n".join(map(str, problems))


def test_what_everyone_comes_in_by_to_the_cluster_is_forwarded_by_itself() -> None:
    found = derived(FLOWS)
    assert found == [
        {"name": "web", "protocol": "tcp", "ports": ["80", "443"], "to": "k8s-vm", "sources": "everyone"},
        {"name": "lab-access", "protocol": "tcp", "ports": ["30000-32767"], "to": "k8s-vm", "sources": "everyone"},
    ]
    assert told(found) == ""


def test_of_several_machines_a_site_has_to_choose() -> None:
    several = site(groups={**GROUPS, "k8s": {"a": ["192.168.100.31"], "b": ["192.168.100.32"]}})
    assert derived(flows_of(several)) == []
    chosen = [{"name": "web", "ports": [80, 443], "to": "a"}]
    assert told(chosen, several) == ""
    assert unserved(read_forwards(chosen, several), flows_of(several)) == [
        "lab-access (tcp/30000-32767 of a, b)",
        "gitlab-web (tcp/80, tcp/443 of gitlab-vm)",
    ]


# What is written, and what is read of it.
READ: list[tuple[dict[str, Any], Forward]] = [
    ({"ports": 443, "to": "k8s-vm"}, Forward("tcp-443", (Ports(443),), ("192.168.100.30",))),
    (
        {"name": "g", "ports": ["8443"], "to": "192.168.100.10", "to_port": "443", "sources": ["developers"]},
        Forward("g", (Ports(8443),), ("192.168.100.10",), 443, ("198.51.100.0/24",)),
    ),
    (
        {"name": "d", "protocol": "UDP", "ports": [53, "60-70"], "to": "database-vm", "sources": ["admin", "fd1::/64"]},
        Forward(
            "d",
            (Ports(53, "UDP"), Ports(60, "UDP", 70)),
            ("192.168.100.20", "fd00:64::20"),
            0,
            ("203.0.113.0/28", "fd1::/64"),
        ),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("written", "expected"), READ)
def test_forwards_are_read(written: dict[str, Any], expected: Forward) -> None:
    assert read_forwards([written], SITE) == (expected,)


GOOD: list[list[dict[str, Any]]] = [
    [],
    [{"ports": [8443], "to": "gitlab-vm", "to_port": 443}],
    [{"ports": [2222], "to": "gitlab-vm", "to_port": 22, "sources": ["developers"]}],
    [{"ports": [2222], "to": "gitlab-vm", "to_port": 22, "sources": ["198.51.100.8/30", "admin"]}],
    [{"ports": [6443], "to": "k8s-vm", "sources": ["admin"]}],
    [{"ports": ["30000-31000"], "to": "k8s-vm"}],
    # One port, two machines: by who comes.
    [
        {"ports": [2222], "to": "gitlab-vm", "to_port": 22, "sources": ["developers"]},
        {"ports": [2222], "to": "k8s-vm", "to_port": 22, "sources": ["admin"]},
    ],
]


@pytest.mark.parametrize("written", GOOD)
def test_what_a_flow_opens_may_be_forwarded(written: list[dict[str, Any]]) -> None:
    assert told(written) == ""


BAD: list[tuple[Any, list[str]]] = [
    ("web", ["must be a list of forwards"]),
    (["web"], ["gateway_forwards[0]: must be a map of fields"]),
    ([{"ports": [443], "too": "k8s-vm"}], ["too: unknown field; did you mean `to`?", "[0].to: '' is neither"]),
    ([{"to": "k8s-vm"}], ["gateway_forwards[0].ports: says no port"]),
    ([{"ports": [0, "9-2"], "to": "k8s-vm"}], ["ports 0 to 0 are not within", "ports 9 to 2 are not within"]),
    ([{"ports": [443], "to": "k8s-wm"}], ["'k8s-wm' is neither a machine", "did you mean `k8s-vm`?"]),
    ([{"ports": [443], "to": "k8s-vm", "protocol": "icmp"}], ["'icmp' is none of tcp, udp"]),
    ([{"ports": ["80-90"], "to": "k8s-vm", "to_port": 80}], ["to_port: goes with a single port"]),
    ([{"ports": [80], "to": "k8s-vm", "to_port": "http"}], ["'http' is not a port"]),
    ([{"ports": [443], "to": "k8s-vm", "sources": ["develpers"]}], ["did you mean `developers`?"]),
    ([{"ports": [443], "to": "k8s-vm", "sources": []}], ["sources: names nobody"]),
    ([{"name": "sql", "ports": [5432], "to": "database-vm"}], ["(sql): no flow of the catalogue lets 0.0.0.0/0 reach"]),
    ([{"ports": [2222], "to": "gitlab-vm", "to_port": 22}], ["lets 0.0.0.0/0 reach 192.168.100.10 at tcp/22"]),
    ([{"ports": ["30000-40000"], "to": "k8s-vm"}], ["reach 192.168.100.30 at tcp/30000-40000"]),
    ([{"ports": [443], "to": "k8s-vm", "protocol": "udp"}], ["reach 192.168.100.30 at udp/443"]),
    ([{"ports": [443], "to": "192.168.100.99"}], ["reach 192.168.100.99 at tcp/443"]),
    (
        [{"ports": [22], "to": "gitlab-vm", "sources": ["developers"]}],
        ["tcp/22 of the gateway is needed by the gateway itself (flow admin-ssh: tcp/22)"],
    ),
    ([{"ports": ["8000-9000"], "to": "k8s-vm"}], ["(flow admin-proxmox: tcp/8006)", "no flow of the catalogue"]),
    (
        [{"name": "a", "ports": [443], "to": "k8s-vm"}, {"name": "b", "ports": [443], "to": "gitlab-vm"}],
        ["gateway_forwards[1] (b).ports: shares a port and sources with a"],
    ),
]


@pytest.mark.parametrize(("written", "expected"), BAD)
def test_a_forward_that_cannot_be_is_refused_with_what_to_do(written: Any, expected: list[str]) -> None:
    found = told(written)
    assert [part for part in expected if part not in found] == [], found


def test_every_mistake_is_told_at_once() -> None:
    assert len(told([{"ports": [0], "to": "x", "protocol": "y", "sources": ["z"]}, {}]).splitlines()) == 6


def test_a_flow_of_a_sites_own_file_opens(tmp_path: Path) -> None:
    (tmp_path / "own.yml").write_text(
        "flows: {sql: {from: developers, to: database, ports: [tcp/5432], why: Reports}}\n", encoding="utf-8"
    )
    flows = flows_of(SITE, tmp_path / "own.yml")
    wanted = read_forwards([{"ports": [5432], "to": "database-vm", "sources": ["developers"]}], SITE)
    assert refusals(wanted, flows, "pve") == []
