"""What the renderer for Proxmox writes, the prover reads: every flow of the catalogue passes, and nothing else does."""

from __future__ import annotations

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.flows.catalogue.reading import read_catalogue
from ansible_collections.autolabs.platform.plugins.module_utils.flows.proxmox.rules import proxmox_firewall
from ansible_collections.autolabs.platform.plugins.module_utils.flows.resolve import resolve
from ansible_collections.autolabs.platform.plugins.module_utils.flows.ufw.rules import ufw_rules
from ansible_collections.autolabs.platform.plugins.module_utils.net.addresses import network
from ansible_collections.autolabs.platform.plugins.module_utils.net.ports import Ports
from ansible_collections.autolabs.platform.plugins.module_utils.reach.hosts.firewall import verdict
from ansible_collections.autolabs.platform.plugins.module_utils.reach.hosts.proxmox import read
from unit.support.sites import GROUPS, MACHINES, NETWORKS, SITE

FLOWS = resolve(read_catalogue(), SITE).flows
ADDRESSES = {host: tuple(given) for group in GROUPS.values() for host, given in group.items()}
FIREWALLS = read(proxmox_firewall(FLOWS, SITE, MACHINES), ADDRESSES)
PODS = network(NETWORKS["pods"][0])


@pytest.mark.parametrize("host", sorted(MACHINES))
def test_what_a_machine_lets_in_proxmox_lets_through(host: str) -> None:
    for rule in ufw_rules(FLOWS, host, SITE):
        source = network(rule.source or "0.0.0.0/0")
        if source == PODS or source.version == 6:
            continue  # pods come with the address of their machine
        ports = rule.ports or Ports(22)
        first = Ports(ports.first, ports.protocol)
        sender = "8.8.8.8" if not rule.source else str(source.network_address)
        assert verdict(FIREWALLS[host], sender, first).answer == "allowed", rule


@pytest.mark.parametrize("host", sorted(MACHINES))
def test_nothing_else_of_a_machine_is_open(host: str) -> None:
    for number in (22, 25, 111, 2222, 5432, 6379, 6443, 8006, 9000, 10250):
        assert verdict(FIREWALLS[host], "8.8.8.8", Ports(number)).answer == "denied"


def test_the_node_itself_is_for_administrators() -> None:
    assert verdict(FIREWALLS["pve"], "203.0.113.5", Ports(8006)).answer == "allowed"
    assert verdict(FIREWALLS["pve"], "8.8.8.8", Ports(8006)).answer == "denied"
    # Proxmox would open it to its own network; the last rule closes it.
    assert verdict(FIREWALLS["pve"], "192.168.100.20", Ports(8006)).answer == "denied"
