"""What a machine's packet filter says, as the audit reads it."""

from __future__ import annotations

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.audit.live import read_live, without_the_clusters_own
from ansible_collections.autolabs.platform.plugins.module_utils.flows.flow import Host
from ansible_collections.autolabs.platform.plugins.module_utils.net.ports import Ports
from ansible_collections.autolabs.platform.plugins.module_utils.reach.hosts.firewall import verdict

HOST = Host("k8s-1", ("192.168.100.31",))
NAT_ONLY = "*nat\n:PREROUTING ACCEPT [0:0]\nCOMMIT\n"
USER_RULES = "*filter\n:ufw-user-input - [0:0]\n-A ufw-user-input -p tcp --dport 22 -j ACCEPT\nCOMMIT\n"
KERNEL = "*filter\n:INPUT DROP [0:0]\n{lines}COMMIT\n"


def answer(given: object, port: int) -> str:
    firewall = read_live({"ufw": {"k8s-1": given}}, [HOST]).firewalls["k8s-1"]
    return verdict(firewall, "8.8.8.8", Ports(port)).answer


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (NAT_ONLY, "allowed"),
        ({"iptables": NAT_ONLY, "status": "Status: inactive\n"}, "allowed"),
        ({"iptables": USER_RULES, "status": "Status: inactive\n"}, "allowed"),
        ({"iptables": KERNEL.format(lines=""), "status": "Status: inactive\n"}, "denied"),
        ({"iptables": USER_RULES, "status": "Status: active\n"}, "denied"),
        (USER_RULES, "denied"),
        ("Status: inactive\n", "allowed"),
    ],
)
def test_what_is_off_lets_everything_in(given: object, expected: str) -> None:
    assert answer(given, 6443) == expected


def test_only_chains_that_the_cluster_has_are_left_out() -> None:
    ours = "-A INPUT -j KUBE-X\n-A KUBE-X -p tcp -m tcp --dport 10250 -j ACCEPT\n"
    assert answer(KERNEL.format(lines=f":KUBE-X - [0:0]\n{ours}"), 10250) == "allowed"
    kept = '-A INPUT -p tcp --dport 1 -m comment --comment "-j cali-INPUT" -j ACCEPT\n-A INPUT -j cali-INPUT2\n'
    assert without_the_clusters_own(f"{kept}-A INPUT -m comment -j cali-INPUT\n-A INPUT -j KUBE-NODEPORTS\n") == kept
