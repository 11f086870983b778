"""The texts of a VM's NoCloud drive (qemu-server, PVE/QemuServer/Cloudinit.pm)."""

from __future__ import annotations

import hashlib
import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import unquote

from . import properties
from .errors import ApiError
from .hypervisor import CloudInit

if TYPE_CHECKING:
    from .engine import Engine

Config = dict[str, str]


def drive(config: Config) -> str | None:
    """The option that holds the cloud-init drive."""
    for option in config:
        if properties.DRIVES.fullmatch(option) and properties.is_cloudinit(properties.parse_drive(config[option])):
            return option
    return None


def generate(engine: Engine, node: str, vmid: int, config: Config) -> CloudInit:
    """All four texts; files that `cicustom` names stand for what would be generated."""
    custom = properties.parse(config.get("cicustom", ""), "user")
    texts = {kind: _snippet(engine, volid) for kind, volid in custom.items()}
    dns = engine.state["nodes"][node]["dns"]
    user_data = texts.get("user", user(config, vmid))
    network_config = texts.get("network", network(config, dns))
    # The instance's name changes when anything does, so cloud-init runs again.
    uuid = hashlib.sha1((user_data + network_config).encode()).hexdigest()
    return CloudInit(user_data, network_config, texts.get("meta", f"instance-id: {uuid}\n"), texts.get("vendor", ""))


def user(config: Config, vmid: int) -> str:
    """`cloudinit_userdata`."""
    name = config.get("name", f"VM{vmid}")
    domain = config.get("searchdomain")
    host, full = name.split(".")[0], name
    if "." not in name and domain:
        full = f"{name}.{domain}"
    lines = ["#cloud-config", f"hostname: {host}", "manage_etc_hosts: true", f"fqdn: {full}"]
    if "ciuser" in config:
        lines.append(f"user: {config['ciuser']}")
        if config["ciuser"] == "root":
            lines.append("disable_root: False")
    if "cipassword" in config:
        lines.append(f"password: {config['cipassword']}")
    if "sshkeys" in config:
        keys = [key for key in unquote(config["sshkeys"]).split("\n") if key.strip()]
        lines += ["ssh_authorized_keys:", *(f"  - {key}" for key in keys)]
    lines += ["chpasswd:", "  expire: False"]
    if config.get("ciuser") != "root":
        lines += ["users:", "  - default"]
    if config.get("ciupgrade", "1") == "1":
        lines.append("package_upgrade: true")
    return "\n".join(lines) + "\n"


def network(config: Config, dns: dict[str, str]) -> str:
    """`nocloud_network`: version 1; without a DNS server of its own, a VM gets the node's."""
    lines = ["version: 1", "config:"]
    for option in sorted(name for name in config if name.startswith("net") and name[3:].isdigit()):
        number = option[3:]
        given = config.get(f"ipconfig{number}")
        if not given:
            continue
        asked = properties.parse(given, "ip")
        if not ({"ip", "ip6"} & set(asked)):
            asked = {"ip": "dhcp", "ip6": "dhcp"}
        mac = properties.parse_net(config[option])["macaddr"].lower()
        lines += ["    - type: physical", f"      name: eth{number}", f"      mac_address: '{mac}'", "      subnets:"]
        lines += _subnets(asked)
    servers = config.get("nameserver", " ".join(dns[key] for key in ("dns1", "dns2", "dns3") if dns.get(key)))
    search = config.get("searchdomain", dns.get("search", ""))
    lines.append("    - type: nameserver")
    if servers.split():
        lines += ["      address:", *(f"      - '{server}'" for server in servers.replace(",", " ").split())]
    if search.split():
        lines += ["      search:", *(f"      - '{domain}'" for domain in search.replace(",", " ").split())]
    return "\n".join(lines) + "\n"


def _subnets(asked: dict[str, str]) -> list[str]:
    lines = []
    if asked.get("ip") == "dhcp":
        lines.append("      - type: dhcp4")
    elif "ip" in asked:
        found = ipaddress.ip_interface(asked["ip"])
        lines += ["      - type: static", f"        address: '{found.ip}'", f"        netmask: '{found.netmask}'"]
        lines += [f"        gateway: '{asked['gw']}'"] if "gw" in asked else []
    if asked.get("ip6") == "dhcp":
        lines.append("      - type: dhcp6")
    elif asked.get("ip6") == "auto":
        lines.append("      - type: ipv6_slaac")
    elif "ip6" in asked:
        lines += ["      - type: static6", f"        address: '{asked['ip6']}'"]
        lines += [f"        gateway: '{asked['gw6']}'"] if "gw6" in asked else []
    return lines


def _snippet(engine: Engine, volid: str) -> str:
    storage, _, name = volid.partition(":")
    known = engine.state["storages"].get(storage)
    if known is None:
        raise ApiError(f"storage '{storage}' does not exist")
    if not name.startswith("snippets/") or "snippets" not in known["content"].split(","):
        raise ApiError(f"{volid} is not in the snippets directory")
    path = (engine.storage_folder(storage) / name).resolve()
    if not path.is_relative_to(engine.storage_folder(storage).resolve()) or not path.is_file():
        raise ApiError(f"file '{path}' does not exist")
    return path.read_text()
