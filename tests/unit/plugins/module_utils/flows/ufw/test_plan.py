"""What changes on a host, in words, and how the kernel is brought there and back."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.flows.ufw import kernel as ufw_kernel
from ansible_collections.autolabs.platform.plugins.module_utils.flows.ufw.files import user_rules
from ansible_collections.autolabs.platform.plugins.module_utils.flows.ufw.plan import (
    BEFORE,
    CONF,
    DEFAULTS,
    INIT,
    READ,
    USER,
    BadRules,
    Host,
    host_rule,
    plan,
    unreachable,
)
from ansible_collections.autolabs.platform.plugins.module_utils.net.ports import Ports
from ansible_collections.autolabs.platform.plugins.module_utils.net.rules import PUBLISHED, HostRule

SSH = HostRule("192.0.2.0/24", Ports(22), flow="admin-ssh")
WEB = [HostRule("", Ports(80), flow="web"), HostRule("", Ports(443), flow="web")]
LABS = HostRule("", Ports(30000, "TCP", 32767), chain=PUBLISHED, flow="lab-access")
BEFORE_TEXT = """\
*filter
:ufw{0}-before-input - [0:0]
:ufw{0}-before-output - [0:0]
:ufw{0}-before-forward - [0:0]
-A ufw{0}-before-input -i lo -j ACCEPT
-A ufw{0}-before-input -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
COMMIT
"""
AFTER_TEXT = "*filter\n:ufw{0}-after-input - [0:0]\nCOMMIT\n"
BUILTIN = "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n"


def installed() -> Host:
    """ufw as Debian installs it, off."""
    files = {
        CONF: "# Set to yes\nENABLED=no\nLOGLEVEL=low\n",
        DEFAULTS: 'IPV6=yes\nDEFAULT_INPUT_POLICY="DROP"\nDEFAULT_OUTPUT_POLICY="ACCEPT"\n'
        'DEFAULT_FORWARD_POLICY="DROP"\nMANAGE_BUILTINS=no\n',
        INIT: '#!/bin/sh\nset -e\n\ncase "$1" in\nesac\n',
        USER[4]: user_rules([], 4),
        USER[6]: user_rules([], 6),
    }
    for path in READ:
        text = BEFORE_TEXT if "before" in path else AFTER_TEXT
        files.setdefault(path, text.format("6" if "6" in path else ""))
    return Host(files, {4: BUILTIN, 6: BUILTIN}, starts=False)


def saved(document: str, old: str = "") -> str:
    """What iptables-save would print after a document was loaded over `old`: a kernel in a few lines."""
    tables = ufw_kernel.read(old)
    table = ufw_kernel.Table()
    for line in document.splitlines():
        if line.startswith("*"):
            table = tables.setdefault(line[1:], ufw_kernel.Table())
        elif line.startswith(":"):
            chain, policy = line[1:].split()[:2]
            table.policies[chain] = policy
            if policy == "-" or chain not in table.rules:
                table.rules[chain] = []
        elif line.startswith("-D"):
            table.rules[line.split()[1]].remove(line.split(None, 2)[2])
        elif line.startswith("-X"):
            del table.rules[line.split()[1]], table.policies[line.split()[1]]
        else:
            table.add(line)
    lines = []
    for name, kept in tables.items():
        lines += [f"*{name}", *(f":{chain} {policy} [0:0]" for chain, policy in kept.policies.items())]
        lines += [f"-A {chain} {rule}" for chain, rules in kept.rules.items() for rule in rules] + ["COMMIT"]
    return "\n".join(lines)


def after(host: Host, rules: list[HostRule]) -> Host:
    """The host once a plan was carried out."""
    change = plan(host, rules)
    kernel = {family: saved(change.load.get(family, ""), text) for family, text in host.kernel.items()}
    return Host({**host.files, **change.files}, kernel, starts=True)


def test_the_first_plan_turns_ufw_on_and_tells_every_rule() -> None:
    change = plan(installed(), [SSH, *WEB, LABS])
    assert change.added == [
        "starts at boot: yes",
        "allow tcp 22 from 192.0.2.0/24 (admin-ssh)",
        "allow tcp 80,443 from anywhere (web)",
        "allow tcp 30000:32767 for pods and containers from anywhere (lab-access)",
        "ufw's service: started at boot",
    ]
    assert change.removed == ["starts at boot: no", "ufw's service: not started at boot"]
    assert "ENABLED=yes" in change.files[CONF] and DEFAULTS not in change.files
    assert ":INPUT DROP [0:0]" in change.load[4] and ":INPUT DROP [0:0]" in change.load[6]


def test_a_second_plan_is_empty() -> None:
    done = after(installed(), [SSH, *WEB, LABS])
    change = plan(done, [SSH, *WEB, LABS])
    assert not change.changed and change.before == change.after


@pytest.mark.parametrize(
    ("tuple_line", "told"),
    [
        ("allow tcp 8080 0.0.0.0/0 any 0.0.0.0/0 in", "allow tcp 8080 from anywhere (by hand, in no flow), IPv4 only"),
        ("limit any 22 0.0.0.0/0 any 10.0.0.1 in_eth0", "limit 22 from 10.0.0.1 by in_eth0 (by hand, in no flow)"),
        (
            "deny udp any 10.0.0.1 53 10.0.0.0/8 in comment=6d696e65",
            "deny udp from 10.0.0.0/8 port 53 to 10.0.0.1 (mine)",
        ),
        (
            "allow any any 0.0.0.0/0 any 10.0.0.0/8 WWW%20Full - in",
            "allow everything WWW Full from 10.0.0.0/8 (by hand, in no flow)",
        ),
    ],
)
def test_a_rule_added_by_hand_is_removed_and_told_in_words(tuple_line: str, told: str) -> None:
    done = after(installed(), [SSH])
    added = f"### tuple ### {tuple_line}\n-A ufw-user-input\n\n### END RULES"
    text = done.files[USER[4]].replace("### END RULES", added)
    change = plan(Host({**done.files, USER[4]: text}, done.kernel, starts=True), [SSH])
    assert (change.removed, change.added) == ([told], [])
    assert set(change.files) == {USER[4]}


def test_a_rule_that_somebody_put_into_the_kernel_alone_is_noticed() -> None:
    done = after(installed(), [SSH])
    added = "-I ufw-user-input -p tcp --dport 1 -j ACCEPT\nCOMMIT"
    kernel = {**done.kernel, 4: done.kernel[4].replace("COMMIT", added)}
    change = plan(Host(done.files, kernel, starts=True), [SSH])
    assert (change.files, list(change.load)) == ({}, [4])
    assert change.removed == ["in the kernel: not as in the files"]


def test_what_iptables_save_writes_in_other_words_is_the_same() -> None:
    done = after(installed(), [SSH, HostRule("192.0.2.1/32", Ports(0, "VRRP"), flow="vrrp")])
    other = done.kernel[4].replace("-p tcp --dport 22 -s 192.0.2.0/24", "-s 192.0.2.0/24 -p tcp -m tcp --dport 22")
    other = other.replace("-p vrrp -s 192.0.2.1", "-s 192.0.2.1/32 -p 112")
    assert other != done.kernel[4]
    rules = [SSH, HostRule("192.0.2.1/32", Ports(0, "VRRP"), flow="vrrp")]
    assert not plan(Host(done.files, {**done.kernel, 4: other}, starts=True), rules).changed


def test_calicos_own_hook_may_stand_before_ours() -> None:
    done = after(installed(), [SSH])
    calico = done.kernel[4].replace("-A PREROUTING", "-A PREROUTING -j cali-PREROUTING\n-A PREROUTING", 1)
    assert not plan(Host(done.files, {**done.kernel, 4: calico}, starts=True), [SSH]).changed


@pytest.mark.parametrize("loaded", [True, False], ids=["loaded", "killed before it was loaded"])
def test_the_way_back_ends_where_the_host_was(loaded: bool) -> None:
    on = after(installed(), [SSH])
    change = plan(on, [LABS])
    now = saved(change.load[4], on.kernel[4]) if loaded else on.kernel[4]
    back = saved(change.undo[4], now)
    assert ufw_kernel.read(back) == ufw_kernel.read(on.kernel[4])


def test_the_way_back_from_the_first_change_leaves_no_rule_and_no_policy() -> None:
    change = plan(installed(), [SSH, LABS])
    back = ufw_kernel.read(saved(change.undo[4], saved(change.load[4], BUILTIN)))
    assert {back["filter"].policies[chain] for chain in ("INPUT", "OUTPUT", "FORWARD")} == {"ACCEPT"}
    assert "ufw-user-input" not in back["filter"].policies, "ufw takes itself for running while it is there"
    left = {rule for table in back.values() for rules in table.rules.values() for rule in rules}
    assert all(rule.startswith(("-j ufw-", "-j autolabs-")) for rule in left)


def test_hooks_are_made_once_and_put_in_order() -> None:
    done = after(installed(), [SSH])
    assert done.kernel[4].count("-A INPUT -j ufw-before-input") == 1
    broken = done.kernel[4].replace("-A INPUT -j ufw-before-input\n", "")
    again = after(Host(done.files, {**done.kernel, 4: broken}, starts=True), [SSH])
    assert ufw_kernel.read(again.kernel[4])["filter"].rules["INPUT"][:3] == [
        "-j ufw-before-logging-input",
        "-j ufw-before-input",
        "-j ufw-after-input",
    ]


def test_settings_are_set_and_others_stay() -> None:
    host = installed()
    files = {**host.files, DEFAULTS: 'IPV6=no\nDEFAULT_FORWARD_POLICY="ACCEPT"\n# mine\n'}
    change = plan(Host(files, host.kernel, starts=True), [SSH])
    assert change.files[DEFAULTS] == (
        'IPV6=yes\nDEFAULT_FORWARD_POLICY="ACCEPT"\n# mine\nDEFAULT_INPUT_POLICY="DROP"\n'
        'DEFAULT_OUTPUT_POLICY="ACCEPT"\nMANAGE_BUILTINS=no\n'
    )
    assert "-A ufw-track-forward -p tcp -m conntrack --ctstate NEW -j ACCEPT" in change.load[4]
    assert BEFORE[4] in change.files


def test_a_kernel_without_ipv6_gets_the_files_alone() -> None:
    host = installed()
    change = plan(Host(host.files, {4: BUILTIN}, starts=True), [SSH])
    assert (list(change.load), list(change.undo)) == ([4], [4])


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ({"source": "10.0.0.1/24", "ports": "tcp/22", "flow": "f"}, "f: '10.0.0.1/24' names a host within a network"),
        ({"ports": "tcp/99999", "flow": "f"}, "f: ports 99999"),
        ({"ports": "22"}, "a rule: '22' is not a port"),
        ({"ports": "sctp/22", "flow": "f"}, "ufw has no rules for SCTP"),
        ({"ports": "tcp/22", "flow": "$(reboot)"}, "letters, digits"),
        ({"ports": "tcp/22", "interface": "eth0 -j ACCEPT"}, "letters, digits"),
        ({"ports": "tcp/22", "chain": "output"}, "chain is one of input, published"),
    ],
)
def test_a_bad_rule_is_refused(value: dict[str, Any], problem: str) -> None:
    with pytest.raises(BadRules, match=problem.replace("(", r"\(")):
        host_rule(value)


@pytest.mark.parametrize(
    ("rules", "closed"),
    [
        ([SSH], []),
        ([HostRule("", Ports(1, "TCP", 100))], []),
        ([HostRule("", None)], []),
        ([HostRule("", Ports(22), chain=PUBLISHED)], ["tcp/22"]),
        ([HostRule("", Ports(22), action="deny")], ["tcp/22"]),
        ([HostRule("", Ports(22, "UDP"))], ["tcp/22"]),
        ([], ["tcp/22"]),
    ],
)
def test_a_port_at_which_nobody_comes_in_is_found(rules: list[HostRule], closed: list[str]) -> None:
    assert [str(port) for port in unreachable(rules, [Ports(22)])] == closed


def live_with(line: str, table: str = "filter") -> Host:
    """A host that is in order but for a line that somebody put ahead of all."""
    done = after(installed(), [SSH])
    kernel = saved(f"*{table}\n{line}\nCOMMIT\n", done.kernel[4])
    return Host(done.files, {**done.kernel, 4: kernel}, starts=True)


@pytest.mark.parametrize(
    ("line", "table", "told"),
    [
        ("-I INPUT -p tcp --dport 8080 -j ACCEPT", "filter", True),
        ("-I INPUT -j their-chain", "filter", True),
        ("-I PREROUTING -s 10.0.0.1 -j ACCEPT", "mangle", True),
        ("-I PREROUTING -j DROP", "raw", True),
        ("-I INPUT -j cali-INPUT", "filter", False),
        ("-I INPUT -m conntrack --ctstate NEW -j KUBE-FIREWALL", "filter", False),
        ("-I INPUT -p tcp --dport 22 -j f2b-sshd", "filter", False),
        ("-I INPUT -j LOG", "filter", False),
        ("-A INPUT -p tcp --dport 8080 -j ACCEPT", "filter", False),
    ],
)
def test_rules_of_others_that_decide_before_ours_are_told(line: str, table: str, told: bool) -> None:
    warnings = plan(live_with(line, table), [SSH]).warnings
    assert len(warnings) == told
    assert all(f"iptables -t {table}: `-A {line[3:]}` is asked before" in warning for warning in warnings)


@pytest.mark.parametrize(("jump", "moved"), [("-j cali-PREROUTING", False), ("-j THEIRS", True), ("-j ACCEPT", True)])
def test_nobody_but_calico_stands_before_our_hook(jump: str, moved: bool) -> None:
    host = live_with(f"-I PREROUTING {jump}", "mangle")
    assert plan(host, [SSH]).changed == moved
    done = after(host, [SSH])
    rules = ufw_kernel.read(done.kernel[4])["mangle"].rules["PREROUTING"]
    assert rules == ([f"{jump}", "-j autolabs-published"] if not moved else ["-j autolabs-published", jump])
    assert not plan(done, [SSH]).changed


def test_lines_that_ufw_will_load_later_are_told() -> None:
    done = after(installed(), [SSH])
    masked = "*nat\n:POSTROUTING ACCEPT [0:0]\n-A POSTROUTING -s 10.8.0.5/24 -j MASQUERADE\nCOMMIT\n"
    files = {**done.files, BEFORE[4]: done.files[BEFORE[4]] + masked}
    change = plan(Host(files, done.kernel, starts=True), [SSH])
    assert not change.changed and "MASQUERADE" in change.warnings[0]
    kernel = {**done.kernel, 4: done.kernel[4] + "\n" + masked}
    assert plan(Host(files, kernel, starts=True), [SSH]).warnings == ()
