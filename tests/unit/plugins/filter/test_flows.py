"""The filters of the flow catalogue: what the inventory knows goes in, every rendering comes out, or every mistake."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.autolabs.platform.plugins.filter import flows
from ansible_collections.autolabs.platform.plugins.module_utils.flows.catalogue.reading import read_catalogue

SITE: dict[str, Any] = {
    "files": [],
    "groups": {
        "k8s": {"node": ["10.0.0.11"]},
        "k8s_control_plane": {"node": ["10.0.0.11"]},
        "database": {"database-vm": ["10.0.0.20"]},
    },
    "networks": {
        "admin": ["192.0.2.0/24"],
        "infrastructure": ["10.0.0.0/24"],
        "pods": ["10.244.0.0/16"],
        "services": ["10.96.0.0/12"],
    },
    "phase": "dev",
    "features": [],
    "masquerade": True,
}
FOLDER = Path(flows.__file__).parent


def test_machines_come_with_their_addresses_and_groups_of_every_inventory_are_left_out() -> None:
    groups = {"all": ["a", "b"], "ungrouped": ["c"], "k8s": ["a", "b"], "gitlab": []}
    hostvars = {"a": {"ansible_host": "10.0.0.1"}, "b": {"ansible_host": "10.0.0.2"}, "c": {}}
    assert flows.flow_groups(groups, hostvars) == {"k8s": {"a": ["10.0.0.1"], "b": ["10.0.0.2"]}, "gitlab": {}}


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"flows_host_addresses": ["10.0.0.1", "fd00::1"], "ansible_host": "10.0.0.9"}, ["10.0.0.1", "fd00::1"]),
        ({"flows_host_addresses": [], "ansible_host": "10.0.0.9"}, ["10.0.0.9"]),
        ({"ansible_host": "fd00:0::9"}, ["fd00::9"]),
        ({"ansible_host": "a.example", "ansible_facts": {"default_ipv4": {"address": "10.0.0.5"}}}, ["10.0.0.5"]),
        ({"ansible_facts": {"default_ipv4": {}, "default_ipv6": {"address": "fd00::5"}}}, ["fd00::5"]),
        ({"ansible_host": "a.example", "ansible_facts": {}}, []),
        ({}, []),
    ],
)
def test_a_machine_has_the_addresses_that_are_named_or_the_one_that_is_known(
    variables: dict[str, Any], expected: list[str]
) -> None:
    assert flows.flow_groups({"k8s": ["a"]}, {"a": variables}) == {"k8s": {"a": expected}}


def test_a_balancer_is_the_address_of_an_api_that_no_machine_has() -> None:
    machines = {"k8s-1": ["10.0.0.31"], "k8s-2": ["10.0.0.32"]}
    assert flows.flow_api_endpoint("10.0.0.30:6443", machines) == ["10.0.0.30"]
    assert flows.flow_api_endpoint("10.0.0.32:6443", machines) == []


@pytest.mark.parametrize(
    ("name", "variables", "expected"),
    [
        ("10.0.0.7", {}, ["10.0.0.7"]),
        ("10.0.0.7", {"ansible_host": "a.example"}, ["10.0.0.7"]),
        ("10.0.0.7", {"ansible_host": "10.0.0.8"}, ["10.0.0.8"]),
        ("fd00:0::7", {"ansible_facts": {"default_ipv4": {"address": "10.0.0.5"}}}, ["fd00::7"]),
    ],
)
def test_a_machine_may_be_called_by_its_address(name: str, variables: dict[str, Any], expected: list[str]) -> None:
    assert flows.flow_groups({"gitlab": [name]}, {name: variables}) == {"gitlab": {name: expected}}


@pytest.mark.parametrize(
    ("groups", "cluster"),
    [
        ({"k8s_control_plane": ["a"], "k8s_worker": ["b"]}, ["a", "b"]),
        ({"k8s": ["b"], "k8s_control_plane": ["a"], "k8s_worker": ["b"]}, ["b", "a"]),
        ({"k8s": ["a"]}, ["a"]),
        ({"gitlab": ["a"]}, None),
    ],
)
def test_an_inventory_may_name_the_parts_of_the_cluster_alone(
    groups: dict[str, list[str]], cluster: list[str] | None
) -> None:
    found = flows.flow_groups(groups, {"a": {"ansible_host": "10.0.0.1"}, "b": {"ansible_host": "10.0.0.2"}})
    assert (list(found["k8s"]) if "k8s" in found else None) == cluster


def test_a_cluster_named_by_its_parts_has_its_firewall() -> None:
    groups = {name: hosts for name, hosts in SITE["groups"].items() if name != "k8s"}
    members = {name: list(hosts) for name, hosts in groups.items()}
    hostvars = {name: {"flows_host_addresses": texts} for hosts in groups.values() for name, texts in hosts.items()}
    rules = flows.ufw_rules({**SITE, "groups": flows.flow_groups(members, hostvars)}, "node")
    assert {"admin-ssh", "lab-access"} <= {rule["flow"] for rule in rules}


def test_machines_without_their_place_on_proxmox_are_told() -> None:
    with pytest.raises(AnsibleFilterError, match=r"database-vm.vmid: is not said"):
        flows.proxmox_firewall(SITE, {"database-vm": {"node": "pve"}})


def test_a_sound_site_has_no_problems() -> None:
    assert flows.flow_problems(SITE) == []


def test_mistakes_of_the_inventory_and_of_the_files_are_told_together(tmp_path: Path) -> None:
    path = tmp_path / "flows.yml"
    path.write_text("flows:\n  x: {from: nobody, to: database, ports: [tcp/0], why: a}\n")
    site = {**SITE, "files": [str(path)], "phase": "production"}
    assert flows.flow_problems(site) == [
        "flows_phase: is 'production', which is none of demo, dev, stage, prod; leave it empty otherwise",
        f"{path}:2: flows.x.ports[0]: ports 0 to 0 are not within 1 to 65535",
        f"{path}:2: flows.x.from: there is no endpoint nobody",
    ]


@pytest.mark.parametrize(
    "site", [None, [], {"files": 1}, {"files": [{}]}, {"networks": {"pods": ["x"]}}, {"groups": 3}]
)
def test_whatever_is_given_is_judged(site: Any) -> None:
    assert flows.flow_problems(site)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (
            {"groups": {"database": {"database-vm": []}}},
            "database-vm: flows_host_addresses: no address of this machine is known",
        ),
        ({"features": ["monitorin"]}, "flows_features[0]: no flow of the catalogue has the feature monitorin; did you"),
        (
            {"networks": {"infrastructure": ["10.244.0.0/24"], "pods": ["10.244.0.0/16"]}},
            "overlaps 10.244.0.0/24 (netw",
        ),
    ],
)
def test_what_does_not_go_together_is_a_problem(changed: dict[str, Any], words: str) -> None:
    (problem,) = flows.flow_problems({**SITE, **changed})
    assert words in problem


@pytest.mark.parametrize(
    "render",
    [
        flows.flow_absent,
        flows.flow_table,
        flows.flow_diagram,
        flows.network_policies,
        lambda site: flows.ufw_rules(site, "node"),
        lambda site: flows.proxmox_firewall(site, {}),
    ],
)
def test_nothing_is_rendered_while_there_is_a_mistake(render: Any) -> None:
    with pytest.raises(AnsibleFilterError, match=r"flows_phase: is 'x'(.|\n)*flows_masquerade: is '7'"):
        render({**SITE, "phase": "x", "masquerade": 7})


def test_absent_flows_come_with_their_reason() -> None:
    found = flows.flow_absent(SITE)
    assert {"flow": "gitlab-web", "why": "no machine is in the group gitlab"} in found
    assert {"flow": "grafana-loki", "why": "the feature monitoring is off"} in found
    assert {"flow": "gitlab-ssh", "why": "the site names no network developers"} in found


def test_rules_of_a_machine_are_plain_data() -> None:
    rules = flows.ufw_rules(SITE, "database-vm")
    assert json.loads(json.dumps(rules)) == rules
    ssh = [rule for rule in rules if rule["flow"] == "admin-ssh"]
    assert [(rule["source"], rule["ports"], rule["action"], rule["chain"]) for rule in ssh] == [
        ("192.0.2.0/24", "tcp/22", "allow", "input")
    ]


def test_rules_of_a_machine_that_is_not_there_are_refused() -> None:
    with pytest.raises(AnsibleFilterError, match="there is no machine mail in any group"):
        flows.ufw_rules(SITE, "mail")


def test_every_namespace_of_the_catalogue_is_closed() -> None:
    policies = flows.network_policies(SITE)
    closed = {entry["metadata"]["namespace"] for entry in policies if entry["metadata"]["name"] == "default-deny"}
    assert closed >= {"platform", "infrastructure", "auth", "messaging", "ingress", "monitoring", "labs"}
    assert "kube-system" not in closed


def test_tunnels_of_nodes_reach_the_policies(tmp_path: Path) -> None:
    path = tmp_path / "flows.yml"
    path.write_text("flows: {x: {from: k8s, to: frontend, ports: [tcp/3000], why: a}}")
    site = {**SITE, "files": [str(path)]}
    annotations = {"projectcalico.org/IPv4VXLANTunnelAddr": "10.244.7.1"}
    nodes = [{"metadata": {"name": "node", "annotations": annotations}}]
    assert "10.244.7.1/32" not in json.dumps(flows.network_policies(site))
    assert "10.244.7.1/32" in json.dumps(flows.network_policies(site, nodes))


def test_the_firewall_of_proxmox_has_every_part() -> None:
    firewall = flows.proxmox_firewall(SITE, {"database-vm": {"node": "pve", "vmid": 120}})
    assert {"options", "groups", "ipsets", "nodes", "vms"} <= firewall.keys()
    assert firewall["vms"]["database-vm"]["vmid"] == 120


def test_the_table_names_flows_and_what_is_not_here() -> None:
    text = flows.flow_table(SITE)
    assert "`platform-postgresql`" in text
    assert "not here: the feature monitoring is off" in text


def test_the_picture_is_svg_or_mermaid() -> None:
    assert flows.flow_diagram(SITE).lstrip().startswith("<")
    assert flows.flow_diagram(SITE, "mermaid").startswith("flowchart")
    with pytest.raises(AnsibleFilterError, match="'png' is none of svg, mermaid"):
        flows.flow_diagram(SITE, "png")


def test_a_file_that_changes_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "flows.yml"
    path.write_text("flows:\n  admin-ssh: null\n")
    site = {**SITE, "files": [str(path)]}
    assert "admin-ssh" not in {rule["flow"] for rule in flows.ufw_rules(site, "node")}
    path.write_text("flows: {}\n")
    os.utime(path, ns=(1, 1))
    assert "admin-ssh" in {rule["flow"] for rule in flows.ufw_rules(site, "node")}


def test_every_network_and_feature_of_the_catalogue_is_named_in_the_role() -> None:
    catalogue = read_catalogue()
    role = (FOLDER.parents[1] / "roles/flows/meta/argument_specs.yml").read_text()
    named = {entry.network for entry in (*catalogue.zones.values(), *catalogue.endpoints.values())}
    named |= {flow.feature for flow in catalogue.flows.values()}
    assert [name for name in sorted(named - {""}) if f"C({name})" not in role] == []


def test_every_filter_is_documented_with_its_arguments() -> None:
    for name, function in flows.FilterModule().filters().items():
        documented = yaml.safe_load((FOLDER / f"{name}.yml").read_text())["DOCUMENTATION"]
        given = list(function.__annotations__)[1:-1]
        assert (documented["name"], [key for key in documented["options"] if key != "_input"]) == (name, given)
