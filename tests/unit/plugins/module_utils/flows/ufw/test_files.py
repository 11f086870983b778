"""user.rules is what ufw itself would have written; our block decides about forwarded packets."""

from __future__ import annotations

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.flows.ufw.files import (
    LEVELS,
    Unwritable,
    user_rules,
)
from ansible_collections.autolabs.platform.plugins.module_utils.flows.ufw.published import (
    BEGIN,
    NODE_PORTS,
    Behind,
    before_block,
    block_of,
    init_block,
    with_block,
)
from ansible_collections.autolabs.platform.plugins.module_utils.net.ports import Ports
from ansible_collections.autolabs.platform.plugins.module_utils.net.rules import DENY, PUBLISHED, HostRule


def rule(ports: str | None, source: str = "", **fields: str) -> HostRule:
    return HostRule(source, Ports.parse(ports) if ports else None, **{"flow": "f", **fields})


def body(rules: list[HostRule], family: int = 4) -> list[str]:
    """The lines between `### RULES ###` and `### END RULES ###`."""
    return user_rules(rules, family).split("### RULES ###\n")[1].split("\n### END RULES ###")[0].split("\n")[1:-1]


# Rules, and the two lines of each in user.rules; `66` is the comment f.
CASES: list[tuple[list[HostRule], list[str]]] = [
    (
        [rule("tcp/22", "10.0.0.0/24")],
        [
            "### tuple ### allow tcp 22 0.0.0.0/0 any 10.0.0.0/24 in comment=66",
            "-A ufw-user-input -p tcp --dport 22 -s 10.0.0.0/24 -j ACCEPT",
        ],
    ),
    (
        [rule("tcp/22", "10.0.0.1/32", flow="")],
        [
            "### tuple ### allow tcp 22 0.0.0.0/0 any 10.0.0.1 in",
            "-A ufw-user-input -p tcp --dport 22 -s 10.0.0.1 -j ACCEPT",
        ],
    ),
    (
        [rule("tcp/80"), rule("tcp/443")],
        [
            "### tuple ### allow tcp 80,443 0.0.0.0/0 any 0.0.0.0/0 in comment=66",
            "-A ufw-user-input -p tcp -m multiport --dports 80,443 -j ACCEPT",
        ],
    ),
    (
        [rule("udp/30000-32767")],
        [
            "### tuple ### allow udp 30000:32767 0.0.0.0/0 any 0.0.0.0/0 in comment=66",
            "-A ufw-user-input -p udp -m multiport --dports 30000:32767 -j ACCEPT",
        ],
    ),
    (
        [rule(None, "10.0.0.0/24")],
        [
            "### tuple ### allow any any 0.0.0.0/0 any 10.0.0.0/24 in comment=66",
            "-A ufw-user-input -s 10.0.0.0/24 -j ACCEPT",
        ],
    ),
    (
        [rule("vrrp", "10.0.0.0/24")],
        [
            "### tuple ### allow vrrp any 0.0.0.0/0 any 10.0.0.0/24 in comment=66",
            "-A ufw-user-input -p vrrp -s 10.0.0.0/24 -j ACCEPT",
        ],
    ),
    (
        [rule("tcp/1", "10.0.0.0/8", action=DENY, destination="10.1.0.0/16", interface="eth0")],
        [
            "### tuple ### deny tcp 1 10.1.0.0/16 any 10.0.0.0/8 in_eth0 comment=66",
            "-A ufw-user-input -i eth0 -p tcp -d 10.1.0.0/16 --dport 1 -s 10.0.0.0/8 -j DROP",
        ],
    ),
    ([rule("icmp", "10.0.0.0/24")], []),
    ([rule("tcp/22", "fd00::/64")], []),
    ([rule("tcp/80", chain=PUBLISHED)], []),
]


@pytest.mark.parametrize(("rules", "expected"), CASES)
def test_a_rule_is_written_as_ufw_writes_it(rules: list[HostRule], expected: list[str]) -> None:
    assert body(rules) == expected


def test_ipv6_has_a_file_of_its_own() -> None:
    assert body([rule("tcp/22", "fd00::1/128"), rule("tcp/80"), rule("tcp/1", "10.0.0.0/8")], 6) == [
        "### tuple ### allow tcp 22 ::/0 any fd00::1 in comment=66",
        "-A ufw6-user-input -p tcp --dport 22 -s fd00::1 -j ACCEPT",
        "",
        "### tuple ### allow tcp 80 ::/0 any ::/0 in comment=66",
        "-A ufw6-user-input -p tcp --dport 80 -j ACCEPT",
    ]


def test_a_line_holds_fifteen_ports_and_a_range_counts_twice() -> None:
    rules = [rule(f"tcp/{port}") for port in range(10, 38, 2)] + [rule("tcp/100-200"), rule("tcp/300")]
    tuples = [line for line in body(rules) if line.startswith("###")]
    assert [line.split()[5] for line in tuples] == ["10,12,14,16,18,20,22,24,26,28,30,32,34,36", "100:200,300"]


@pytest.mark.parametrize("level", LEVELS)
def test_logging_follows_ufws_level(level: str) -> None:
    text = user_rules([], 4, level)
    assert ("[UFW BLOCK]" in text) == (level != "off")
    assert ("[UFW AUDIT]" in text) == (level in ("medium", "high", "full"))
    assert text.startswith("*filter\n:ufw-user-input - [0:0]\n") and text.endswith("COMMIT\n")


def test_what_ufw_cannot_hold_is_refused_by_name() -> None:
    with pytest.raises(Unwritable, match="SCTP, which flow f needs"):
        user_rules([rule("sctp/22")], 4)


def test_published_ports_are_open_to_whom_the_flow_names_and_closed_to_others() -> None:
    rules = [rule("tcp/80", chain=PUBLISHED), rule("tcp/8443", "10.0.0.0/24", chain=PUBLISHED)]
    assert published(rules, Behind(guarded=NODE_PORTS)) == [
        "-A autolabs-published -p tcp -m multiport --dports 80 -m comment --comment f -j RETURN",
        "-A autolabs-published -s 10.0.0.0/24 -p tcp -m multiport --dports 8443 -m comment --comment f -j RETURN",
        "-A autolabs-published -p tcp -m tcp --dport 80 -j DROP",
        "-A autolabs-published -p tcp -m tcp --dport 8443 -j DROP",
        "-A autolabs-published -p tcp -m tcp --dport 30000:32767 -j DROP",
        "-A autolabs-published -p udp -m udp --dport 30000:32767 -j DROP",
        "-A autolabs-published -j CONNMARK --set-xmark 0x800000/0x800000",
    ]


def published(rules: list[HostRule], behind: Behind = Behind()) -> list[str]:  # noqa: B008
    """Our chain of PREROUTING as far as it is about addresses of the host."""
    lines = before_block(rules, 4, behind).splitlines()
    return [
        line
        for line in lines
        if line.startswith("-A autolabs-published -")
        and "LOCAL" not in line
        and " lo " not in line
        and "ESTABLISHED" not in line
    ]


def test_node_ports_are_no_matter_of_machines_outside_of_the_cluster() -> None:
    assert published([rule("tcp/31000")]) == ["-A autolabs-published -j CONNMARK --set-xmark 0x800000/0x800000"]


@pytest.mark.parametrize(
    ("ports", "dropped"),
    [
        ("tcp/31000", ["30000:30999", "31001:32767"]),
        ("tcp/29000-30000", ["30001:32767"]),
        ("tcp/32767", ["30000:32766"]),
        ("tcp/30000-32767", []),
        ("tcp/22", ["30000:32767"]),
        ("udp/31000", ["30000:32767"]),
        (None, []),
    ],
)
def test_a_rule_for_the_host_itself_is_asked_at_node_ports_and_leads_to_no_pod(
    ports: str | None, dropped: list[str]
) -> None:
    found = published([rule(ports, "10.0.0.0/24")], Behind(guarded=NODE_PORTS[:1]))
    assert found == [
        *(f"-A autolabs-published -p tcp -m tcp --dport {entry} -j DROP" for entry in dropped),
        "-A autolabs-published -j CONNMARK --set-xmark 0x800000/0x800000",
    ]


def test_nobody_from_outside_reaches_a_container_by_its_own_address() -> None:
    block = before_block([], 4, Behind(neighbours=("10.244.0.0/16", "fd00::/48"))).splitlines()
    other = "-A autolabs-published -m addrtype ! --dst-type LOCAL"
    assert [line.removeprefix(other) for line in block if line.startswith(other)] == [
        *(f" -i {name} -j RETURN" for name in ("cali+", "vxlan.calico", "vxlan-v6.calico", "docker0", "br-+")),
        " -s 10.244.0.0/16 -j RETURN",
        " -j CONNMARK --set-xmark 0x400000/0x400000",
        " -j RETURN",
    ]
    forwarded = [line for line in block if line.startswith("-A autolabs-forwarded")]
    assert len(forwarded) == 6 and all("--ctstate NEW" in line and line.endswith("-j DROP") for line in forwarded)
    assert "0x400000/0x400000 -o docker0" in forwarded[4]


def test_icmp_stands_in_our_block() -> None:
    assert "-A ufw-before-input -s 10.0.0.0/24 -p icmp -m comment --comment f -j ACCEPT" in before_block(
        [rule("icmp", "10.0.0.0/24")], 4
    )
    assert "-A ufw6-before-input -p icmpv6 -m comment --comment f -j ACCEPT" in before_block([rule("icmp")], 6)
    assert "*filter" not in before_block([rule("icmp", "10.0.0.0/24")], 6)


def test_our_block_is_put_in_once_and_the_rest_of_the_file_stays() -> None:
    theirs = "#!/bin/sh\nset -e\n\ncase $1 in\nesac\n"
    once = with_block(theirs, init_block(), after="set -e")
    assert once.startswith("#!/bin/sh\nset -e\n" + BEGIN) and once.endswith("\ncase $1 in\nesac\n")
    assert with_block(once, init_block(), after="set -e") == once
    assert block_of(once) == init_block()
    assert with_block(with_block("*filter\nCOMMIT", before_block([], 4)), "x\n") == "*filter\nCOMMIT\nx\n"
