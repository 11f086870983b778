"""What real ufw 0.36.2 wrote for one set of rules, read back (tests/data/reach/ufw)."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput
from ansible_collections.autolabs.platform.plugins.module_utils.net.ports import Ports
from ansible_collections.autolabs.platform.plugins.module_utils.reach.hosts.firewall import (
    HostFirewall,
    described,
    verdict,
)
from ansible_collections.autolabs.platform.plugins.module_utils.reach.hosts.iptables import read_rules
from ansible_collections.autolabs.platform.plugins.module_utils.reach.hosts.sets import Difference, differences
from ansible_collections.autolabs.platform.plugins.module_utils.reach.hosts.ufw import read_status

DATA = Path(__file__).parents[5] / "data" / "reach" / "ufw"
OWN = ("192.168.100.20", "fd00:1::20")


def text(name: str) -> str:
    return (DATA / name).read_text(encoding="utf-8")


def status(name: str) -> HostFirewall:
    return read_status(text(name), "database-vm", OWN)


def rules(firewall: HostFirewall) -> list[str]:
    return [f"{described(rule)}{' # ' * bool(rule.flow)}{rule.flow}" for rule in firewall.rules]


WRITTEN = [
    "deny tcp/22 from 192.0.2.9/32 # Стоп",
    "allow tcp/22 from anywhere # admin-ssh",
    "allow tcp/5432 from 192.168.100.0/24 # worker-postgresql",
    "allow tcp/80 from 10.0.0.0/8 # web # pages",
    "allow tcp/443 from 10.0.0.0/8 # web # pages",
    "allow tcp/8000-8010 from 10.0.0.0/8 # web # pages",
    "allow tcp/53 from anywhere",
    "allow udp/53 from anywhere",
    "allow tcp/2222 from anywhere # guests",
    "deny everything from 203.0.113.66/32",
    "deny tcp/113 from anywhere",
    "allow tcp/9000 from 0.0.0.0/0 to 192.168.100.20/32 by eth0",
    "allow tcp/5432 from fd00:1::/64",
    "allow everything from anywhere by wg0",
    "allow esp from 198.51.100.7/32",
    "allow udp/1-65535 from 10.0.0.5/32",
    "allow tcp/1-65535 from 10.0.0.9/32",
    "allow tcp/22 from anywhere",
    "allow tcp/80 from anywhere",
    "allow tcp/443 from anywhere",
    "allow tcp/8443 from anywhere",
]


def test_every_rule_of_verbose_status_is_read() -> None:
    firewall = status("status-verbose.txt")
    assert rules(firewall) == WRITTEN
    assert (firewall.default, firewall.enabled, firewall.program) == ("deny", True, "ufw")


def test_remarks_and_places_are_kept() -> None:
    firewall = status("status-numbered.txt")
    notes = {note.place: note for note in firewall.notes}
    assert "5 connections" in notes["rule 6"].remark
    assert "refused" in notes["rule 8"].remark
    assert notes["rule 12"].condition == "it comes from port 123"
    assert "application profile WWW Full" in notes["rule 15"].condition


def test_what_goes_out_or_through_is_kept_as_text() -> None:
    firewall = status("status-verbose.txt")
    assert [line.split()[1:3] for line in firewall.outgoing] == [["DENY", "OUT"]]
    assert [line.split()[0] for line in firewall.unread] == ["10.2.0.0/16", "Anywhere"]


def test_a_status_without_defaults_leaves_them_open() -> None:
    assert status("status.txt").default == status("status-numbered.txt").default == ""


def test_a_profile_without_ports_leaves_undecided() -> None:
    short = status("status.txt")
    assert verdict(short, "8.8.8.8", Ports(443), interface="eth0").answer == "undecided"
    assert verdict(status("status-verbose.txt"), "8.8.8.8", Ports(443), interface="eth0").answer == "allowed"


def test_an_inactive_ufw_lets_everything_in() -> None:
    firewall = status("status-inactive.txt")
    assert (firewall.enabled, verdict(firewall, "8.8.8.8", Ports(22)).answer) == (False, "allowed")


def test_status_files_and_kernel_say_the_same() -> None:
    files = read_rules(text("user.rules"), text("user6.rules"), host="database-vm", addresses=OWN, default="deny")
    kernel = read_rules(text("iptables-save.txt"), text("ip6tables-save.txt"), host="database-vm", addresses=OWN)
    shown = status("status-verbose.txt")
    assert differences(shown, files) == differences(files, kernel) == Difference()
    assert rules(files) == WRITTEN


@pytest.mark.parametrize(
    ("to", "destination", "ports"),
    [
        ("6379:6380/tcp", "", "tcp/6379-6380"),
        ("fd00::1 6379:6380/tcp", "fd00::1/128", "tcp/6379-6380"),
        ("::1 53/udp", "::1/128", "udp/53"),
    ],
)
def test_a_range_of_ports_is_told_from_an_address(to: str, destination: str, ports: str) -> None:
    (rule,) = read_status(f"Status: active\n\nTo Action From\n-- ------ ----\n{to} ALLOW fd01::/64\n").rules
    assert (rule.destination, str(rule.ports)) == (destination, ports)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ("", "no line `Status: active`"),
        ("Zustand: Aktiv\n", "LC_ALL=C"),
        ("Status: active\n\nTo Action From\n-- ------ ----\nsomething else\n", "line 5|:5: this is no rule"),
        ("Status: active\n\nTo Action From\n-- ------ ----\n99999/tcp ALLOW Anywhere\n", "not within 1 to 65535"),
        ("Status: active\n\nTo Action From\n-- ------ ----\n300.1.1.1 22/tcp ALLOW Anywhere\n", "300.1.1.1"),
    ],
)
def test_what_ufw_never_writes_is_refused(wrong: str, told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        read_status(wrong, "database-vm")
