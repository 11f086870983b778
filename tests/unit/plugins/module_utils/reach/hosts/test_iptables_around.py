"""Ways around INPUT and our own chains: what stands in other tables, and in chains with names like the cluster's."""

from __future__ import annotations

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput
from ansible_collections.autolabs.platform.plugins.module_utils.net.ports import Ports
from ansible_collections.autolabs.platform.plugins.module_utils.net.rules import INPUT, PUBLISHED
from ansible_collections.autolabs.platform.plugins.module_utils.reach.hosts.firewall import HostFirewall, verdict
from ansible_collections.autolabs.platform.plugins.module_utils.reach.hosts.iptables import read_rules
from ansible_collections.autolabs.platform.plugins.module_utils.reach.verdict import Step

# A machine of a cluster with our chains, as iptables-save shows it, shortened.
NODE = """\
*raw
:PREROUTING ACCEPT [0:0]
:cali-PREROUTING - [0:0]
{raw}-A PREROUTING -m comment --comment "cali:6gwbT8clXdHdC1b1" -j cali-PREROUTING
-A cali-PREROUTING -i cali+ -j MARK --set-xmark 0x40000/0x40000
-A cali-PREROUTING -m mark --mark 0x40000/0x40000 -m rpfilter --validmark --invert -j DROP
COMMIT
*mangle
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:cali-PREROUTING - [0:0]
:autolabs-published - [0:0]
:autolabs-forwarded - [0:0]
-A PREROUTING -m comment --comment "cali:6gwbT8clXdHdC1b1" -j cali-PREROUTING
{early}-A PREROUTING -j autolabs-published
{late}{mangle_input}{mangle_forward}-A FORWARD -j autolabs-forwarded
-A cali-PREROUTING -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A autolabs-published -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN
-A autolabs-published -p tcp -m multiport --dports 443 -m comment --comment web -j RETURN
-A autolabs-published -p tcp -m tcp --dport 30000:32767 -j DROP
-A autolabs-published -j CONNMARK --set-xmark 0x800000/0x800000
{forwarded}-A autolabs-forwarded -m conntrack --ctstate NEW -m connmark --mark 0x800000/0x800000 -j DROP
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:KUBE-SERVICES - [0:0]
:KUBE-NODEPORTS - [0:0]
{nat}-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A KUBE-SERVICES -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS
-A KUBE-NODEPORTS -p tcp -m tcp --dport 31030 -j DNAT --to-destination 10.244.1.1:8080
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:cali-FORWARD - [0:0]
{forward}-A FORWARD -j cali-FORWARD
-A FORWARD -m comment --comment "Policy explicitly accepted packet." -m mark --mark 0x10000/0x10000 -j ACCEPT
-A INPUT -p tcp -m tcp --dport 22 -m comment --comment admin-ssh -j ACCEPT
COMMIT
"""
PLACES = ("raw", "early", "late", "mangle_input", "mangle_forward", "forwarded", "nat", "forward")
SOMEBODY, OTHERS = "198.51.100.7", "8.8.8.8"
SSH, API, WEB, NODE_PORT, UNPUBLISHED = "tcp/22", "tcp/6443", "tcp/443", "tcp/31030", "tcp/9999"


def node(**lines: str) -> HostFirewall:
    text = NODE.format(**{place: f"{lines[place]}\n" if place in lines else "" for place in PLACES})
    return read_rules(text, host="k8s-1", addresses=("192.168.100.31",))


def step(firewall: HostFirewall, source: str, asked: str, chain: str = INPUT) -> Step:
    return verdict(firewall, source, Ports.parse(asked), chain)


def test_what_the_cluster_writes_into_other_tables_says_nothing() -> None:
    firewall = node()
    assert [entry for chain in (INPUT, PUBLISHED) for entry in firewall.built_in if entry.rule.chain == chain] == []
    expected = {(SSH, INPUT): "allowed", (API, INPUT): "denied", (WEB, PUBLISHED): "allowed"} | {
        (NODE_PORT, PUBLISHED): "denied",
        (UNPUBLISHED, PUBLISHED): "denied",
    }
    assert {(asked, chain): step(firewall, SOMEBODY, asked, chain).answer for asked, chain in expected} == expected


@pytest.mark.parametrize(
    ("place", "line", "source", "asked", "chain", "expected"),
    [
        ("early", "-A PREROUTING -s 198.51.100.0/24 -j ACCEPT", SOMEBODY, NODE_PORT, PUBLISHED, "allowed"),
        ("early", "-A PREROUTING -s 198.51.100.0/24 -j ACCEPT", SOMEBODY, UNPUBLISHED, PUBLISHED, "allowed"),
        ("early", "-A PREROUTING -s 198.51.100.0/24 -j ACCEPT", OTHERS, NODE_PORT, PUBLISHED, "denied"),
        ("early", "-A PREROUTING -s 198.51.100.0/24 -j ACCEPT", SOMEBODY, API, INPUT, "denied"),
        ("early", "-A PREROUTING -s 198.51.100.0/24 -j RETURN", SOMEBODY, NODE_PORT, PUBLISHED, "allowed"),
        ("early", "-A PREROUTING -m mark --mark 0x1 -j ACCEPT", SOMEBODY, NODE_PORT, PUBLISHED, "undecided"),
        ("early", "-A PREROUTING -p tcp -m tcp --dport 22 -j DROP", SOMEBODY, SSH, INPUT, "denied"),
        ("late", "-A PREROUTING -s 198.51.100.0/24 -j ACCEPT", SOMEBODY, NODE_PORT, PUBLISHED, "denied"),
        ("late", "-A PREROUTING -p tcp -m tcp --dport 443 -j DROP", SOMEBODY, WEB, PUBLISHED, "denied"),
        ("late", "-A PREROUTING -j CONNMARK --save-mark", SOMEBODY, UNPUBLISHED, PUBLISHED, "undecided"),
        ("late", "-A PREROUTING -j CONNMARK --restore-mark", SOMEBODY, UNPUBLISHED, PUBLISHED, "denied"),
        ("late", "-A PREROUTING -j DSCP --set-dscp 0x10", SOMEBODY, WEB, PUBLISHED, "allowed"),
        ("raw", "-A PREROUTING -p tcp -m tcp --dport 22 -j DROP", SOMEBODY, SSH, INPUT, "denied"),
        ("raw", "-A PREROUTING -p tcp -m tcp --dport 443 -j DROP", SOMEBODY, WEB, PUBLISHED, "denied"),
        ("raw", "-A PREROUTING -s 198.51.100.0/24 -j ACCEPT", SOMEBODY, API, INPUT, "denied"),
        (
            "raw",
            "-A PREROUTING -s 198.51.100.0/24 -j ACCEPT\n-A PREROUTING -j DROP",
            SOMEBODY,
            SSH,
            INPUT,
            "undecided",
        ),
        ("raw", "-A PREROUTING -s 198.51.100.0/24 -j ACCEPT\n-A PREROUTING -j DROP", OTHERS, SSH, INPUT, "undecided"),
        ("raw", "-A PREROUTING -d 172.17.0.2/32 ! -i docker0 -j DROP", SOMEBODY, SSH, INPUT, "allowed"),
        ("raw", "-A PREROUTING -p tcp -j NFQUEUE --queue-num 1", SOMEBODY, SSH, INPUT, "undecided"),
        ("mangle_input", "-A INPUT -p tcp -m tcp --dport 22 -j DROP", SOMEBODY, SSH, INPUT, "denied"),
        ("mangle_input", "-A INPUT -p tcp -m tcp --dport 443 -j DROP", SOMEBODY, WEB, PUBLISHED, "allowed"),
        ("mangle_input", "-A INPUT -s 198.51.100.0/24 -j ACCEPT", SOMEBODY, API, INPUT, "denied"),
        ("mangle_forward", "-A FORWARD -s 198.51.100.0/24 -j DROP", SOMEBODY, WEB, PUBLISHED, "denied"),
        ("mangle_forward", "-A FORWARD -s 198.51.100.0/24 -j DROP", SOMEBODY, SSH, INPUT, "allowed"),
        ("mangle_forward", "-A FORWARD -o cali+ -p tcp --dport 8443 -j DROP", SOMEBODY, WEB, PUBLISHED, "undecided"),
        ("mangle_forward", "-A FORWARD -s 198.51.100.0/24 -j ACCEPT", SOMEBODY, UNPUBLISHED, PUBLISHED, "allowed"),
        ("mangle_forward", "-A FORWARD -s 198.51.100.0/24 -j ACCEPT", SOMEBODY, NODE_PORT, PUBLISHED, "denied"),
        ("forwarded", "-A autolabs-forwarded -o cali1 -j RETURN", SOMEBODY, UNPUBLISHED, PUBLISHED, "undecided"),
        ("forward", "-A FORWARD -s 198.51.100.0/24 -j DROP", SOMEBODY, WEB, PUBLISHED, "denied"),
        (
            "nat",
            "-A PREROUTING -p tcp -m tcp --dport 22 -j REDIRECT --to-ports 6443",
            SOMEBODY,
            SSH,
            INPUT,
            "undecided",
        ),
        (
            "nat",
            "-A PREROUTING -p tcp -m tcp --dport 9000 -j REDIRECT --to-ports 22",
            SOMEBODY,
            "tcp/9000",
            INPUT,
            "undecided",
        ),
        (
            "nat",
            "-A PREROUTING -p tcp -m tcp --dport 443 -j DNAT --to-destination 10.244.1.1:5672",
            SOMEBODY,
            WEB,
            PUBLISHED,
            "undecided",
        ),
        (
            "nat",
            "-A PREROUTING -p tcp -m tcp --dport 9999 -j DNAT --to-destination 10.244.1.1:5672",
            SOMEBODY,
            UNPUBLISHED,
            PUBLISHED,
            "denied",
        ),
        ("nat", "-A PREROUTING -p tcp -m tcp --dport 443 -j ACCEPT", SOMEBODY, WEB, PUBLISHED, "undecided"),
    ],
)
def test_a_rule_of_another_table_counts(
    place: str, line: str, source: str, asked: str, chain: str, expected: str
) -> None:
    found = step(node(**{place: line}), source, asked, chain)
    usual = step(node(), source, asked, chain)
    assert found.answer == expected
    if found.answer == "undecided" or found.answer != usual.answer:
        assert any(one in f"{found.rule} {found.why}" for one in line.splitlines())


def test_a_rule_of_another_table_is_named_with_the_table() -> None:
    found = step(node(raw="-A PREROUTING -p tcp -m tcp --dport 22 -j DROP"), SOMEBODY, SSH)
    assert found.rule.startswith("table raw, PREROUTING rule 1: -A PREROUTING -p tcp")


def test_the_policy_of_another_table_counts() -> None:
    dropping = NODE.replace("*raw\n:PREROUTING ACCEPT", "*raw\n:PREROUTING DROP").format(**dict.fromkeys(PLACES, ""))
    assert step(read_rules(dropping), SOMEBODY, SSH).answer == "denied"


def test_a_chain_of_somebodys_own_is_followed_in_other_tables_too() -> None:
    lines = ":guests - [0:0]\n-A PREROUTING -s 198.51.100.0/24 -j guests\n-A guests -p tcp -m tcp --dport 22 -j DROP"
    assert step(node(raw=lines), SOMEBODY, SSH).answer == "denied"
    assert step(node(raw=lines), OTHERS, SSH).answer == "allowed"


def test_a_hook_for_some_packets_closes_nothing() -> None:
    text = NODE.replace("-A PREROUTING -j autolabs-published", "-A PREROUTING -i eth1 -j autolabs-published")
    firewall = read_rules(text.format(**dict.fromkeys(PLACES, "")))
    assert step(firewall, SOMEBODY, NODE_PORT, PUBLISHED).answer == "allowed"


@pytest.mark.parametrize("place", ["raw", "mangle_forward"])
def test_a_circle_of_chains_in_another_table_is_refused(place: str) -> None:
    hook = "FORWARD" if place == "mangle_forward" else "PREROUTING"
    with pytest.raises(InvalidInput, match="leads back to itself"):
        node(**{place: f":one - [0:0]\n-A {hook} -j one\n-A one -j one"})


def test_both_families_say_it_once() -> None:
    line = "-A PREROUTING -p tcp -m tcp --dport 22 -j DROP"
    text = NODE.format(**{place: f"{line}\n" if place == "raw" else "" for place in PLACES})
    firewall = read_rules(text, text.replace("10.244.1.1", "fd00::1"))
    assert [entry.rule.source for entry in firewall.built_in if entry.rule.chain == INPUT] == [""]
    assert step(firewall, "2001:db8::1", SSH).answer == "denied"


def test_a_kernel_without_table_filter_accepts_everything() -> None:
    text = "*nat\n:PREROUTING ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\nCOMMIT\n"
    firewall = read_rules(text, default="deny")
    assert step(firewall, SOMEBODY, API).answer == "allowed"
    assert step(firewall, SOMEBODY, NODE_PORT, PUBLISHED).answer == "allowed"
    files = "*mangle\n:autolabs-published - [0:0]\nCOMMIT\n"
    assert step(read_rules(files, default="deny"), SOMEBODY, API).answer == "denied"
