"""The firewall of Proxmox in the API's shapes, as one packet filter for each node and VM."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput
from ansible_collections.autolabs.platform.plugins.module_utils.net.ports import Ports
from ansible_collections.autolabs.platform.plugins.module_utils.reach.hosts.firewall import HostFirewall, verdict
from ansible_collections.autolabs.platform.plugins.module_utils.reach.hosts.proxmox import read, text_of

ON = {"enable": 1}
ADMINS = [{"cidr": "10.0.0.0/8"}, {"cidr": "10.6.0.0/16", "nomatch": 1}, {"cidr": "10.6.6.6"}]


def accept(**fields: Any) -> dict[str, Any]:
    return {"type": "in", "action": "ACCEPT", "enable": 1, **fields}


def vm(*rules: dict[str, Any], cluster: dict[str, Any] | None = None, **fields: Any) -> HostFirewall:
    """The firewall before VM 120, database-vm."""
    machine = {"vmid": 120, "options": ON, "rules": list(rules), **fields}
    data = {"options": ON, **(cluster or {}), "vms": {"database-vm": machine}}
    return read(data, {"database-vm": ("192.168.100.20",)})["database-vm"]


def node(*rules: dict[str, Any], options: dict[str, Any] | None = None, **cluster: Any) -> HostFirewall:
    data = {"options": ON, **cluster, "nodes": {"pve": {"options": options or {}, "rules": list(rules)}}}
    return read(data)["pve"]


def answer(firewall: HostFirewall, source: str, asked: str) -> str:
    return verdict(firewall, source, Ports.parse(asked)).answer


@pytest.mark.parametrize(
    ("rule", "source", "asked", "expected"),
    [
        (accept(proto="tcp", dport="22"), "8.8.8.8", "tcp/22", "allowed"),
        (accept(proto="tcp", dport="80,8000:8010"), "8.8.8.8", "tcp/8010", "allowed"),
        (accept(proto="tcp", dport="ssh"), "8.8.8.8", "tcp/22", "allowed"),
        (accept(proto="tcp"), "8.8.8.8", "tcp/65535", "allowed"),
        (accept(), "8.8.8.8", "esp", "allowed"),
        (accept(proto="tcp", dport="22", enable=0), "8.8.8.8", "tcp/22", "denied"),
        ({**accept(proto="tcp"), "enable": None}, "8.8.8.8", "tcp/22", "denied"),
        (accept(source="10.0.0.1-10.0.0.9"), "10.0.0.9", "tcp/22", "allowed"),
        (accept(source="10.0.0.1-10.0.0.9"), "10.0.0.10", "tcp/22", "denied"),
        (accept(source="192.0.2.1,10.0.0.0/8"), "10.9.9.9", "tcp/22", "allowed"),
        (accept(source="10.0.0.0/8", dest="192.168.100.21"), "10.9.9.9", "tcp/22", "denied"),
        (accept(macro="SSH"), "8.8.8.8", "tcp/22", "allowed"),
        (accept(macro="HTTPS"), "2001:db8::1", "tcp/443", "allowed"),
        (accept(macro="DNS"), "8.8.8.8", "udp/53", "allowed"),
        (accept(macro="Ping"), "2001:db8::1", "icmp", "allowed"),
        (accept(macro="Nobody"), "8.8.8.8", "tcp/22", "undecided"),
        (accept(proto="icmp"), "8.8.8.8", "icmp", "allowed"),
        (accept(proto="icmp"), "2001:db8::1", "icmp", "denied"),
        (accept(proto="icmp", **{"icmp-type": "echo-request"}), "8.8.8.8", "icmp", "allowed"),
        (accept(proto="icmp", **{"icmp-type": "time-exceeded"}), "8.8.8.8", "icmp", "denied"),
        (accept(proto="udp", sport="53"), "8.8.8.8", "udp/1000", "undecided"),
        (accept(iface="net1"), "8.8.8.8", "tcp/22", "undecided"),
        # Proxmox leaves out what names a thing that is not there.
        (accept(source="+dc/nobody"), "8.8.8.8", "tcp/22", "denied"),
        (accept(source="dc/nobody"), "8.8.8.8", "tcp/22", "denied"),
        ({**accept(), "type": "forward"}, "8.8.8.8", "tcp/22", "denied"),
    ],
)
def test_a_rule_is_for_the_packets_that_it_names(rule: dict[str, Any], source: str, asked: str, expected: str) -> None:
    assert answer(vm(rule), source, asked) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [("10.1.1.1", "allowed"), ("10.6.1.1", "denied"), ("10.6.6.6", "allowed"), ("11.1.1.1", "denied")],
)
def test_the_longest_prefix_of_an_ipset_decides(source: str, expected: str) -> None:
    sets = {"ipsets": [{"name": "admins", "cidrs": ADMINS}]}
    assert answer(vm(accept(source="+dc/admins"), cluster=sets), source, "tcp/22") == expected
    assert answer(vm(accept(source="+admins"), ipsets=sets["ipsets"]), source, "tcp/22") == expected


def test_an_alias_stands_for_its_range() -> None:
    aliases = {"aliases": [{"name": "office", "cidr": "203.0.113.0/24"}]}
    assert answer(vm(accept(source="dc/office"), cluster=aliases), "203.0.113.9", "tcp/22") == "allowed"


def test_a_security_group_stands_where_it_is_named() -> None:
    groups = {"groups": [{"group": "db", "rules": [accept(proto="tcp", dport="5432", comment="worker-postgresql")]}]}
    named = {"type": "group", "action": "db", "enable": 1}
    step = verdict(vm(named, cluster=groups), "8.8.8.8", Ports(5432))
    assert (step.where, step.answer, step.flow) == ("Proxmox, VM 120", "allowed", "worker-postgresql")
    assert step.rule == "group db rule 0: IN ACCEPT -proto tcp -dport 5432 # worker-postgresql"
    assert answer(vm({**named, "enable": 0}, cluster=groups), "8.8.8.8", "tcp/5432") == "denied"
    missing = vm({**named, "action": "web"}, cluster=groups)
    assert missing.unread == ("rule 0 (GROUP web): there is no security group web",)


@pytest.mark.parametrize(
    ("cluster", "machine", "nics", "enabled"),
    [
        (1, 1, {}, True),
        (0, 1, {}, False),
        (1, 0, {}, False),
        (1, None, {}, False),
        (1, 1, {"net0": "virtio=BC:24:11:00:00:01,bridge=vmbr0,firewall=1"}, True),
        (1, 1, {"net0": "virtio=BC:24:11:00:00:01,bridge=vmbr0"}, False),
        (1, 1, {"net0": {"bridge": "vmbr0", "firewall": 0}}, False),
    ],
)
def test_three_flags_must_be_on(cluster: int, machine: int | None, nics: dict[str, Any], enabled: bool) -> None:
    found = vm(cluster={"options": {"enable": cluster}}, options={"enable": machine}, nics=nics)
    assert found.enabled is enabled
    assert answer(found, "8.8.8.8", "tcp/22") == ("denied" if enabled else "allowed")


def test_one_nic_without_the_flag_leaves_undecided() -> None:
    half = vm(nics={"net0": {"firewall": 1}, "net1": {"firewall": 0}})
    assert "net1" in verdict(half, "8.8.8.8", Ports(22)).why
    only = vm(accept(iface="net0"), nics={"net0": {"firewall": 1}})
    assert answer(only, "8.8.8.8", "tcp/22") == "allowed"


def test_ping_is_not_let_in_by_itself() -> None:
    assert answer(vm(), "8.8.8.8", "icmp") == "denied"


def test_dhcp_is_let_in_where_the_option_is_on() -> None:
    assert answer(vm(), "8.8.8.8", "udp/68") == "denied"
    assert answer(vm(options={**ON, "dhcp": 1}), "8.8.8.8", "udp/68") == "undecided"


def test_policies_are_those_of_the_vm_and_for_nodes_those_of_the_cluster() -> None:
    assert answer(vm(options={**ON, "policy_in": "ACCEPT"}), "8.8.8.8", "tcp/1") == "allowed"
    assert answer(node(), "8.8.8.8", "tcp/1") == "denied"
    assert answer(node(options={"enable": 0}), "8.8.8.8", "tcp/1") == "allowed"
    assert vm(options={**ON, "policy_out": "DROP"}).outgoing == ("policy_out is DROP",)
    assert vm({**accept(action="DROP"), "type": "out"}).outgoing == ("rule 0: OUT DROP",)


def test_a_node_is_open_to_its_own_network_behind_its_rules() -> None:
    aliases = [{"name": "local_network", "cidr": "192.168.100.0/24"}]
    assert answer(node(), "192.168.100.7", "tcp/8006") == "undecided"
    assert answer(node(aliases=aliases), "192.168.100.7", "tcp/8006") == "allowed"
    assert answer(node(aliases=aliases), "8.8.8.8", "tcp/8006") == "denied"
    closed = {"type": "in", "action": "DROP", "enable": 1, "proto": "tcp", "dport": "22,3128,5900:5999,8006"}
    assert answer(node(closed, aliases=aliases), "192.168.100.7", "tcp/8006") == "denied"
    management = [{"name": "management", "cidrs": ["203.0.113.0/24"]}]
    assert answer(node(aliases=aliases, ipsets=management), "203.0.113.5", "tcp/22") == "allowed"


def test_rules_of_a_node_come_before_those_of_the_cluster() -> None:
    deny = {**accept(proto="tcp", dport="22"), "action": "DROP"}
    assert answer(node(deny, rules=[accept(proto="tcp", dport="22")]), "8.8.8.8", "tcp/22") == "denied"


def test_a_rule_reads_as_in_the_files_of_proxmox() -> None:
    rule = accept(macro="SSH", source="+dc/admins", comment="admin-ssh")
    assert text_of(rule) == "IN SSH(ACCEPT) -source +dc/admins # admin-ssh"


def test_every_mistake_is_told_at_once() -> None:
    with pytest.raises(InvalidInput) as caught:
        read({"options": [], "nodes": {"pve": []}, "vms": []})
    assert [problem.field for problem in caught.value.problems] == ["vms", "options", "nodes.pve"]
