"""Rules as iptables has them: every line counts, and one that is not understood is never passed over."""

from __future__ import annotations

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput
from ansible_collections.autolabs.platform.plugins.module_utils.net.ports import Ports
from ansible_collections.autolabs.platform.plugins.module_utils.net.rules import INPUT, PUBLISHED
from ansible_collections.autolabs.platform.plugins.module_utils.reach.hosts.firewall import HostFirewall, verdict
from ansible_collections.autolabs.platform.plugins.module_utils.reach.hosts.iptables import read_rules

HOOKED = ":PREROUTING ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n-A PREROUTING -j autolabs-published\n" + (
    "-A FORWARD -j autolabs-forwarded\n"
)
PUBLISHED_TABLE = """\
*mangle
{hooks}:autolabs-published - [0:0]
:autolabs-forwarded - [0:0]
-A autolabs-published -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN
-A autolabs-published -i lo -j RETURN
-A autolabs-published -m addrtype ! --dst-type LOCAL -j RETURN
-A autolabs-published -s 203.0.113.0/24 -p tcp -m multiport --dports 80,443 -m comment --comment web -j RETURN
-A autolabs-published -p tcp -m multiport --dports 30000:32767 -m comment --comment lab-access -j RETURN
-A autolabs-published -p tcp -m tcp --dport 80 -j DROP
-A autolabs-published -p udp -m udp --dport 30000:32767 -j DROP
-A autolabs-published -j CONNMARK --set-xmark 0x800000/0x800000
-A autolabs-forwarded -m conntrack --ctstate NEW -m connmark --mark 0x800000/0x800000 -j DROP
COMMIT
"""
TABLES = "*filter\n:INPUT {policy} [0:0]\n{lines}\nCOMMIT\n"


def read(lines: str, policy: str = "DROP", **given: str) -> HostFirewall:
    return read_rules(TABLES.format(policy=policy, lines=lines), host="k8s-1", addresses=("192.168.100.31",), **given)


def answer(firewall: HostFirewall, source: str, asked: str, chain: str = INPUT) -> str:
    return verdict(firewall, source, Ports.parse(asked), chain).answer


@pytest.mark.parametrize(
    ("line", "source", "asked", "expected"),
    [
        ("-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT", "8.8.8.8", "tcp/22", "allowed"),
        ("-A INPUT --protocol tcp --destination-port 22 --jump ACCEPT", "8.8.8.8", "tcp/22", "allowed"),
        ("-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT", "8.8.8.8", "tcp/23", "denied"),
        (
            "-A INPUT -s 10.0.0.0/8 -p tcp -m multiport --dports 80,8000:8010 -j ACCEPT",
            "10.1.1.1",
            "tcp/8005",
            "allowed",
        ),
        (
            "-A INPUT -s 10.0.0.0/8 -p tcp -m multiport --dports 80,8000:8010 -j ACCEPT",
            "11.1.1.1",
            "tcp/8005",
            "denied",
        ),
        ("-A INPUT -d 192.168.100.99/32 -j ACCEPT", "8.8.8.8", "tcp/22", "denied"),
        ("-A INPUT -d 192.168.100.31/32 -j ACCEPT", "8.8.8.8", "tcp/22", "allowed"),
        ("-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT", "8.8.8.8", "tcp/22", "denied"),
        ("-A INPUT -m state --state NEW -j ACCEPT", "8.8.8.8", "tcp/22", "allowed"),
        ("-A INPUT -m conntrack ! --ctstate RELATED,ESTABLISHED -j ACCEPT", "8.8.8.8", "tcp/22", "allowed"),
        ("-A INPUT -m addrtype --dst-type LOCAL -j ACCEPT", "8.8.8.8", "tcp/22", "allowed"),
        ("-A INPUT -m addrtype ! --dst-type LOCAL -j ACCEPT", "8.8.8.8", "tcp/22", "denied"),
        ("-A INPUT -p icmp -m icmp --icmp-type 8 -j ACCEPT", "8.8.8.8", "icmp", "allowed"),
        ("-A INPUT -p icmp -m icmp --icmp-type 3 -j ACCEPT", "8.8.8.8", "icmp", "denied"),
        ("-A INPUT -p 112 -j ACCEPT", "8.8.8.8", "vrrp", "allowed"),
        ("-A INPUT -p igmp -j ACCEPT", "8.8.8.8", "tcp/22", "denied"),
        ("-A INPUT -i lo -j ACCEPT", "8.8.8.8", "tcp/22", "denied"),
        ("-A INPUT ! -i lo -j ACCEPT", "8.8.8.8", "tcp/22", "allowed"),
        ("-A INPUT -o eth0 -j ACCEPT", "8.8.8.8", "tcp/22", "denied"),
        ("-A INPUT -p tcp --syn -j ACCEPT", "8.8.8.8", "tcp/22", "allowed"),
        # What no question tells.
        ("-A INPUT -m set --match-set office src -j ACCEPT", "8.8.8.8", "tcp/22", "undecided"),
        ("-A INPUT -m owner --uid-owner 0 -j ACCEPT", "8.8.8.8", "tcp/22", "undecided"),
        ("-A INPUT ! -s 10.0.0.0/8 -j ACCEPT", "8.8.8.8", "tcp/22", "undecided"),
        ("-A INPUT -p tcp -m limit --limit 3/min -j ACCEPT", "8.8.8.8", "tcp/22", "undecided"),
        ("-A INPUT -p udp --sport 67 --dport 68 -j ACCEPT", "8.8.8.8", "udp/68", "undecided"),
        ("-A INPUT -j NFQUEUE --queue-num 1", "8.8.8.8", "tcp/22", "undecided"),
        ("-A INPUT -j elsewhere", "8.8.8.8", "tcp/22", "undecided"),
        # What changes nothing.
        ('-A INPUT -j LOG --log-prefix "[in] "\n-A INPUT -j ACCEPT', "8.8.8.8", "tcp/22", "allowed"),
        ("-A INPUT -m limit --limit 3/min -j DROP", "8.8.8.8", "tcp/22", "denied"),
    ],
)
def test_a_line_is_for_the_packets_that_it_names(line: str, source: str, asked: str, expected: str) -> None:
    assert answer(read(line), source, asked) == expected


def test_a_jump_leads_to_another_chain_and_back() -> None:
    lines = (
        ":guests - [0:0]\n-A INPUT -s 10.0.0.0/8 -p tcp -j guests\n-A INPUT -s 10.9.0.0/16 -j ACCEPT\n"
        "-A guests -p tcp --dport 22 -j DROP\n-A guests -s 10.1.0.0/16 -p tcp --dport 20:25 -j ACCEPT\n"
    )
    firewall = read(lines)
    expected = {
        ("10.1.1.1", "tcp/22"): "denied",
        ("10.1.1.1", "tcp/23"): "allowed",
        ("10.9.1.1", "tcp/22"): "denied",
        ("10.9.1.1", "tcp/23"): "allowed",
        ("10.2.1.1", "tcp/23"): "denied",
        ("10.9.1.1", "udp/23"): "allowed",
    }
    assert {asked: answer(firewall, *asked) for asked in expected} == expected
    assert verdict(firewall, "10.1.1.1", Ports(23)).rule.startswith("guests rule 2: -A guests")


def test_what_leaves_a_chain_meets_no_more_of_it() -> None:
    always = ":one - [0:0]\n-A INPUT -j one\n-A one -j RETURN\n-A one -j ACCEPT\n"
    assert answer(read(always), "8.8.8.8", "tcp/22") == "denied"
    sometimes = ":one - [0:0]\n-A INPUT -j one\n-A one -s 10.0.0.0/8 -j RETURN\n-A one -j ACCEPT\n"
    assert answer(read(sometimes), "8.8.8.8", "tcp/22") == "undecided"
    gone = ":one - [0:0]\n-A INPUT -g one\n-A INPUT -j ACCEPT\n"
    assert answer(read(gone), "8.8.8.8", "tcp/22") == "denied"


def test_a_circle_of_chains_is_refused() -> None:
    with pytest.raises(InvalidInput, match="leads back to itself"):
        read(":one - [0:0]\n-A INPUT -j one\n-A one -j INPUT\n")


@pytest.mark.parametrize("line", ["-A INPUT -p tcp --dport ssh -j ACCEPT", "-A INPUT -s 300.0.0.1 -j ACCEPT", "what?"])
def test_what_cannot_be_read_is_told_with_its_line(line: str) -> None:
    with pytest.raises(InvalidInput, match="iptables of k8s-1:3: "):
        read(line)


def test_the_name_of_a_flow_is_the_comment() -> None:
    firewall = read('-A INPUT -p tcp --dport 22 -m comment --comment "admin-ssh" -j ACCEPT')
    assert verdict(firewall, "8.8.8.8", Ports(22)).flow == "admin-ssh"


def test_the_family_that_was_not_given_is_undecided() -> None:
    firewall = read("-A INPUT -p tcp --dport 22 -j ACCEPT")
    assert answer(firewall, "2001:db8::1", "tcp/22") == "undecided"


def test_a_policy_of_its_own_for_ipv6_counts() -> None:
    six = TABLES.format(policy="ACCEPT", lines="")
    firewall = read("", ipv6=six)
    assert (answer(firewall, "8.8.8.8", "tcp/1"), answer(firewall, "2001:db8::1", "tcp/1")) == ("denied", "allowed")


@pytest.mark.parametrize("hooks", ["", HOOKED])
def test_published_ports_are_for_named_sources(hooks: str) -> None:
    firewall = read_rules(PUBLISHED_TABLE.format(hooks=hooks), host="k8s-1")
    expected = {
        ("203.0.113.5", "tcp/80"): "allowed",
        ("8.8.8.8", "tcp/80"): "denied",
        ("8.8.8.8", "tcp/30022"): "allowed",
        ("8.8.8.8", "udp/30022"): "denied",
        # A port that no flow publishes, though something is behind it.
        ("8.8.8.8", "tcp/9999"): "denied",
    }
    assert {asked: answer(firewall, *asked, PUBLISHED) for asked in expected} == expected
    assert verdict(firewall, "8.8.8.8", Ports(30022), PUBLISHED).flow == "lab-access"
    assert [rule.flow for rule in firewall.rules] == ["web", "web", "lab-access"]


def test_a_chain_that_nothing_leads_to_closes_nothing() -> None:
    unhooked = HOOKED.replace("-A PREROUTING -j autolabs-published\n", "")
    firewall = read_rules(PUBLISHED_TABLE.format(hooks=unhooked), host="k8s-1")
    assert answer(firewall, "8.8.8.8", "udp/30022", PUBLISHED) == "allowed"


def test_table_filter_alone_tells_nothing_of_published_ports() -> None:
    assert answer(read(""), "8.8.8.8", "tcp/30022", PUBLISHED) == "undecided"


def test_marks_of_calico_mean_nothing_without_its_own_policies() -> None:
    lines = ":cali-INPUT - [0:0]\n-A INPUT -j cali-INPUT\n-A cali-INPUT -m mark --mark 0x10000/0x10000 -j ACCEPT\n"
    assert answer(read(lines), "8.8.8.8", "tcp/22") == "denied"
    assert answer(read(f":cali-fh-eth0 - [0:0]\n{lines}"), "8.8.8.8", "tcp/22") == "undecided"


def test_what_pods_may_send_is_said_by_their_policies_and_not_by_the_chains_that_calico_makes_of_them() -> None:
    chains = ("INPUT", "wl-to-host", "from-wl-dispatch", "fw-cali12345")
    lines = "\n".join(
        [
            *(f":cali-{name} - [0:0]" for name in chains),
            "-A INPUT -j cali-INPUT",
            "-A INPUT -p tcp -m tcp --dport 6443 -j ACCEPT",
            "-A cali-INPUT -i cali+ -g cali-wl-to-host",
            "-A cali-wl-to-host -j cali-from-wl-dispatch",
            "-A cali-wl-to-host -j RETURN",
            "-A cali-from-wl-dispatch -i cali12345 -g cali-fw-cali12345",
            '-A cali-from-wl-dispatch -m comment --comment "Unknown interface" -j DROP',
            "-A cali-fw-cali12345 -j DROP",
        ]
    )
    from_a_pod = verdict(read(lines), "10.244.0.7", Ports(6443), INPUT, interface="cali+")
    assert from_a_pod.answer == "allowed"
    assert answer(read(lines), "8.8.8.8", "tcp/6443") == "allowed"


def test_rules_for_what_goes_out_are_kept() -> None:
    assert read("-A OUTPUT -d 10.0.0.1/32 -j DROP").outgoing == ("-A OUTPUT -d 10.0.0.1/32 -j DROP",)


def test_an_empty_text_is_no_firewall() -> None:
    with pytest.raises(InvalidInput, match="the text is empty"):
        read_rules("", host="k8s-1")
