"""The firewall of Proxmox VE: what the catalogue says and nothing else, in shapes that the API takes."""

from __future__ import annotations

import ipaddress
import json
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput
from ansible_collections.autolabs.platform.plugins.module_utils.flows.catalogue.reading import read_catalogue
from ansible_collections.autolabs.platform.plugins.module_utils.flows.flow import (
    Addresses,
    Flow,
    Host,
    Hosts,
    Pods,
    Published,
)
from ansible_collections.autolabs.platform.plugins.module_utils.flows.proxmox.names import short_name
from ansible_collections.autolabs.platform.plugins.module_utils.flows.proxmox.rules import proxmox_firewall
from ansible_collections.autolabs.platform.plugins.module_utils.flows.resolve import resolve
from ansible_collections.autolabs.platform.plugins.module_utils.flows.site import Site
from ansible_collections.autolabs.platform.plugins.module_utils.net.addresses import EVERYWHERE, Block, internet
from ansible_collections.autolabs.platform.plugins.module_utils.net.ports import Ports
from hypothesis import given, settings
from hypothesis import strategies as st

SCHEMA_VARIABLE = "AUTOLABS_PVE_SCHEMA"
"""Names the schema of the API, `{paths: {path: {METHOD: operation}}}`, where it does not stand beside the checkout."""

GROUPS = {
    "proxmox": {"pve-host": ["192.168.100.1"]},
    "gitlab": {"gitlab-vm": ["192.168.100.10"]},
    "database": {"database-vm": ["192.168.100.20"]},
    "k8s": {"k8s-1": ["192.168.100.31", "fd00::31"], "k8s-2": ["192.168.100.41"]},
    "k8s_control_plane": {"k8s-1": ["192.168.100.31", "fd00::31"]},
    "k8s_worker": {"k8s-2": ["192.168.100.41"]},
}
NETWORKS = {
    "admin": ["10.1.0.0/24", "fd01::/64"],
    "developers": ["10.2.0.0/24"],
    "pods": ["10.244.0.0/16"],
    "services": ["10.96.0.0/12"],
    "infrastructure": ["192.168.100.0/24"],
}
MACHINES: dict[str, dict[str, Any]] = {
    "pve-host": {"node": "pve"},
    "gitlab-vm": {"node": "pve", "vmid": 101},
    "database-vm": {"node": "pve", "vmid": 102},
    "k8s-1": {"node": "pve", "vmid": 111},
    "k8s-2": {"node": "pve", "vmid": 112},
}


def a_site(**fields: Any) -> Site:
    return Site.from_dict({"groups": GROUPS, "networks": NETWORKS, "features": ["monitoring"], **fields})


SITE = a_site()
MACHINE_GROUPS = {name: hosts for name, hosts in GROUPS.items() if name != "proxmox"}
WITHOUT_NODES = a_site(groups=MACHINE_GROUPS)
DATABASE, GITLAB, K8S, NODES = (SITE.hosts(name) for name in ("database", "gitlab", "k8s", "proxmox"))
PLATFORM = Pods("platform", (("app", "backend-platform"),))
ADMIN = Addresses(tuple(Block(text) for text in NETWORKS["admin"]))
EVERYONE = Addresses(tuple(Block(text) for text in EVERYWHERE))


def a_flow(name: str, source: Any, destination: Any, *ports: str, published: Published | None = None) -> Flow:
    return Flow(name, source, destination, tuple(map(Ports.parse, ports)), "why", published)


def firewall(
    *flows: Flow, site: Site | None = None, machines: dict[str, dict[str, Any]] | None = None
) -> dict[str, Any]:
    """The firewall of these flows; nodes are not in it, as a node without a way in is refused, unless told."""
    vms = {name: machine for name, machine in MACHINES.items() if name != "pve-host"}
    return proxmox_firewall(flows, site or WITHOUT_NODES, vms if machines is None else machines)


def whole(site: Site = SITE) -> dict[str, Any]:
    return firewall(*resolve(read_catalogue(), site).flows, site=site, machines=MACHINES)


def rules(rendered: dict[str, Any], group: str) -> list[tuple[str, str, str, str]]:
    """Of a security group: source, protocol, ports and comment."""
    (found,) = [entry for entry in rendered["groups"] if entry["group"] == group]
    assert all((rule["type"], rule["action"], rule["enable"]) == ("in", "ACCEPT", 1) for rule in found["rules"])
    return [tuple(rule.get(key, "") for key in ("source", "proto", "dport", "comment")) for rule in found["rules"]]


def addresses(rendered: dict[str, Any], name: str) -> list[str]:
    (found,) = [entry for entry in rendered["ipsets"] if entry["name"] == name]
    return [("!" if entry.get("nomatch") else "") + entry["cidr"] for entry in found["cidrs"]]


def node_rules(rendered: dict[str, Any], node: str = "pve") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = rendered["nodes"][node]["rules"]
    return found


# What the rules say


def test_a_flow_between_machines_is_a_rule_of_the_group_with_the_flow_as_comment() -> None:
    rendered = firewall(a_flow("gitlab-postgresql", GITLAB, DATABASE, "tcp/5432"))
    assert rules(rendered, "database") == [("+dc/hosts-gitlab", "tcp", "5432", "gitlab-postgresql")]
    assert addresses(rendered, "hosts-gitlab") == ["192.168.100.10"]


def test_ports_of_a_flow_are_joined_and_neighbours_are_a_range() -> None:
    rendered = firewall(a_flow("redis", GITLAB, DATABASE, "tcp/9000", "tcp/6380", "tcp/6379", "udp/53"))
    assert [rule[1:3] for rule in rules(rendered, "database")] == [("tcp", "6379:6380,9000"), ("udp", "53")]


def test_a_rule_has_no_more_ports_than_pve_takes() -> None:
    ports = [f"tcp/{number}-{number + 1}" for number in range(100, 190, 10)]
    dports = [rule[2] for rule in rules(firewall(a_flow("many", GITLAB, DATABASE, *ports)), "database")]
    assert [len(re.split("[,:]", dport)) for dport in dports] == [14, 4]


def test_a_port_that_several_flows_need_is_let_in_once_and_each_flow_is_named() -> None:
    flows = [
        a_flow("platform-db", PLATFORM, DATABASE, "tcp/5432", "tcp/6432"),
        a_flow("worker-db", Pods("infrastructure"), DATABASE, "tcp/5432"),
    ]
    assert rules(firewall(*flows), "database") == [
        ("+dc/hosts-k8s", "tcp", "5432", "platform-db, worker-db"),
        ("+dc/hosts-k8s", "tcp", "6432", "platform-db"),
    ]


def test_pods_come_from_the_addresses_of_their_machines_where_the_cluster_masquerades() -> None:
    rendered = firewall(a_flow("db", PLATFORM, DATABASE, "tcp/5432"))
    assert addresses(rendered, "hosts-k8s") == ["192.168.100.31", "192.168.100.41", "fd00::31"]


def test_pods_come_from_their_own_addresses_where_it_does_not() -> None:
    rendered = firewall(
        a_flow("db", PLATFORM, DATABASE, "tcp/5432"), site=a_site(groups=MACHINE_GROUPS, masquerade=False)
    )
    assert rules(rendered, "database")[0][0] == "+dc/network-pods"
    assert addresses(rendered, "network-pods") == ["10.244.0.0/16"]


def test_what_pods_do_among_themselves_is_nothing_that_the_hypervisor_sees() -> None:
    rendered = firewall(a_flow("dns", PLATFORM, Pods("kube-system"), "udp/53"))
    assert (rendered["groups"], rendered["ipsets"]) == ([], [])


def test_a_published_flow_is_let_in_at_the_port_of_the_machine() -> None:
    published = Published(K8S, (Ports(30000, "TCP", 32767),))
    lab = a_flow("lab-access", EVERYONE, Pods("labs"), "tcp/1-65535", published=published)
    assert rules(firewall(lab), "k8s") == [("", "tcp", "30000:32767", "lab-access")]


def test_a_pod_never_needs_the_port_of_a_machine_to_reach_what_is_published() -> None:
    published = Published(K8S, (Ports(443),))
    assert firewall(a_flow("web", PLATFORM, Pods("ingress"), "tcp/8443", published=published))["groups"] == []


@pytest.mark.parametrize(
    ("port", "expected"),
    [
        ("vrrp", [("vrrp", "")]),
        ("esp", [("esp", "")]),
        ("icmp", [("icmp", ""), ("icmpv6", "")]),
        ("sctp/5000", [("sctp", "5000")]),
        ("tcp/1-65535", [("tcp", "")]),
    ],
)
def test_protocols(port: str, expected: list[tuple[str, str]]) -> None:
    rendered = firewall(a_flow("a", GITLAB, DATABASE, port))
    assert [rule[1:3] for rule in rules(rendered, "database")] == expected


def test_a_flow_without_ports_lets_in_everything() -> None:
    assert rules(firewall(a_flow("a", GITLAB, DATABASE)), "database") == [("+dc/hosts-gitlab", "", "", "a")]


def test_outgoing_flows_need_no_rule() -> None:
    rendered = firewall(a_flow("backup", DATABASE, ADMIN, "tcp/443"))
    assert rendered["groups"] == []
    assert rendered["vms"]["database-vm"]["options"]["policy_out"] == "ACCEPT"


# Sources


def test_a_network_of_the_site_is_an_ipset_under_its_name() -> None:
    rendered = firewall(a_flow("ssh", ADMIN, DATABASE, "tcp/22"))
    assert addresses(rendered, "network-admin") == ["10.1.0.0/24", "fd01::/64"]


def test_exceptions_are_members_that_do_not_match_and_no_member_has_prefix_length_zero() -> None:
    public = Addresses(internet(["203.0.113.0/24"]))
    members = addresses(firewall(a_flow("web", public, DATABASE, "tcp/443")), "internet")
    assert {"0.0.0.0/1", "128.0.0.0/1", "::/1", "8000::/1", "!10.0.0.0/8", "!203.0.113.0/24"} <= set(members)
    assert not [entry for entry in members if entry.endswith("/0")]


def test_several_literal_sources_of_one_flow_are_several_ipsets() -> None:
    sources = [Addresses((Block("198.51.100.0/24", ("198.51.100.128/25",)),)), Addresses((Block("203.0.113.7/32"),))]
    rendered = firewall(*(a_flow("office", source, DATABASE, "tcp/443") for source in sources))
    names = [entry["name"] for entry in rendered["ipsets"]]
    assert len(names) == 2 and all(re.fullmatch("from-office-[0-9a-f]{6}", name) for name in names)
    assert sorted(addresses(rendered, name) for name in names) == [
        ["198.51.100.0/24", "!198.51.100.128/25"],
        ["203.0.113.7"],
    ]


def test_machines_without_addresses_get_no_rule() -> None:
    nowhere = Hosts("spare", (Host("spare-vm", ()),))
    assert rules(
        firewall(a_flow("ssh", ADMIN, DATABASE, "tcp/22"), a_flow("a", nowhere, DATABASE, "tcp/1")), "database"
    ) == [("+dc/network-admin", "tcp", "22", "ssh")]


def test_no_ipset_has_a_name_with_a_meaning_of_its_own() -> None:
    networks = {**NETWORKS, "management": ["10.9.0.0/24"], "blacklist": ["10.8.0.0/24"]}
    flows = [
        a_flow(name, Addresses((Block(networks[name][0]),)), DATABASE, "tcp/22") for name in ("management", "blacklist")
    ]
    rendered = firewall(*flows, site=a_site(groups=MACHINE_GROUPS, networks=networks))
    assert [entry["name"] for entry in rendered["ipsets"]] == ["network-blacklist", "network-management"]


# Machines and nodes


def test_a_machine_has_the_security_groups_of_its_inventory_groups() -> None:
    vm = whole()["vms"]["k8s-1"]
    assert [rule["action"] for rule in vm["rules"] if rule["type"] == "group"] == ["k8s", "k8s_control_plane"]
    assert (vm["node"], vm["vmid"]) == ("pve", 111)


def test_a_machine_that_no_flow_reaches_is_closed_but_for_ping() -> None:
    vm = firewall()["vms"]["gitlab-vm"]
    assert (vm["options"]["enable"], vm["options"]["policy_in"]) == (1, "DROP")
    assert [(rule["proto"], rule["icmp-type"]) for rule in vm["rules"]] == [
        ("icmp", "echo-request"),
        ("icmpv6", "echo-request"),
    ]


def test_a_machine_that_is_no_vm_is_left_out() -> None:
    rendered = firewall(a_flow("a", GITLAB, DATABASE, "tcp/1"), machines={"gitlab-vm": MACHINES["gitlab-vm"]})
    assert (rendered["groups"], list(rendered["vms"])) == ([], ["gitlab-vm"])


def test_ipv6_lives_by_neighbour_discovery_and_the_virtual_address_by_no_address_filter() -> None:
    rendered = whole()
    assert rendered["nodes"]["pve"]["options"]["ndp"] == 1
    options = rendered["vms"]["k8s-1"]["options"]
    assert (options["ndp"], options["radv"], options["ipfilter"], options["macfilter"]) == (1, 0, 0, 1)


def test_the_node_is_open_to_administrators_and_dns_only() -> None:
    accepted = [rule for rule in node_rules(whole(a_site(features=[]))) if rule["action"] == "ACCEPT"]
    found = {(rule.get("source", ""), rule["proto"], rule.get("dport", "")) for rule in accepted}
    machines = ("gitlab", "database", "k8s")
    assert found == {
        ("+dc/network-admin", "tcp", "22"),
        ("+dc/network-admin", "tcp", "8006"),
        *((f"+dc/hosts-{group}", protocol, "53") for group in machines for protocol in ("tcp", "udp")),
        ("", "icmp", ""),
        ("", "icmpv6", ""),
    }


def test_what_pve_opens_to_its_own_network_is_closed_after_all_other_rules() -> None:
    last = node_rules(whole())[-1]
    assert (last["action"], last["proto"], "source" in last) == ("DROP", "tcp", False)
    assert {"22", "8006", "3128"} <= set(last["dport"].split(","))


def test_nodes_of_one_proxmox_cluster_reach_each_other() -> None:
    groups = {**GROUPS, "proxmox": {"pve-host": ["192.168.100.1"], "pve2": ["192.168.100.2"]}}
    rendered = whole(a_site(groups=groups))
    assert sorted(rendered["nodes"]) == ["pve", "pve2"]
    accept, drop = node_rules(rendered, "pve2")[-2:]
    assert accept["source"] == "+dc/hosts-proxmox"
    assert set(accept["dport"].split(",")) == {*drop["dport"].split(","), "3300", "6789", "6800:7568"}
    assert addresses(rendered, "hosts-proxmox") == ["192.168.100.1", "192.168.100.2"]


def test_the_world_reaches_web_and_labs_of_the_machines_and_nothing_else() -> None:
    rendered = whole()
    world = {
        (group["group"], rule["dport"])
        for group in rendered["groups"]
        for rule in group["rules"]
        if "source" not in rule
    }
    assert world == {("gitlab", "80,443"), ("k8s", "80,443"), ("k8s", "30000:32767")}


def test_every_rule_is_there_once_and_every_reference_leads_somewhere() -> None:
    rendered = whole()
    parts = [*rendered["groups"], *rendered["nodes"].values()]
    for part in parts:
        shapes = [json.dumps({**rule, "comment": ""}, sort_keys=True) for rule in part["rules"]]
        assert len(shapes) == len(set(shapes))
    used = {rule["source"] for part in parts for rule in part["rules"] if "source" in rule}
    assert used == {f"+dc/{entry['name']}" for entry in rendered["ipsets"]}
    groups = {rule["action"] for vm in rendered["vms"].values() for rule in vm["rules"] if rule["type"] == "group"}
    assert groups == {entry["group"] for entry in rendered["groups"]}


def test_the_same_flows_give_the_same_firewall() -> None:
    assert json.dumps(whole()) == json.dumps(whole())


def test_every_flow_to_a_machine_is_named() -> None:
    flows = [flow for flow in resolve(read_catalogue(), SITE).flows if isinstance(flow.destination, Hosts)]
    rendered = whole()
    named = {
        name
        for part in (*rendered["groups"], *rendered["nodes"].values())
        for rule in part["rules"]
        for name in rule["comment"].split(", ")
    }
    assert flows and {flow.name for flow in flows} <= named


DOOR = a_flow("door", ADMIN, NODES, "tcp/22", "tcp/8000-9000")


@pytest.mark.parametrize(
    ("flows", "closed"),
    [
        ([DOOR], []),
        ([a_flow("all", ADMIN, NODES)], []),
        ([a_flow("ssh", ADMIN, NODES, "tcp/22")], ["port 8006"]),
        ([a_flow("web", ADMIN, NODES, "tcp/8006", "udp/22")], ["port 22"]),
        ([a_flow("ssh", ADMIN, K8S, "tcp/22")], ["port 22", "port 8006"]),
        ([a_flow("nobody", Hosts("spare", (Host("spare", ()),)), NODES)], ["port 22", "port 8006"]),
    ],
)
def test_a_node_that_nobody_could_work_on_is_refused(flows: list[Flow], closed: list[str]) -> None:
    if not closed:
        assert firewall(*flows, site=SITE, machines=MACHINES)["nodes"]
        return
    with pytest.raises(InvalidInput) as caught:
        firewall(*flows, site=SITE, machines=MACHINES)
    told = [str(problem) for problem in caught.value.problems]
    assert len(told) == len(closed) and all(part in line for part, line in zip(closed, told, strict=True)), told
    assert all(line.startswith("pve-host: no flow lets anybody in") for line in told)


def test_nodes_that_the_inventory_does_not_name_stay_open_to_whom_the_catalogue_lets_in() -> None:
    rendered = firewall(DOOR, site=SITE, machines=MACHINES)
    assert [(rule["source"], rule["dport"]) for rule in rendered["rules"]] == [("+dc/network-admin", "22,8000:9000")]
    assert whole()["rules"] and "network-admin" in {entry["name"] for entry in whole()["ipsets"]}


def test_machines_without_their_place_are_told_all_at_once() -> None:
    machines = {"gitlab-vm": {"node": "pve"}, "database-vm": {}, "k8s-9": {"node": "pve", "vmid": 7}, "pve-host": {}}
    with pytest.raises(InvalidInput) as caught:
        firewall(DOOR, site=SITE, machines=machines)
    assert [str(problem).split(" (")[0] for problem in caught.value.problems] == [
        "database-vm.node: is not said; it is needed to find the VM on Proxmox",
        "database-vm.vmid: is not said; it is needed to find the VM on Proxmox",
        "gitlab-vm.vmid: is not said; it is needed to find the VM on Proxmox",
        "k8s-9: no group of the inventory has this machine; did you mean `k8s-2`?",
    ]


def test_the_cluster_may_be_named_by_its_parts() -> None:
    parts = {name: hosts for name, hosts in GROUPS.items() if name not in ("k8s", "proxmox")}
    rendered = firewall(a_flow("db", PLATFORM, DATABASE, "tcp/5432"), site=a_site(groups=parts))
    assert addresses(rendered, "hosts-k8s") == ["192.168.100.31", "192.168.100.41", "fd00::31"]


# Property: what a flow names is let in, and nothing else


PORTS = st.builds(
    lambda first, more: Ports(first, "TCP", min(first + more, 40)), st.integers(1, 40), st.integers(0, 20)
)
FLOWS = st.lists(
    st.builds(
        lambda name, source, ports: Flow(name, source, DATABASE, tuple(ports), "why"),
        st.sampled_from(["one", "two", "three"]),
        st.sampled_from([GITLAB, PLATFORM, ADMIN, EVERYONE, Addresses((Block("10.1.0.0/16", ("10.1.0.0/25",)),))]),
        st.lists(PORTS, max_size=4),
    ),
    max_size=5,
)
SENDERS = ["192.168.100.10", "192.168.100.41", "10.1.0.5", "10.1.0.200", "10.1.7.7", "198.51.100.1", "fd01::9"]


def from_blocks(sender: str, blocks: Iterable[Block]) -> bool:
    address = ipaddress.ip_address(sender)
    return any(
        address in ipaddress.ip_network(block.cidr)
        and not any(address in ipaddress.ip_network(entry) for entry in block.excepts)
        for block in blocks
    )


def wanted(flows: list[Flow], sender: str, port: int) -> set[str]:
    found = set()
    for flow in flows:
        source = flow.source if isinstance(flow.source, Addresses) else None
        hosts = GITLAB if flow.source == GITLAB else K8S
        comes = (
            from_blocks(sender, source.blocks)
            if source
            else sender in [address for host in hosts.hosts for address in host.addresses]
        )
        if comes and (not flow.ports or any(entry.first <= port <= entry.end for entry in flow.ports)):
            found.add(flow.name)
    return found


def let_in(rendered: dict[str, Any], sender: str, port: int) -> set[str]:
    found: set[str] = set()
    for rule in rendered["groups"][0]["rules"] if rendered["groups"] else []:
        ranges = [entry.split(":") for entry in rule.get("dport", "1:65535").split(",")]
        fits = rule.get("proto", "tcp") == "tcp" and any(int(entry[0]) <= port <= int(entry[-1]) for entry in ranges)
        if fits and in_ipset(rendered, rule.get("source", ""), sender):
            found |= set(rule["comment"].split(", "))
    return found


def in_ipset(rendered: dict[str, Any], reference: str, sender: str) -> bool:
    if not reference:
        return True
    members = addresses(rendered, reference.removeprefix("+dc/"))
    excepts = tuple(entry[1:] for entry in members if entry[0] == "!")
    return from_blocks(sender, [Block(entry, excepts) for entry in members if entry[0] != "!"])


@settings(max_examples=40)
@given(FLOWS, st.sampled_from(SENDERS))
def test_each_packet_is_let_in_by_the_flows_that_name_it(flows: list[Flow], sender: str) -> None:
    rendered = firewall(*flows)
    for port in range(1, 14):
        assert let_in(rendered, sender, port) == wanted(flows, sender, port), port


# Names


@given(st.text(min_size=1, max_size=80), st.sampled_from([18, 60]))
def test_every_name_becomes_one_that_pve_takes(name: str, length: int) -> None:
    short = short_name(name, length)
    assert re.fullmatch(r"[a-z][a-z0-9_-]+", short) and len(short) <= length
    assert short_name(name, length) == short


@pytest.mark.parametrize("name", ["k8s", "k8s_control_plane", "eighteen-letters-x"])
def test_a_name_that_fits_is_kept(name: str) -> None:
    assert short_name(name, 18) == name


def test_long_names_with_the_same_beginning_stay_apart() -> None:
    shorts = [short_name(f"machines-of-the-{name}", 18) for name in ("first-building", "second-building")]
    assert len(set(shorts)) == 2 and all(short.startswith("machines-of") for short in shorts)


def test_names_that_differ_in_capitals_stay_apart() -> None:
    assert short_name("K8s", 18) != short_name("k8s", 18)


# The schema


def schema() -> dict[str, Any]:
    checkout = Path(__file__).resolve().parents[6]
    beside = checkout.parent / "shared" / "pve" / "schema-min.json"
    path = Path(os.environ.get(SCHEMA_VARIABLE) or beside)
    if not path.is_file():
        pytest.skip(f"the schema of the Proxmox API is not here; {SCHEMA_VARIABLE} names its file")
    paths: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["paths"]
    return paths


def calls(rendered: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """What would be asked of the API to make this firewall: path, method and parameters."""
    yield "/cluster/firewall/options", "PUT", rendered["options"]
    for ipset in rendered["ipsets"]:
        yield "/cluster/firewall/ipset", "POST", {"name": ipset["name"], "comment": ipset["comment"]}
        for entry in ipset["cidrs"]:
            yield "/cluster/firewall/ipset/{name}", "POST", {"name": ipset["name"], **entry}
    for group in rendered["groups"]:
        yield "/cluster/firewall/groups", "POST", {"group": group["group"], "comment": group["comment"]}
        for rule in group["rules"]:
            yield "/cluster/firewall/groups/{group}", "POST", {"group": group["group"], **rule}
    for node, part in rendered["nodes"].items():
        yield "/nodes/{node}/firewall/options", "PUT", {"node": node, **part["options"]}
        for rule in part["rules"]:
            yield "/nodes/{node}/firewall/rules", "POST", {"node": node, **rule}
    for vm in rendered["vms"].values():
        where = {"node": vm["node"], "vmid": vm["vmid"]}
        yield "/nodes/{node}/qemu/{vmid}/firewall/options", "PUT", {**where, **vm["options"]}
        for rule in vm["rules"]:
            yield "/nodes/{node}/qemu/{vmid}/firewall/rules", "POST", {**where, **rule}


def mistakes(parameters: dict[str, Any], given_values: dict[str, Any]) -> Iterator[str]:
    properties = parameters["properties"]
    yield from (f"{name}: unknown" for name in given_values if name not in properties)
    yield from (
        f"{name}: missing" for name in properties if name not in given_values and not optional(properties, name)
    )
    for name, value in given_values.items():
        rule = properties.get(name, {})
        if rule.get("type") == "boolean" and value not in (0, 1):
            yield f"{name}: {value!r} is no boolean"
        if rule.get("type") == "integer" and not rule.get("minimum", value) <= value <= rule.get("maximum", value):
            yield f"{name}: {value!r} is out of range"
        if rule.get("type") == "string":
            if not isinstance(value, str) or not rule.get("minLength", 0) <= len(value) <= rule.get("maxLength", 9999):
                yield f"{name}: {value!r} is too short or too long"
            if not re.fullmatch(rule.get("pattern", ".*"), value) or value not in rule.get("enum", [value]):
                yield f"{name}: {value!r} is not accepted"
        # pve-firewall, parse_port_name_number_or_range.
        if rule.get("format") == "pve-fw-dport-spec":
            entries = value.split(",")
            if not all(re.fullmatch(r"\d+(:\d+)?", entry) for entry in entries) or len(re.findall(r"\d+", value)) > 15:
                yield f"{name}: {value!r} is no list of ports"
        if rule.get("format") == "IPorCIDRorAlias":
            ipaddress.ip_network(value)


def optional(properties: dict[str, Any], name: str) -> bool:
    return bool(properties[name].get("optional"))


@pytest.mark.parametrize("features", [[], ["monitoring", "cloud", "wireguard", "ipsec"]])
@pytest.mark.parametrize("masquerade", [True, False])
def test_every_object_is_valid_for_the_api(features: list[str], masquerade: bool) -> None:
    paths = schema()
    networks = {**NETWORKS, "a_network_whose_name_has_forty_letters_x": ["10.77.0.0/16"]}
    site = a_site(features=features, masquerade=masquerade, networks=networks)
    long = Hosts("machines_of_a_group_with_a_long_name", DATABASE.hosts)
    flows = [
        *resolve(read_catalogue(), site).flows,
        a_flow("a-flow-with-a-name-of-forty-characters-ab", Addresses((Block("10.77.0.0/16"),)), long, "icmp", "esp"),
        a_flow("everything", long, DATABASE),
        a_flow("public", Addresses(internet([])), DATABASE, *(f"tcp/{number}" for number in range(1, 60, 2))),
    ]
    found = [
        f"{method} {path}: {mistake}"
        for path, method, values in calls(firewall(*flows, site=site))
        for mistake in mistakes(paths[path][method]["parameters"], values)
    ]
    assert found == []
