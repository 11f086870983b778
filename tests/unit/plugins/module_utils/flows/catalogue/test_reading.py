"""The flow catalogue as it is written: what is read, what is laid over it, and every mistake with its place."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput
from ansible_collections.autolabs.platform.plugins.module_utils.flows.catalogue.model import KINDS, Catalogue, Place
from ansible_collections.autolabs.platform.plugins.module_utils.flows.catalogue.reading import (
    BUILT_IN,
    BUILT_IN_NAME,
    parse_catalogue,
    read_catalogue,
)
from ansible_collections.autolabs.platform.plugins.module_utils.net.addresses import Block
from ansible_collections.autolabs.platform.plugins.module_utils.net.ports import Ports
from hypothesis import given, settings
from hypothesis import strategies as st

BASE = """\
zones:
  outside: {title: Outside}
  machines: {title: Machines, addresses: [10.1.0.0/16]}
  cluster: {title: Cluster, network: pods}
endpoints:
  everyone: {title: Everyone, zone: outside, everyone: true}
  internet: {title: Internet, zone: outside, internet: true}
  admins: {title: Administrators, zone: outside, network: admin}
  office: {title: Office, zone: outside, addresses: [203.0.113.0/24], except: [203.0.113.128/25]}
  database: {title: Database, zone: machines, hosts: database}
  k8s: {title: Cluster machines, zone: machines, hosts: k8s}
  web: {title: Web, zone: cluster, pods: {namespace: platform, labels: {tier: front, app: web}}}
  dns: {title: DNS, zone: cluster, pods: {namespace: kube-system, unguarded: true}}
  lab: {title: Labs, zone: cluster, pods: {namespaces: [labs, labs-baseline], labels: {app: lab}, per_lab: true}}
  agent: {title: Agent, zone: cluster, pods: {namespace: agents, host_network: true, on: k8s}}
flows:
  data:
    from: web
    to: database
    ports: [tcp/5432, tcp/6432]
    why: Data
    reference: [000 flow 2]
    when: {feature: cloud, phase: prod}
  pages: {from: everyone, to: web, ports: [tcp/8443], why: Pages, published: {at: k8s, ports: [tcp/443]}}
  names: {from: [web, lab], to: dns, ports: [udp/53, tcp/53], why: Names, when: {phase: [stage, prod]}}
"""


def laid_over(text: str, networks: dict[str, list[str]] | None = None) -> Catalogue:
    """A catalogue with a site's file over it."""
    return parse_catalogue({"base.yml": BASE, "site.yml": text}, networks)


def flow(**changed: Any) -> str:
    """A site's file with one flow on line 2."""
    fields = {"from": "web", "to": "database", "ports": ["tcp/1"], "why": "Why", **changed}
    return f"flows:\n  x: {yaml.safe_dump(fields, default_flow_style=True, width=1000).strip()}\n"


def endpoint(text: str) -> str:
    """A site's file with one endpoint on line 2."""
    return f"endpoints:\n  x: {{title: X, zone: machines, {text}}}\n"


def mistakes(text: str, networks: dict[str, list[str]] | None = None) -> list[tuple[str, int, str, str]]:
    """What is wrong with a site's file."""
    with pytest.raises(InvalidInput) as refused:
        laid_over(text, networks)
    return [(problem.file, problem.line, problem.field, problem.message) for problem in refused.value.problems]


# A site's file, and the line, the field and some words of its only mistake.
BAD: list[tuple[str, int, str, str]] = [
    # Names and fields
    ("zones:\n  Near: {title: Near}", 2, "zones.Near", "'Near' is not a name of the letters a-z"),
    ("zones:\n  a_b: {title: Near}", 2, "zones.a_b", "is not a name"),
    ("zones:\n  a-: {title: Near}", 2, "zones.a-", "is not a name"),
    (f"zones:\n  {'a' * 41}: {{title: Near}}", 2, f"zones.{'a' * 41}", "longer than 40 characters"),
    ("zones:\n  a: {title: A}\n  a: {title: A}", 3, "zones.a", "already on line 2"),
    ("flow: {}", 1, "flow", "unknown field; did you mean `flows`?"),
    ("zones: [a]", 1, "zones", "must be a map of zones, not a list"),
    ("zones:\n  a: A", 2, "zones.a", "must be a map of fields, not a single value"),
    ("zones:\n  a: {name: A, title: A}", 2, "zones.a.name", "unknown field"),
    (flow(when={"features": "a"}), 2, "flows.x.when.features", "unknown field; did you mean `feature`?"),
    (flow(when={"phase": "production"}), 2, "flows.x.when.phase", "'production', which is none of demo, dev"),
    (flow(when={"phase": ["prod", "test"]}), 2, "flows.x.when.phase[1]", "'test', which is none of"),
    (flow(when={"feature": "Cloud!"}), 2, "flows.x.when.feature", "is not the name of a feature"),
    (flow(reference="000"), 2, "flows.x.reference", "must be a list of texts, not a single value"),
    ("zones:\n  a: {}", 2, "zones.a", "`title` is missing"),
    ("zones:\n  a: {title: ''}", 2, "zones.a.title", "is empty"),
    ('zones:\n  a: {title: "A\\nB"}', 2, "zones.a.title", "must be one line"),
    (f"zones:\n  a: {{title: {'a' * 61}}}", 2, "zones.a.title", "longer than 60 characters"),
    (flow(why="a" * 301), 2, "flows.x.why", "longer than 300 characters"),
    ("flows:\n  x: {from: web, to: database, ports: [tcp/1]}", 2, "flows.x", "`why` is missing"),
    ("flows:\n  x: {to: database, ports: [tcp/1], why: a}", 2, "flows.x", "`from` is missing"),
    # Addresses
    ("zones:\n  a: {title: A, addresses: [192.168.300.0/24]}", 2, "zones.a.addresses[0]", "'192.168.300.0/24' is not"),
    ("zones:\n  a: {title: A, addresses: [10.2.0.5/24]}", 2, "zones.a.addresses[0]", "the network is 10.2.0.0/24"),
    ("zones:\n  a:\n    title: A\n    addresses:\n    - lan", 5, "zones.a.addresses[0]", "'lan' is not an address"),
    ("zones:\n  a: {title: A, addresses: []}", 2, "zones.a.addresses", "is an empty list"),
    ("zones:\n  a: {title: A, addresses: [0.0.0.0/0]}", 2, "zones.a.addresses[0]", "is every address there is"),
    ("zones:\n  a: {title: A, addresses: [10.1.7.0/24]}", 2, "zones.a.addresses", "overlaps 10.1.0.0/16 of"),
    ("zones:\n  a: {title: A, network: b, addresses: [10.2.0.0/16]}", 2, "zones.a", "has a network and addresses"),
    ("zones:\n  a: {title: A, network: LAN}", 2, "zones.a.network", "'LAN' is not the name of a network"),
    (endpoint("addresses: [10.0.0.1/8]"), 2, "endpoints.x.addresses[0]", "names a host within a network"),
    (endpoint("addresses: [10.2.0.0/16, 10.2.0.0/16]"), 2, "endpoints.x.addresses[1]", "is there twice"),
    (endpoint("addresses: [10.2.0.0/16], except: [10.3.0.0/24]"), 2, "endpoints.x.except[0]", "10.3.0.0/24 is no part"),
    (endpoint("addresses: [10.2.0.0/16], except: [10.2.0.0/16]"), 2, "endpoints.x.except[0]", "is no part"),
    (endpoint("addresses: [10.2.0.0/16], except: ['fd00::/64']"), 2, "endpoints.x.except[0]", "is no part"),
    (endpoint("hosts: database, except: [10.2.0.0/16]"), 2, "endpoints.x.except", "is for addresses"),
    (
        endpoint("addresses: [10.2.0.0/16, 10.3.0.0/24], except: [10.3.0.0/25, 10.3.0.128/25]"),
        2,
        "endpoints.x.except",
        "leaves no address of 10.3.0.0/24",
    ),
    (endpoint("addresses: ['fe80::1%eth0/128']"), 2, "endpoints.x.addresses[0]", "names a network card"),
    (endpoint("addresses: ['::ffff:10.0.0.0/104']"), 2, "endpoints.x.addresses[0]", "write 10.0.0.0/8"),
    # Endpoints
    ("endpoints:\n  x: {title: X, zone: machines}", 2, "endpoints.x", "does not say what it is; give it one of hosts"),
    (endpoint("hosts: a, network: b"), 2, "endpoints.x", "is hosts and network at once"),
    (endpoint("internet: true, everyone: true"), 2, "endpoints.x", "is internet and everyone at once"),
    (endpoint("internet: false"), 2, "endpoints.x.internet", "can only be true"),
    (endpoint("everyone: maybe"), 2, "endpoints.x.everyone", "neither true nor false"),
    (endpoint("hosts: my-group"), 2, "endpoints.x.hosts", "'my-group' is not the name of an inventory group"),
    ("endpoints:\n  x: {title: X, zone: machine, hosts: a}", 2, "endpoints.x.zone", "did you mean `machines`?"),
    ("endpoints:\n  x: {title: X, hosts: a}", 2, "endpoints.x", "`zone` is missing"),
    (endpoint("pods: {labels: {app: a}}"), 2, "endpoints.x.pods", "`namespace` is missing"),
    (endpoint("pods: {namespace: a, namespaces: [b]}"), 2, "endpoints.x.pods", "namespace and namespaces; keep one"),
    (endpoint("pods: {namespaces: []}"), 2, "endpoints.x.pods.namespaces", "is an empty list"),
    (endpoint("pods: {namespace: My}"), 2, "endpoints.x.pods.namespace", "'My' is not the name of a namespace"),
    (endpoint("pods: {namespace: a, labels: {'a b': c}}"), 2, "endpoints.x.pods.labels.a b", "is not the name of"),
    (endpoint("pods: {namespace: a, labels: {a: 'b c'}}"), 2, "endpoints.x.pods.labels.a", "is not the value of"),
    (endpoint("pods: {namespace: a, host_network: true}"), 2, "endpoints.x.pods", "need `on`"),
    (endpoint("pods: {namespace: a, on: k8s}"), 2, "endpoints.x.pods.on", "is for pods with `host_network: true`"),
    (endpoint("pods: {namespace: kube-system}"), 2, "endpoints.x.pods", "unguarded for dns and guarded for x"),
    ("endpoints:\n  lab: {pods: {namespaces: [labs], labels: {app: lab}}}", 2, "endpoints.lab.pods", "only labs run"),
    (endpoint("pods: {namespaces: [a, labs-privileged]}"), 2, "endpoints.x.pods", "only labs run in labs-privileged"),
    (
        "endpoints:\n  lab: {pods: {namespaces: [labs], per_lab: true, unguarded: true}}",
        2,
        "endpoints.lab.pods",
        "only labs run in labs, which are never open",
    ),
    (
        "endpoints:\n  lab: {pods: {namespace: exams, labels: {app: lab, level: a}, per_lab: true}}\n"
        "  x: {title: X, zone: cluster, pods: {namespace: exams, labels: {app: lab}}}",
        3,
        "endpoints.x.pods",
        "x is also the pods of lab in exams",
    ),
    # Ports
    (flow(ports=[]), 2, "flows.x.ports", "is an empty list; name at least one"),
    (flow(ports=["tcp/0"]), 2, "flows.x.ports[0]", "ports 0 to 0 are not within 1 to 65535"),
    (flow(ports=["tcp/65536"]), 2, "flows.x.ports[0]", "not within 1 to 65535"),
    (flow(ports=["tcp/20-10"]), 2, "flows.x.ports[0]", "ports 20 to 10 are not within"),
    (flow(ports=["tcp/5-0"]), 2, "flows.x.ports[0]", "ports 5 to 0 are not within"),
    (flow(ports=["tcp/\u0663\u0663"]), 2, "flows.x.ports[0]", "is not a port such as tcp/5432"),
    (flow(ports=["dccp/5"]), 2, "flows.x.ports[0]", "protocol 'DCCP' is none of TCP, UDP"),
    (flow(ports=[5432]), 2, "flows.x.ports[0]", "'5432' is not a port such as tcp/5432"),
    (flow(ports="tcp/5432"), 2, "flows.x.ports", "must be a list of ports, not a single value"),
    (flow(ports=["tcp/5", "tcp/5"]), 2, "flows.x.ports[1]", "tcp/5 is there twice"),
    (flow(ports=["vrrp/5"]), 2, "flows.x.ports[0]", "has no ports"),
    # Flows
    (flow(to="databases"), 2, "flows.x.to", "there is no endpoint databases; did you mean `database`?"),
    (flow(**{"from": ["web", "nobody"]}), 2, "flows.x.from[1]", "there is no endpoint nobody"),
    (flow(**{"from": []}), 2, "flows.x.from", "is an empty list"),
    (flow(**{"from": ["web", "web"]}), 2, "flows.x.from[1]", "web is there twice"),
    (flow(**{"from": "everyone", "to": "internet"}), 2, "flows.x.to", "neither everyone nor internet is ours"),
    (flow(**{"from": "admins", "to": ["database", "office"]}), 2, "flows.x.to", "neither admins nor office is ours"),
    (flow(to="dns", ports=["vrrp"]), 2, "flows.x.ports", "vrrp is for machines only; web is pods"),
    (flow(**{"from": "database", "to": "web", "ports": ["icmp"]}), 2, "flows.x.ports", "icmp is for machines only"),
    (flow(to="internet", ports=["esp"]), 2, "flows.x.ports", "esp is for machines only; web is pods"),
    (flow(ports=["sctp/5"]), 2, "flows.x.ports", "to the machines of database: ufw knows no SCTP"),
    (flow(**{"from": "lab", "to": "lab"}), 2, "flows.x.to", "labs never reach other labs"),
    (flow(published={"at": "k8s"}), 2, "flows.x.published", "`ports` is missing"),
    (flow(published={"ports": ["tcp/1"]}, to="web", **{"from": "office"}), 2, "flows.x.published", "`at` is missing"),
    (
        flow(published={"at": "k8s", "ports": ["tcp/1"]}, to="dns"),
        2,
        "flows.x.published",
        "is for sources outside of the cluster, and web is pods",
    ),
    (
        flow(published={"at": "k8s", "ports": ["tcp/1"]}, **{"from": "office"}),
        2,
        "flows.x.published",
        "the machines of k8s pass on to their own containers or to pods, not to the machines of database",
    ),
    (
        flow(published={"at": "k8s", "ports": ["tcp/1"]}, to="agent", **{"from": "office"}),
        2,
        "flows.x.published",
        "agent is on the host network",
    ),
    (
        flow(published={"at": "k8s", "ports": ["tcp/1"]}, to="office", **{"from": "database"}),
        2,
        "flows.x.published",
        "is for pods and containers, and office is addresses",
    ),
    (
        flow(published={"at": "k8s", "ports": ["udp/1"]}, to="web", **{"from": "office"}),
        2,
        "flows.x.published",
        "the machines' ports are of UDP and the flow's own of TCP",
    ),
    (
        flow(published={"at": "k8s", "ports": ["sctp/1"]}, ports=["sctp/1"], to="web", **{"from": "office"}),
        2,
        "flows.x.published",
        "sctp/1 cannot be passed on by a machine",
    ),
    (
        flow(published={"at": "k8s", "ports": ["tcp/20-25"]}, to="web", **{"from": "office"}),
        2,
        "flows.x.published",
        "tcp/20-25 is how administrators come in to the machines by ssh (tcp/22)",
    ),
    (
        "flows:\n  admin-ssh: {from: admins, to: k8s, ports: [tcp/2222], why: SSH}\n"
        "  x: {from: office, to: web, ports: [tcp/1], why: a, published: {at: k8s, ports: [tcp/2222]}}",
        3,
        "flows.x.published",
        "by ssh (tcp/2222), which would be cut off",
    ),
    # What is laid over
    ("flows:\n  dta: null", 2, "flows.dta", "none of this name to remove; did you mean `data`?"),
    ("zones:\n  outside: null", 2, "zones.outside", "the endpoints everyone (base.yml:6), internet (base.yml:7)"),
    ("endpoints:\n  dns:", 2, "endpoints.dns", "the flow names (base.yml:25) still use it; remove or change"),
    ("flows:\n  data: {why: null}", 2, "flows.data", "`why` is missing"),
    ("flows:\n  data: {ports: []}", 2, "flows.data.ports", "is an empty list"),
    ("endpoints:\n  web: {pods: null}", 2, "endpoints.web", "does not say what it is"),
    ("endpoints:\n  office: {except: [10.0.0.0/24]}", 2, "endpoints.office.except[0]", "is no part of"),
    # The file
    ("", 0, "", "the file is empty"),
    ("- a", 1, "", "the file must be a map of fields"),
    ("flows:\n\tx: 1", 2, "", "a tab is used to indent"),
    ("zones: {}\n---\nzones: {}", 2, "", "keep one catalogue, without `---` after it"),
    ("flows: !!binary x", 1, "flows", "is not for catalogue files"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "field", "words"), BAD)
def test_a_mistake_is_told_with_its_place(text: str, line: int, field: str, words: str) -> None:
    found = mistakes(text)
    assert [entry[:3] for entry in found[:1]] == [("site.yml", line, field)], found
    assert words in found[0][3]


def test_all_mistakes_of_all_files_are_told_at_once_in_their_order() -> None:
    texts = {
        "a.yml": "zones:\n  z: {title: Z, addresses: [10.0.0.1/8]}\nendpoints:\n  e: {title: E, zone: y, hosts: e}\n",
        "b.yml": "flows:\n  f: {from: e, to: q, ports: [tcp/0], why: ''}\nendpoint: {}\n",
        "c.yml": "[",
    }
    with pytest.raises(InvalidInput) as refused:
        parse_catalogue(texts)
    assert [(problem.file, problem.line, problem.field) for problem in refused.value.problems] == [
        ("a.yml", 2, "zones.z.addresses[0]"),
        ("a.yml", 4, "endpoints.e.zone"),
        ("b.yml", 2, "flows.f.ports[0]"),
        ("b.yml", 2, "flows.f.why"),
        ("b.yml", 2, "flows.f.to"),
        ("b.yml", 3, "endpoint"),
        ("c.yml", 1, ""),
    ]


def test_a_broken_field_is_no_reason_for_mistakes_in_fields_of_other_files() -> None:
    text = "flows:\n  pages: {ports: [80]}\n"
    assert [entry[:3] for entry in mistakes(text)] == [("site.yml", 2, "flows.pages.ports[0]")]


def test_ssh_elsewhere_leaves_port_22_to_containers() -> None:
    moved = "flows:\n  admin-ssh: {from: admins, to: k8s, ports: [tcp/2222], why: SSH}\n"
    clone = "  x: {from: office, to: web, ports: [tcp/1], why: a, published: {at: k8s, ports: [tcp/22]}}"
    assert laid_over(moved + clone).flows["x"].published_ports == (Ports(22),)


def test_labs_and_other_pods_of_a_namespace_have_labels_of_their_own() -> None:
    text = (
        "endpoints:\n  lab: {pods: {namespace: exams, labels: {app: lab}, per_lab: true}}\n"
        "  x: {title: X, zone: cluster, pods: {namespace: exams, labels: {app: proctor}}}"
    )
    assert not laid_over(text).endpoints["x"].per_lab


def test_a_broken_entry_is_no_reason_for_mistakes_elsewhere() -> None:
    text = "endpoints:\n  x: [broken]\n" + flow(to="x")
    assert [entry[:3] for entry in mistakes(text)] == [("site.yml", 2, "endpoints.x")]


@pytest.mark.parametrize(
    ("networks", "words"),
    [
        ({"pods": ["10.1.4.0/24"]}, "10.1.4.0/24 (network pods) overlaps 10.1.0.0/16 of the zone machines"),
        ({"pods": ["0.0.0.0/0"]}, "the network pods of this site is every address there is"),
        ({"pods": ["10.244.0.0/16"]}, ""),
        ({"pods": ["fd00::/8"]}, ""),
        ({"other": ["10.1.0.0/16"]}, ""),
        ({}, ""),
    ],
)
def test_zones_share_no_addresses_with_networks_that_the_site_names(networks: dict[str, list[str]], words: str) -> None:
    if words:
        found = mistakes("flows: {}", networks)
        assert found[0][:3] == ("base.yml", 4, "zones.cluster.network")
        assert words in found[0][3]
    else:
        assert laid_over("flows: {}", networks).zones.keys() == {"outside", "machines", "cluster"}


def test_two_zones_of_one_network_overlap() -> None:
    found = mistakes("zones:\n  labs: {title: Labs, network: pods}", {"pods": ["10.244.0.0/16"]})
    assert [entry[:3] for entry in found] == [("site.yml", 2, "zones.labs.network")]


def test_what_is_written_is_read() -> None:
    catalogue = laid_over("flows: {}")
    assert list(catalogue.endpoints)[:3] == ["everyone", "internet", "admins"]
    office, web, lab, agent = (catalogue.endpoints[name] for name in ("office", "web", "lab", "agent"))
    assert office.blocks == (Block("203.0.113.0/24", ("203.0.113.128/25",)),)
    assert (web.kind, web.namespaces, web.labels) == ("pods", ("platform",), (("app", "web"), ("tier", "front")))
    assert (lab.namespaces, lab.per_lab, catalogue.endpoints["dns"].unguarded) == (
        ("labs", "labs-baseline"),
        True,
        True,
    )
    assert (agent.host_network, agent.group) == (True, "k8s")
    data, names = catalogue.flows["data"], catalogue.flows["names"]
    assert (data.sources, data.destinations) == (("web",), ("database",))
    assert (data.ports, data.why, data.reference) == ((Ports(5432), Ports(6432)), "Data", ("000 flow 2",))
    assert (data.feature, data.phases, names.phases) == ("cloud", ("prod",), ("stage", "prod"))
    assert (names.sources, names.place) == (("web", "lab"), Place("base.yml", 25))
    pages = catalogue.flows["pages"]
    assert (pages.published_at, pages.published_ports) == ("k8s", (Ports(443),))


def test_a_new_entry_is_added_at_the_end() -> None:
    catalogue = laid_over(flow())
    assert list(catalogue.flows) == ["data", "pages", "names", "x"]
    assert catalogue.flows["x"].place == Place("site.yml", 2)


def test_given_fields_replace_those_below_and_others_stay() -> None:
    changed = laid_over("flows:\n  data: {ports: [tcp/1], when: {phase: dev}}").flows["data"]
    assert (changed.ports, changed.feature, changed.phases) == ((Ports(1),), "", ("dev",))
    assert (changed.sources, changed.why, changed.place) == (("web",), "Data", Place("site.yml", 2))


def test_a_field_without_a_value_takes_away_what_is_below() -> None:
    changed = laid_over("flows:\n  data: {when: null}\n  pages: {published: null}").flows
    assert (changed["data"].feature, changed["data"].phases, changed["pages"].published_at) == ("", (), "")


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("hosts", "office"),
        ("network", "office"),
        ("internet", "true"),
        ("everyone", "true"),
        ("addresses", "[198.51.100.0/24]"),
    ],
)
def test_another_kind_replaces_the_one_below(kind: str, value: str) -> None:
    flows = "flows:\n  t: {from: office, to: database, ports: [tcp/1], why: a}\n"
    changed = laid_over(f"endpoints:\n  office: {{{kind}: {value}}}\n{flows}").endpoints["office"]
    assert changed.kind == kind
    assert changed.blocks == ((Block("198.51.100.0/24"),) if kind == "addresses" else ())


def test_a_zone_changes_from_literal_addresses_to_a_network() -> None:
    changed = laid_over("zones:\n  machines: {network: lan, addresses: null}").zones["machines"]
    assert (changed.network, changed.addresses, changed.title) == ("lan", (), "Machines")


def test_an_entry_without_a_value_removes_the_one_below() -> None:
    catalogue = laid_over("endpoints:\n  dns: null\nflows:\n  names:\n")
    assert list(catalogue.flows) == ["data", "pages"]
    assert "dns" not in catalogue.endpoints


def test_a_removed_entry_can_come_back() -> None:
    texts = {"base.yml": BASE, "a.yml": "endpoints: {dns: null}\nflows: {names: null}", "b.yml": endpoint("hosts: a")}
    texts["b.yml"] = texts["b.yml"].replace("x:", "dns:")
    assert parse_catalogue(texts).endpoints["dns"].kind == "hosts"


def test_a_file_that_only_has_comments_of_its_own_changes_nothing() -> None:
    assert laid_over("x-about: our site\nflows:\n").flows == parse_catalogue({"base.yml": BASE}).flows


def test_the_built_in_catalogue_is_sound_and_complete() -> None:
    catalogue = read_catalogue()
    assert len(catalogue.zones) >= 6 and len(catalogue.endpoints) >= 29 and len(catalogue.flows) >= 67
    assert {endpoint.kind for endpoint in catalogue.endpoints.values()} >= {*KINDS} - {"addresses"}
    assert all(flow.reference for flow in catalogue.flows.values())
    assert catalogue.flows["web"].place.file == BUILT_IN_NAME
    assert BUILT_IN.as_posix().endswith(BUILT_IN_NAME)


def test_the_built_in_catalogue_has_no_network_policy_for_what_is_the_clusters_own() -> None:
    endpoints = read_catalogue().endpoints.values()
    assert {name for entry in endpoints if entry.unguarded for name in entry.namespaces} >= {"kube-system"}


def test_files_are_laid_over_the_built_in_one(tmp_path: Path) -> None:
    path = tmp_path / "flows.yml"
    path.write_text("flows:\n  vrrp: null\n")
    assert "vrrp" not in read_catalogue([path]).flows
    assert read_catalogue([path]) is read_catalogue([path])
    path.write_text("flows: {}\n")
    os.utime(path, ns=(1, 1))
    assert "vrrp" in read_catalogue([path]).flows


@pytest.mark.parametrize(
    ("name", "words"),
    [("missing.yml", "cannot be read on the controller: No such file"), (".", "Is a directory"), ("cp1251", "UTF-8")],
)
def test_a_file_that_cannot_be_read_is_a_mistake(name: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "cp1251").write_bytes("zones: {}\n# Сеть".encode("cp1251"))
    with pytest.raises(InvalidInput) as refused:
        read_catalogue([tmp_path / name])
    (problem,) = refused.value.problems
    assert problem.file == str(tmp_path / name)
    assert words in problem.message


VALUES: st.SearchStrategy[Any] = st.recursive(
    st.sampled_from(["web", "dns", "labs", "tcp/5", "vrrp", "10.1.0.0/16", "0.0.0.0/0", "fd00::/8", "", True, None, 7]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["namespace", "namespaces", "labels", "on", "at", "ports", "phase"]), inner)
    ),
    max_leaves=6,
)
ENTRY = st.none() | st.dictionaries(
    st.sampled_from(
        ["title", "zone", *KINDS, "except", "from", "to", "ports", "why", "when", "published", "reference", "other"]
    ),
    VALUES,
)
FILES = st.dictionaries(
    st.sampled_from(["zones", "endpoints", "flows"]),
    st.dictionaries(st.sampled_from(["web", "dns", "lab", "data", "names", "cluster", "new"]), ENTRY),
)


SMALL = """\
zones: {cluster: {title: Cluster, network: pods}}
endpoints:
  web: {title: Web, zone: cluster, pods: {namespace: platform}}
  dns: {title: DNS, zone: cluster, hosts: dns}
flows: {data: {from: web, to: dns, ports: [tcp/53], why: Names}}
"""


@settings(max_examples=30)
@given(FILES)
def test_whatever_a_site_writes_is_read_or_refused(file: dict[str, Any]) -> None:
    try:
        texts = {"base.yml": SMALL, "site.yml": yaml.safe_dump(file)}
        catalogue = parse_catalogue(texts, {"pods": ["10.244.0.0/16"]})
    except InvalidInput as refused:
        assert refused.problems
    else:
        named = {name for entry in catalogue.flows.values() for name in (*entry.sources, *entry.destinations)}
        assert named <= catalogue.endpoints.keys()
        assert {entry.zone for entry in catalogue.endpoints.values()} <= catalogue.zones.keys()
