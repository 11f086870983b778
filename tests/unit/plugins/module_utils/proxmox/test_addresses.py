"""Where a VM is reached."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox import addresses

MAC = "BC:24:11:00:00:01"
CONFIG = {"net0": f"virtio={MAC},bridge=vmbr0"}


def interface(mac: str, *found: str) -> dict[str, Any]:
    return {"name": "x", "hardware-address": mac, "ip-addresses": [{"ip-address": address} for address in found]}


@pytest.mark.parametrize(
    ("interfaces", "address"),
    [
        ([interface("00:00:00:00:00:00", "127.0.0.1", "::1"), interface(MAC.lower(), "192.0.2.5")], "192.0.2.5"),
        ([interface("aa:bb:cc:dd:ee:ff", "10.244.0.1"), interface(MAC, "192.0.2.5")], "192.0.2.5"),
        ([interface(MAC, "fe80::1", "2001:db8::5", "192.0.2.5")], "192.0.2.5"),
        ([interface(MAC, "fe80::1", "2001:db8::5")], "2001:db8::5"),
        ([interface(MAC, "169.254.3.4", "fe80::1%eth0")], ""),
        ([interface("aa:bb:cc:dd:ee:ff", "192.0.2.5")], ""),
        ([{"name": "lo"}], ""),
        ([], ""),
    ],
)
def test_the_agent_tells_the_address_of_the_first_network(interfaces: list[dict[str, Any]], address: str) -> None:
    assert addresses.agent_address(interfaces, CONFIG) == address


def test_a_vm_without_a_network_has_no_address() -> None:
    assert addresses.agent_address([interface(MAC, "192.0.2.5")], {}) == ""


@pytest.mark.parametrize(
    ("ipconfig", "address"),
    [
        ("ip=192.0.2.5/24,gw=192.0.2.1", "192.0.2.5"),
        ("ip=dhcp,ip6=2001:db8::5/64", "2001:db8::5"),
        ("ip=dhcp,ip6=auto", ""),
        ("", ""),
    ],
)
def test_without_an_agent_the_address_is_what_cloud_init_was_told(ipconfig: str, address: str) -> None:
    assert addresses.static_address({"ipconfig0": ipconfig}) == address


@pytest.mark.parametrize(
    ("agent", "enabled"), [("1", True), (1, True), ("enabled=1,fstrim_cloned_disks=1", True), ("0", False), ("", False)]
)
def test_whether_a_vm_has_an_agent(agent: Any, enabled: bool) -> None:
    assert addresses.agent_enabled({"agent": agent}) is enabled
