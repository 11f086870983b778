"""The kernel's side of a network: namespaces, bridge, the way to the root namespace, and the outside host.

    root namespace ── atbN ══ uplink ── [ namespace: router, br0 ] ── hosts
                                              └─ outside ══ eth0 [ outside host ]

The outside host is reached by routing alone: nothing translates addresses on that leg, so it sees
the source address that left the host (with Calico, a pod's traffic has its node's address by then).
"""

from __future__ import annotations

import json
from ipaddress import IPv4Network
from pathlib import Path

from testbed.hosts import firewall, outer, processes
from testbed.hosts.registry import Network
from testbed.shell import CommandFailed, run

BRIDGE = "br0"


def ensure(network: Network) -> bool:
    """Make the network unless it is whole; what a crash left half made is made again.

    Returns True when something was made. Hosts that ran in a half-made network are ended.
    """
    if _whole(network):
        return False
    remove(network)
    for command in _commands(network, outer.mtu()):
        run(["ip", *command.split()])
    run(["ip", "netns", "exec", network.namespace, "sysctl", "-qw", "net.ipv4.ip_forward=1"])
    firewall.open_for(network)
    return True


def remove(network: Network) -> None:
    """End what runs in the namespaces and remove every trace of them; nothing is left is fine too."""
    firewall.close_for(network.name)
    for name in (network.outside_namespace, network.namespace):
        if exists(name):
            inhabitants = inside(name)
            processes.end(inhabitants, lambda pid, name=name: pid in inside(name))  # type: ignore[misc]
    if _has_link(network.plan.root_link):
        run(["ip", "link", "delete", network.plan.root_link])
    for name in (network.outside_namespace, network.namespace):
        if exists(name):
            run(["ip", "netns", "delete", name])


def exists(namespace: str) -> bool:
    return (Path("/run/netns") / namespace).exists()


def inside(namespace: str) -> list[int]:
    """The processes whose network namespace it is."""
    return [int(pid) for pid in run(["ip", "netns", "pids", namespace]).split()]


def routes() -> list[IPv4Network]:
    """Where this machine's routes lead, its own links included."""
    found = json.loads(run(["ip", "-4", "-json", "route", "show", "table", "all"]))
    wanted = (route["dst"] for route in found if route.get("type", "unicast") == "unicast")
    return [IPv4Network(target if target != "default" else "0.0.0.0/0") for target in wanted]


def port(machine: str, card: int = 0) -> str:
    """The bridge's port of a host's network card; systemd-nspawn names that of a host that is no VM so."""
    return f"vb-{machine}" + (f"-{card}" if card else "")


def remove_ports(network: Network, machine: str) -> None:
    """Remove a host's bridge ports that outlived it: the kernel takes namespaces down in its own time."""
    for link in json.loads(run(["ip", "-n", network.namespace, "-json", "link"])):
        if link["ifname"] == port(machine) or link["ifname"].startswith(f"{port(machine)}-"):
            run(["ip", "-n", network.namespace, "link", "delete", link["ifname"]])


def _commands(network: Network, mtu: int) -> list[str]:
    plan, inner, out = network.plan, network.namespace, network.outside_namespace
    return [
        f"netns add {inner}",
        f"netns add {out}",
        f"-n {inner} link set lo up",
        f"-n {out} link set lo up",
        # A bridge without an address of its own takes its lowest port's, and changes it as hosts come and go.
        f"-n {inner} link add {BRIDGE} mtu {mtu} address 02:77:00:00:{plan.index:02x}:01 type bridge forward_delay 0",
        f"-n {inner} address add {plan.bridge}/{plan.segment.prefixlen} dev {BRIDGE}",
        f"-n {inner} link set {BRIDGE} up",
        f"-n {inner} link add outside mtu {mtu} type veth peer name eth0 mtu {mtu} netns {out}",
        f"-n {inner} link set outside up",
        f"-n {inner} route add {plan.outside}/32 dev outside src {plan.bridge}",
        f"-n {out} address add {plan.outside}/32 dev eth0",
        f"-n {out} link set eth0 up",
        f"-n {out} route add {plan.bridge}/32 dev eth0",
        f"-n {out} route add default via {plan.bridge}",
        f"link add {plan.root_link} mtu {mtu} type veth peer name uplink mtu {mtu} netns {inner}",
        f"-n {inner} address add {plan.uplink_inside}/{plan.uplink.prefixlen} dev uplink",
        f"-n {inner} link set uplink up",
        f"-n {inner} route add default via {plan.uplink_root}",
        f"address add {plan.uplink_root}/{plan.uplink.prefixlen} dev {plan.root_link}",
        f"link set {plan.root_link} up",
        f"route add {plan.subnet} via {plan.uplink_inside} dev {plan.root_link}",
    ]


def _whole(network: Network) -> bool:
    """The route is made after every other object and the rules after it."""
    return (
        exists(network.namespace)
        and exists(network.outside_namespace)
        and network.plan.subnet in routes()
        and _has_link(BRIDGE, network.namespace)
        and firewall.complete_for(network)
    )


def _has_link(name: str, namespace: str | None = None) -> bool:
    where = ["-n", namespace] if namespace else []
    try:
        run(["ip", *where, "link", "show", name])
    except CommandFailed:
        return False
    return True
