"""Rules in the root namespace: forwarding to and from the hosts, and masquerading for what leaves the machine.

Every rule carries a comment with its network's name; by that comment, and by nothing else, it is removed.
"""

from __future__ import annotations

import shlex
from pathlib import Path

from testbed import paths
from testbed.hosts.registry import Network
from testbed.shell import run

IPTABLES = ("iptables", "--wait", "10")
FORWARD_SWITCH = Path("/proc/sys/net/ipv4/ip_forward")


def comment(network: str) -> str:
    return f"autolabs-testbed:{network}"


def rules(network: Network) -> list[list[str]]:
    """The rules of a network: table, chain and match. They go before all others, which may drop."""
    link = network.plan.root_link
    return [
        ["filter", "FORWARD", "-i", link, "-j", "ACCEPT"],
        ["filter", "FORWARD", "-o", link, "-j", "ACCEPT"],
        ["nat", "POSTROUTING", "-s", str(network.plan.subnet), "!", "-o", "atb+", "-j", "MASQUERADE"],
    ]


def tagged(saved: str, network: str) -> list[list[str]]:
    """From the output of iptables-save: table, chain and match of each rule with the network's comment."""
    found = []
    table = ""
    for line in saved.splitlines():
        if line.startswith("*"):
            table = line[1:].strip()
        if line.startswith("-A "):
            words = shlex.split(line)
            if comment(network) in words:
                found.append([table, *words[1:]])
    return found


def open_for(network: Network) -> None:
    """Put the rules in and switch forwarding on."""
    for table, chain, *match in rules(network):
        tag = ["-m", "comment", "--comment", comment(network.name)]
        run([*IPTABLES, "-t", table, "-I", chain, *match, *tag])
    if FORWARD_SWITCH.read_text().strip() == "0":
        _switched_by_us().touch()
        FORWARD_SWITCH.write_text("1\n")


def complete_for(network: Network) -> bool:
    present = len(tagged(run(["iptables-save"]), network.name)) == len(rules(network))
    return present and FORWARD_SWITCH.read_text().strip() == "1"


def close_for(network: str) -> None:
    """Take the network's rules out."""
    for table, *rule in tagged(run(["iptables-save"]), network):
        run([*IPTABLES, "-t", table, "-D", *rule])


def restore_forwarding() -> None:
    """Switch forwarding off again, if it was off before the first network came."""
    if _switched_by_us().exists():
        FORWARD_SWITCH.write_text("0\n")
        _switched_by_us().unlink()


def _switched_by_us() -> Path:
    return paths.state() / "ip_forward-was-off"
