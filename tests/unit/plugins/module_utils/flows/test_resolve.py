"""The catalogue's names become the machines, pods and addresses of one site; what a site has not is left out."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.flows.catalogue.reading import (
    parse_catalogue,
    read_catalogue,
)
from ansible_collections.autolabs.platform.plugins.module_utils.flows.flow import (
    Addresses,
    Endpoint,
    Host,
    Hosts,
    Pods,
    Published,
)
from ansible_collections.autolabs.platform.plugins.module_utils.flows.resolve import (
    Absent,
    Resolved,
    misfits,
    own_networks,
    resolve,
)
from ansible_collections.autolabs.platform.plugins.module_utils.flows.site import Site
from ansible_collections.autolabs.platform.plugins.module_utils.net.addresses import Block
from ansible_collections.autolabs.platform.plugins.module_utils.net.ports import Ports

ENDPOINTS = """\
zones:
  outside: {title: Outside}
  machines: {title: Machines, addresses: [198.18.0.0/24]}
  cluster: {title: Cluster, network: pods}
endpoints:
  everyone: {title: Everyone, zone: outside, everyone: true}
  internet: {title: Internet, zone: outside, internet: true}
  admins: {title: Administrators, zone: outside, network: admin}
  office: {title: Office, zone: outside, addresses: [203.0.113.0/24], except: [203.0.113.128/25]}
  database: {title: Database, zone: machines, hosts: database}
  k8s: {title: Cluster machines, zone: machines, hosts: k8s}
  web: {title: Web, zone: cluster, pods: {namespace: platform, labels: {app: web}}}
  lab: {title: Labs, zone: cluster, pods: {namespaces: [labs, labs-baseline], labels: {app: lab}, per_lab: true}}
  agent: {title: Agent, zone: cluster, pods: {namespace: agents, host_network: true, on: k8s}}
  dns: {title: DNS, zone: cluster, pods: {namespace: kube-system, unguarded: true}}
"""
ONE, TWO, DB = Host("one", ("10.0.0.1",)), Host("two", ("10.0.0.2", "fd00::2")), Host("db", ("10.0.0.9",))
SITE = Site(
    groups={"k8s": (ONE, TWO), "database": (DB,), "gitlab": ()},
    networks={"pods": ("10.244.0.0/16",), "admin": ("192.0.2.0/24", "2001:db8::/32")},
)
PODS_OF_LABS = [Pods("labs", (("app", "lab"),)), Pods("labs-baseline", (("app", "lab"),))]


def resolved(flow: str, **changed: Any) -> Resolved:
    """One flow at a site."""
    site = Site(**{"groups": SITE.groups, "networks": SITE.networks, **changed})
    return resolve(parse_catalogue({"c.yml": ENDPOINTS + f"flows:\n  x: {{{flow}}}\n"}), site)


def pairs(found: Resolved) -> list[tuple[Endpoint, Endpoint]]:
    """Source and destination of each flow."""
    return [(flow.source, flow.destination) for flow in found.flows]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("everyone", [Addresses((Block("0.0.0.0/0"), Block("::/0")))]),
        ("admins", [Addresses((Block("192.0.2.0/24"), Block("2001:db8::/32")))]),
        ("office", [Addresses((Block("203.0.113.0/24", ("203.0.113.128/25",)),))]),
        ("k8s", [Hosts("k8s", (ONE, TWO))]),
        ("agent", [Hosts("k8s", (ONE, TWO))]),
        ("web", [Pods("platform", (("app", "web"),))]),
        ("lab", PODS_OF_LABS),
    ],
)
def test_an_endpoint_becomes_what_it_is_on_the_site(name: str, expected: list[Endpoint]) -> None:
    found = resolved(f"from: {name}, to: database, ports: [tcp/5432], why: Data")
    assert pairs(found) == [(source, Hosts("database", (DB,))) for source in expected]
    assert {(flow.name, flow.ports, flow.why) for flow in found.flows} == {("x", (Ports(5432),), "Data")}
    assert [flow.per_lab for flow in found.flows] == (PODS_OF_LABS if name == "lab" else [None])
    assert found.absent == ()


@pytest.mark.parametrize("ends", ["from: web, to: lab", "from: lab, to: web"])
def test_the_end_of_a_flow_that_is_a_labs_is_known(ends: str) -> None:
    assert [flow.per_lab for flow in resolved(f"{ends}, ports: [tcp/1], why: a").flows] == PODS_OF_LABS


def test_every_source_goes_with_every_destination_in_the_order_of_the_file() -> None:
    found = resolved("from: [lab, admins], to: [k8s, database], ports: [tcp/1], why: a")
    k8s, database = Hosts("k8s", (ONE, TWO)), Hosts("database", (DB,))
    lab, other = PODS_OF_LABS
    admins = Addresses((Block("192.0.2.0/24"), Block("2001:db8::/32")))
    assert pairs(found) == [
        *((lab, k8s), (other, k8s), (lab, database), (other, database)),
        *((admins, k8s), (admins, database)),
    ]


def test_a_published_flow_names_the_machines_and_their_ports() -> None:
    (flow,) = resolved(
        "from: everyone, to: web, ports: [tcp/8443], why: a, published: {at: k8s, ports: [tcp/443]}"
    ).flows
    assert flow.published == Published(Hosts("k8s", (ONE, TWO)), (Ports(443),))


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("203.0.113.9", True),
        ("192.0.2.1", True),
        ("10.1.1.1", False),
        ("198.18.0.7", False),
        ("198.18.1.7", True),
        ("198.51.100.1", False),
        ("198.51.100.2", True),
        ("2001:db8::1", True),
        ("2001:db8:1::5", False),
        ("fd00::1", False),
    ],
)
def test_the_internet_is_what_is_public_and_not_the_sites_own(address: str, public: bool) -> None:
    """Own are zones, Services and machines; where administrators come from is not."""
    networks = {**SITE.networks, "services": ("2001:db8:1::/48",)}
    groups = {"proxmox": (Host("gate", ("198.51.100.1",)),)}
    (flow,) = resolved("from: web, to: internet, ports: [tcp/443], why: a", networks=networks, groups=groups).flows
    assert isinstance(flow.destination, Addresses)
    inside = [
        block.cidr
        for block in flow.destination.blocks
        if ipaddress.ip_address(address) in ipaddress.ip_network(block.cidr)
        and not any(ipaddress.ip_address(address) in ipaddress.ip_network(entry) for entry in block.excepts)
    ]
    assert bool(inside) == public


def test_administrators_from_everywhere_do_not_make_the_internet_empty() -> None:
    networks = {**SITE.networks, "admin": ("0.0.0.0/0", "::/0")}
    (flow,) = resolved("from: web, to: internet, ports: [tcp/443], why: a", networks=networks).flows
    assert isinstance(flow.destination, Addresses)
    assert "0.0.0.0/0" not in flow.destination.blocks[0].excepts


@pytest.mark.parametrize(
    ("flow", "changed", "why"),
    [
        ("from: web, to: database", {"groups": {}}, "no machine is in the group database"),
        ("from: web, to: database", {"groups": {"database": ()}}, "no machine is in the group database"),
        ("from: agent, to: database", {"groups": {"database": (DB,)}}, "no machine is in the group k8s"),
        ("from: admins, to: database", {"networks": {}}, "the site names no network admin"),
        ("from: web, to: database, when: {feature: cloud}", {}, "the feature cloud is off"),
        ("from: web, to: database, when: {feature: cloud}", {"features": ("cloud",)}, ""),
        ("from: web, to: database, when: {phase: [stage, prod]}", {}, "only in the phases stage, prod"),
        ("from: web, to: database, when: {phase: prod}", {"phase": "dev"}, "only in the phase prod"),
        ("from: web, to: database, when: {phase: prod}", {"phase": "prod"}, ""),
        (
            "from: web, to: database, when: {feature: cloud, phase: prod}",
            {"phase": "prod"},
            "the feature cloud is off",
        ),
        (
            "from: everyone, to: web, published: {at: k8s, ports: [tcp/443]}",
            {"groups": {}},
            "no machine is in the group k8s",
        ),
    ],
)
def test_what_a_site_has_not_is_absent_with_the_reason(flow: str, changed: dict[str, Any], why: str) -> None:
    found = resolved(f"{flow}, ports: [tcp/1], why: a", **changed)
    assert found.absent == ((Absent("x", why),) if why else ())
    assert len(found.flows) == (0 if why else 1)


def test_a_flow_is_absent_only_between_the_endpoints_that_are_not_there() -> None:
    found = resolved(
        "from: [web, admins], to: [database, k8s], ports: [tcp/1], why: a", networks={}, groups={"k8s": (ONE,)}
    )
    assert pairs(found) == [(Pods("platform", (("app", "web"),)), Hosts("k8s", (ONE,)))]
    assert found.absent == (
        Absent("x", "no machine is in the group database"),
        Absent("x", "the site names no network admin"),
    )


def test_namespaces_are_closed_whether_a_flow_of_theirs_is_there_or_not() -> None:
    found = resolved("from: web, to: database, ports: [tcp/1], why: a", groups={})
    assert found.namespaces == ("platform", "labs", "labs-baseline", "agents")


def test_a_site_that_names_only_its_administrators_can_be_reached_by_them() -> None:
    site = Site(groups={"database": (DB,)}, networks={"admin": ("192.0.2.0/24",)})
    found = resolve(read_catalogue(), site)
    admins = Addresses((Block("192.0.2.0/24"),))
    assert ("admin-ssh", admins) in {(flow.name, flow.source) for flow in found.flows}
    assert all(isinstance(flow.destination, Pods | Addresses) or flow.destination.hosts for flow in found.flows)
    assert misfits(read_catalogue(), site) == []


def test_a_site_that_names_nothing_has_flows_between_pods_alone() -> None:
    found = resolve(read_catalogue(), Site())
    assert found.flows
    assert {type(end) for flow in found.flows for end in (flow.source, flow.destination)} == {Pods, Addresses}
    assert own_networks(read_catalogue(), Site()) == ()


@pytest.mark.parametrize(
    ("site", "mistake"),
    [
        (Site(groups={"database": (Host("db", ()),)}), "no address of this machine is known"),
        (Site(groups={"unknown": (Host("db", ()),)}), ""),
        (Site(features=("monitorin",)), "has the feature monitorin; did you mean `monitoring`?"),
        (Site(networks={"developer": ("10.0.0.0/8",)}), "has this network; did you mean `developers`?"),
        (Site(networks={"printers": ("10.0.0.0/8",)}), ""),
        (Site(groups={"databse": (DB,)}), "the inventory has no group database; did you mean `databse`? Else give"),
        (Site(groups={"databse": (DB,), "database": ()}), ""),
        (Site(groups={"proxmox_nodes": (), "github": (), "k8s_worker": ()}), ""),
    ],
)
def test_what_the_inventory_cannot_mean_is_told(site: Site, mistake: str) -> None:
    found = [problem.message for problem in misfits(read_catalogue(), site)]
    assert (len(found), mistake in "".join(found)) == (1 if mistake else 0, True)


@pytest.mark.parametrize(
    ("said", "mistake"),
    [
        (
            "from: x, to: web",
            "endpoints.x.hosts: the inventory has no group databse; did you mean `database`? Else give",
        ),
        (
            "from: admins, to: web, published: {at: k8ss, ports: [tcp/1]}",
            "flows.x.published: the inventory has no group k8ss; did you mean `k8s`? Else give",
        ),
    ],
)
def test_a_slip_in_the_name_of_a_group_is_told_with_its_place(said: str, mistake: str) -> None:
    site = f"endpoints: {{x: {{title: X, zone: machines, hosts: {'databse' if 'x, to' in said else 'other'}}}}}\n"
    catalogue = parse_catalogue(
        {"c.yml": ENDPOINTS, "site.yml": f"{site}flows: {{x: {{{said}, ports: [tcp/1], why: a}}}}"}
    )
    (problem,) = misfits(catalogue, SITE)
    assert str(problem).startswith(("site.yml:1: " if "x, to" in said else "site.yml:2: ") + mistake)
